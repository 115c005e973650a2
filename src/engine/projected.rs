//! Plans that are nothing but columns computed from one table, row by row: what the rules that
//! save joins look for.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, NullEquality, Result};
use datafusion::logical_expr::{
    BinaryExpr, Expr, Join, LogicalPlan, Operator, Projection, TableScan,
};

/// A table's rows with columns computed from each row alone.
pub struct Projected {
    /// The scan, which has all rows and columns of the table.
    pub table: TableScan,
    /// Each column as it is called, and as it is computed from the table.
    pub columns: Vec<(Column, Expr)>,
}

impl Projected {
    /// Sees through projections and names of subqueries, down to a whole table.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        match plan {
            LogicalPlan::TableScan(scan) => Ok(Self::of_scan(scan)),
            LogicalPlan::SubqueryAlias(alias) => {
                let input = Self::of(&alias.input)?;
                Ok(input.map(|input| input.renamed(&alias.schema)))
            }
            LogicalPlan::Projection(projection) => {
                let Some(input) = Self::of(&projection.input)? else {
                    return Ok(None);
                };
                let is_of_row = |value: &Expr| !value.is_volatile() && !reads_rows(value);
                if !projection.expr.iter().all(is_of_row) {
                    return Ok(None);
                }
                let values = input.substitute_all(&projection.expr)?;
                let names = projection.schema.columns();
                Ok(Some(Self {
                    table: input.table,
                    columns: names.into_iter().zip(values).collect(),
                }))
            }
            _ => Ok(None),
        }
    }

    fn of_scan(scan: &TableScan) -> Option<Self> {
        if !scan.filters.is_empty() || scan.fetch.is_some() {
            return None;
        }
        let names = scan.projected_schema.columns();
        let columns = names
            .into_iter()
            .map(|name| (name.clone(), Expr::Column(name)));
        Some(Self {
            table: scan.clone(),
            columns: columns.collect(),
        })
    }

    fn renamed(self, schema: &DFSchemaRef) -> Self {
        let values = self.columns.into_iter().map(|(_, value)| value);
        Self {
            table: self.table,
            columns: schema.columns().into_iter().zip(values).collect(),
        }
    }

    /// Expressions over the columns, as ones over the table.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn substitute_all<'a>(
        &self,
        expressions: impl IntoIterator<Item = &'a Expr>,
    ) -> Result<Vec<Expr>> {
        let columns = self.columns.iter();
        let by_name: HashMap<&Column, &Expr> = columns.map(|(name, value)| (name, value)).collect();
        let substitute = |expression: &Expr| {
            let substituted = expression.clone().unalias_nested().data.transform(|node| {
                let value = match &node {
                    Expr::Column(column) => by_name.get(column).map(|value| (*value).clone()),
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
