//! Puts operators that fail for some values into [checked functions](super::operators).

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, Signature, Volatility,
};

use crate::engine::by_model::ModelFile;

use super::failure::Computed;
use super::operators::{CheckedOperator, checked_of, is_of_pattern};
use super::written::{as_written, as_written_behind, cut};

/// The same expression by a checked function, if it is an operator that may fail.
pub(super) fn checked_operator(
    node: Expr,
    schema: &DFSchema,
    model: Option<&ModelFile>,
) -> Result<Transformed<Expr>> {
    let Expr::BinaryExpr(binary) = &node else {
        return Ok(Transformed::no(node));
    };
    let Some(may_fail) = failing_types(binary.op) else {
        return Ok(Transformed::no(node));
    };
    // What has no type before it is planned further is the engine's.
    let (Ok(left), Ok(right)) = (
        type_of(&binary.left, schema),
        type_of(&binary.right, schema),
    ) else {
        return Ok(Transformed::no(node));
    };
    if !may_fail(&left, &right) {
        return Ok(Transformed::no(node));
    }
    let Ok(data_type) = node.get_type(schema) else {
        return Ok(Transformed::no(node));
    };
    let schema_name = node.schema_name().to_string();
    let computed = Computed::of(&node, written(&node)?, model);
    let Expr::BinaryExpr(binary) = node else {
        return Ok(Transformed::no(node));
    };
    let (operators, operands) = chained(binary);
    let function = ScalarUDF::from(CheckedOperator {
        signature: Signature::any(operands.len(), Volatility::Immutable),
        operators,
        data_type,
        schema_name,
        computed,
    });
    Ok(Transformed::yes(function.call(operands)))
}

/// Tells the types of which an operator fails for some values; none for one that never does. Whole
/// numbers are added and multiplied by [`checked_arithmetic`](super::arithmetic), and doubles know
/// no failure.
fn failing_types(operator: Operator) -> Option<fn(&DataType, &DataType) -> bool> {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    match operator {
        Divide | Modulo => Some(|left, right| !left.is_floating() && !right.is_floating()),
        Plus | Minus | Multiply => Some(|left, right| {
            let may_fail = |side: &DataType| side.is_decimal() || side.is_temporal();
            may_fail(left) || may_fail(right)
        }),
        other if is_of_pattern(other) => Some(|_, _| true),
        _ => None,
    }
}

fn type_of(expression: &Expr, schema: &DFSchema) -> Result<DataType> {
    match checked_of(expression) {
        Some(checked) => Ok(checked.data_type.clone()),
        None => expression.get_type(schema),
    }
}

/// An expression as SQL has it; of a chain, the text of its beginning is known.
fn written(node: &Expr) -> Result<String> {
    if let Expr::BinaryExpr(binary) = node
        && let Some(before) = goes_on(binary)
    {
        let (before, right) = (
            &before.computed.expression,
            as_written_behind(binary.op, &binary.right)?,
        );
        return Ok(cut(format!("{before} {} {right}", binary.op)));
    }
    as_written(node)
}

/// The chain that an operator goes on with, from left to right.
fn goes_on(binary: &BinaryExpr) -> Option<&CheckedOperator> {
    let before = checked_of(&binary.left)?;
    let is_sum = |operator: Operator| matches!(operator, Operator::Plus | Operator::Minus);
    let last = *before.operators.last()?;
    let is_same_kind =
        is_sum(last) == is_sum(binary.op) && last.precedence() == binary.op.precedence();
    is_same_kind.then_some(before)
}

/// One operator, behind those that its left side is made of.
fn chained(binary: BinaryExpr) -> (Vec<Operator>, Vec<Expr>) {
    if let Some(before) = goes_on(&binary)
        && let Expr::ScalarFunction(call) = binary.left.as_ref()
    {
        let operators = before.operators.iter().copied().chain([binary.op]);
        let right = binary.right.as_ref().clone();
        let operands = call.args.iter().cloned().chain([right]);
        return (operators.collect(), operands.collect());
    }
    (vec![binary.op], vec![*binary.left, *binary.right])
}
