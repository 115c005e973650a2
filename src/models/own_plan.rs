//! A model's own part of its plan: what lies below the tables that it reads was looked at for their
//! own models.

use datafusion::common::TableReference;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::LogicalPlan;

use crate::ground::{Problems, SqlSchema};

use super::Model;
use super::explanation::explain;

/// Looks at each node, subqueries included.
///
/// # Errors
/// What `look` fails with, at its place in the file.
pub(super) fn each_node(
    plan: &LogicalPlan,
    model: &Model,
    mut look: impl FnMut(&LogicalPlan) -> EngineResult<()>,
) -> Result<(), Problems> {
    let walked = plan.apply_with_subqueries(|node| {
        look(node)?;
        Ok(match is_table(node) {
            true => TreeNodeRecursion::Jump,
            false => TreeNodeRecursion::Continue,
        })
    });
    walked
        .map(drop)
        .map_err(|error| explain(&error, &model.file))
}

/// Whether a node is a table of the pack.
fn is_table(node: &LogicalPlan) -> bool {
    let name = match node {
        LogicalPlan::SubqueryAlias(alias) => &alias.alias,
        LogicalPlan::TableScan(scan) => &scan.table_name,
        _ => return false,
    };
    let schema = TableReference::schema(name);
    SqlSchema::ALL
        .iter()
        .any(|folder| Some(folder.as_str()) == schema)
}
