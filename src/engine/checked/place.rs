//! Where an expression is written: its model and the line.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Expr;

use crate::engine::by_model::ModelFile;

/// `` in staging/orders.sql:5``: the model of an expression, and the line of the first column that it
/// names. Nothing where no model is known.
pub(super) fn place_of(expression: &Expr, model: Option<&ModelFile>) -> String {
    let line = model.and_then(|_| line_of(expression));
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    format!("{}{line}", ModelFile::place(model))
}

fn line_of(expression: &Expr) -> Option<u64> {
    let mut line = None;
    let walked = expression.apply(|node| {
        if let Expr::Column(column) = node {
            line = line.or_else(|| column.spans().first().map(|span| span.start.line));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.ok().and(line)
}
