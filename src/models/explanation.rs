//! What the engine says of SQL, as diagnostics: in words for people who write SQL, at a place in the
//! file, with a remedy.

use std::ops::Range;

use datafusion::common::{Column, DataFusionError, SchemaError};

use crate::ground::{Diagnostic, Problems, SourceFile, nearest};

use super::looked_at::LookedAt;
use super::wording::{Wording, lowercase_first};

/// Every problem in an engine error, each with the place it names, or else the
/// statement's first word.
pub(crate) fn explain(error: &DataFusionError, file: &SourceFile) -> Problems {
    explain_part(error, file, None)
}

/// As [`explain`], where `part` of the file is what cannot be planned.
pub(super) fn explain_part(
    error: &DataFusionError,
    file: &SourceFile,
    part: Option<Range<usize>>,
) -> Problems {
    let looked_at = LookedAt { file, part };
    let problems = error.iter().map(|error| explain_one(error, &looked_at));
    Problems(problems.collect())
}

/// Whether the engine says where each of its errors is.
pub(super) fn is_placed(error: &DataFusionError) -> bool {
    let mut errors = error.iter();
    errors.all(|error| error.diagnostic().is_some_and(|found| found.span.is_some()))
}

fn explain_one(error: &DataFusionError, looked_at: &LookedAt<'_>) -> Diagnostic {
    let file = looked_at.file;
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
        return unknown_column(field, valid_fields, place, looked_at);
    }
    let said = said_by(error.find_root());
    let message = match spanned {
        Some(diagnostic) if diagnostic.message != INCOMPATIBLE => diagnostic.message.as_str(),
        _ => &said,
    };
    let wording = Wording::of(message, &said);
    let place = place.unwrap_or_else(|| looked_at.place_of_quoted(&wording.message));
    let mut problem = Diagnostic::at(file, place, wording.message);
    let notes = spanned.iter().flat_map(|diagnostic| &diagnostic.helps);
    for note in notes {
        problem = problem.help(lowercase_first(&note.message));
    }
    match wording.help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// What the engine says of operands that do not fit, in its diagnostics; the error itself names
/// the types.
const INCOMPATIBLE: &str = "expressions have incompatible types";

/// An error's own words, without the engine's names for kinds of errors.
fn said_by(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Plan(text)
        | DataFusionError::NotImplemented(text)
        | DataFusionError::Execution(text)
        | DataFusionError::Internal(text) => text.clone(),
        DataFusionError::SchemaError(error, _) => error.to_string(),
        other => other.strip_backtrace(),
    }
}

fn unknown_column(
    field: &Column,
    valid_fields: &[Column],
    place: Option<Range<usize>>,
    looked_at: &LookedAt<'_>,
) -> Diagnostic {
    let place = place.unwrap_or_else(|| looked_at.place_of_word(&field.name));
    // A column that is there under another table's name is shown with both.
    let elsewhere = valid_fields.iter().any(|valid| valid.name == field.name);
    let shown = |column: &Column| match elsewhere {
        true => column.flat_name(),
        false => column.name.clone(),
    };
    let message = format!("unknown column `{}`", shown(field));
    let problem = Diagnostic::at(looked_at.file, place, message);
    let names: Vec<String> = valid_fields.iter().map(shown).collect();
    let near = match elsewhere {
        true => valid_fields.iter().find(|valid| valid.name == field.name),
        false => None,
    };
    let near = near.map(Column::flat_name);
    let near = near.or_else(|| {
        let near = nearest(&field.name, names.iter().map(String::as_str));
        near.map(str::to_owned)
    });
    let meant = match (near, &field.relation) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(_)) => format!("there are: {}", names.join(", ")),
        (None, None) => format!(
            "there are: {}; a text has single quotes: '{}'",
            names.join(", "),
            field.name
        ),
    };
    match other_window(&field.name, &names, looked_at.file) {
        Some(window) => problem.help(format!("{meant} {window}")),
        None => problem.help(meant),
    }
}

/// What to do for a column of a window that is not asked for: `orders_14d`, where there are
/// `orders_7d` and `orders_30d`.
fn other_window(column: &str, known: &[String], file: &SourceFile) -> Option<String> {
    let (metric, window) = split_window(column)?;
    let mut others = known.iter().filter_map(|name| split_window(name));
    others.find(|(other, _)| *other == metric)?;
    Some(match file.text.contains("windows(") {
        true => format!("For another window, add '{window}' to windows(..) in FROM"),
        false => format!(
            "For another window, add '{window}' to windows(..) in the model of features/ that selects these, and `{column}` to what it selects"
        ),
    })
}

/// A column's metric and window: `orders_prev_60d` is `orders` of `prev_60d`.
fn split_window(column: &str) -> Option<(&str, &str)> {
    let column = column.rsplit('.').next()?;
    let (metric, days) = column.rsplit_once('_')?;
    let digits = days.strip_suffix('d')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let metric = metric.strip_suffix("_prev").unwrap_or(metric);
    is_number.then(|| (metric, &column[metric.len() + 1..]))
}
