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

use datafusion::logical_expr::LogicalPlan;

use super::node_rule::NodeRule;
use super::projected::{Projected, project_as};

/// Turns joins of projections of one table on its primary key into one projection.
pub(super) fn fuse_self_joins() -> NodeRule {
    // A chain of joins becomes one projection at its last join, and none is made in between.
    NodeRule::top_down("fuse_self_joins", |plan| {
        let LogicalPlan::Join(join) = plan else {
            return Ok(None);
        };
        let Some(projected) = Projected::of(plan)? else {
            return Ok(None);
        };
        let values = projected.columns.into_iter().map(|(_, value)| value);
        let table = LogicalPlan::TableScan(projected.table);
        project_as(&join.schema, values, table).map(Some)
    })
}
