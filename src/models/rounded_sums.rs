//! Aggregates that round at each row, so that their last digits depend on the order of rows, and
//! another run may publish others.
//!
//! | written | over |
//! |---|---|
//! | `SUM`, `AVG` | DOUBLE that is no whole number as it stands |
//! | `VAR`, `STDDEV`, `COVAR`, `CORR`, `REGR_..` | anything |
//!
//! Rollups [refuse or replace](crate::tiles) them, and the rows of audits are not published.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition};

use crate::ground::{Diagnostic, SqlSchema};

use super::Model;
use super::own_plan::each_node;

/// Those that add up.
const SUMS: [&str; 2] = ["sum", "avg"];

/// How the names of those begin that round whatever they are given.
const ALWAYS: [&str; 5] = ["var", "stddev", "covar", "corr", "regr_"];

/// Every such aggregate of a model's own plan, which is analysed, each as a warning.
pub(crate) fn rounded_sums(model: &Model, plan: &LogicalPlan) -> Vec<Diagnostic> {
    if [SqlSchema::Rollups, SqlSchema::Audits].contains(&model.name.schema) {
        return Vec::new();
    }
    let mut found: Vec<Rounded> = Vec::new();
    let walked = each_node(plan, model, |node| {
        let (expressions, input) = match node {
            LogicalPlan::Aggregate(node) => (&node.aggr_expr, &node.input),
            LogicalPlan::Window(node) => (&node.window_expr, &node.input),
            _ => return Ok(()),
        };
        for expression in expressions {
            let rounded = Rounded::of(expression, input.schema())?;
            found.extend(rounded.filter(|rounded| !found.contains(rounded)));
        }
        Ok(())
    });
    match walked {
        Ok(()) => found.iter().map(|found| found.explain(model)).collect(),
        // What cannot be walked does not run either, and is reported there.
        Err(_) => Vec::new(),
    }
}

#[derive(Debug, PartialEq)]
struct Rounded {
    function: String,
    /// What it is of, as far as that is one column's.
    column: Option<String>,
}

impl Rounded {
    fn of(expression: &Expr, input: &DFSchema) -> Result<Option<Self>> {
        let mut found = None;
        expression.apply(|part| {
            let (function, arguments) = match part {
                Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
                Expr::WindowFunction(call) => match &call.fun {
                    WindowFunctionDefinition::AggregateUDF(function) => {
                        (function.name(), &call.params.args)
                    }
                    WindowFunctionDefinition::WindowUDF(_) => {
                        return Ok(TreeNodeRecursion::Continue);
                    }
                },
                _ => return Ok(TreeNodeRecursion::Continue),
            };
            let Some(summed) = arguments.first() else {
                return Ok(TreeNodeRecursion::Continue);
            };
            let always = ALWAYS.iter().any(|begin| function.starts_with(begin));
            if always || (SUMS.contains(&function) && is_rounded(summed, input)?) {
                found = Some(Self {
                    function: function.to_uppercase(),
                    column: column_of(summed),
                });
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }

    fn explain(&self, model: &Model) -> Diagnostic {
        let Self { function, column } = self;
        let of = match column {
            Some(column) => format!(" of `{column}`"),
            None => String::new(),
        };
        let message = format!(
            "{function}{of} rounds at each row: its last digits may be others in another run"
        );
        let place = match column {
            Some(column) => model.place_of(column),
            None => model.head(),
        };
        let help = match SUMS.contains(&function.to_lowercase().as_str()) {
            true => {
                "CAST what is summed, such as SUM(CAST(x AS DECIMAL(18, 6))): sums of DECIMAL are exact"
            }
            false => {
                "compute it in a rollup, which does so exactly, or from COUNT(*), SUM(x) and SUM(x * x) of DECIMAL"
            }
        };
        Diagnostic::at(&model.file, place, message)
            .help(help)
            .as_warning()
    }
}

/// Whether adding up rounds: whole numbers that were made DOUBLE have no digits to lose.
fn is_rounded(summed: &Expr, input: &DFSchema) -> Result<bool> {
    let given = match summed {
        Expr::Cast(cast) => cast.expr.as_ref(),
        other => other,
    };
    Ok(is_float(&summed.get_type(input)?) && !given.get_type(input)?.is_integer())
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float64 | DataType::Float32)
}

/// The one column that it is computed from.
fn column_of(summed: &Expr) -> Option<String> {
    let mut columns = summed.column_refs().into_iter();
    let first = columns.next().map(|column| column.name.clone());
    first.filter(|_| columns.next().is_none())
}
