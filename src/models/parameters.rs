//! Parameters: `$name` in SQL, a typed value in the job file or the pack.

use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, TypedString, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::ground::{Diagnostic, Problems, SnapshotDate, SourceFile, did_you_mean, nearest};
use crate::job::{Job, ParameterValue};

use super::SqlPack;

/// Where the job's business days end, by its IANA name.
pub(super) const TIMEZONE: &str = "timezone";

/// The date of the snapshot, D.
const SNAPSHOT_DATE: &str = "snapshot_date";

/// Whether the value tiers of D - 7 can be compared with today's.
pub(super) const WEEK_AGO_IS_COMPARABLE: &str = "week_ago_is_comparable";

/// The literal that is in a statement for a value; none for lists, of which each text is one.
pub(super) fn literal_of(value: &ParameterValue) -> Option<Expr> {
    Some(match value {
        ParameterValue::Integer(value) => number(&value.to_string()),
        ParameterValue::Decimal(digits) => cast(digits, DataType::Decimal(digits_of(digits))),
        ParameterValue::Text(text) => literal(Value::SingleQuotedString(text.clone())),
        ParameterValue::Boolean(value) => literal(Value::Boolean(*value)),
        ParameterValue::Date(day) => Expr::TypedString(TypedString {
            data_type: DataType::Date,
            value: quoted(&day.to_string()),
            uses_odbc_syntax: false,
        }),
        ParameterValue::List(_) => return None,
    })
}

/// The literal of a text of a list.
pub(super) fn text_literal(text: &str) -> Expr {
    literal(Value::SingleQuotedString(text.to_owned()))
}

/// What a list that turned out to be empty makes of `IN` or `NOT IN`.
pub(super) fn truth(value: bool) -> Expr {
    literal(Value::Boolean(value))
}

fn digits_of(decimal: &str) -> ExactNumberInfo {
    let unsigned = decimal.trim_start_matches('-');
    let scale = unsigned
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let precision = unsigned.chars().filter(char::is_ascii_digit).count();
    ExactNumberInfo::PrecisionAndScale(precision as u64, scale as i64)
}

fn quoted(text: &str) -> ValueWithSpan {
    Value::SingleQuotedString(text.to_owned()).with_empty_span()
}

fn literal(value: Value) -> Expr {
    Expr::Value(value.with_empty_span())
}

/// A number in parentheses when negative, so that `x -$n` stays two tokens.
fn number(digits: &str) -> Expr {
    let value = literal(Value::Number(
        digits.trim_start_matches('-').to_owned(),
        false,
    ));
    if !digits.starts_with('-') {
        return value;
    }
    Expr::Nested(Box::new(Expr::UnaryOp {
        op: datafusion::sql::sqlparser::ast::UnaryOperator::Minus,
        expr: Box::new(value),
    }))
}

fn cast(text: &str, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(quoted(text))),
        data_type,
        array: false,
        format: None,
    }
}

/// The values of every `$name` that a statement may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, ParameterValue>);

impl Parameters {
    /// The defaults in the pack's `parameters.toml`, with the job's values laid over them, and the
    /// job's `$timezone`.
    ///
    /// # Errors
    /// Defaults that cannot be read. Names in the job that the pack does not have are problems
    /// beside the values, so that the SQL can be checked all the same.
    pub fn resolve(defaults: &SourceFile, job: &Job) -> Result<(Self, Problems), Problems> {
        let mut values = read_defaults(defaults)?;
        let mut problems = Problems::default();
        for (name, value) in &job.parameters {
            if values.contains_key(name) {
                values.insert(name.clone(), value.clone());
                continue;
            }
            let near = did_you_mean(name, values.keys().map(String::as_str));
            let message = format!("the job sets an unknown parameter `{name}`{near}");
            let problem = job.problem(&format!("params.{name}"), message);
            problems.push(problem.help(format!(
                "parameters are declared, with their defaults, in {}",
                defaults.name
            )));
        }
        // A pack that has one of its own from before keeps it.
        values.entry(TIMEZONE.to_owned()).or_insert_with(|| {
            let timezone = job.timezone.name();
            ParameterValue::Text(timezone.to_owned())
        });
        Ok((Self(values), problems))
    }

    /// The defaults of the pack that the binary carries.
    pub fn built_in() -> Self {
        let pack = SqlPack::load(None).ok();
        let defaults = pack.and_then(|pack| read_defaults(&pack.parameters).ok());
        Self(defaults.unwrap_or_default())
    }

    /// The same parameters and one more.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: ParameterValue) -> Self {
        self.0.insert(name.into(), value);
        self
    }

    /// The same parameters and `$snapshot_date`.
    #[must_use]
    pub fn with_snapshot_date(self, snapshot_date: SnapshotDate) -> Self {
        self.with(SNAPSHOT_DATE, ParameterValue::Date(snapshot_date.day()))
    }

    /// The same parameters for what compares with the snapshot of D - 7:
    /// `$week_ago_is_comparable` says whether its value tiers are of today's cut points and rules.
    #[must_use]
    pub fn comparing_with_week_ago(self, is_comparable: bool) -> Self {
        self.with(
            WEEK_AGO_IS_COMPARABLE,
            ParameterValue::Boolean(is_comparable),
        )
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &ParameterValue)> {
        self.0.iter()
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&ParameterValue> {
        self.0.get(name)
    }

    /// The value of `$name`.
    ///
    /// # Errors
    /// An unknown name, pointing at its place in `file`.
    pub(super) fn value_at(
        &self,
        placeholder: &str,
        span: Span,
        file: &SourceFile,
    ) -> Result<&ParameterValue, Diagnostic> {
        let name = placeholder.trim_start_matches('$');
        self.0.get(name).ok_or_else(|| {
            let near = nearest(name, self.0.keys().map(String::as_str));
            let near = near.map(|near| format!("; did you mean `${near}`?"));
            let near = near.unwrap_or_default();
            let start = file.byte_at(span.start.line, span.start.column);
            let message = format!("unknown parameter `{placeholder}`{near}");
            Diagnostic::at(file, start..start + placeholder.len(), message).help(
                "parameters are declared, with their defaults, in parameters.toml of the SQL pack",
            )
        })
    }
}

fn read_defaults(file: &SourceFile) -> Result<BTreeMap<String, ParameterValue>, Problems> {
    let table: toml::Table = file.text.parse().map_err(|error: toml::de::Error| {
        let place = error.span().unwrap_or(0..0);
        Problems(vec![Diagnostic::at(file, place, error.message())])
    })?;
    let mut problems = Problems::default();
    let mut values = BTreeMap::new();
    for (name, value) in &table {
        match ParameterValue::from_toml(value) {
            Some(value) => {
                values.insert(name.clone(), value);
            }
            None => problems.push(
                Diagnostic::at(file, 0..0, format!("parameter `{name}` has no SQL type"))
                    .help("use an integer, a decimal number, a text, true, false, a date, or a list of texts or integers"),
            ),
        }
    }
    problems.or_ok(values)
}

#[cfg(test)]
mod tests;
