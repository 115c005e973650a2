//! Rows turned into columns, one at a time.
//!
//! In: rows, and per column its name and how to get its value from a row. Out: a [`RecordBatch`].
//! Each kind of column has one Arrow type:
//!
//! | kind | type |
//! |---|---|
//! | user_id | Utf8 or Int64 |
//! | instant | Timestamp(µs, "UTC") |
//! | money | Decimal128(18, 2) |
//! | text | Utf8 |
//! | int, bigint | Int32, Int64 |

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::spec::UserIds;

const MONEY: DataType = DataType::Decimal128(18, 2);

/// Rows, and the columns made from them so far: name, values, whether one may be missing.
pub(super) struct Columns<'rows, Row> {
    rows: &'rows [Row],
    columns: Vec<(&'static str, ArrayRef, bool)>,
}

impl<'rows, Row> Columns<'rows, Row> {
    pub(super) fn of(rows: &'rows [Row]) -> Self {
        let columns = Vec::new();
        Self { rows, columns }
    }

    /// The numbers that follow `before`.
    pub(super) fn numbered(self, name: &'static str, before: i64) -> Self {
        let numbers = (1..).take(self.rows.len()).map(|rank| before + rank);
        let column = Int64Array::from_iter_values(numbers);
        self.required(name, column)
    }

    pub(super) fn user_id(self, user_ids: UserIds, get: impl Fn(&Row) -> u32) -> Self {
        let users = self.rows.iter().map(get);
        match user_ids {
            UserIds::Text => {
                let ids = users.map(|user| format!("u{user:07}"));
                self.required("user_id", StringArray::from_iter_values(ids))
            }
            UserIds::Integer => {
                let ids = users.map(i64::from);
                self.required("user_id", Int64Array::from_iter_values(ids))
            }
        }
    }

    /// `get` gives microseconds since 1970.
    pub(super) fn instant(self, name: &'static str, get: impl Fn(&Row) -> i64) -> Self {
        let column = TimestampMicrosecondArray::from_iter_values(self.rows.iter().map(get));
        self.required(name, column.with_timezone("UTC"))
    }

    /// `get` gives cents.
    pub(super) fn money(self, name: &'static str, get: impl Fn(&Row) -> i64) -> Self {
        let cents = self.rows.iter().map(|row| i128::from(get(row)));
        let column = Decimal128Array::from_iter_values(cents);
        self.required(name, column.with_data_type(MONEY))
    }

    /// `get` gives cents.
    pub(super) fn optional_money(
        self,
        name: &'static str,
        get: impl Fn(&Row) -> Option<i64>,
    ) -> Self {
        let cents = self.rows.iter().map(|row| get(row).map(i128::from));
        let column: Decimal128Array = cents.collect();
        self.optional(name, column.with_data_type(MONEY))
    }

    pub(super) fn text(self, name: &'static str, get: impl Fn(&'rows Row) -> &'rows str) -> Self {
        let column = StringArray::from_iter_values(self.rows.iter().map(get));
        self.required(name, column)
    }

    pub(super) fn optional_text(
        self,
        name: &'static str,
        get: impl Fn(&'rows Row) -> Option<&'rows str>,
    ) -> Self {
        let column: StringArray = self.rows.iter().map(get).collect();
        self.optional(name, column)
    }

    pub(super) fn optional_int(
        self,
        name: &'static str,
        get: impl Fn(&Row) -> Option<i32>,
    ) -> Self {
        let column: Int32Array = self.rows.iter().map(get).collect();
        self.optional(name, column)
    }

    pub(super) fn optional_bigint(
        self,
        name: &'static str,
        get: impl Fn(&Row) -> Option<i64>,
    ) -> Self {
        let column: Int64Array = self.rows.iter().map(get).collect();
        self.optional(name, column)
    }

    /// # Errors
    ///
    /// When a column does not have a value per row.
    pub(super) fn into_batch(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_from_iter_with_nullable(self.columns)
    }

    fn required(mut self, name: &'static str, column: impl Array + 'static) -> Self {
        self.columns.push((name, Arc::new(column), false));
        self
    }

    fn optional(mut self, name: &'static str, column: impl Array + 'static) -> Self {
        self.columns.push((name, Arc::new(column), true));
        self
    }
}
