//! Plans that are nothing but columns computed from one table, row by row: what the rules that
//! save joins look for.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Constraint, DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{
    BinaryExpr, Expr, Join, LogicalPlan, Operator, Projection, TableScan,
};

/// A table's rows with columns computed from each row alone.
pub struct Projected {
    /// The scan, which has all rows of the table, and every column that `columns` need.
    pub table: TableScan,
    /// Each column as it is called, and as it is computed from the table.
    pub columns: Vec<(Column, Expr)>,
}

impl Projected {
    /// Sees through projections, names of subqueries, and joins of a table with itself, down to a
    /// whole table.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        if table_below(plan).is_none() {
            return Ok(None);
        }
        let names = plan.schema().columns();
        let values = names.iter().cloned().map(Expr::Column).collect();
        let computed = Self::of_values(plan, values)?;
        Ok(computed.map(|(table, values)| Self {
            table,
            columns: names.into_iter().zip(values).collect(),
        }))
    }

    /// The table below a plan, and what is computed from it where `values` are computed from the plan.
    fn of_values(plan: &LogicalPlan, values: Vec<Expr>) -> Result<Option<(TableScan, Vec<Expr>)>> {
        match plan {
            LogicalPlan::TableScan(scan) => Ok(Some((scan.clone(), values))),
            LogicalPlan::SubqueryAlias(alias) => {
                let (names, columns) = (alias.schema.columns(), alias.input.schema().columns());
                let columns: Vec<Expr> = columns.into_iter().map(Expr::Column).collect();
                let values = substitute_all(names.iter().zip(&columns), &values)?;
                Self::of_values(&alias.input, values)
            }
            LogicalPlan::Projection(projection) => {
                let names = projection.schema.columns();
                let values = substitute_all(names.iter().zip(&projection.expr), &values)?;
                let is_of_row = |value: &Expr| !value.is_volatile() && !reads_rows(value);
                match values.iter().all(is_of_row) {
                    true => Self::of_values(&projection.input, values),
                    false => Ok(None),
                }
            }
            LogicalPlan::Join(join) => {
                let Some(joined) = Self::of_join(join)? else {
                    return Ok(None);
                };
                let values = joined.substitute_all(&values)?;
                Ok(Some((joined.table, values)))
            }
            _ => Ok(None),
        }
    }

    /// A join of a table with itself on its primary key: each row meets exactly itself.
    fn of_join(join: &Join) -> Result<Option<Self>> {
        let Some((left_key, right_key)) = equal_keys(join) else {
            return Ok(None);
        };
        let (Some(left), Some(right)) = (Self::of(&join.left)?, Self::of(&join.right)?) else {
            return Ok(None);
        };
        if !left.is_primary_key(left_key)? || !right.is_primary_key(right_key)? {
            return Ok(None);
        }
        let table = TableScanBuilder::new(left.table.table_name, left.table.source).build()?;
        let columns = left.columns.into_iter().chain(right.columns);
        let values = columns.map(|(_, value)| value);
        Ok(Some(Self {
            table,
            columns: join.schema.columns().into_iter().zip(values).collect(),
        }))
    }

    /// Whether an expression is the primary key of the table.
    fn is_primary_key(&self, expression: &Expr) -> Result<bool> {
        let Expr::Column(column) = self.substitute(expression)? else {
            return Ok(false);
        };
        Ok(primary_key(&self.table) == Some(column.name))
    }

    /// Expressions over the columns, as ones over the table.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn substitute_all<'a>(
        &self,
        expressions: impl IntoIterator<Item = &'a Expr>,
    ) -> Result<Vec<Expr>> {
        substitute_all(
            self.columns.iter().map(|(name, value)| (name, value)),
            expressions,
        )
    }

    /// One expression over the columns, as one over the table.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn substitute(&self, expression: &Expr) -> Result<Expr> {
        let mut substituted = self.substitute_all([expression])?;
        Ok(substituted.remove(0))
    }

    /// The same table under other columns.
    #[must_use]
    pub fn with_columns(&self, columns: Vec<(Column, Expr)>) -> Self {
        Self {
            table: self.table.clone(),
            columns,
        }
    }
}

/// The one table that a plan's columns are computed from, should they all be computed row by row.
fn table_below(plan: &LogicalPlan) -> Option<&TableScan> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            (scan.filters.is_empty() && scan.fetch.is_none()).then_some(scan)
        }
        LogicalPlan::SubqueryAlias(alias) => table_below(&alias.input),
        LogicalPlan::Projection(projection) => table_below(&projection.input),
        LogicalPlan::Join(join) if matches!(join.join_type, JoinType::Inner | JoinType::Left) => {
            let (left, right) = (table_below(&join.left)?, table_below(&join.right)?);
            (left.table_name == right.table_name).then_some(left)
        }
        _ => None,
    }
}

/// The one column that is a table's primary key.
fn primary_key(scan: &TableScan) -> Option<String> {
    let constraints = scan.source.constraints()?;
    let key = constraints.iter().find_map(|constraint| match constraint {
        Constraint::PrimaryKey(columns) => match columns.as_slice() {
            [column] => Some(*column),
            _ => None,
        },
        Constraint::Unique(_) => None,
    })?;
    Some(scan.source.schema().field(key).name().clone())
}

/// Expressions with the values of `columns` in place of the columns, and without names of their own.
fn substitute_all<'c, 'e>(
    columns: impl Iterator<Item = (&'c Column, &'c Expr)>,
    expressions: impl IntoIterator<Item = &'e Expr>,
) -> Result<Vec<Expr>> {
    let values: HashMap<&Column, &Expr> = columns.collect();
    let value_of = |column: &Column| {
        let value = values.get(column)?;
        Some((*value).clone().unalias_nested().data)
    };
    let substitute = |expression: &Expr| {
        if let Expr::Column(column) = expression {
            return Ok(value_of(column).unwrap_or_else(|| expression.clone()));
        }
        let substituted = expression.clone().unalias_nested().data.transform(|node| {
            let value = match &node {
                Expr::Column(column) => value_of(column),
                _ => None,
            };
            Ok(match value {
                Some(value) => Transformed::new(value, true, TreeNodeRecursion::Jump),
                None => Transformed::no(node),
            })
        })?;
        Ok(substituted.data)
    };
    expressions.into_iter().map(substitute).collect()
}

/// Values computed from `input`, under the names of `schema`.
///
/// # Errors
/// The engine's: a bug.
pub fn project_as(
    schema: &DFSchemaRef,
    values: impl IntoIterator<Item = Expr>,
    input: LogicalPlan,
) -> Result<LogicalPlan> {
    let named = values.into_iter().zip(schema.iter());
    let named = named
        .map(|(value, (qualifier, field))| value.alias_qualified(qualifier.cloned(), field.name()));
    let projection =
        Projection::try_new_with_schema(named.collect(), Arc::new(input), Arc::clone(schema))?;
    Ok(LogicalPlan::Projection(projection))
}

/// Whether an expression asks other rows for each row. The value of a subquery that does not know of the row
/// is the same for all: the engine computes it once, wherever it stands.
fn reads_rows(expression: &Expr) -> bool {
    let found = expression.exists(|node| {
        Ok(match node {
            Expr::ScalarSubquery(subquery) => !subquery.outer_ref_columns.is_empty(),
            Expr::Exists(_) | Expr::InSubquery(_) => true,
            _ => false,
        })
    });
    found.unwrap_or(true)
}

/// A rule's answer: the new plan, or the old one when there is none.
pub fn replaced(plan: LogicalPlan, new: Option<LogicalPlan>) -> Transformed<LogicalPlan> {
    match new {
        Some(new) => Transformed::yes(new),
        None => Transformed::no(plan),
    }
}

/// The two expressions that a join is on, the left side's first; none when it is on more, or on
/// anything but equality.
pub fn equal_keys(join: &Join) -> Option<(&Expr, &Expr)> {
    if join.null_equality != NullEquality::NullEqualsNothing {
        return None;
    }
    match (join.on.as_slice(), &join.filter) {
        ([(left, right)], None) => Some((left, right)),
        ([], Some(Expr::BinaryExpr(BinaryExpr { left, op, right }))) if *op == Operator::Eq => {
            let is_of = |side: &Expr, schema: &DFSchemaRef| {
                let columns = side.column_refs();
                !columns.is_empty() && columns.into_iter().all(|column| schema.has_column(column))
            };
            let (of_left, of_right) = (join.left.schema(), join.right.schema());
            if is_of(left, of_left) && is_of(right, of_right) {
                Some((left, right))
            } else if is_of(right, of_left) && is_of(left, of_right) {
                Some((right, left))
            } else {
                None
            }
        }
        _ => None,
    }
}
