//! `last_n_distinct` outside rollups: without an order, or a number of values, it is refused before
//! a night runs. Rollups have [refusals of their own](crate::tiles).

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::engine::{LAST_N_DISTINCT, MOST_VALUES, limit_of};
use crate::ground::{Diagnostic, Problems, SqlSchema};

use super::Model;

/// Every call that says too little.
pub(super) fn check(plan: &LogicalPlan, model: &Model) -> Result<(), Problems> {
    if model.name.schema == SqlSchema::Rollups {
        return Ok(());
    }
    let found = missing_in(plan).map_err(|error| {
        let message = error.strip_backtrace();
        Problems(vec![Diagnostic::at(&model.file, model.head(), message)])
    })?;
    let problems = found.into_iter().map(|message| {
        let place = model.place_of(LAST_N_DISTINCT);
        Diagnostic::at(&model.file, place, message)
            .help(format!("write {LAST_N_DISTINCT}(x, 3 ORDER BY t, x)"))
    });
    Problems(problems.collect()).or_ok(())
}

fn missing_in(plan: &LogicalPlan) -> EngineResult<Vec<String>> {
    let mut found = Vec::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::AggregateFunction(call) = part {
                    found.extend(missing(call));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    found.dedup();
    Ok(found)
}

/// What a call lacks, if anything.
fn missing(call: &AggregateFunction) -> Option<String> {
    if call.func.name() != LAST_N_DISTINCT {
        return None;
    }
    if call.params.order_by.is_empty() {
        return Some(format!("{LAST_N_DISTINCT} without an ORDER BY"));
    }
    let limit = match call.params.args.get(1) {
        Some(Expr::Literal(limit, _)) => limit_of(limit),
        _ => None,
    };
    let is_missing = limit.is_none();
    is_missing.then(|| {
        format!("how many values {LAST_N_DISTINCT} gives is not a number from 1 to {MOST_VALUES}")
    })
}
