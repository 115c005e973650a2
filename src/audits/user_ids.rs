//! Which columns of a query hold user ids, or anything made of them, under whatever name.
//!
//! | query | columns from user ids |
//! |---|---|
//! | `SELECT user_id AS who, orders` | `who` |
//! | `SELECT MAX(user_id) AS last, COUNT(user_id) AS users` | `last` |

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::tiles::USER_ID;

/// One verdict per column of the plan, from left to right. What is not understood counts as made
/// of user ids when anything below it is.
pub(super) fn columns_from_user_ids(plan: &LogicalPlan) -> Vec<bool> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let is_tainted = below(&projection.input);
            projection.expr.iter().map(is_tainted).collect()
        }
        LogicalPlan::Aggregate(aggregate) => {
            let is_tainted = below(&aggregate.input);
            let expressions = aggregate.group_expr.iter().chain(&aggregate.aggr_expr);
            expressions.map(is_tainted).collect()
        }
        LogicalPlan::Window(window) => {
            let is_tainted = below(&window.input);
            let made = window.window_expr.iter().map(is_tainted);
            let passed = columns_from_user_ids(&window.input);
            passed.into_iter().chain(made).collect()
        }
        LogicalPlan::Union(union) => {
            let inputs = union
                .inputs
                .iter()
                .map(|input| columns_from_user_ids(input));
            let either = |left: Vec<bool>, right: Vec<bool>| {
                left.iter()
                    .zip(&right)
                    .map(|(left, right)| *left || *right)
                    .collect()
            };
            inputs.reduce(either).unwrap_or_default()
        }
        _ => passed_on(plan),
    }
}

/// The verdicts of a plan that hands on its inputs' columns, or reads a table.
fn passed_on(plan: &LogicalPlan) -> Vec<bool> {
    let from_inputs: Vec<bool> = plan
        .inputs()
        .into_iter()
        .flat_map(columns_from_user_ids)
        .collect();
    let fields = plan.schema().fields();
    if from_inputs.len() == fields.len() && !from_inputs.is_empty() {
        return from_inputs;
    }
    let any_below = from_inputs.contains(&true);
    fields
        .iter()
        .map(|field| field.name() == USER_ID || (any_below && !plan.inputs().is_empty()))
        .collect()
}

/// Whether an expression over a plan's columns gives something of a user id away.
fn below(input: &LogicalPlan) -> impl Fn(&Expr) -> bool {
    let tainted = columns_from_user_ids(input);
    let schema = Arc::clone(input.schema());
    move |expression| {
        if counts(expression) {
            return false;
        }
        has_subquery(expression)
            || expression.column_refs().into_iter().any(|column| {
                let index = schema.maybe_index_of_column(column);
                index.is_none_or(|index| tainted.get(index) != Some(&false))
            })
    }
}

fn counts(expression: &Expr) -> bool {
    let unaliased = expression.clone().unalias_nested().data;
    matches!(unaliased, Expr::AggregateFunction(AggregateFunction { func, .. }) if func.name() == "count")
}

/// Subqueries are not looked into.
fn has_subquery(expression: &Expr) -> bool {
    let is_subquery = |inner: &Expr| Ok(matches!(inner, Expr::ScalarSubquery(_)));
    expression.exists(is_subquery).unwrap_or(true)
}
