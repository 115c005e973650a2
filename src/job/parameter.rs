//! The value of a `$parameter`: TOML in, a typed SQL literal out.
//!
//! | TOML | SQL literal |
//! |---|---|
//! | `30` | BIGINT |
//! | `0.5` | DECIMAL with the digits as written |
//! | `'text'` | VARCHAR |
//! | `true` | BOOLEAN |
//! | `2026-11-20` | DATE |
//! | `['guest', 0]` | the texts 'guest' and '0', in `IN ($name)` |

use std::fmt;

use chrono::NaiveDate;

/// What parts the texts of a list in one text; nobody writes it into an id or a status.
const LIST_SEPARATOR: &str = "\u{1f}";

/// A typed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterValue {
    /// BIGINT
    Integer(i64),
    /// DECIMAL, by its digits as written: an optional sign, digits, one point.
    Decimal(String),
    /// VARCHAR
    Text(String),
    /// BOOLEAN
    Boolean(bool),
    /// DATE
    Date(NaiveDate),
    /// Texts, for `IN` alone.
    List(Vec<String>),
}

impl fmt::Display for ParameterValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(formatter),
            Self::Decimal(digits) => formatter.write_str(digits),
            Self::Text(text) => write!(formatter, "'{text}'"),
            Self::Boolean(value) => value.fmt(formatter),
            Self::Date(day) => day.fmt(formatter),
            Self::List(texts) => write!(formatter, "{texts:?}"),
        }
    }
}

impl ParameterValue {
    /// The value's kind and text, which [`of_parts`](Self::of_parts) reads back.
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Integer(value) => ("integer", value.to_string()),
            Self::Decimal(digits) => ("decimal", digits.clone()),
            Self::Text(text) => ("text", text.clone()),
            Self::Boolean(value) => ("boolean", value.to_string()),
            Self::Date(day) => ("date", day.to_string()),
            Self::List(texts) => ("list", texts.join(LIST_SEPARATOR)),
        }
    }

    /// The value of a kind and a text; none when they do not fit.
    pub fn of_parts(kind: &str, text: &str) -> Option<Self> {
        match kind {
            "integer" => text.parse().ok().map(Self::Integer),
            "decimal" => Some(Self::Decimal(text.to_owned())),
            "text" => Some(Self::Text(text.to_owned())),
            "boolean" => text.parse().ok().map(Self::Boolean),
            "date" => text.parse().ok().map(Self::Date),
            "list" if text.is_empty() => Some(Self::List(Vec::new())),
            "list" => Some(Self::List(
                text.split(LIST_SEPARATOR).map(str::to_owned).collect(),
            )),
            _ => None,
        }
    }

    /// A TOML value as a parameter; none for tables, times, and arrays of anything but texts and
    /// whole numbers.
    pub fn from_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Integer(value) => Some(Self::Integer(*value)),
            toml::Value::Float(value) => decimal_digits(*value).map(Self::Decimal),
            toml::Value::String(text) => Some(Self::Text(text.clone())),
            toml::Value::Boolean(value) => Some(Self::Boolean(*value)),
            toml::Value::Datetime(datetime) => datetime.to_string().parse().ok().map(Self::Date),
            toml::Value::Array(values) => {
                let texts = values.iter().map(list_text);
                texts.collect::<Option<_>>().map(Self::List)
            }
            toml::Value::Table(_) => None,
        }
    }
}

/// One text of a list.
fn list_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The shortest digits that read back as `value`, without an exponent.
fn decimal_digits(value: f64) -> Option<String> {
    let digits = value.to_string();
    let is_plain = |character: char| character.is_ascii_digit() || "-.".contains(character);
    (digits.len() <= 30 && digits.chars().all(is_plain)).then_some(digits)
}
