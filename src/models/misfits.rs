//! Texts that a statement needs as another type and that are none: `interactions_7d >= 'three'`.
//! The engine would find them only when it computes.

use std::ops::{ControlFlow, Range};

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{Expr as Written, Value, Visit, Visitor};

use crate::ground::{Diagnostic, Problems, sql_type};
use crate::job::ParameterValue;

use super::own_plan::each_node;
use super::places::bytes_of;
use super::{Model, Parameters};

/// Refuses the texts of a model's own plan that cannot be cast as they are.
///
/// # Errors
/// Each of them, at the parameter that it is the value of, or where it is written.
pub(super) fn check(
    plan: &LogicalPlan,
    model: &Model,
    parameters: &Parameters,
) -> Result<(), Problems> {
    let mut misfits: Vec<Misfit> = Vec::new();
    each_node(plan, model, |node| {
        for expression in node.expressions() {
            expression.apply(|part| {
                let misfit = Misfit::of(part);
                misfits.extend(misfit.filter(|misfit| !misfits.contains(misfit)));
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(())
    })?;
    let problems = misfits
        .iter()
        .map(|misfit| misfit.explain(model, parameters));
    Problems(problems.collect()).or_ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Misfit {
    text: String,
    /// The type it should have, as SQL calls it.
    expected: String,
}

impl Misfit {
    fn of(part: &Expr) -> Option<Self> {
        let Expr::Cast(Cast { expr, field }) = part else {
            return None;
        };
        let Expr::Literal(value, _) = expr.as_ref() else {
            return None;
        };
        let text = value.try_as_str().flatten()?;
        let is_misfit = ScalarValue::cast_to(value, field.data_type()).is_err();
        is_misfit.then(|| Self {
            text: text.to_owned(),
            expected: sql_type(field.data_type()),
        })
    }

    fn explain(&self, model: &Model, parameters: &Parameters) -> Diagnostic {
        let Self { text, expected } = self;
        let mut source = Source {
            model,
            parameters,
            text,
            parameter: None,
            written: None,
        };
        let ControlFlow::Continue(()) = Visit::visit(&model.statement, &mut source);
        if let Some((name, place)) = source.parameter {
            let message = format!("`{name}` is '{text}', where a {expected} is needed");
            return Diagnostic::at(&model.file, place, message).help(format!(
                "set {} to a value of type {expected} under [params] in the job, or in parameters.toml",
                name.trim_start_matches('$')
            ));
        }
        let place = source.written.unwrap_or_else(|| model.head());
        let message = format!("'{text}' is compared with a {expected}");
        let help = match &**expected {
            "DATE" => "write a day as DATE '2026-10-01', or CAST the other side",
            _ => "CAST the other side, or correct the value",
        };
        Diagnostic::at(&model.file, place, message).help(help)
    }
}

/// Looks for a text in a statement.
struct Source<'a> {
    model: &'a Model,
    parameters: &'a Parameters,
    text: &'a str,
    parameter: Option<(String, Range<usize>)>,
    written: Option<Range<usize>>,
}

impl Visitor for Source<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expression: &Written) -> ControlFlow<Self::Break> {
        let Written::Value(value) = expression else {
            return ControlFlow::Continue(());
        };
        let place = || bytes_of(&self.model.file, value.span);
        match &value.value {
            Value::Placeholder(name) if self.parameter.is_none() => {
                let bound = self.parameters.value_at(name, value.span, &self.model.file);
                if matches!(bound, Ok(ParameterValue::Text(text)) if text == self.text) {
                    self.parameter = Some((name.clone(), place()));
                }
            }
            Value::SingleQuotedString(text) if self.written.is_none() && text == self.text => {
                self.written = Some(place());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
