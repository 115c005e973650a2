//! Puts whole-number arithmetic into [checked functions](super::arithmetic).

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{BinaryExpr, Expr, ScalarUDF, Signature, Volatility};

use crate::engine::by_model::ModelFile;

use super::arithmetic::{CheckedArithmetic, NumberOverflow, Operation, checked_of};
use super::written::{as_written, as_written_behind, cut};

/// The same expression by a checked function, if it is one that may wrap around.
pub(super) fn checked_arithmetic(
    node: Expr,
    schema: &DFSchema,
    model: Option<&ModelFile>,
) -> Result<Transformed<Expr>> {
    let Some((operation, data_type)) = Operation::of(&node, schema)? else {
        return Ok(Transformed::no(node));
    };
    let schema_name = node.schema_name().to_string();
    let overflow = NumberOverflow {
        expression: written(&node)?,
        place: ModelFile::place(model),
    };
    let (operation, operands) = match node {
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => operation.chained(*left, *right),
        Expr::Negative(value) => (operation, vec![*value]),
        other => (operation, vec![other]),
    };
    let function = ScalarUDF::from(CheckedArithmetic {
        signature: Signature::any(operands.len(), Volatility::Immutable),
        operation,
        data_type,
        schema_name,
        overflow,
    });
    Ok(Transformed::yes(function.call(operands)))
}

/// An expression as SQL has it; of a chain, the text of its beginning is known.
fn written(node: &Expr) -> Result<String> {
    match node {
        Expr::BinaryExpr(binary) if checked_of(&binary.left).is_some() => {
            let before = checked_of(&binary.left).map(|checked| &checked.overflow.expression);
            let right = as_written_behind(binary.op, &binary.right)?;
            let before = before.map_or("", String::as_str);
            Ok(cut(format!("{before} {} {right}", binary.op)))
        }
        node => as_written(node),
    }
}
