//! The conditions of a CASE over values that can be listed.
//!
//! | part of a condition | is taken as |
//! |---|---|
//! | over columns whose values are known | it stands |
//! | `revenue_365d > 100`, in whatever the left side is | a value below, at and above 100, and NULL where it can be |
//! | `channel IN ('app', 'web')` | these texts, another, and NULL where it can be |
//! | AND, OR, NOT, COALESCE, ... of conditions | the same of its parts |
//! | anything else, such as `posts_30d > posts_prev_30d` | true, false, and NULL where it can be |
//!
//! The same expression is the same value wherever it stands; different ones are taken to vary
//! freely. So the combinations are at least those that users can have.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Case, Expr, ExprSchemable, Operator};

use crate::models::folded;

use super::combinations::Axis;
use super::definitions::replaced;
use super::domains::{Domain, Domains, Missing};

/// The relation of columns that stand for parts of conditions.
const STAND_IN: &str = "stand-in";

/// A text that nobody compares with.
const ANOTHER_TEXT: &str = "\u{0}another";

/// The conditions of one CASE, with everything they look at.
pub(super) struct Conditions<'a> {
    domains: &'a Domains,
    /// The cut points that stand in for those of a calibration.
    cut_points: &'a [i64],
    /// Each condition over the columns of the axes.
    pub(super) conditions: Vec<Expr>,
    known: Vec<Column>,
    assumed: Vec<Assumed>,
    /// Whether a cut point is used in any way but to be compared with.
    computes_with_cut_points: bool,
}

/// Part of a condition whose values are not known.
struct Assumed {
    part: Expr,
    field: FieldRef,
    compared_with: Vec<ScalarValue>,
}

impl<'a> Conditions<'a> {
    /// Reads the conditions of a CASE, whose columns are those of tables.
    pub(super) fn of(case: &Case, domains: &'a Domains, cut_points: &'a [i64]) -> Result<Self> {
        let mut conditions = Self {
            domains,
            cut_points,
            conditions: Vec::new(),
            known: Vec::new(),
            assumed: Vec::new(),
            computes_with_cut_points: false,
        };
        let mut cut_points_written = 0;
        for (condition, _) in &case.when_then_expr {
            let condition = match &case.expr {
                Some(operand) => operand.as_ref().clone().eq(condition.as_ref().clone()),
                None => condition.as_ref().clone(),
            };
            cut_points_written += conditions.cut_points_in(&condition)?;
            let condition = conditions.read(&folded(&condition)?)?;
            conditions.conditions.push(condition);
        }
        let compared = conditions
            .assumed
            .iter()
            .flat_map(|part| &part.compared_with);
        let compared = compared.filter(|value| conditions.is_cut_point(value));
        conditions.computes_with_cut_points = compared.count() != cut_points_written;
        Ok(conditions)
    }

    /// Whether every value is known, so that combinations are not more than there are.
    pub(super) fn are_known(&self) -> bool {
        self.assumed.is_empty()
    }

    /// Whether the answer is the same for all cut points in rising order: a value is compared
    /// with cut points alone or not at all.
    pub(super) fn hold_for_all_cut_points(&self) -> bool {
        let is_mixed = |part: &Assumed| {
            let mut are_cut_points = part
                .compared_with
                .iter()
                .map(|value| self.is_cut_point(value));
            let first = are_cut_points.next();
            are_cut_points.any(|is_cut_point| Some(is_cut_point) != first)
        };
        !self.computes_with_cut_points && !self.assumed.iter().any(is_mixed)
    }

    /// The values of everything the conditions look at.
    pub(super) fn axes(&self) -> Result<Vec<Axis>> {
        let mut axes: Vec<(Missing, Axis)> = Vec::new();
        for column in &self.known {
            let (Some(domain), Some(field)) = (self.domains.of(column), self.domains.field(column))
            else {
                continue;
            };
            let own = (column.clone(), FieldRef::clone(field));
            let shared = axes.iter_mut().find(|(missing, axis)| {
                let of_one_table = axis.columns[0].0.relation == column.relation;
                matches!(missing, Missing::When(_)) && *missing == domain.missing && of_one_table
            });
            match shared {
                Some((_, axis)) => add_column(axis, own, domain.values),
                None => axes.push(axis_of(own, domain)),
            }
        }
        let known = axes.into_iter().map(|(_, axis)| axis);
        let assumed = self.assumed.iter().enumerate().map(|(index, part)| {
            let column = Column::new(Some(STAND_IN), index.to_string());
            let field = part.field.as_ref().clone().with_name(&column.name);
            let values = part.values()?;
            Ok(Axis {
                columns: vec![(column, Arc::new(field))],
                rows: values.into_iter().map(|value| vec![value]).collect(),
            })
        });
        known.map(Ok).chain(assumed).collect()
    }

    fn read(&mut self, condition: &Expr) -> Result<Expr> {
        if self.domains.knows(condition)? {
            self.add_known(condition)?;
            return Ok(condition.clone());
        }
        let of_parts = match condition {
            Expr::Alias(alias) => return self.read(&alias.expr),
            Expr::BinaryExpr(binary) => self.binary(binary)?,
            Expr::Between(between) => self.between(between)?,
            Expr::InList(list) => self.in_list(list)?,
            Expr::IsNull(part) | Expr::IsNotNull(part) => match self.is_condition(part)? {
                true => self.over_parts(condition)?,
                false => Some(self.over(condition, part, [])?),
            },
            _ => self.over_parts(condition)?,
        };
        match of_parts {
            Some(condition) => Ok(condition),
            None => self.assume(condition, []),
        }
    }

    /// AND, OR, and comparisons of a value with a literal.
    fn binary(&mut self, binary: &BinaryExpr) -> Result<Option<Expr>> {
        let (left, right) = (binary.left.as_ref(), binary.right.as_ref());
        let condition = Expr::BinaryExpr(binary.clone());
        if self.is_condition(left)? && self.is_condition(right)? {
            return self.over_parts(&condition);
        }
        let (part, value) = match (left, right) {
            (part, Expr::Literal(value, _)) | (Expr::Literal(value, _), part) => (part, value),
            _ => return Ok(None),
        };
        if !is_listed(value, binary.op) {
            return Ok(None);
        }
        self.over(&condition, part, [value.clone()]).map(Some)
    }

    fn between(&mut self, between: &Between) -> Result<Option<Expr>> {
        let (Expr::Literal(low, _), Expr::Literal(high, _)) =
            (between.low.as_ref(), between.high.as_ref())
        else {
            return Ok(None);
        };
        if ![low, high]
            .into_iter()
            .all(|value| is_listed(value, Operator::GtEq))
        {
            return Ok(None);
        }
        let condition = Expr::Between(between.clone());
        let values = [low.clone(), high.clone()];
        self.over(&condition, &between.expr, values).map(Some)
    }

    fn in_list(&mut self, list: &InList) -> Result<Option<Expr>> {
        let values = list.list.iter().map(|value| match value {
            Expr::Literal(value, _) if is_listed(value, Operator::Eq) => Some(value.clone()),
            _ => None,
        });
        let Some(values) = values.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let condition = Expr::InList(list.clone());
        self.over(&condition, &list.expr, values).map(Some)
    }

    /// A condition made of conditions, such as `NOT a` or `COALESCE(a, FALSE)`.
    fn over_parts(&mut self, condition: &Expr) -> Result<Option<Expr>> {
        let is_made_of_parts = matches!(
            condition,
            Expr::BinaryExpr(_)
                | Expr::Not(_)
                | Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::IsTrue(_)
                | Expr::IsFalse(_)
                | Expr::IsUnknown(_)
                | Expr::IsNotTrue(_)
                | Expr::IsNotFalse(_)
                | Expr::IsNotUnknown(_)
                | Expr::ScalarFunction(_)
                | Expr::Case(_)
        );
        let mut are_conditions = is_made_of_parts && !condition.is_volatile();
        let mut parts = Vec::new();
        condition.apply_children(|part| {
            are_conditions &= self.is_condition(part)?;
            parts.push(part.clone());
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })?;
        if !are_conditions || parts.is_empty() {
            return Ok(None);
        }
        let read: Vec<Expr> = parts
            .iter()
            .map(|part| self.read(part))
            .collect::<Result<_>>()?;
        let mut read = read.into_iter();
        let rebuilt = condition.clone().map_children(|part| {
            let other = read.next().unwrap_or(part);
            Ok(datafusion::common::tree_node::Transformed::yes(other))
        })?;
        Ok(Some(rebuilt.data))
    }

    /// The condition with a column in place of a part of it.
    fn over(
        &mut self,
        condition: &Expr,
        part: &Expr,
        compared_with: impl IntoIterator<Item = ScalarValue>,
    ) -> Result<Expr> {
        let column = self.assume(part, compared_with)?;
        replaced(condition, |node| (node == part).then(|| column.clone()))
    }

    /// The column that stands for a part.
    fn assume(
        &mut self,
        part: &Expr,
        compared_with: impl IntoIterator<Item = ScalarValue>,
    ) -> Result<Expr> {
        let known = self
            .assumed
            .iter()
            .position(|assumed| assumed.part == *part);
        let index = match known {
            Some(index) => index,
            None => {
                let schema = self.domains.schema_of(part.column_refs())?;
                let (data_type, is_nullable) = (part.get_type(&schema)?, part.nullable(&schema)?);
                self.assumed.push(Assumed {
                    part: part.clone(),
                    field: Arc::new(Field::new("", data_type, is_nullable)),
                    compared_with: Vec::new(),
                });
                self.assumed.len() - 1
            }
        };
        self.assumed[index].compared_with.extend(compared_with);
        Ok(Expr::Column(Column::new(Some(STAND_IN), index.to_string())))
    }

    fn add_known(&mut self, condition: &Expr) -> Result<()> {
        condition.apply(|node| {
            if let Expr::Column(column) = node
                && !self.known.contains(column)
            {
                self.known.push(column.clone());
            }
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn is_condition(&self, part: &Expr) -> Result<bool> {
        let schema = self.domains.schema_of(part.column_refs())?;
        Ok(part.get_type(&schema)? == DataType::Boolean)
    }

    fn cut_points_in(&self, condition: &Expr) -> Result<usize> {
        let mut found = 0;
        condition.apply(|node| {
            if let Expr::Literal(value, _) = node {
                found += usize::from(self.is_cut_point(value));
            }
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }

    fn is_cut_point(&self, value: &ScalarValue) -> bool {
        let is_number = value.data_type().is_numeric();
        let number = value.cast_to(&DataType::Float64);
        let is_one = |number: f64| {
            let mut cut_points = self.cut_points.iter();
            cut_points.any(|cut_point| *cut_point as f64 == number)
        };
        matches!(number, Ok(ScalarValue::Float64(Some(number))) if is_number && is_one(number))
    }
}

impl Assumed {
    /// Values of which one stands for each that a user can have.
    fn values(&self) -> Result<Vec<ScalarValue>> {
        let mut values: Vec<ScalarValue> = match self.field.data_type() {
            DataType::Boolean => [true, false].map(ScalarValue::from).to_vec(),
            _ => self.compared_with.iter().flat_map(around).collect(),
        };
        if values.is_empty() {
            values.push(ScalarValue::new_default(self.field.data_type())?);
        }
        if self.field.is_nullable() {
            values.push(ScalarValue::try_new_null(self.field.data_type())?);
        }
        let mut distinct = Vec::with_capacity(values.len());
        for value in values {
            if !distinct.contains(&value) {
                distinct.push(value);
            }
        }
        Ok(distinct)
    }
}

/// Whether representative values can be listed for a comparison with `value`.
fn is_listed(value: &ScalarValue, operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    let is_order = matches!(operator, Lt | LtEq | Gt | GtEq);
    let is_equality = matches!(operator, Eq | NotEq | IsDistinctFrom | IsNotDistinctFrom);
    let has_order = value.try_as_str().is_none();
    !value.is_null() && !around(value).is_empty() && (is_equality || is_order && has_order)
}

/// The nearest value below, the value itself, and the nearest above; of texts, another. None for
/// types that are not compared so.
fn around(value: &ScalarValue) -> Vec<ScalarValue> {
    macro_rules! whole {
        ($variant:ident, $number:expr $(, $more:expr)*) => {
            [$number.checked_sub(1), Some(*$number), $number.checked_add(1)]
                .into_iter()
                .flatten()
                .map(|number| ScalarValue::$variant(Some(number) $(, $more.clone())*))
                .collect()
        };
    }
    match value {
        ScalarValue::Int8(Some(number)) => whole!(Int8, number),
        ScalarValue::Int16(Some(number)) => whole!(Int16, number),
        ScalarValue::Int32(Some(number)) => whole!(Int32, number),
        ScalarValue::Int64(Some(number)) => whole!(Int64, number),
        ScalarValue::UInt64(Some(number)) => whole!(UInt64, number),
        ScalarValue::Date32(Some(day)) => whole!(Date32, day),
        ScalarValue::Decimal128(Some(number), precision, scale) => {
            whole!(Decimal128, number, precision, scale)
        }
        ScalarValue::TimestampMicrosecond(Some(instant), zone) => {
            whole!(TimestampMicrosecond, instant, zone)
        }
        ScalarValue::TimestampNanosecond(Some(instant), zone) => {
            whole!(TimestampNanosecond, instant, zone)
        }
        ScalarValue::Float64(Some(number)) => [number.next_down(), *number, number.next_up()]
            .map(ScalarValue::from)
            .to_vec(),
        text => match text.try_as_str() {
            Some(Some(_)) => {
                let another = ScalarValue::from(ANOTHER_TEXT).cast_to(&text.data_type());
                std::iter::once(text.clone()).chain(another).collect()
            }
            _ => Vec::new(),
        },
    }
}

fn axis_of(column: (Column, FieldRef), domain: Domain) -> (Missing, Axis) {
    let mut rows: Vec<Vec<ScalarValue>> =
        domain.values.into_iter().map(|value| vec![value]).collect();
    if domain.missing != Missing::Never {
        rows.push(vec![ScalarValue::Null]);
    }
    let axis = Axis {
        columns: vec![column],
        rows,
    };
    (domain.missing, axis)
}

/// Crosses the rows that have values with those of another column, which is NULL for the same
/// users; their row stays the last.
fn add_column(axis: &mut Axis, column: (Column, FieldRef), values: Vec<ScalarValue>) {
    let nothing = axis.rows.pop();
    let crossed = axis.rows.iter().flat_map(|row| {
        values.iter().map(|value| {
            let row = row.iter().chain([value]);
            row.cloned().collect::<Vec<_>>()
        })
    });
    let crossed: Vec<Vec<ScalarValue>> = crossed.collect();
    let nothing = nothing.map(|mut row| {
        row.push(ScalarValue::Null);
        row
    });
    axis.columns.push(column);
    axis.rows = crossed.into_iter().chain(nothing).collect();
}
