//! What the engine says of SQL, as diagnostics: in words for people who write SQL, at a place in the
//! file, with a remedy.

use std::ops::Range;

use datafusion::common::{Column, DataFusionError, SchemaError};

use crate::ground::{Diagnostic, Problems, SourceFile, nearest, with_sql_types};

use super::places::head_of;

/// Every problem in an engine error, each with the place it names, or else the
/// statement's first word.
pub(crate) fn explain(error: &DataFusionError, file: &SourceFile) -> Problems {
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
    let said = said_by(error.find_root());
    let message = match spanned {
        Some(diagnostic) if diagnostic.message != INCOMPATIBLE => diagnostic.message.as_str(),
        _ => &said,
    };
    let wording = Wording::of(message, &said);
    let place = place.unwrap_or_else(|| place_of_quoted(&wording.message, file));
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

/// A message of the engine in words for people who write SQL.
struct Wording {
    message: String,
    help: Option<String>,
}

impl Wording {
    /// `message` is what the engine wants shown, `said` the whole error.
    fn of(message: &str, said: &str) -> Self {
        let known = Self::of_functions(said)
            .or_else(|| Self::of_subqueries(said))
            .or_else(|| Self::of_names(message, said));
        known.unwrap_or_else(|| {
            let first_line = message.lines().next().unwrap_or_default();
            let words = first_line.split(" { ").next().unwrap_or_default();
            let words = words.replace("Unsupported ast node", "unsupported SQL:");
            Self {
                message: lowercase_first(with_sql_types(&words).trim_end_matches('.')),
                help: None,
            }
        })
    }

    fn plain(message: String, help: &str) -> Self {
        Self {
            message,
            help: Some(help.to_owned()),
        }
    }

    /// Functions and operators, and what they take.
    fn of_functions(said: &str) -> Option<Self> {
        if let Some(call) = between(said, "the given name and argument types '", "'") {
            let name = call.split('(').next().unwrap_or_default();
            let candidates = said.split_once("Candidate functions:");
            let candidates = candidates.map_or("", |(_, candidates)| candidates);
            let forms: Vec<&str> = candidates.lines().map(str::trim).collect();
            let forms: Vec<&str> = forms.into_iter().filter(|form| !form.is_empty()).collect();
            return Some(Self {
                message: format!(
                    "`{name}` does not take these arguments: {}",
                    with_sql_types(call)
                ),
                help: (!forms.is_empty()).then(|| {
                    format!(
                        "CAST them to what it takes: {}",
                        with_sql_types(&forms.join(", "))
                    )
                }),
            });
        }
        if let Some(operation) = between(said, "Cannot coerce arithmetic expression ", " to valid")
        {
            let message = format!("cannot compute {}", with_sql_types(operation));
            return Some(Self::plain(
                message,
                "CAST one side to the type of the other",
            ));
        }
        if let Some(name) = between(said, "Invalid function '", "'") {
            let near = between(said, "Did you mean '", "'")
                .filter(|near| nearest(name, [*near]).is_some());
            return Some(Self {
                message: format!("unknown function `{name}`"),
                help: near.map(|near| format!("did you mean `{near}`?")),
            });
        }
        None
    }

    /// Subqueries where the engine has none, or none that give one value.
    fn of_subqueries(said: &str) -> Option<Self> {
        if said.contains("Physical plan does not support logical expression") {
            let (written, help) = match said.contains("InSubquery(") {
                true => ("IN (SELECT", JOIN_TO_ASK),
                false if said.contains("Exists(") => ("EXISTS", JOIN_TO_ASK),
                false => (LOOKUP, JOIN_TO_LOOK_UP),
            };
            let message = format!("a subquery cannot be computed here: `{written}`");
            return Some(Self::plain(message, help));
        }
        if said.contains("scalar subquery must be aggregated")
            || said.contains("in a scalar correlated subquery")
        {
            let message = format!("a subquery may give several values for one row: `{LOOKUP}`");
            return Some(Self::plain(message, JOIN_TO_LOOK_UP));
        }
        None
    }

    /// Names that are there twice, or not known.
    fn of_names(message: &str, said: &str) -> Option<Self> {
        if let Some(name) = named_twice(said) {
            let name = name.rsplit(" AS ").next().unwrap_or(name);
            let message = format!("two columns are named `{name}`");
            return Some(Self::plain(
                message,
                "give one of them another name with AS",
            ));
        }
        if let Some(name) =
            between(message, "table '", "' not found").filter(|name| !name.contains('.'))
        {
            let message = format!("what WITH calls `{name}` is not known here");
            let help = "a subquery in [..] or {..} knows no table of WITH: compute its value in a table of WITH, and name the column here";
            return Some(Self::plain(message, help));
        }
        if let Some(name) = said.strip_prefix("Unsupported SQL type ") {
            let message = format!("unknown type `{name}`");
            return Some(Self::plain(
                message,
                "types are BIGINT, VARCHAR, DECIMAL(p, s), DOUBLE, BOOLEAN, DATE, TIMESTAMP and more",
            ));
        }
        None
    }
}

/// How a subquery that stands for a value begins.
const LOOKUP: &str = "(SELECT";

const JOIN_TO_ASK: &str =
    "put it into WHERE, or LEFT JOIN what it selects and ask whether its column IS NOT NULL";

const JOIN_TO_LOOK_UP: &str = "LEFT JOIN its table in FROM and select the column; where several of its rows may match one, join a SELECT of it that is grouped by the columns that are compared, with MIN(...) or MAX(...) of the column";

/// The name that two columns have, of a SELECT or of a table beneath it.
fn named_twice(said: &str) -> Option<&str> {
    if said.contains("require unique expression names") {
        let name = between(said, "\"", "\"")?;
        return name.rsplit('.').next();
    }
    between(
        said,
        "and unqualified field name ",
        " which would be ambiguous",
    )
}

/// The text after `before` and up to the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn unknown_column(
    field: &Column,
    valid_fields: &[Column],
    place: Option<Range<usize>>,
    file: &SourceFile,
) -> Diagnostic {
    let place = place.unwrap_or_else(|| place_of_word(&field.name, file));
    // A column that is there under another table's name is shown with both.
    let elsewhere = valid_fields.iter().any(|valid| valid.name == field.name);
    let shown = |column: &Column| match elsewhere {
        true => column.flat_name(),
        false => column.name.clone(),
    };
    let message = format!("unknown column `{}`", shown(field));
    let problem = Diagnostic::at(file, place, message);
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
    match near {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem.help(format!("there are: {}", names.join(", "))),
    }
}

/// The first word in quotes of a message that is in the file, so that errors without a place
/// still point near the cause.
fn place_of_quoted(message: &str, file: &SourceFile) -> Range<usize> {
    message
        .split(['\'', '`', '"'])
        .skip(1)
        .step_by(2)
        .map(|word| match word {
            LOOKUP => place_of_lookup(file),
            word => place_of_word(word, file),
        })
        .find(|place| !place.is_empty())
        .unwrap_or_else(|| head_of(file))
}

/// Where a subquery that stands for a value begins: not one that is read or looked into.
fn place_of_lookup(file: &SourceFile) -> Range<usize> {
    const NO_VALUES: [&str; 9] = [
        "from", "join", "in", "exists", "lateral", "as", "all", "any", "union",
    ];
    let head = head_of(file);
    let statement = file.text[head.start..].to_ascii_lowercase();
    let mut opened = statement.match_indices('(').filter(|(at, _)| {
        let is_select = statement[at + 1..].trim_start().starts_with("select");
        let before = statement[..*at].trim_end();
        let word = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next();
        is_select && word.is_none_or(|word| !NO_VALUES.contains(&word))
    });
    match opened.next() {
        Some((at, _)) => head.start + at..head.start + at + 1,
        None => head,
    }
}

/// The first place of a word in the statement, in whatever case.
fn place_of_word(word: &str, file: &SourceFile) -> Range<usize> {
    let head = head_of(file);
    let statement = file.text[head.start..].to_ascii_lowercase();
    match statement.find(&word.to_ascii_lowercase()) {
        Some(start) => head.start + start..head.start + start + word.len(),
        None => head,
    }
}

/// Lower case at the start of a sentence, unless it starts with an abbreviation or a keyword.
fn lowercase_first(message: &str) -> String {
    let mut characters = message.chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let rest = characters.as_str();
    if rest.starts_with(char::is_uppercase) {
        return message.to_owned();
    }
    first.to_lowercase().chain(rest.chars()).collect()
}
