//! What the engine says of SQL, as diagnostics: in words for people who write SQL, at a place in the
//! file, with a remedy.

use std::ops::Range;

use datafusion::common::{Column, DataFusionError, SchemaError};

use crate::ground::{Diagnostic, Problems, SourceFile, nearest, with_sql_types};

use super::places::head_of;

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
            .or_else(|| Self::of_literals(said))
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
            if name == "make_array" {
                let message = "the values of [..] are of different types".to_owned();
                let help = "CAST them to one type; structs have the same fields in the same order, of the same types";
                return Some(Self::plain(message, help));
            }
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
        if let Some(name) = between(said, "Function '", "' failed to match any signature") {
            let message = format!("`{name}` does not take these arguments");
            let help = "CAST them to what it takes, and give it as many as it takes";
            return Some(Self::plain(message, help));
        }
        if let Some(found) = between(said, "Cannot access field at argument ", " is not Struct") {
            let found = found.split_once("type ").map_or(found, |(_, found)| found);
            let message = format!(
                "a field is asked of a {}, which has none",
                with_sql_types(found)
            );
            let help = "the name before the point is a column's: name the table that has what stands behind it, which may be misspelt";
            return Some(Self::plain(message, help));
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

    /// Texts that are cast to what they are not.
    fn of_literals(said: &str) -> Option<Self> {
        let text = between(said, "Cannot cast string '", "' to value of ")?;
        let (_, data_type) = said.split_once("' to value of ")?;
        let data_type = with_sql_types(data_type.trim_end_matches(" type"));
        let message = format!("`{text}` cannot be cast to {data_type}");
        let help =
            "write a value of that type; values of one column or of one [..] are cast to one type";
        Some(Self::plain(message, help))
    }

    /// Names that are there twice, or not known.
    fn of_names(message: &str, said: &str) -> Option<Self> {
        if let Some(name) = named_twice(said) {
            if name.contains('(') {
                let message = format!("two aggregates differ by a CAST alone: `{name}`");
                let help = "CAST in a table of WITH, under a name of its own, and aggregate that";
                return Some(Self::plain(message, help));
            }
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
        let written = between(said, "expression \"", "\" at position")?;
        let alias = written.rsplit_once(" AS ").map(|(_, alias)| alias);
        return alias.or_else(|| written.rsplit('.').next());
    }
    let ambiguous = between(
        said,
        "and unqualified field name ",
        " which would be ambiguous",
    );
    ambiguous.or_else(|| between(said, "duplicate unqualified field name \"", "\""))
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
    let meant = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", names.join(", ")),
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

/// The file that an error is in.
struct LookedAt<'a> {
    file: &'a SourceFile,
    /// The part of it that cannot be planned; none when that is not known.
    part: Option<Range<usize>>,
}

impl LookedAt<'_> {
    /// The text that the error may come from, and where it begins.
    fn text(&self) -> (&str, usize) {
        let whole = head_of(self.file).start..self.file.text.len();
        let part = self.part.clone().unwrap_or(whole);
        (&self.file.text[part.clone()], part.start)
    }

    /// Where the text begins: its first word, or its first line where it is a part.
    fn head(&self) -> Range<usize> {
        let (text, start) = self.text();
        match &self.part {
            Some(_) => start..start + text.lines().next().unwrap_or_default().len(),
            None => head_of(self.file),
        }
    }

    /// The first word in quotes of a message that is in the text, so that errors without a place
    /// still point near the cause.
    fn place_of_quoted(&self, message: &str) -> Range<usize> {
        let quoted = message.split(['\'', '`', '"']).skip(1).step_by(2);
        let quoted: Vec<&str> = quoted.collect();
        let place_in = |text: &Self| {
            quoted.iter().find_map(|word| match *word {
                LOOKUP => text.find_lookup(),
                word => text.find_word(word),
            })
        };
        let in_part = place_in(self).or_else(|| place_in(&self.whole()));
        in_part.unwrap_or_else(|| self.head())
    }

    /// The same file, all of it.
    fn whole(&self) -> Self {
        Self {
            file: self.file,
            part: None,
        }
    }

    /// The first place of a word, in whatever case.
    fn place_of_word(&self, word: &str) -> Range<usize> {
        self.find_word(word).unwrap_or_else(|| self.head())
    }

    /// A whole word, or else a part of one.
    fn find_word(&self, word: &str) -> Option<Range<usize>> {
        let (text, start) = self.text();
        let (text, wanted) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
        let found = text.match_indices(&wanted).filter(|_| !word.is_empty());
        let found: Vec<usize> = found.map(|(at, _)| at).collect();
        let goes_on = |c: char| c.is_alphanumeric() || c == '_';
        let is_whole = |at: &&usize| {
            !text[..**at].ends_with(goes_on) && !text[**at + wanted.len()..].starts_with(goes_on)
        };
        let at = found.iter().find(is_whole).or(found.first())?;
        Some(start + at..start + at + word.len())
    }

    /// Where a subquery that stands for a value begins: not one that is read or looked into.
    fn find_lookup(&self) -> Option<Range<usize>> {
        const NO_VALUES: [&str; 9] = [
            "from", "join", "in", "exists", "lateral", "as", "all", "any", "union",
        ];
        let (text, start) = self.text();
        let end = start + text.len();
        let file = self.file.text.to_ascii_lowercase();
        // The place of a subquery begins behind its parenthesis.
        let before = file[..start].trim_end();
        let start = match before.ends_with('(') {
            true => before.len() - 1,
            false => start,
        };
        let mut opened = file[start..end].match_indices('(').filter(|(at, _)| {
            let (before, behind) = (&file[..start + at], &file[start + at + 1..]);
            let is_select = behind.trim_start().starts_with("select");
            let before = before.trim_end();
            let word = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next();
            is_select && word.is_none_or(|word| !NO_VALUES.contains(&word))
        });
        let (at, _) = opened.next()?;
        Some(start + at..start + at + 1)
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
