//! Which rejected rows are kept: a sample of them in one pass and within bounds, however many there
//! are. [`quarantine`](super::quarantine) writes it.
//!
//! Of each day and reason the [`SAMPLE_ROWS`] rows are kept that come first when all columns are
//! compared from left to right: the same rows make the same sample, in whatever order they come.
//! Reasons that the result does not name share one sample a day.
//!
//! `quarantine/<source>/<run>.parquet`, for people and their programs, has all columns of the staging
//! table in their types, as SQL selects them; among them always
//!
//! | column | type | |
//! |---|---|---|
//! | `day` | DATE | the business day of the row's partition |
//! | `reject_reason` | VARCHAR | why it was left out |

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{OwnedRow, Row, RowConverter, SortField};

use crate::engine::texts;
use crate::pack::REJECT_REASON;
use crate::tiles::DAY;

/// How many rejected rows of one day and reason are kept.
const SAMPLE_ROWS: usize = 20;

/// The rows kept so far.
pub(super) struct RejectSample {
    schema: SchemaRef,
    converter: RowConverter,
    /// The reasons that have samples of their own, in order.
    reasons: Vec<String>,
    /// By day the sample of each of them, and behind these that of all others.
    days: BTreeMap<String, Vec<BinaryHeap<OwnedRow>>>,
}

impl RejectSample {
    /// Of rows with these columns. `reasons` are those with samples of their own.
    ///
    /// # Errors
    /// Arrow's, for columns of a type that has no order.
    pub(super) fn new(schema: SchemaRef, reasons: BTreeSet<String>) -> Result<Self, ArrowError> {
        let nulls_last = SortOptions::default().asc().nulls_last();
        let fields = schema.fields().iter();
        let fields =
            fields.map(|field| SortField::new_with_options(field.data_type().clone(), nulls_last));
        Ok(Self {
            converter: RowConverter::new(fields.collect())?,
            schema,
            reasons: reasons.into_iter().collect(),
            days: BTreeMap::new(),
        })
    }

    /// Looks at rejected rows and keeps those that come first.
    ///
    /// # Errors
    /// Arrow's, when a column is missing: a bug.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let [days, reasons] = [texts(batch, DAY)?, texts(batch, REJECT_REASON)?];
        let rows = self.converter.convert_columns(batch.columns())?;
        for (index, row) in rows.iter().enumerate() {
            if reasons.is_valid(index) {
                self.keep(days.value(index), reasons.value(index), row);
            }
        }
        Ok(())
    }

    /// The sample by day and reason, each in the order of its columns.
    ///
    /// # Errors
    /// Arrow's: a bug.
    pub(super) fn finish(self) -> Result<RecordBatch, ArrowError> {
        let samples = self.days.into_values().flatten();
        let rows: Vec<OwnedRow> = samples.flat_map(BinaryHeap::into_sorted_vec).collect();
        let columns = self
            .converter
            .convert_rows(rows.iter().map(OwnedRow::row))?;
        let columns = columns.iter().zip(self.schema.fields());
        // Dictionaries come back as their values.
        let columns = columns.map(|(column, field)| cast(column, field.data_type()));
        RecordBatch::try_new(Arc::clone(&self.schema), columns.collect::<Result<_, _>>()?)
    }

    fn keep(&mut self, day: &str, reason: &str, row: Row<'_>) {
        let known = |known: &String| known.as_str().cmp(reason);
        let others = self.reasons.len();
        let position = self.reasons.binary_search_by(known).unwrap_or(others);
        if !self.days.contains_key(day) {
            let samples = vec![BinaryHeap::new(); others + 1];
            self.days.insert(day.to_owned(), samples);
        }
        if let Some(samples) = self.days.get_mut(day) {
            keep(&mut samples[position], row);
        }
    }
}

/// Keeps a row if it comes before the last of a full sample.
fn keep(sample: &mut BinaryHeap<OwnedRow>, row: Row<'_>) {
    if sample.len() < SAMPLE_ROWS {
        sample.push(row.owned());
        return;
    }
    if let Some(mut last) = sample.peek_mut()
        && row < last.row()
    {
        *last = row.owned();
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, DictionaryArray, Int64Array, StringArray};
    use datafusion::arrow::datatypes::{Int32Type, Int64Type};

    use super::*;

    /// Rows of an id, a day and a reason.
    fn batch(rows: &[(i64, &str, &str)]) -> RecordBatch {
        let ids = rows.iter().map(|(id, ..)| *id);
        let days: DictionaryArray<Int32Type> = rows.iter().map(|(_, day, _)| *day).collect();
        let reasons = rows.iter().map(|(.., reason)| *reason);
        let columns: [(&str, ArrayRef); 3] = [
            ("id", Arc::new(Int64Array::from_iter_values(ids))),
            (DAY, Arc::new(days)),
            (
                REJECT_REASON,
                Arc::new(StringArray::from_iter_values(reasons)),
            ),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn sampled(batches: &[RecordBatch], reasons: &[&str]) -> RecordBatch {
        let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        let mut sample = RejectSample::new(batches[0].schema(), reasons).unwrap();
        for batch in batches {
            sample.add(batch).unwrap();
        }
        sample.finish().unwrap()
    }

    fn ids(rows: &RecordBatch) -> Vec<i64> {
        let ids = rows.column(0).as_primitive::<Int64Type>();
        ids.values().to_vec()
    }

    #[test]
    fn first_rows_of_each_day_and_reason_are_kept_in_whatever_order_they_come() {
        let rows: Vec<(i64, &str, &str)> = (0..100)
            .flat_map(|id| [(id, "2026-11-20", "late"), (id, "2026-11-19", "empty")])
            .collect();
        let backwards: Vec<_> = rows.iter().rev().copied().collect();
        let sample = sampled(&[batch(&rows)], &["empty", "late"]);
        let halves = [batch(&backwards[..77]), batch(&backwards[77..])];
        assert_eq!(sample, sampled(&halves, &["empty", "late"]));
        let first = SAMPLE_ROWS as i64;
        assert_eq!(ids(&sample), (0..first).chain(0..first).collect::<Vec<_>>());
        assert_eq!(sample.schema(), batch(&rows).schema());
    }

    #[test]
    fn reasons_without_samples_of_their_own_share_one() {
        let names: Vec<String> = (0..1_000).map(|id| format!("no user {id}")).collect();
        let rows = names.iter().enumerate();
        let rows = rows.map(|(id, name)| (id as i64, "2026-11-20", name.as_str()));
        let sample = sampled(&[batch(&rows.collect::<Vec<_>>())], &["no user 500"]);
        let first = 0..SAMPLE_ROWS as i64;
        assert_eq!(
            ids(&sample),
            [500].into_iter().chain(first).collect::<Vec<_>>()
        );
    }
}
