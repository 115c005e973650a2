//! Expressions that fail by their name: what SQL computes of a row is put into functions of ours
//! where the engine's own would wrap around, or fail without a word about where.
//!
//! | written | computed as |
//! |---|---|
//! | `+`, `-`, `*` and the sign of whole numbers | [`arithmetic`] that does not wrap around |
//! | `CAST` of texts and times, and to narrower numbers, those that comparisons imply too | a [`cast`] that says what it could not read |
//! | `/`, `%`, arithmetic of DECIMAL and times, regular expressions | the same [`operators`] |
//! | `to_timestamp(...)` and other functions that do not take every value | the same [`function`] |
//!
//! The functions give the same value in the same type under the same name, or an error that has
//! the expression and, where a plan still knows them, the model and the line.
//!
//! What does not wrap around can go once
//! [numeric overflow is an error](https://github.com/apache/datafusion/issues/17539);
//! that an error names model and line stays.

mod arithmetic;
mod cast;
mod failure;
mod function;
mod ids;
mod losing_casts;
mod operators;
mod place;
mod rewrite_arithmetic;
mod rewrite_casts;
mod rewrite_functions;
mod rewrite_operators;
mod size;
mod strict;
mod written;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::optimizer::AnalyzerRule;

use self::ids::gives_ids;
use self::rewrite_arithmetic::checked_arithmetic;
use self::rewrite_casts::{checked_cast, compared_with_constants};
use self::rewrite_functions::checked_function;
use self::rewrite_operators::checked_operator;
use super::by_model::{ModelFile, rewrite_by_model};

pub use self::arithmetic::NumberOverflow;
pub use self::cast::CastFailure;
pub use self::failure::ComputationFailure;
pub(super) use self::written::as_written;

/// Puts checked functions in place of the engine's own, in plans whose types are known and whose views are
/// closed: those have been checked by themselves.
#[derive(Debug)]
pub(super) struct CheckExpressions;

impl AnalyzerRule for CheckExpressions {
    fn name(&self) -> &str {
        "check_expressions"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(rewrite_by_model(plan, &mut with_checked_expressions)?.data)
    }
}

fn with_checked_expressions(
    plan: LogicalPlan,
    model: Option<&ModelFile>,
) -> Result<Transformed<LogicalPlan>> {
    let schema = schema_below(&plan)?;
    // An aggregate is named by all that it is computed from, its FILTER included.
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expression| {
        let name = names.save(&expression);
        let of_ids = gives_ids(&expression);
        let compared = compared_with_constants(&expression, &schema);
        let checked = expression.transform_up(|node| {
            if compared.contains(&node) {
                return Ok(Transformed::no(node));
            }
            checked_arithmetic(node, &schema, model)?
                .transform_data(|node| checked_cast(node, &schema, model, of_ids))?
                .transform_data(|node| checked_operator(node, &schema, model))?
                .transform_data(|node| checked_function(node, model))
        })?;
        Ok(checked.update_data(|checked| name.restore(checked)))
    })?;
    if rewritten.transformed {
        return rewritten.map_data(LogicalPlan::recompute_schema);
    }
    Ok(rewritten)
}

/// The columns that a plan's expressions read. The filters of a scan read the table's own, also
/// those that it does not give.
fn schema_below(plan: &LogicalPlan) -> Result<DFSchemaRef> {
    if let LogicalPlan::TableScan(scan) = plan {
        let (name, schema) = (scan.table_name.clone(), scan.source.schema());
        return DFSchema::try_from_qualified_schema(name, &schema).map(Arc::new);
    }
    Ok(match plan.inputs().as_slice() {
        [input] => Arc::clone(input.schema()),
        inputs => Arc::new(merge_schema(inputs)),
    })
}
