//! From a parsed model to an analysed plan.

use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Statement, TableFactor, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::engine::analysed;
use crate::ground::{Diagnostic, Problems, SourceFile, SqlSchema};
use crate::job::ParameterValue;

use super::at_time_zone::in_microseconds;
use super::culprit::culprit;
use super::explanation::{explain_part, is_placed};
use super::parameters::{literal_of, text_literal, truth};
use super::places::bytes_of;
use super::{Model, Parameters, comparisons, last_few, misfits, same_names};

/// Plans a model whose tables are all registered in the session.
///
/// # Errors
/// Unknown parameters and columns, and types that do not fit, each at its place in the file.
pub(crate) async fn plan(
    state: &SessionState,
    model: &Model,
    parameters: &Parameters,
) -> Result<LogicalPlan, Problems> {
    let mut statement = bind(model, parameters)?;
    in_microseconds(&mut statement);
    let planned = state
        .statement_to_plan(EngineStatement::Statement(Box::new(statement.clone())))
        .await;
    let plan = match planned {
        Ok(plan) => plan,
        Err(error) => return Err(Box::pin(explained(&error, &statement, state, model)).await),
    };
    comparisons::check(&plan, model)?;
    same_names::check(&plan, model)?;
    let plan = match analysed(plan, state) {
        Ok(plan) => plan,
        Err(error) => return Err(Box::pin(explained(&error, &statement, state, model)).await),
    };
    misfits::check(&plan, model, parameters)?;
    last_few::check(&plan, model)?;
    Ok(plan)
}

/// What is wrong with a statement, where it is.
async fn explained(
    error: &DataFusionError,
    statement: &Statement,
    state: &SessionState,
    model: &Model,
) -> Problems {
    let part = match is_placed(error) {
        true => None,
        false => culprit(statement, error, state).await,
    };
    let part = part.map(|span| bytes_of(&model.file, span));
    explain_part(error, &model.file, part)
}

/// The statement with typed literals in place of its parameters and `windows(...)` calls turned
/// into the tables that hold their results.
///
/// # Errors
/// Parameters that nothing declares.
pub(crate) fn bind(model: &Model, parameters: &Parameters) -> Result<Statement, Problems> {
    let mut statement = model.statement.clone();
    let mut binder = Binder {
        model,
        parameters,
        problems: Problems::default(),
    };
    let ControlFlow::Continue(()) = VisitMut::visit(&mut statement, &mut binder);
    binder.problems.or_ok(statement)
}

struct Binder<'a> {
    model: &'a Model,
    parameters: &'a Parameters,
    problems: Problems,
}

impl Binder<'_> {
    /// The call among the model's reads that starts inside `place`'s call.
    fn windows_table(&self, after: usize) -> Option<ObjectName> {
        let read = self
            .model
            .reads
            .iter()
            .find(|read| read.windows.is_some() && read.place.start > after)?;
        let call = read.windows.as_ref()?;
        let schema = Ident::new(SqlSchema::Rollups.as_str());
        let table = Ident::with_quote('"', call.table_name(&read.table.name));
        Some(ObjectName::from(vec![schema, table]))
    }
}

impl Binder<'_> {
    /// Puts the texts of lists in place of their parameters.
    fn write_out_lists(&self, list: &mut Vec<Expr>) {
        let written = list.drain(..).flat_map(|item| match self.texts_of(&item) {
            Some(texts) => texts.iter().map(|text| text_literal(text)).collect(),
            None => vec![item],
        });
        *list = written.collect();
    }

    fn texts_of(&self, item: &Expr) -> Option<&[String]> {
        let Expr::Value(value) = item else {
            return None;
        };
        let Value::Placeholder(name) = &value.value else {
            return None;
        };
        match self.parameters.get(name.trim_start_matches('$'))? {
            ParameterValue::List(texts) => Some(texts),
            _ => None,
        }
    }
}

impl VisitorMut for Binder<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        if let TableFactor::Table { name, args, .. } = factor
            && args.is_some()
        {
            let function = bytes_of(
                &self.model.file,
                datafusion::sql::sqlparser::ast::Spanned::span(name),
            );
            if let Some(table) = self.windows_table(function.start) {
                *name = table;
                *args = None;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::InList { list, negated, .. } = expression {
            self.write_out_lists(list);
            if list.is_empty() {
                *expression = truth(*negated);
            }
        }
        if let Expr::Value(value) = expression
            && let Value::Placeholder(name) = &value.value
        {
            let (name, span) = (name.clone(), value.span);
            let bound = self.parameters.value_at(&name, span, &self.model.file);
            if let Some(value) = self.problems.keep(bound) {
                match literal_of(value) {
                    Some(literal) => *expression = literal,
                    None => self
                        .problems
                        .push(list_outside_in(&name, span, &self.model.file)),
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn list_outside_in(name: &str, span: Span, file: &SourceFile) -> Diagnostic {
    let message = format!("`{name}` is a list");
    Diagnostic::at(file, bytes_of(file, span), message)
        .help(format!("lists stand in IN ({name}) or NOT IN ({name})"))
}
