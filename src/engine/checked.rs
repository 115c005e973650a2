//! Expressions that fail by their name: what SQL computes of a row is put into functions of ours
//! where the engine's own would wrap around, or fail without a word about where.
//!
//! | written | computed as |
//! |---|---|
//! | `+`, `-`, `*` and the sign of whole numbers | [arithmetic](super::checked_arithmetic) that does not wrap around |
//! | `CAST` of texts and times, and to narrower numbers, those that comparisons imply too | a [cast](super::checked_casts) that says what it could not read |
//! | `/`, `%`, arithmetic of DECIMAL and times, regular expressions | the same [operators](super::checked_operators) |
//! | `to_timestamp(...)` and other functions that do not take every value | the same [functions](super::checked_functions) |
//!
//! The functions give the same value in the same type under the same name, or an error that has
//! the expression and, where a plan still knows them, the model and the line.
//!
//! What does not wrap around can go once
//! [numeric overflow is an error](https://github.com/apache/datafusion/issues/17539);
//! that an error names model and line stays.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, TableReference};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, ReturnFieldArgs};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::by_model::{ModelFile, rewrite_by_model};
use super::checked_arithmetic::{CheckedArithmetic, checked_arithmetic};
use super::checked_casts::{CheckedCast, checked_cast, compared_with_constants};
use super::checked_functions::{CheckedFunction, checked_function};
use super::checked_operators::{CheckedOperator, checked_operator};
use crate::ground::with_sql_types;

/// The most characters of an expression that an error shows.
const MOST_SHOWN: usize = 120;

/// Puts checked functions in place of the engine's own.
#[derive(Debug)]
pub(super) struct CheckExpressions;

impl OptimizerRule for CheckExpressions {
    fn name(&self) -> &str {
        "check_expressions"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        rewrite_by_model(plan, &mut with_checked_expressions)
    }
}

/// The result of a function that is NULL where an operand is: what may be NULL is as the engine's
/// own operators have it.
pub(super) fn field_of_strict(
    name: &str,
    data_type: &DataType,
    arguments: &ReturnFieldArgs<'_>,
) -> FieldRef {
    let mut fields = arguments.arg_fields.iter();
    let is_nullable = fields.any(|field| field.is_nullable());
    Arc::new(Field::new(name, data_type.clone(), is_nullable))
}

fn with_checked_expressions(
    plan: LogicalPlan,
    model: Option<&ModelFile>,
) -> Result<Transformed<LogicalPlan>> {
    let schema = schema_below(&plan)?;
    let rewritten = plan.map_expressions(|expression| {
        let of_ids = gives_ids(&expression);
        let compared = compared_with_constants(&expression, &schema);
        expression.transform_up(|node| {
            if compared.contains(&node) {
                return Ok(Transformed::no(node));
            }
            checked_arithmetic(node, &schema, model)?
                .transform_data(|node| checked_cast(node, &schema, model, of_ids))?
                .transform_data(|node| checked_operator(node, &schema, model))?
                .transform_data(|node| checked_function(node, model))
        })
    })?;
    if rewritten.transformed {
        return rewritten.map_data(LogicalPlan::recompute_schema);
    }
    Ok(rewritten)
}

/// The columns that a plan's expressions read. The filters of a scan read the table's own, also
/// those that it does not give.
fn schema_below(plan: &LogicalPlan) -> Result<DFSchema> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())
        }
        plan => Ok(merge_schema(&plan.inputs())),
    }
}

/// Whether an expression becomes a column of ids, whose values nobody is to see.
fn gives_ids(expression: &Expr) -> bool {
    matches!(expression, Expr::Alias(alias) if is_of_ids(&alias.name))
}

/// Whether a column holds ids or addresses of people, by its name.
pub(super) fn is_of_ids(column: &str) -> bool {
    let name = column.to_lowercase();
    let is_id = name == "id" || name.ends_with("_id") || name.ends_with("id_");
    is_id
        || ["user", "mail", "phone"]
            .iter()
            .any(|word| name.contains(word))
}

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

/// An expression as SQL has it, cut when it is long.
pub(super) fn as_written(expression: &Expr) -> Result<String> {
    let plain = expression.clone().transform_up(|node| {
        Ok(match unchecked(&node) {
            Some(plain) => Transformed::yes(plain),
            None => Transformed::no(node),
        })
    })?;
    Ok(cut(with_sql_types(&plain.data.to_string())))
}

/// An expression as it stands behind an operator.
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
