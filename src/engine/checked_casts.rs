//! Casts that say which value they could not read, of which column and in which model, where the
//! engine's say no more than that there is one.
//!
//! Those are the casts that depend on the value: of texts, of times, and of numbers to types that
//! hold fewer of them. A comparison of a text with a number implies one, too.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use datafusion::arrow::array::Array;
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef, TimeUnit};
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::by_model::ModelFile;
use super::checked::{as_written, field_of_strict, is_of_ids, place_of};
use super::checked_functions::target_of_arrow_cast;
use crate::ground::{shown_as_pattern, sql_type};

/// A value that a cast cannot read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("`{expression}`{place} holds {value} cannot be cast to {sql_type}; {help}")]
pub struct CastFailure {
    /// What SQL casts.
    pub expression: String,
    /// The model, and the line where it is known: `` in staging/orders.sql:5``.
    pub place: String,
    /// `'aaa', which`, or no more than that there is a value.
    value: String,
    /// What it is cast to.
    pub sql_type: String,
    /// What to write instead.
    help: String,
}

impl From<CastFailure> for DataFusionError {
    fn from(failure: CastFailure) -> Self {
        Self::External(Box::new(failure))
    }
}

/// The same expression by a checked function, if it is a cast that may fail. `of_ids` says that it
/// becomes a column of ids.
///
/// # Errors
/// A literal that cannot be cast.
pub(super) fn checked_cast(
    node: Expr,
    schema: &DFSchema,
    model: Option<&ModelFile>,
    of_ids: bool,
) -> Result<Transformed<Expr>> {
    let Some((value, wanted)) = value_and_type(&node) else {
        return Ok(Transformed::no(node));
    };
    // What has no type before it is planned further is the engine's.
    let Ok(found) = value.get_type(schema) else {
        return Ok(Transformed::no(node));
    };
    if !may_fail(&found, &wanted) {
        return Ok(Transformed::no(node));
    }
    let written = Written::of(value, &wanted, model, of_ids)?;
    if let Expr::Literal(value, _) = value {
        return match value.cast_to(&wanted) {
            Ok(_) => Ok(Transformed::no(node)),
            Err(_) => Err(written.failure(Some(value)).into()),
        };
    }
    let function = ScalarUDF::from(CheckedCast {
        signature: Signature::any(1, Volatility::Immutable),
        data_type: wanted,
        schema_name: node.schema_name().to_string(),
        written,
    });
    let value = value.clone();
    Ok(Transformed::yes(function.call(vec![value])))
}

/// The casts of times to finer ones that an expression compares with constants. The engine has put
/// them there, and takes them away again: it casts the constant instead, so that an instant which
/// the finer unit does not reach compares like any other. A checked cast would stay.
pub(super) fn compared_with_constants(expression: &Expr, schema: &DFSchema) -> HashSet<Expr> {
    let mut casts = HashSet::new();
    let walked = expression.apply(|node| {
        let (sides, others): (Vec<&Expr>, Vec<&Expr>) = match node {
            Expr::BinaryExpr(binary) if binary.op.supports_propagation() => {
                let [left, right] = [binary.left.as_ref(), binary.right.as_ref()];
                match is_constant(right) {
                    true => (vec![left], vec![right]),
                    false => (vec![right], vec![left]),
                }
            }
            Expr::Between(between) => (
                vec![between.expr.as_ref()],
                vec![between.low.as_ref(), between.high.as_ref()],
            ),
            Expr::InList(list) => (vec![list.expr.as_ref()], list.list.iter().collect()),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        if others.into_iter().all(is_constant) {
            let of_times = sides.into_iter().filter(|side| is_of_times(side, schema));
            casts.extend(of_times.cloned());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // Nothing in it fails.
    walked.map_or_else(|_| HashSet::new(), |_| casts)
}

fn is_constant(expression: &Expr) -> bool {
    let is_plain = expression.apply(|node| {
        Ok(match node {
            Expr::Literal(..) => TreeNodeRecursion::Continue,
            Expr::Cast(_) => TreeNodeRecursion::Continue,
            _ => TreeNodeRecursion::Stop,
        })
    });
    is_plain.is_ok_and(|walked| walked == TreeNodeRecursion::Continue)
}

/// Whether an expression casts times to times.
fn is_of_times(expression: &Expr, schema: &DFSchema) -> bool {
    let Expr::Cast(cast) = expression else {
        return false;
    };
    let found = cast.expr.get_type(schema);
    found.is_ok_and(|found| found.is_temporal()) && cast.field.data_type().is_temporal()
}

/// What a cast is of, and to.
fn value_and_type(node: &Expr) -> Option<(&Expr, DataType)> {
    let Expr::Cast(cast) = node else {
        return target_of_arrow_cast(node);
    };
    let is_of_type_alone = cast.field.name().is_empty() && cast.field.metadata().is_empty();
    is_of_type_alone.then(|| (cast.expr.as_ref(), cast.field.data_type().clone()))
}

/// Whether some value of the one type has none in the other.
fn may_fail(found: &DataType, wanted: &DataType) -> bool {
    let found = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    if found.is_string() {
        return wanted.is_numeric() || wanted.is_temporal() || *wanted == DataType::Boolean;
    }
    if found.is_temporal() && wanted.is_temporal() {
        return fineness(wanted) > fineness(found);
    }
    if found.is_binary() {
        return wanted.is_string();
    }
    if !found.is_numeric() || !wanted.is_numeric() || wanted.is_floating() {
        return false;
    }
    match (digits_of(found), digits_of(wanted)) {
        (Some(found), Some(wanted)) => !wanted.holds(&found),
        _ => true,
    }
}

/// The unit of instants, of which finer ones hold fewer; none of other times.
fn fineness(times: &DataType) -> Option<TimeUnit> {
    match times {
        DataType::Timestamp(unit, _) => Some(*unit),
        _ => None,
    }
}

/// What exact numbers of a type are.
struct Digits {
    is_decimal: bool,
    is_signed: bool,
    /// Before the point; of whole numbers as many as the largest of them has.
    whole: i16,
    behind: i16,
}

impl Digits {
    fn holds(&self, other: &Self) -> bool {
        if self.is_decimal {
            // A rounded number may have one digit more.
            let rounds = other.behind > self.behind;
            return self.whole >= other.whole + i16::from(rounds);
        }
        let is_signed = self.is_signed || !other.is_signed;
        let is_wider = match self.is_signed == other.is_signed {
            true => self.whole >= other.whole,
            false => self.whole > other.whole,
        };
        !other.is_decimal && is_signed && is_wider
    }
}

fn digits_of(data_type: &DataType) -> Option<Digits> {
    let (is_signed, whole) = match data_type {
        DataType::Int8 => (true, 3),
        DataType::UInt8 => (false, 3),
        DataType::Int16 => (true, 5),
        DataType::UInt16 => (false, 5),
        DataType::Int32 => (true, 10),
        DataType::UInt32 => (false, 10),
        DataType::Int64 => (true, 19),
        DataType::UInt64 => (false, 20),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            return Some(Digits {
                is_decimal: true,
                is_signed: true,
                whole: i16::from(*precision) - i16::from(*scale),
                behind: i16::from(*scale),
            });
        }
        _ => return None,
    };
    Some(Digits {
        is_decimal: false,
        is_signed,
        whole,
        behind: 0,
    })
}

/// How a cast is told of.
#[derive(Debug, Clone)]
struct Written {
    expression: String,
    place: String,
    sql_type: String,
    is_whole: bool,
    is_staging: bool,
    is_of_ids: bool,
}

impl Written {
    fn of(
        value: &Expr,
        wanted: &DataType,
        model: Option<&ModelFile>,
        of_ids: bool,
    ) -> Result<Self> {
        let columns = value.column_refs();
        Ok(Self {
            expression: as_written(value)?,
            place: place_of(value, model),
            sql_type: sql_type(wanted),
            is_whole: wanted.is_integer(),
            is_staging: model.is_some_and(ModelFile::is_staging),
            is_of_ids: of_ids || columns.iter().any(|column| is_of_ids(&column.name)),
        })
    }

    fn failure(&self, value: Option<&ScalarValue>) -> CastFailure {
        let Self {
            expression,
            sql_type,
            ..
        } = self;
        // What an integer that a text is compared with would have it cast to loses good rows.
        let is_fraction = self.is_whole && value.is_some_and(is_number_in_a_text);
        let value = value.filter(|_| !self.is_of_ids);
        let value = value.map(|value| shown_as_pattern(&value.to_string()));
        let help = match is_fraction {
            true => format!(
                "write CAST({expression} AS DECIMAL(18, 2)), also where it is compared with a number"
            ),
            false => format!("write TRY_CAST({expression} AS {sql_type}), which is NULL there"),
        };
        CastFailure {
            expression: expression.clone(),
            place: self.place.clone(),
            value: match value {
                Some(value) => format!("{value}, which"),
                None => "a value that".to_owned(),
            },
            sql_type: sql_type.clone(),
            help: match self.is_staging {
                true if !is_fraction => format!(
                    "{help}, in a SELECT inside FROM, so that reject_reason can leave such rows out: see \"Values that cannot be read\" in sql/README.md"
                ),
                _ => help,
            },
        }
    }
}

/// Whether a text is a number for other types.
fn is_number_in_a_text(value: &ScalarValue) -> bool {
    let text = value.try_as_str().flatten();
    text.is_some_and(|text| text.trim().parse::<f64>().is_ok())
}

/// A cast as the engine has it, but for what it says when it fails.
#[derive(Debug)]
pub(super) struct CheckedCast {
    signature: Signature,
    data_type: DataType,
    /// What the cast itself would be called, so that columns keep their names.
    schema_name: String,
    written: Written,
}

/// The same cast, wherever it is written: the engine computes it once.
impl PartialEq for CheckedCast {
    fn eq(&self, other: &Self) -> bool {
        self.data_type == other.data_type && self.schema_name == other.schema_name
    }
}

impl Eq for CheckedCast {}

impl Hash for CheckedCast {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.data_type.hash(state);
        self.schema_name.hash(state);
    }
}

impl CheckedCast {
    /// The first value that cannot be cast.
    fn unreadable(&self, value: &ColumnarValue) -> Option<ScalarValue> {
        let values = match value {
            ColumnarValue::Scalar(value) => return Some(value.clone()),
            ColumnarValue::Array(values) => values,
        };
        let options = CastOptions {
            safe: true,
            ..DEFAULT_CAST_OPTIONS
        };
        let cast = value.cast_to(&self.data_type, Some(&options)).ok()?;
        let ColumnarValue::Array(cast) = cast else {
            return None;
        };
        let mut rows = 0..values.len();
        let row = rows.find(|row| values.is_valid(*row) && cast.is_null(*row))?;
        ScalarValue::try_from_array(values, row).ok()
    }
}

impl ScalarUDFImpl for CheckedCast {
    fn name(&self) -> &'static str {
        "CAST"
    }

    fn schema_name(&self, _operands: &[Expr]) -> Result<String> {
        Ok(self.schema_name.clone())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _operands: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(field_of_strict(self.name(), &self.data_type, &arguments))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = arguments.args.as_slice() else {
            return datafusion::common::exec_err!("{} takes one value", self.name());
        };
        value
            .cast_to(&self.data_type, Some(&DEFAULT_CAST_OPTIONS))
            .map_err(|_| {
                let value = self.unreadable(value);
                self.written.failure(value.as_ref()).into()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_that_depend_on_the_value_are_known_by_their_types() {
        let decimal = |precision, scale| DataType::Decimal128(precision, scale);
        let instant = |unit| DataType::Timestamp(unit, None);
        for (found, wanted, expected) in [
            (DataType::Utf8View, DataType::Float64, true),
            (DataType::Utf8, DataType::Date32, true),
            (DataType::Utf8, DataType::Utf8View, false),
            (DataType::Int64, DataType::Utf8View, false),
            (DataType::Int32, DataType::Int64, false),
            (DataType::Int64, DataType::Int32, true),
            (DataType::UInt32, DataType::Int64, false),
            (DataType::UInt64, DataType::Int64, true),
            (DataType::Int8, DataType::UInt64, true),
            (DataType::UInt32, DataType::Int32, true),
            (DataType::Int64, DataType::Float64, false),
            (DataType::Float64, DataType::Int64, true),
            (DataType::Float64, decimal(18, 2), true),
            (DataType::Int64, decimal(19, 0), false),
            (DataType::Int64, decimal(18, 2), true),
            (decimal(18, 2), decimal(18, 2), false),
            (decimal(18, 2), decimal(20, 2), false),
            (decimal(18, 2), decimal(17, 1), true),
            (decimal(18, 2), decimal(18, 1), false),
            (decimal(5, 0), DataType::Int64, true),
            (DataType::Date32, DataType::Int32, false),
            (DataType::Date32, instant(TimeUnit::Nanosecond), true),
            (
                instant(TimeUnit::Microsecond),
                instant(TimeUnit::Nanosecond),
                true,
            ),
            (
                instant(TimeUnit::Nanosecond),
                instant(TimeUnit::Microsecond),
                false,
            ),
            (instant(TimeUnit::Microsecond), DataType::Date32, false),
            (DataType::Binary, DataType::Utf8, true),
        ] {
            assert_eq!(may_fail(&found, &wanted), expected, "{found} to {wanted}");
        }
    }
}
