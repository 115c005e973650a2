//! What the engine says, in words for people who write SQL, with a remedy.

use crate::ground::{nearest, with_sql_types};

/// A message of the engine in words for people who write SQL.
pub(super) struct Wording {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Wording {
    /// `message` is what the engine wants shown, `said` the whole error.
    pub(super) fn of(message: &str, said: &str) -> Self {
        let known = Self::of_functions(said)
            .or_else(|| Self::of_subqueries(said))
            .or_else(|| Self::of_values(said))
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
            if name == "make_array" {
                let message = "the values of [..] are of different types".to_owned();
                let help = "CAST them to one type; structs have the same fields in the same order, of the same types";
                return Some(Self::plain(message, help));
            }
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
        if let Some(name) = between(said, "Function '", "' failed to match any signature") {
            let message = format!("`{name}` does not take these arguments");
            let help = "CAST them to what it takes, and give it as many as it takes";
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

    /// Values that are not of the kind that is needed.
    fn of_values(said: &str) -> Option<Self> {
        if said.contains("non-boolean predicate")
            && let Some((_, data_type)) = said.rsplit_once("returning ")
        {
            let data_type = with_sql_types(data_type.trim());
            let message = format!("a condition is of type {data_type}, and not true or false");
            return Some(Self::plain(message, "compare it, as in x > 0"));
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
        let (_, text) = said.split_once("Cannot cast string '")?;
        let (text, data_type) = text.split_once("' to value of ")?;
        let data_type = with_sql_types(data_type.trim_end_matches(" type"));
        let message = format!("`{text}` cannot be cast to {data_type}");
        let help =
            "write a value of that type; values of one column or of one [..] are cast to one type";
        Some(Self::plain(message, help))
    }

    /// Names that are there twice, or not known.
    fn of_names(message: &str, said: &str) -> Option<Self> {
        if let Some(name) = between(said, "duplicate unqualified field name \"", "\"") {
            let message = format!("two aggregates differ by a CAST alone: `{name}`");
            let help = "CAST in a table of WITH, under a name of its own, and aggregate that";
            return Some(Self::plain(message, help));
        }
        if let Some(name) = named_twice(said) {
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
pub(super) const LOOKUP: &str = "(SELECT";

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

/// Lower case at the start of a sentence, unless it starts with an abbreviation or a keyword.
pub(super) fn lowercase_first(message: &str) -> String {
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
