//! From a parsed model to an analysed plan, and from the engine's errors to diagnostics.

use std::ops::{ControlFlow, Range};

use datafusion::common::{Column, DataFusionError, SchemaError};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, Statement, TableFactor, Value, VisitMut, VisitorMut,
};

use crate::ground::{Diagnostic, Folder, Problems, SourceFile, nearest};

use super::model::bytes_of;
use super::parameters::literal_of;
use super::{Model, Parameters};

/// Plans a model whose tables are all registered in the session.
///
/// # Errors
/// Unknown parameters and columns, and types that do not fit, each at its place in the file.
pub async fn plan(
    state: &SessionState,
    model: &Model,
    parameters: &Parameters,
) -> Result<LogicalPlan, Problems> {
    let statement = bind(model, parameters)?;
    let statement = EngineStatement::Statement(Box::new(statement));
    let planned = state.statement_to_plan(statement).await;
    let analysed = planned.and_then(|plan| {
        let analyzer = state.analyzer();
        analyzer.execute_and_check(plan, state.config_options(), |_, _| {})
    });
    analysed.map_err(|error| explain(&error, &model.file))
}

/// The statement with typed literals in place of its parameters and `windows(...)` calls turned
/// into the tables that hold their results.
///
/// # Errors
/// Parameters that nothing declares.
pub fn bind(model: &Model, parameters: &Parameters) -> Result<Statement, Problems> {
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
        let schema = Ident::new(Folder::Rollups.as_str());
        let table = Ident::with_quote('"', call.table_name(&read.table.name));
        Some(ObjectName::from(vec![schema, table]))
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
        if let Expr::Value(value) = expression
            && let Value::Placeholder(name) = &value.value
        {
            let bound = self.parameters.value_at(name, value.span, &self.model.file);
            if let Some(value) = self.problems.keep(bound) {
                *expression = literal_of(value);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Every problem in an engine error, each with the place it names, or else the file's first line.
pub fn explain(error: &DataFusionError, file: &SourceFile) -> Problems {
    Problems(error.iter().map(|error| explain_one(error, file)).collect())
}

fn explain_one(error: &DataFusionError, file: &SourceFile) -> Diagnostic {
    let spanned = error.diagnostic();
    let place = spanned.and_then(|diagnostic| diagnostic.span).map(|span| {
        file.byte_at(span.start.line, span.start.column)
            ..file.byte_at(span.end.line, span.end.column)
    });
    if let DataFusionError::SchemaError(schema_error, _) = error.find_root()
        && let SchemaError::FieldNotFound {
            field,
            valid_fields,
        } = schema_error.as_ref()
    {
        return unknown_column(field, valid_fields, place, file);
    }
    let message = match spanned {
        Some(diagnostic) => diagnostic.message.clone(),
        None => error.strip_backtrace(),
    };
    let place = place.unwrap_or_else(|| place_of_quoted(&message, file));
    let mut problem = Diagnostic::at(file, place, lowercase_first(&message));
    let notes = spanned.iter().flat_map(|diagnostic| &diagnostic.helps);
    for note in notes {
        problem = problem.help(&note.message);
    }
    problem
}

fn unknown_column(
    field: &Column,
    valid_fields: &[Column],
    place: Option<Range<usize>>,
    file: &SourceFile,
) -> Diagnostic {
    let message = format!("unknown column `{}`", field.name);
    let place = place.unwrap_or_else(|| place_of_word(&field.name, file));
    let problem = Diagnostic::at(file, place, message);
    let names = || valid_fields.iter().map(|field| field.name.as_str());
    match nearest(&field.name, names()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!(
            "there are: {}",
            names().collect::<Vec<_>>().join(", ")
        )),
    }
}

/// The first word in quotes of a message that stands in the file, so that errors without a place
/// still point near the cause.
fn place_of_quoted(message: &str, file: &SourceFile) -> Range<usize> {
    message
        .split(['\'', '`', '"'])
        .skip(1)
        .step_by(2)
        .map(|word| place_of_word(word, file))
        .find(|place| !place.is_empty())
        .unwrap_or(0..0)
}

fn place_of_word(word: &str, file: &SourceFile) -> Range<usize> {
    match file.text.find(word) {
        Some(start) => start..start + word.len(),
        None => 0..0,
    }
}

fn lowercase_first(message: &str) -> String {
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(characters).collect()
    })
}
