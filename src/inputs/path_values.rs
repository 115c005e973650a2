//! Columns that are not in a file but in its path, or in the log that names it: partition columns
//! besides the day.
//!
//! | | the file has the column `channel` |
//! |---|---|
//! | `dt=2026-11-20/channel=app/part-0.parquet` | `app` in every row |
//! | `channel=%D0%B0%2Fb/dt=..` | `а/b`: values are URL-encoded |
//! | `channel=__HIVE_DEFAULT_PARTITION__` | NULL |
//! | an entry of a Delta log with `"partitionValues": {"channel": "app"}` | `app`; an empty text is NULL |
//!
//! A file may have a column of that name, too: as with Spark and DuckDB, the path's value counts.
//! Values are texts, and become what the column is declared as, or are refused by name.

use std::sync::Arc;

use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::ScalarValue;
use parquet::file::metadata::ParquetMetaData;
use serde::{Deserialize, Serialize};

use crate::job::{Column, PARTITION_KEY};

use super::column_names::{Found, find_among};
use super::footer_notes::with_note;

/// How Hive and Spark write NULL in a path.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The note in a footer that carries the values to where columns are read.
const NOTE: &str = "tierline.path_values";

/// The values of one file, by the names of their columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathValues(Vec<(String, Option<String>)>);

/// What a file's path says of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InPath<'a> {
    /// This, or NULL.
    Value(Option<&'a str>),
    /// Several values.
    Ambiguous(String),
}

impl PathValues {
    /// The values in the folders that a file lies in.
    pub(super) fn of_folders(folders: &[&str]) -> Self {
        let pairs = folders.iter().filter_map(|folder| folder.split_once('='));
        let pairs = pairs.filter(|(name, _)| !name.is_empty() && *name != PARTITION_KEY);
        Self::of(pairs.map(|(name, value)| {
            let value = (value != NULL).then(|| decoded(value));
            (decoded(name), value)
        }))
    }

    /// The values that a Delta log has for a file, but for that of `day`.
    pub(super) fn of_log(
        values: impl IntoIterator<Item = (String, Option<String>)>,
        day: &str,
    ) -> Self {
        let others = values.into_iter().filter(|(name, _)| name != day);
        Self::of(others.map(|(name, value)| (name, value.filter(|value| !value.is_empty()))))
    }

    fn of(pairs: impl Iterator<Item = (String, Option<String>)>) -> Self {
        let mut values: Vec<_> = pairs.collect();
        values.sort();
        values.dedup();
        Self(values)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of their columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Leaves those of declared columns; others are never read.
    pub(super) fn keep_declared(&mut self, declared: &[Column]) {
        let is_declared = |name: &str| {
            let mut columns = declared.iter();
            columns.any(|column| column.name.to_lowercase() == name.to_lowercase())
        };
        self.0.retain(|(name, _)| is_declared(name));
    }

    /// What they say of the column `name`. `declared` has the names that are declared besides it.
    pub(super) fn find(&self, name: &str, declared: impl Fn(&str) -> bool) -> Option<InPath<'_>> {
        match find_among(self.names(), name, declared) {
            Found::Missing => None,
            Found::One(index) => Some(InPath::Value(self.0[index].1.as_deref())),
            Found::Ambiguous(columns) => Some(InPath::Ambiguous(columns)),
        }
    }

    /// What distinguishes files of other values; nothing for files without values.
    pub(super) fn identity(&self) -> String {
        let parts = self.0.iter().map(|(name, value)| match value {
            Some(value) => format!("\n{name}={}", serde_json::json!(value)),
            None => format!("\n{name}"),
        });
        parts.collect()
    }

    /// The footer of a file with a note of its values.
    pub(super) fn noted(&self, footer: Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
        let Some(text) = serde_json::to_string(&self.0)
            .ok()
            .filter(|_| !self.is_empty())
        else {
            return footer;
        };
        with_note(&footer, NOTE, text)
    }

    /// The values noted in the footer that a schema was read from.
    pub(super) fn of_note(schema: &Schema) -> Self {
        let note = schema.metadata().get(NOTE);
        let values = note.and_then(|note| serde_json::from_str(note).ok());
        Self(values.unwrap_or_default())
    }
}

/// A value as the type of its column; none where it is no such value.
pub(super) fn typed(value: Option<&str>, to: &DataType) -> Option<ScalarValue> {
    let Some(text) = value else {
        return ScalarValue::try_new_null(to).ok();
    };
    if let DataType::Decimal128(_, scale) = to {
        let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
        // A cast would round.
        if i8::try_from(digits).map_or(true, |digits| digits > *scale) {
            return None;
        }
    }
    let exact = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let text = ScalarValue::Utf8(Some(text.to_owned()));
    text.cast_to_with_options(to, &exact).ok()
}

/// `%2F` as `/`. What is no such code, or no text once it is decoded, is taken as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = match code {
            Some(_) => &after[2..],
            None => after,
        };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_path(path: &str) -> Vec<(String, Option<String>)> {
        PathValues::of_folders(&path.split('/').collect::<Vec<_>>()).0
    }

    fn value(name: &str, value: &str) -> (String, Option<String>) {
        (name.to_owned(), Some(value.to_owned()))
    }

    #[test]
    fn folders_besides_the_day_give_values() {
        assert_eq!(of_path("dt=2026-11-20"), []);
        assert_eq!(
            of_path("region=eu/dt=2026-11-20/channel=app"),
            [value("channel", "app"), value("region", "eu")]
        );
        let null = ("channel".to_owned(), None);
        assert_eq!(of_path("channel=__HIVE_DEFAULT_PARTITION__"), [null]);
        assert_eq!(
            of_path("channel=a%2Fb%20c%C3%BC"),
            [value("channel", "a/b cü")]
        );
        assert_eq!(of_path("channel=100%"), [value("channel", "100%")]);
        assert_eq!(of_path("channel=%ff"), [value("channel", "%ff")]);
        assert_eq!(of_path("channel=%+1"), [value("channel", "%+1")]);
        assert_eq!(of_path("channel="), [value("channel", "")]);
        assert_eq!(of_path("k=a=b/plain"), [value("k", "a=b")]);
    }

    #[test]
    fn a_column_is_found_in_any_case_and_has_one_value() {
        let find = |path: &str| {
            let values = PathValues::of_folders(&path.split('/').collect::<Vec<_>>());
            let found = values.find("channel", |name| name == "channel");
            found.map(|found| format!("{found:?}"))
        };
        let app = Some("Value(Some(\"app\"))".to_owned());
        assert_eq!(find("Channel=app"), app);
        assert_eq!(find("channel=app/x/channel=app"), app);
        assert_eq!(find("region=eu"), None);
        assert_eq!(
            find("channel=app/channel=web"),
            Some("Ambiguous(\"column `channel` twice\")".to_owned())
        );
    }

    #[test]
    fn values_have_the_type_of_their_column_or_none() {
        let utc = DataType::Timestamp(
            datafusion::arrow::datatypes::TimeUnit::Microsecond,
            Some("UTC".into()),
        );
        for (text, to, is_value) in [
            ("007", DataType::Int64, true),
            ("app", DataType::Int64, false),
            ("1.5", DataType::Int64, false),
            ("", DataType::Int64, false),
            ("", DataType::Utf8View, true),
            ("10.5", DataType::Decimal128(18, 2), true),
            ("10.555", DataType::Decimal128(18, 2), false),
            ("2026-11-20", DataType::Date32, true),
            ("2026-11-31", DataType::Date32, false),
            ("2026-11-20 07:00:00", utc.clone(), true),
            ("noon", utc, false),
            ("true", DataType::Boolean, true),
        ] {
            let typed = typed(Some(text), &to);
            assert_eq!(typed.is_some(), is_value, "{text} as {to}: {typed:?}");
            assert!(typed.is_none_or(|typed| !typed.is_null() && typed.data_type() == to));
        }
        assert!(typed(None, &DataType::Date32).unwrap().is_null());
    }
}
