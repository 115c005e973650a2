//! Expressions as SQL has them: checked functions as what they stand for, and long texts cut.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue, TableReference};
use datafusion::logical_expr::{Expr, Operator};

use crate::ground::with_sql_types;

use super::arithmetic::CheckedArithmetic;
use super::cast::CheckedCast;
use super::function::CheckedFunction;
use super::operators::CheckedOperator;

/// The most characters of an expression that an error shows.
const MOST_SHOWN: usize = 120;

/// An expression as SQL has it, cut when it is long.
pub(in crate::engine) fn as_written(expression: &Expr) -> Result<String> {
    let plain = expression.clone().transform_up(|node| {
        Ok(match unchecked(&node) {
            Some(plain) => Transformed::yes(plain),
            None => Transformed::no(node),
        })
    })?;
    Ok(cut(with_sql_types(&plain.data.to_string())))
}

/// An expression as it is written behind an operator.
pub(super) fn as_written_behind(operator: Operator, expression: &Expr) -> Result<String> {
    let written = as_written(expression)?;
    let own = match unchecked(expression).as_ref().unwrap_or(expression) {
        Expr::BinaryExpr(inner) => Some(inner.op),
        _ => None,
    };
    Ok(
        match own.is_some_and(|own| own.precedence() <= operator.precedence()) {
            true => format!("({written})"),
            false => written,
        },
    )
}

/// A text, cut when it is long.
pub(super) fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}..", text[..end].trim_end_matches('.')),
        None => text,
    }
}

/// A literal as SQL has it.
fn literal(value: &ScalarValue) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    let text = value.to_string();
    match value.data_type().is_numeric() || value.data_type() == DataType::Boolean {
        true => text,
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

/// What a checked function stands for; a column as it can be written in its own model, and a text
/// in quotes.
fn unchecked(node: &Expr) -> Option<Expr> {
    match node {
        Expr::ScalarFunction(call) => {
            let function = call.func.inner();
            let arithmetic = function.downcast_ref::<CheckedArithmetic>();
            let arithmetic = arithmetic.and_then(|checked| checked.unchecked(&call.args));
            let is_cast = function.downcast_ref::<CheckedCast>().is_some();
            let cast = || call.args.first().filter(|_| is_cast).cloned();
            let operator = || function.downcast_ref::<CheckedOperator>();
            let named = || function.downcast_ref::<CheckedFunction>();
            arithmetic
                .or_else(cast)
                .or_else(|| operator().and_then(|checked| checked.unchecked(&call.args)))
                .or_else(|| named().map(|checked| checked.unchecked(&call.args)))
        }
        Expr::Alias(alias) => Some(alias.expr.as_ref().clone()),
        // Most of them are the engine's.
        Expr::Cast(cast) => Some(cast.expr.as_ref().clone()),
        Expr::Literal(value, _) => Some(Expr::Column(Column::new_unqualified(literal(value)))),
        Expr::Column(column) => match &column.relation {
            Some(TableReference::Partial { table, .. } | TableReference::Full { table, .. }) => {
                Some(Expr::Column(match table.contains('(') {
                    true => Column::new_unqualified(column.name.clone()),
                    false => Column::new(Some(TableReference::bare(&**table)), &column.name),
                }))
            }
            _ => None,
        },
        _ => None,
    }
}
