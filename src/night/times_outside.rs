//! Times that lie outside their partition's day by more than a day: a date that was parsed
//! wrongly, seconds taken for milliseconds, a file under another day's name. Rows count on the day
//! of their partition whatever their time says, so that nothing else would show it.

use chrono::DateTime;
use chrono_tz::Tz;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::{max, min};
use datafusion::logical_expr::{Expr, cast, col, lit, when};
use datafusion::prelude::DataFrame;

use crate::pack::REJECT_REASON;
use crate::tiles::DAY;

/// The column that says in what partition's day a row lies by its own account, by source. Other
/// times, such as that of a registration, may be of any day.
const TIMES: [(&str, &str); 2] = [("orders", "ordered_at"), ("engagement", "occurred_at")];

/// Whether a row's time is outside, in counted rows.
pub(super) const IS_OUTSIDE: &str = "is_time_outside";

const EARLIEST: &str = "earliest_time";
const LATEST: &str = "latest_time";

const HOUR: i64 = 3_600_000_000;
const DAY_LENGTH: i64 = 24 * HOUR;

/// No timezone is further from UTC.
const LARGEST_OFFSET: i64 = 16 * HOUR;

/// The column of a staging table that is looked at, where it has it and it is a time.
pub(super) fn time_column(staging: &str, rows: &DataFrame) -> Option<&'static str> {
    let (_, column) = TIMES.iter().find(|(source, _)| *source == staging)?;
    let field = rows.schema().field_with_unqualified_name(column).ok()?;
    matches!(field.data_type(), DataType::Timestamp(..)).then_some(*column)
}

/// Whether a row that is kept has a time more than a day before or after its partition's day.
///
/// Only times near the bounds are looked up in the timezone.
pub(super) fn is_outside(column: &str, timezone: Tz, has_reasons: bool) -> Result<Expr> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let local = DataType::Timestamp(TimeUnit::Microsecond, Some(timezone.name().into()));
    let time = cast(cast(col(column), utc.clone()), DataType::Int64);
    let day = cast(cast(col(DAY), DataType::Int32), DataType::Int64);
    let midnight = day.clone() * lit(DAY_LENGTH);
    // A time may be any number, so that nothing is taken from it.
    let since_midnight = |length: i64| midnight.clone() + lit(length);
    let from = -DAY_LENGTH;
    let to = 2 * DAY_LENGTH;
    let is_far = time
        .clone()
        .lt(since_midnight(from - LARGEST_OFFSET))
        .or(time.clone().gt_eq(since_midnight(to + LARGEST_OFFSET)));
    let is_near = time
        .clone()
        .gt_eq(since_midnight(from + LARGEST_OFFSET))
        .and(time.lt(since_midnight(to - LARGEST_OFFSET)));
    let date = cast(cast(col(column), utc), local);
    let date = cast(
        cast(cast(date, DataType::Date32), DataType::Int32),
        DataType::Int64,
    );
    let is_other_day = date
        .clone()
        .lt(day.clone() - lit(1_i64))
        .or(date.gt(day + lit(1_i64)));
    let is_outside = when(col(column).is_null(), lit(false))
        .when(is_far, lit(true))
        .when(is_near, lit(false))
        .otherwise(is_other_day)?;
    Ok(match has_reasons {
        true => col(REJECT_REASON).is_null().and(is_outside),
        false => is_outside,
    })
}

/// The first and the last time of counted rows.
pub(super) fn span_of(column: &str) -> [Expr; 2] {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let time = || cast(cast(col(column), utc.clone()), DataType::Int64);
    [min(time()).alias(EARLIEST), max(time()).alias(LATEST)]
}

/// The rows of a source whose times are outside.
#[derive(Debug, Default)]
pub(super) struct TimesOutside {
    rows: i64,
    days: std::collections::BTreeSet<String>,
    span: Option<(i64, i64)>,
}

impl TimesOutside {
    /// Adds the rows of a batch of counted rows: days, how many, and their span.
    pub(super) fn add(&mut self, batch: &RecordBatch, days: &[String]) -> Result<()> {
        let column = |name: &str| -> Result<_> {
            let index = batch.schema_ref().index_of(name)?;
            Ok(cast_array(batch.column(index), &DataType::Int64)?)
        };
        let is_outside = batch.column(batch.schema_ref().index_of(IS_OUTSIDE)?);
        let is_outside = is_outside.as_boolean();
        let (rows, earliest, latest) = (column("rows")?, column(EARLIEST)?, column(LATEST)?);
        for row in
            (0..batch.num_rows()).filter(|row| is_outside.is_valid(*row) && is_outside.value(*row))
        {
            let number = |numbers: &datafusion::arrow::array::ArrayRef| {
                numbers.as_primitive::<Int64Type>().value(row)
            };
            let (first, last) = self.span.unwrap_or((i64::MAX, i64::MIN));
            self.span = Some((first.min(number(&earliest)), last.max(number(&latest))));
            self.rows += number(&rows);
            self.days.insert(days[row].clone());
        }
        Ok(())
    }

    /// What is said of them, if there are any.
    pub(super) fn line(&self, source: &str, column: &str) -> Option<String> {
        let (first, last) = self.span?;
        let rows = match self.rows {
            1 => "1 row has".to_owned(),
            rows => format!("{rows} rows have"),
        };
        Some(format!(
            "{source}: {rows} a time in {column} that is more than a day outside the day of the partition, from {} to {}, in partitions of {}; they count on the day of their partition",
            instant(first),
            instant(last),
            super::row_remarks::span(&self.days)
        ))
    }
}

/// An instant as text; its microseconds where no calendar reaches it.
fn instant(microseconds: i64) -> String {
    DateTime::from_timestamp_micros(microseconds).map_or_else(
        || format!("{microseconds} microseconds since 1970"),
        |instant| instant.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}
