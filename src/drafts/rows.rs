//! The rows of a draft, batch by batch, in the form of its files.
//!
//! 1. `contract::exactly` compares the columns with the table's.
//! 2. `check_date` makes sure that a date among them is the draft's.
//! 3. `plain` leaves the date out, puts the columns in the table's order and makes every type
//!    plain.
//! 4. `check_order` checks that rows are in the order that the files will claim.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Date32Type, SchemaRef};
use arrow::error::ArrowError;

use super::order::Order;
use super::{DraftError, SNAPSHOT_DATE, TableSpec, contract};
use crate::ground::SnapshotDate;

/// Turns batches as they come into batches as files store them.
pub(super) struct RowForm {
    spec: Arc<TableSpec>,
    date: Option<SnapshotDate>,
    file_schema: SchemaRef,
    order: Order,
}

impl RowForm {
    /// The form of a table's rows on a date.
    pub(super) fn new(
        spec: &Arc<TableSpec>,
        date: Option<SnapshotDate>,
    ) -> Result<Self, DraftError> {
        let file_schema = spec.file_schema();
        let order = Order::by(spec.sort_columns(), &file_schema);
        let order = order.map_err(|source| DraftError::Values {
            table: spec.name().to_owned(),
            source,
        })?;
        Ok(Self {
            spec: Arc::clone(spec),
            date,
            file_schema,
            order,
        })
    }

    /// The rows of `batch` as a file stores them.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<RecordBatch, DraftError> {
        let expected = match batch.column_by_name(SNAPSHOT_DATE) {
            Some(_) => self.spec.schema(),
            None => &self.file_schema,
        };
        let found = contract::normalise(&batch.schema());
        contract::exactly(self.spec.name(), expected, &found)?;
        self.check_date(batch)?;
        let rows = self.plain(batch);
        let rows = rows.map_err(|source| self.unfit(source))?;
        self.check_order(&rows)?;
        Ok(rows)
    }

    /// Refuses rows of another date than the draft's.
    fn check_date(&self, batch: &RecordBatch) -> Result<(), DraftError> {
        let (Some(expected), Some(days)) = (self.date, batch.column_by_name(SNAPSHOT_DATE)) else {
            return Ok(());
        };
        match first_other_day(days, expected) {
            None => Ok(()),
            Some(found) => Err(DraftError::OtherDate {
                table: self.spec.name().to_owned(),
                expected,
                found,
            }),
        }
    }

    fn plain(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let fields = self.file_schema.fields().iter();
        let columns = fields.map(|field| {
            let column = batch.column(batch.schema_ref().index_of(field.name())?);
            cast(column, field.data_type())
        });
        let columns = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.file_schema), columns)
    }

    fn check_order(&mut self, rows: &RecordBatch) -> Result<(), DraftError> {
        let continues = self.order.continues(rows);
        if continues.map_err(|source| self.unfit(source))? {
            return Ok(());
        }
        Err(DraftError::Unsorted {
            table: self.spec.name().to_owned(),
            columns: self.spec.sort_columns().join(", "),
        })
    }

    fn unfit(&self, source: ArrowError) -> DraftError {
        DraftError::Values {
            table: self.spec.name().to_owned(),
            source,
        }
    }
}

/// The first of `days` that is not `expected`, as text.
fn first_other_day(days: &dyn Array, expected: SnapshotDate) -> Option<String> {
    let days = days.as_primitive::<Date32Type>();
    let expected = Some(expected.days_since_epoch());
    let row = days.iter().position(|day| day != expected)?;
    let day = days.value_as_date(row).filter(|_| days.is_valid(row));
    Some(day.map_or_else(|| "NULL".to_owned(), |day| day.to_string()))
}
