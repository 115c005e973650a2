//! Joins of a table with itself on its primary key: one scan instead.
//!
//! Every tier model reads the users' features and gives back one column per user; the snapshot
//! joins them all on user_id. Where both sides of such a join are projections of one table, and
//! the join is on that table's primary key, each row meets exactly itself:
//!
//! ```text
//! (SELECT user_id, a + b AS x FROM t) JOIN (SELECT user_id, c AS y FROM t) USING (user_id)
//!     = SELECT user_id, a + b AS x, c AS y FROM t
//! ```

use std::collections::HashMap;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Constraint, DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Projection, TableScan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use std::sync::Arc;

/// Turns joins of projections of one table on its primary key into one projection.
#[derive(Debug)]
pub(super) struct FuseSelfJoins;

impl OptimizerRule for FuseSelfJoins {
    fn name(&self) -> &str {
        "fuse_self_joins"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Join(join) = &plan else {
            return Ok(Transformed::no(plan));
        };
        Ok(match fused(join)? {
            Some(fused) => Transformed::yes(fused),
            None => Transformed::no(plan),
        })
    }
}

fn fused(join: &Join) -> Result<Option<LogicalPlan>> {
    let is_plain = matches!(join.join_type, JoinType::Inner | JoinType::Left)
        && join.filter.is_none()
        && join.null_equality == NullEquality::NullEqualsNothing;
    let [(left_key, right_key)] = join.on.as_slice() else {
        return Ok(None);
    };
    if !is_plain {
        return Ok(None);
    }
    let (Some(left), Some(right)) = (Projected::of(&join.left)?, Projected::of(&join.right)?)
    else {
        return Ok(None);
    };
    let is_same_row = left.table.table_name == right.table.table_name
        && left.is_key(left_key)?
        && right.is_key(right_key)?;
    if !is_same_row {
        return Ok(None);
    }
    let right_columns = right.columns_over(&left)?;
    let columns = left.columns.iter().map(|(_, value)| value).cloned();
    let columns: Vec<Expr> = columns.chain(right_columns).collect();
    project(left.table, columns, &join.schema).map(Some)
}

/// A table's rows with columns computed from each row alone.
struct Projected {
    table: TableScan,
    /// Each column as it is called, and as it is computed from the table.
    columns: Vec<(Column, Expr)>,
}

impl Projected {
    /// Sees through projections and names of subqueries, down to a table that has a primary key.
    fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
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
                let is_of_row = |value: &Expr| !value.is_volatile() && !has_subquery(value);
                if !projection.expr.iter().all(is_of_row) {
                    return Ok(None);
                }
                let values = projection.expr.iter().map(|value| input.substitute(value));
                let values = values.collect::<Result<Vec<_>>>()?;
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
        primary_key(scan)?;
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

    /// An expression over the columns, as one over the table.
    fn substitute(&self, expression: &Expr) -> Result<Expr> {
        let by_name: HashMap<&Column, &Expr> = self
            .columns
            .iter()
            .map(|(name, value)| (name, value))
            .collect();
        let substituted = expression.clone().unalias_nested().data.transform(|node| {
            let value = match &node {
                Expr::Column(column) => by_name.get(column).map(|value| (*value).clone()),
                _ => None,
            };
            Ok(match value {
                Some(value) => Transformed::new(
                    value,
                    true,
                    datafusion::common::tree_node::TreeNodeRecursion::Jump,
                ),
                None => Transformed::no(node),
            })
        })?;
        Ok(substituted.data)
    }

    /// Whether an expression is the primary key of the table.
    fn is_key(&self, expression: &Expr) -> Result<bool> {
        let Expr::Column(column) = self.substitute(expression)? else {
            return Ok(false);
        };
        Ok(primary_key(&self.table) == Some(column.name))
    }

    /// The columns as computed from the scan of another, whose table is the same.
    fn columns_over(&self, other: &Self) -> Result<Vec<Expr>> {
        let names = self.table.projected_schema.columns();
        let moved = Self {
            table: other.table.clone(),
            columns: names
                .into_iter()
                .map(|name| {
                    let there = Column::new(Some(other.table.table_name.clone()), &name.name);
                    (name, Expr::Column(there))
                })
                .collect(),
        };
        let values = self
            .columns
            .iter()
            .map(|(_, value)| moved.substitute(value));
        values.collect()
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

fn has_subquery(expression: &Expr) -> bool {
    let found = expression.exists(|node| {
        Ok(matches!(
            node,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
        ))
    });
    found.unwrap_or(true)
}

/// All columns of the table, and over them `columns` under the names of `schema`.
fn project(table: TableScan, columns: Vec<Expr>, schema: &DFSchemaRef) -> Result<LogicalPlan> {
    let whole = TableScanBuilder::new(table.table_name, table.source).build()?;
    let named = columns.into_iter().zip(schema.iter());
    let named = named
        .map(|(value, (qualifier, field))| value.alias_qualified(qualifier.cloned(), field.name()));
    let projection = Projection::try_new_with_schema(
        named.collect(),
        Arc::new(LogicalPlan::TableScan(whole)),
        Arc::clone(schema),
    )?;
    Ok(LogicalPlan::Projection(projection))
}
