//! Six days of orders and engagement, the fewest that can be calibrated on: on 1 March the user
//! 1001 orders once and clicks once, on 2 March the user 1002 orders twice, and so on.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// The last day that has files: the night that tests run.
pub(crate) const LAST_DAY: u32 = 6;

/// The orders of one day, or its engagement.
#[derive(Clone)]
pub(crate) struct Rows {
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Rows {
    /// As many orders of 10.00 as the day has a number, all of one user.
    pub(crate) fn orders(day: u32) -> Self {
        let count = day as usize;
        let ids = (1..=day).map(|order| format!("{day}-{order}"));
        let amounts = Decimal128Array::from(vec![10_00; count]);
        let amounts = amounts.with_precision_and_scale(18, 2).unwrap();
        Self {
            columns: vec![
                ("order_id", Arc::new(StringArray::from_iter_values(ids))),
                (
                    "user_id",
                    Arc::new(Int64Array::from(vec![user(day); count])),
                ),
                ("ordered_at", instants(day, count)),
                ("amount", Arc::new(amounts)),
                ("status", Arc::new(StringArray::from(vec!["paid"; count]))),
            ],
        }
    }

    /// One click of the same user.
    pub(crate) fn engagement(day: u32) -> Self {
        Self {
            columns: vec![
                ("user_id", Arc::new(Int64Array::from(vec![user(day)]))),
                ("occurred_at", instants(day, 1)),
                ("event_type", Arc::new(StringArray::from(vec!["click"]))),
            ],
        }
    }

    /// No rows, in the same columns.
    pub(crate) fn none(mut self) -> Self {
        for (_, values) in &mut self.columns {
            *values = values.slice(0, 0);
        }
        self
    }

    /// The same rows without a column.
    pub(crate) fn without(mut self, column: &str) -> Self {
        self.columns.retain(|(name, _)| *name != column);
        self
    }

    /// The same rows with one text in a column.
    pub(crate) fn with_text(self, column: &'static str, text: &str) -> Self {
        let texts = vec![text; self.count()];
        self.with(column, Arc::new(StringArray::from(texts)))
    }

    /// The same rows with one floating-point number in a column.
    pub(crate) fn with_double(self, column: &'static str, number: f64) -> Self {
        let numbers = vec![number; self.count()];
        self.with(column, Arc::new(Float64Array::from(numbers)))
    }

    /// The same rows, all by the user of another day.
    pub(crate) fn by_user_of(self, day: u32) -> Self {
        let users = vec![user(day); self.count()];
        self.with("user_id", Arc::new(Int64Array::from(users)))
    }

    /// The same rows with a column under another name.
    pub(crate) fn renamed(mut self, column: &str, name: &'static str) -> Self {
        for (old, _) in &mut self.columns {
            if *old == column {
                *old = name;
            }
        }
        self
    }

    /// The same rows with a column more, there in every row.
    pub(crate) fn and(mut self, column: &'static str, values: ArrayRef) -> Self {
        self.columns.push((column, values));
        self
    }

    /// The same rows with other values in a column.
    pub(crate) fn with(mut self, column: &'static str, values: ArrayRef) -> Self {
        for (name, old) in &mut self.columns {
            if *name == column {
                *old = Arc::clone(&values);
            }
        }
        self
    }

    fn count(&self) -> usize {
        self.columns[0].1.len()
    }

    /// Writes a Parquet file, and the folders above it.
    pub(crate) fn write(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.bytes(WriterProperties::default())).unwrap();
    }

    /// A Parquet file.
    pub(crate) fn bytes(&self, properties: WriterProperties) -> Vec<u8> {
        let rows = RecordBatch::try_from_iter(self.columns.clone()).unwrap();
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        file
    }
}

/// The file of a source and day, below the project.
pub(crate) fn file_of(source: &str, day: u32) -> String {
    format!("data/{source}/dt=2026-03-{day:02}/part-0.parquet")
}

fn user(day: u32) -> i64 {
    1000 + i64::from(day)
}

/// Noon of a day.
fn instants(day: u32, count: usize) -> ArrayRef {
    let date = NaiveDate::from_ymd_opt(2026, 3, day).unwrap();
    let noon = date.and_hms_opt(12, 0, 0).unwrap().and_utc();
    let instants = TimestampMicrosecondArray::from(vec![noon.timestamp_micros(); count]);
    Arc::new(instants.with_timezone("UTC"))
}
