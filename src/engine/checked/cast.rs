//! Casts that say which value they could not read, of which column and in which model, where the
//! engine's say no more than that there is one.
//!
//! Those are the casts that depend on the value: of texts, of times, and of numbers to types that
//! hold fewer of them. A comparison of a text with a number implies one, too.

use std::hash::{Hash, Hasher};

use datafusion::arrow::array::Array;
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature,
};

use crate::engine::by_model::ModelFile;
use crate::ground::{shown_as_pattern, sql_type};

use super::ids::is_of_ids;
use super::place::place_of;
use super::strict::field_of_strict;

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

/// A cast as its failures name it.
#[derive(Debug, Clone)]
pub(super) struct Written {
    expression: String,
    place: String,
    sql_type: String,
    is_whole: bool,
    is_staging: bool,
    is_of_ids: bool,
}

impl Written {
    /// A cast of a value that SQL has as `expression`.
    pub(super) fn of(
        value: &Expr,
        expression: String,
        wanted: &DataType,
        model: Option<&ModelFile>,
        of_ids: bool,
    ) -> Self {
        let columns = value.column_refs();
        Self {
            expression,
            place: place_of(value, model),
            sql_type: sql_type(wanted),
            is_whole: wanted.is_integer(),
            is_staging: model.is_some_and(ModelFile::is_staging),
            is_of_ids: of_ids || columns.iter().any(|column| is_of_ids(&column.name)),
        }
    }

    pub(super) fn failure(&self, value: Option<&ScalarValue>) -> CastFailure {
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
    pub(super) signature: Signature,
    pub(super) data_type: DataType,
    /// What the cast itself would be called, so that columns keep their names.
    pub(super) schema_name: String,
    pub(super) written: Written,
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
