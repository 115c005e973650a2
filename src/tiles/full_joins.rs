//! Windows of several rollups, full-joined by user: one merge instead of a join.
//!
//! ```text
//! windows('rollups.purchases', ..) AS p FULL JOIN windows('rollups.interactions', ..) AS i
//!     ON p.user_id = i.user_id
//! ```
//!
//! Both sides come from tiles that are sorted by user. Merged all at once they give each user's
//! row of both, in order, and nothing has to be joined, hashed or sorted again. The user of the
//! joined row, `COALESCE(p.user_id, i.user_id)`, is the user of the merge.
//!
//! A side may compute with its columns. Of a user whom the side lacks SQL gives NULL, whatever it
//! computes; in a merge its columns are NULL then, and what is computed from NULL may not be:
//!
//! | the side has | above the merge |
//! |---|---|
//! | `orders_30d`, `orders_30d * 2`, `COALESCE(user_id, user_id)` | the same |
//! | `TRUE`, `COALESCE(orders_30d, 0)`, `orders_30d IS NULL` | `CASE WHEN <the side has a row> THEN .. END` |

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, Result, ScalarValue, TableReference};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::logical_plan::TableScanBuilder;
use datafusion::logical_expr::{Expr, Join, LogicalPlan, Projection, TableScan, lit};

use crate::engine::{NodeRule, Projected, equal_keys, project_as};
use crate::models::folded;

use super::keys::USER_ID;
use super::merged::{IS_PRESENT, MergedTiles, joined_name};

/// Turns full joins of merged tiles by user into one merge.
pub fn fuse_full_joins() -> NodeRule {
    NodeRule::bottom_up("fuse_full_joins", |plan| match plan {
        LogicalPlan::Join(join) => fused(join),
        LogicalPlan::Projection(projection) => with_user(projection),
        _ => Ok(None),
    })
}

/// A projection of a merge with the user in place of COALESCE over the users of all rollups; none
/// when there is nothing to replace.
fn with_user(projection: &Projection) -> Result<Option<LogicalPlan>> {
    let coalesces_columns = |value: &Expr| {
        let is_of_columns = |node: &Expr| {
            let mut columns = Vec::new();
            Ok(as_coalesce(node).is_some() && collect_coalesced(node, &mut columns))
        };
        value.exists(is_of_columns).unwrap_or(false)
    };
    if !projection.expr.iter().any(coalesces_columns) {
        return Ok(None);
    }
    let Some(side) = Side::of(&projection.input)? else {
        return Ok(None);
    };
    let mut is_simpler = false;
    let mut values = Vec::new();
    for substituted in side.projected.substitute_all(&projection.expr)? {
        let simplified = user_where_coalesced(substituted.clone(), side.provider())?;
        is_simpler |= simplified != substituted;
        values.push(simplified);
    }
    let scan = LogicalPlan::TableScan(side.scan().clone());
    let simplified = project_as(&projection.schema, values, scan)?;
    Ok(is_simpler.then_some(simplified))
}

fn fused(join: &Join) -> Result<Option<LogicalPlan>> {
    let Some((left_key, right_key)) = equal_keys(join) else {
        return Ok(None);
    };
    if join.join_type != JoinType::Full {
        return Ok(None);
    }
    let (Some(left), Some(right)) = (Side::of(&join.left)?, Side::of(&join.right)?) else {
        return Ok(None);
    };
    if !left.is_user(left_key)? || !right.is_user(right_key)? || left.shares_rollup(&right) {
        return Ok(None);
    }
    let rollups = [&left, &right].map(|side| side.provider().rollups().to_vec());
    // Those of a run are the same in all tables.
    let ranges = Arc::clone(left.provider().ranges());
    let user_id_type = left.provider().user_id_type().clone();
    let merged = MergedTiles::new(rollups.concat(), user_id_type).in_ranges(ranges);
    let name = TableReference::bare(table_name(&merged));
    let columns = [&left, &right].map(|side| side.columns_in(&name));
    let mut values = Vec::new();
    for columns in columns {
        values.extend(columns?);
    }
    let scan = TableScanBuilder::new(name, provider_as_source(Arc::new(merged))).build()?;
    project_as(&join.schema, values, LogicalPlan::TableScan(scan)).map(Some)
}

/// A name that is the same for the same rollups and windows.
fn table_name(merged: &MergedTiles) -> String {
    let names = merged.rollups().iter().map(|rollup| rollup.name.as_str());
    names.collect::<Vec<_>>().join(" + ")
}

/// One side of a join: columns computed from a table of merged tiles, row by row.
struct Side {
    projected: Projected,
    provider: Arc<dyn datafusion::catalog::TableProvider>,
}

impl Side {
    fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        let Some(projected) = Projected::of(plan)? else {
            return Ok(None);
        };
        let Ok(provider) = source_as_provider(&projected.table.source) else {
            return Ok(None);
        };
        let is_merged = provider.downcast_ref::<MergedTiles>().is_some();
        Ok(is_merged.then_some(Self {
            projected,
            provider,
        }))
    }

    fn provider(&self) -> &MergedTiles {
        #[expect(clippy::expect_used, reason = "the constructor has looked")]
        self.provider
            .downcast_ref::<MergedTiles>()
            .expect("merged tiles")
    }

    fn scan(&self) -> &TableScan {
        &self.projected.table
    }

    fn shares_rollup(&self, other: &Self) -> bool {
        let others = other.provider().rollups();
        let mut own = self.provider().rollups().iter();
        own.any(|rollup| others.iter().any(|other| other.name == rollup.name))
    }

    /// Whether an expression is the user of every row.
    fn is_user(&self, expression: &Expr) -> Result<bool> {
        let value = self.projected.substitute(expression)?;
        let value = user_where_coalesced(value, self.provider())?;
        Ok(matches!(value, Expr::Column(column) if column.name == USER_ID))
    }

    /// The columns, computed from `table`, a merge that holds the rollups of both sides.
    fn columns_in(&self, table: &TableReference) -> Result<Vec<Expr>> {
        let there = |name: String| Expr::Column(Column::new(Some(table.clone()), name));
        let own = self.provider().rollups();
        let schema = self.scan().source.schema();
        let moved = schema.fields().iter().map(|field| {
            let name = field.name();
            let value = match own {
                [only] => there(joined_name(&only.name, name)),
                several if name == USER_ID => {
                    let users = several
                        .iter()
                        .map(|rollup| joined_name(&rollup.name, USER_ID));
                    coalesce(users.map(there).collect())
                }
                _ => there(name.clone()),
            };
            (
                Column::new(Some(self.scan().table_name.clone()), name),
                value,
            )
        });
        let moved = self.projected.with_columns(moved.collect());
        let is_present = self.is_present_in(table);
        let columns = self.projected.columns.iter();
        let values: Vec<&Expr> = columns.map(|(_, value)| value).collect();
        let there = moved.substitute_all(values.iter().copied())?;
        let columns = values.into_iter().zip(there);
        let columns = columns.map(|(value, there)| match self.is_null_without_row(value) {
            true => there,
            false => where_present(is_present.clone(), there),
        });
        Ok(columns.collect())
    }

    /// Whether `table`, a merge that holds the rollups of both sides, has the row from this side.
    fn is_present_in(&self, table: &TableReference) -> Expr {
        let rollups = self.provider().rollups().iter();
        let is_present = rollups.map(|rollup| {
            let name = joined_name(&rollup.name, IS_PRESENT);
            Expr::Column(Column::new(Some(table.clone()), name))
        });
        is_present.reduce(Expr::or).unwrap_or_else(|| lit(false))
    }

    /// Whether a column of this side is NULL where no rollup has a row. What cannot be told is
    /// not.
    fn is_null_without_row(&self, value: &Expr) -> bool {
        let schema = self.scan().source.schema();
        if let Expr::Column(column) = value {
            let field = schema.field_with_name(&column.name);
            return field.is_ok_and(|field| field.is_nullable());
        }
        let without_row = value.clone().transform(|node| {
            let Expr::Column(column) = &node else {
                return Ok(Transformed::no(node));
            };
            let field = schema.field_with_name(&column.name)?;
            // The one column that is never NULL says whether there is a row.
            let absent = match field.is_nullable() {
                true => ScalarValue::try_new_null(field.data_type())?,
                false => ScalarValue::Boolean(Some(false)),
            };
            Ok(Transformed::yes(lit(absent)))
        });
        let value = without_row.and_then(|value| folded(&value.data));
        matches!(value, Ok(Expr::Literal(value, _)) if value.is_null())
    }
}

fn where_present(is_present: Expr, value: Expr) -> Expr {
    let branch = (Box::new(is_present), Box::new(value));
    Expr::Case(Case::new(None, vec![branch], None))
}

/// Where the users of all rollups are coalesced, the user of the merge; the rest as it is.
fn user_where_coalesced(expression: Expr, merged: &MergedTiles) -> Result<Expr> {
    let users: Vec<String> = merged
        .rollups()
        .iter()
        .map(|rollup| joined_name(&rollup.name, USER_ID))
        .collect();
    let simplified = expression.transform_up(|node| {
        let Some(relation) = coalesced_users(&node, &users) else {
            return Ok(Transformed::no(node));
        };
        Ok(Transformed::yes(Expr::Column(Column::new(
            relation, USER_ID,
        ))))
    })?;
    Ok(simplified.data)
}

/// The table whose users an expression coalesces, each of `users` among them.
fn coalesced_users(expression: &Expr, users: &[String]) -> Option<Option<TableReference>> {
    let mut columns = Vec::new();
    if !collect_coalesced(expression, &mut columns) {
        return None;
    }
    let has_all = users
        .iter()
        .all(|user| columns.iter().any(|column| column.name == *user));
    let is_user = |column: &&Column| users.contains(&column.name) || column.name == USER_ID;
    let only_users = columns.iter().all(is_user);
    (columns.len() > 1 && has_all && only_users).then(|| columns[0].relation.clone())
}

/// Adds the columns of COALESCE calls, one in the other; whether there is nothing else.
fn collect_coalesced<'a>(expression: &'a Expr, columns: &mut Vec<&'a Column>) -> bool {
    match expression {
        Expr::Column(column) => {
            columns.push(column);
            true
        }
        Expr::Alias(alias) => collect_coalesced(&alias.expr, columns),
        other => as_coalesce(other).is_some_and(|arguments| {
            let mut arguments = arguments.iter();
            arguments.all(|argument| collect_coalesced(argument, columns))
        }),
    }
}

/// The arguments of a COALESCE call.
fn as_coalesce(expression: &Expr) -> Option<&[Expr]> {
    match expression {
        Expr::ScalarFunction(call) if call.func.name() == "coalesce" => Some(&call.args),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
