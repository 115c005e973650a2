//! Columns of one name in a CTE or a subquery, of which a query above asks for that name: the engine takes
//! the first of them, where SQL has the name ambiguous.
//!
//! The engine gives the second one another name, `name:1`. `SELECT *` hands both on, and asks for neither.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Location};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::ground::{Diagnostic, Problems};

use super::Model;
use super::own_plan::each_node;

/// Refuses them, in a plan before types are made to fit.
///
/// # Errors
/// Each name, where it is asked for.
pub(super) fn check(plan: &LogicalPlan, model: &Model) -> Result<(), Problems> {
    let mut problems: Vec<Diagnostic> = Vec::new();
    each_node(plan, model, |node| {
        let schema = merge_schema(&node.inputs());
        let expressions = node.expressions();
        for expression in &expressions {
            expression.apply(|part| {
                if let Expr::Column(column) = part
                    && let Some(second) = second_of(column, &schema)
                    && !expressions.contains(&Expr::Column(second))
                {
                    let problem = ambiguous(column, model);
                    if !problems.contains(&problem) {
                        problems.push(problem);
                    }
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(())
    })?;
    Problems(problems).or_ok(())
}

/// The column beside it that had the same name.
fn second_of(column: &Column, schema: &DFSchema) -> Option<Column> {
    let name = format!("{}:1", column.name);
    let second = Column::new(Some(column.relation.clone()?), name);
    schema.has_column(&second).then_some(second)
}

fn ambiguous(column: &Column, model: &Model) -> Diagnostic {
    let Column { name, relation, .. } = column;
    let relation = relation.as_ref().map(ToString::to_string);
    let message = format!(
        "`{name}` is the name of more than one column of `{}`",
        relation.unwrap_or_default()
    );
    let byte = |at: Location| model.file.byte_at(at.line, at.column);
    let place = match column.spans().first() {
        Some(span) => byte(span.start)..byte(span.end).max(byte(span.start)),
        None => model.place_of(name),
    };
    Diagnostic::at(&model.file, place, message)
        .help("list the columns there in place of `*`, or give one of them another name with AS")
}
