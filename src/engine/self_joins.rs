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
//!
//! A subquery that knows nothing of the row is no bar: it has one value for all rows.
//!
//! Can go once the engine takes joins of a table with itself on its key away; there is no issue for
//! it upstream.

use datafusion::common::{Column, Constraint, DFSchemaRef, JoinType, Result};
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, TableScan};

use super::node_rule::NodeRule;
use super::projected::{Projected, equal_keys, project_as};

/// Turns joins of projections of one table on its primary key into one projection.
pub(super) fn fuse_self_joins() -> NodeRule {
    NodeRule::bottom_up("fuse_self_joins", |plan| match plan {
        LogicalPlan::Join(join) => fused(join),
        _ => Ok(None),
    })
}

fn fused(join: &Join) -> Result<Option<LogicalPlan>> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Ok(None);
    }
    let Some((left_key, right_key)) = equal_keys(join) else {
        return Ok(None);
    };
    let (Some(left), Some(right)) = (Projected::of(&join.left)?, Projected::of(&join.right)?)
    else {
        return Ok(None);
    };
    let is_same_row = left.table.table_name == right.table.table_name
        && is_key(&left, left_key)?
        && is_key(&right, right_key)?;
    if !is_same_row {
        return Ok(None);
    }
    let right_columns = columns_over(&right, &left)?;
    let columns = left.columns.iter().map(|(_, value)| value).cloned();
    let columns: Vec<Expr> = columns.chain(right_columns).collect();
    project(left.table, columns, &join.schema).map(Some)
}

/// Whether an expression is the primary key of the table.
fn is_key(projected: &Projected, expression: &Expr) -> Result<bool> {
    let Expr::Column(column) = projected.substitute(expression)? else {
        return Ok(false);
    };
    Ok(primary_key(&projected.table) == Some(column.name))
}

/// The columns of one as computed from the scan of another, whose table is the same.
fn columns_over(projected: &Projected, other: &Projected) -> Result<Vec<Expr>> {
    let names = projected.table.projected_schema.columns();
    let there = |name: Column| {
        let there = Column::new(Some(other.table.table_name.clone()), &name.name);
        (name, Expr::Column(there))
    };
    let moved = projected.with_columns(names.into_iter().map(there).collect());
    moved.substitute_all(projected.columns.iter().map(|(_, value)| value))
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

/// All columns of the table, and over them `columns` under the names of `schema`.
fn project(table: TableScan, columns: Vec<Expr>, schema: &DFSchemaRef) -> Result<LogicalPlan> {
    let whole = TableScanBuilder::new(table.table_name, table.source).build()?;
    project_as(schema, columns, LogicalPlan::TableScan(whole))
}
