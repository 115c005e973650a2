//! Puts calls of functions that do not take every value into [checked ones](super::function).

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ScalarUDF, Volatility};

use crate::engine::by_model::ModelFile;

use super::failure::Computed;
use super::function::CheckedFunction;
use super::written::as_written;

/// How the names of functions begin whose outcome depends on whether values can be read.
const MAY_FAIL: [&str; 20] = [
    "to_timestamp",
    "to_local_time",
    "to_date",
    "to_time",
    "to_char",
    "to_unixtime",
    "date_",
    "datetrunc",
    "datebin",
    "make_",
    "from_unixtime",
    "regexp_",
    "decode",
    "encode",
    "chr",
    "repeat",
    "split_part",
    "substr",
    "arrow_",
    "array_",
];

/// The same of whole names.
const THESE_MAY_FAIL: [&str; 17] = [
    "abs",
    "factorial",
    "gcd",
    "lcm",
    "power",
    "pow",
    "lpad",
    "rpad",
    "digest",
    "overlay",
    "translate",
    "uuid",
    "generate_series",
    "range",
    "replace",
    "string_to_array",
    "to_hex",
];

/// The same call by a checked function, if it is of one that may fail.
pub(super) fn checked_function(node: Expr, model: Option<&ModelFile>) -> Result<Transformed<Expr>> {
    let Expr::ScalarFunction(call) = &node else {
        return Ok(Transformed::no(node));
    };
    let is_constant = call.func.signature().volatility == Volatility::Immutable;
    if !is_constant || !may_fail(call.name()) || is_checked(call) {
        return Ok(Transformed::no(node));
    }
    let function = ScalarUDF::from(CheckedFunction {
        computed: Computed::of(&node, as_written(&node)?, model),
        inner: call.func.as_ref().clone(),
    });
    let Expr::ScalarFunction(call) = node else {
        return Ok(Transformed::no(node));
    };
    Ok(Transformed::yes(function.call(call.args)))
}

fn may_fail(name: &str) -> bool {
    let is_of_kind = MAY_FAIL.iter().any(|start| name.starts_with(start));
    is_of_kind || THESE_MAY_FAIL.contains(&name)
}

fn is_checked(call: &ScalarFunction) -> bool {
    call.func
        .inner()
        .downcast_ref::<CheckedFunction>()
        .is_some()
}
