//! Puts operators that fail for some values into [checked functions](super::operators).

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF, Signature, Volatility,
};

use crate::engine::by_model::ModelFile;

use super::failure::Computed;
use super::operators::{CheckedOperator, checked_of};
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
    if !is_arithmetic(binary.op) && !is_regular_expression(binary.op) {
        return Ok(Transformed::no(node));
    }
    // What has no type before it is planned further is the engine's.
    let (Ok(left), Ok(right)) = (
        type_of(&binary.left, schema),
        type_of(&binary.right, schema),
    ) else {
        return Ok(Transformed::no(node));
    };
    if !may_fail(binary.op, &left, &right) {
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

/// Whether an operator fails for some values of these types. Whole numbers are added and multiplied
/// by [`checked_arithmetic`](super::arithmetic), and doubles know no failure.
fn may_fail(operator: Operator, left: &DataType, right: &DataType) -> bool {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    let is_one = |is: fn(&DataType) -> bool| is(left) || is(right);
    match operator {
        Divide | Modulo => !is_one(DataType::is_floating),
        Plus | Minus | Multiply => is_one(DataType::is_decimal) || is_one(DataType::is_temporal),
        other => is_regular_expression(other),
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator::{Divide, Minus, Modulo, Multiply, Plus};
    matches!(operator, Plus | Minus | Multiply | Divide | Modulo)
}

fn is_regular_expression(operator: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(
        operator,
        RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch
    )
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
