//! Rows by the values of a column, and what the files of the values are called.
//!
//! | value | part of the name |
//! |---|---|
//! | `app`, `2026-11-20`, `企业微信` | as it is |
//! | `a/b c`, or a very long one | `a_b_c-` and eight digits that tell it from others |
//! | NULL, an empty text | `null`, `empty` |

use std::collections::HashMap;

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{cast, take_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use crate::ground::Fingerprint;

/// The most bytes of a value in a name: disks take names of 255.
const MOST_BYTES: usize = 120;

/// How many digits tell two values apart whose names would be the same.
const DIGITS: usize = 8;

/// A value of the column that splits rows, as text.
pub(super) type Value = Option<String>;

/// The rows of a batch by the values of a column, in the order in which these come.
pub(super) fn parts(
    batch: &RecordBatch,
    column: usize,
) -> Result<Vec<(Value, RecordBatch)>, ArrowError> {
    let texts = cast(batch.column(column), &DataType::Utf8)?;
    let texts = texts.as_string::<i32>();
    let mut numbers: HashMap<Option<&str>, usize> = HashMap::new();
    let mut found: Vec<(Option<&str>, Vec<u32>)> = Vec::new();
    for row in 0..texts.len() {
        let value = texts.is_valid(row).then(|| texts.value(row));
        let number = *numbers.entry(value).or_insert(found.len());
        if number == found.len() {
            found.push((value, Vec::new()));
        }
        found[number].1.push(row as u32);
    }
    let parts = found.into_iter().map(|(value, rows)| {
        let rows = take_record_batch(batch, &UInt32Array::from(rows))?;
        Ok((value.map(str::to_owned), rows))
    });
    parts.collect()
}

/// What a value is called in the name of a file.
pub(super) fn name_of(value: Option<&str>) -> String {
    let Some(value) = value else {
        return "null".to_owned();
    };
    if value.is_empty() {
        return "empty".to_owned();
    }
    let is_plain = |character: &char| character.is_alphanumeric() || matches!(character, '-' | '_');
    let plain = value.chars().map(|character| match is_plain(&character) {
        true => character,
        false => '_',
    });
    let mut plain: String = plain.collect();
    plain.truncate(plain.floor_char_boundary(MOST_BYTES));
    match plain == value {
        true => plain,
        false => told_apart(&plain, value),
    }
}

/// A name that no other value has.
pub(super) fn told_apart(name: &str, value: &str) -> String {
    let digits = Fingerprint::of(value);
    format!("{name}-{}", &digits.as_str()[..DIGITS])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn rows_keep_their_order_within_each_value() {
        let values = [Some("b"), None, Some("a"), Some("b"), Some(""), None];
        let columns: [(&str, ArrayRef, bool); 2] = [
            ("number", Arc::new(Int64Array::from_iter_values(0..6)), true),
            ("channel", Arc::new(StringArray::from_iter(values)), true),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let parts = parts(&batch, 1).unwrap().into_iter();
        let found = parts.map(|(value, rows)| {
            let numbers = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>();
            (value, numbers.values().to_vec())
        });
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                (text("b"), vec![0, 3]),
                (None, vec![1, 5]),
                (text("a"), vec![2]),
                (text(""), vec![4]),
            ]
        );
    }

    #[test]
    fn names_are_safe_and_differ() {
        let long = "x".repeat(200);
        let names = [
            Some("app"),
            Some("2026-11-20"),
            Some("企业微信"),
            Some("../a/b c"),
            Some("null"),
            Some(""),
            Some(&*long),
            Some(&*"企".repeat(120)),
            None,
        ];
        let names = names.map(name_of);
        insta::assert_snapshot!(names.join("\n"), @"
        app
        2026-11-20
        企业微信
        ___a_b_c-b3613b6b
        null
        empty
        xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-37e908d7
        企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企企-fe883b83
        null
        ");
    }
}
