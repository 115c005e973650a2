//! Puts casts that depend on the value into [checked functions](super::cast).

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, Signature, Volatility};

use crate::engine::by_model::ModelFile;

use super::cast::{CheckedCast, Written};
use super::function::CheckedFunction;
use super::losing_casts::may_fail;
use super::written::as_written;

/// The same expression by a checked function, if it is a cast that may fail. `of_ids` says that it
/// becomes a column of ids.
///
/// # Errors
/// A literal that cannot be cast.
pub(super) fn checked_cast(
    node: Expr,
    schema: &DFSchema,
    model: Option<&ModelFile>,
    of_ids: bool,
) -> Result<Transformed<Expr>> {
    let Some((value, wanted)) = value_and_type(&node, schema) else {
        return Ok(Transformed::no(node));
    };
    // What has no type before it is planned further is the engine's.
    let Ok(found) = value.get_type(schema) else {
        return Ok(Transformed::no(node));
    };
    if !may_fail(&found, &wanted) {
        return Ok(Transformed::no(node));
    }
    let written = Written::of(value, as_written(value)?, &wanted, model, of_ids);
    if let Expr::Literal(value, _) = value {
        return match value.cast_to(&wanted) {
            Ok(_) => Ok(Transformed::no(node)),
            Err(_) => Err(written.failure(Some(value)).into()),
        };
    }
    let function = ScalarUDF::from(CheckedCast {
        signature: Signature::any(1, Volatility::Immutable),
        data_type: wanted,
        schema_name: node.schema_name().to_string(),
        written,
    });
    let value = value.clone();
    Ok(Transformed::yes(function.call(vec![value])))
}

/// The casts of times to finer ones that an expression compares with constants. The engine has put
/// them there, and takes them away again: it casts the constant instead, so that an instant which
/// the finer unit does not reach compares like any other. A checked cast would stay.
pub(super) fn compared_with_constants(expression: &Expr, schema: &DFSchema) -> HashSet<Expr> {
    let mut casts = HashSet::new();
    let walked = expression.apply(|node| {
        let (sides, others): (Vec<&Expr>, Vec<&Expr>) = match node {
            Expr::BinaryExpr(binary) if binary.op.supports_propagation() => {
                let [left, right] = [binary.left.as_ref(), binary.right.as_ref()];
                match is_constant(right) {
                    true => (vec![left], vec![right]),
                    false => (vec![right], vec![left]),
                }
            }
            Expr::Between(between) => (
                vec![between.expr.as_ref()],
                vec![between.low.as_ref(), between.high.as_ref()],
            ),
            Expr::InList(list) => (vec![list.expr.as_ref()], list.list.iter().collect()),
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        if others.into_iter().all(is_constant) {
            let of_times = sides.into_iter().filter(|side| is_of_times(side, schema));
            casts.extend(of_times.cloned());
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // Nothing in it fails.
    walked.map_or_else(|_| HashSet::new(), |_| casts)
}

/// Whether an expression is nothing but casts of literals, checked before or not.
fn is_constant(expression: &Expr) -> bool {
    let is_plain = expression.apply(|node| {
        let is_plain = match node {
            Expr::Literal(..) | Expr::Cast(_) => true,
            Expr::ScalarFunction(call) => call.func.inner().downcast_ref::<CheckedCast>().is_some(),
            _ => false,
        };
        Ok(match is_plain {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    });
    is_plain.is_ok_and(|walked| walked == TreeNodeRecursion::Continue)
}

/// Whether an expression casts times to times.
fn is_of_times(expression: &Expr, schema: &DFSchema) -> bool {
    let Expr::Cast(cast) = expression else {
        return false;
    };
    let found = cast.expr.get_type(schema);
    found.is_ok_and(|found| found.is_temporal()) && cast.field.data_type().is_temporal()
}

/// What a cast is of, and to.
fn value_and_type<'a>(node: &'a Expr, schema: &DFSchema) -> Option<(&'a Expr, DataType)> {
    let Expr::Cast(cast) = node else {
        return target_of_function(node, schema);
    };
    let is_of_type_alone = cast.field.name().is_empty() && cast.field.metadata().is_empty();
    is_of_type_alone.then(|| (cast.expr.as_ref(), cast.field.data_type().clone()))
}

/// The type that `arrow_cast` or `cast_to_type` casts to: casts by other names.
fn target_of_function<'a>(node: &'a Expr, schema: &DFSchema) -> Option<(&'a Expr, DataType)> {
    let Expr::ScalarFunction(call) = node else {
        return None;
    };
    let [value, target] = call.args.as_slice() else {
        return None;
    };
    let target = match (call.name(), target) {
        ("arrow_cast", Expr::Literal(ScalarValue::Utf8(Some(target)), _)) => target.parse().ok()?,
        ("cast_to_type", like) => like.get_type(schema).ok()?,
        _ => return None,
    };
    let function = call.func.inner();
    let is_checked = function.downcast_ref::<CheckedFunction>().is_some();
    (!is_checked).then_some((value, target))
}
