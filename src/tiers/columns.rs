//! The columns that settling reads and adds: their names, and what a batch has in them.

use datafusion::arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type};
use datafusion::arrow::error::ArrowError;

/// What is added to the name of a dimension for today's value.
pub(super) const RAW: &str = "_raw";

/// What is added to the name of a dimension, or of a warning, for the date of its value.
pub(super) const SINCE: &str = "_since";

/// What is added to the name of a dimension for the value that waits.
pub(super) const PENDING: &str = "_pending";

/// The same for the date since which one waits.
pub(super) const PENDING_SINCE: &str = "_pending_since";

pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    Ok(batch.column(batch.schema_ref().index_of(name)?))
}

pub(super) fn date_column(batch: &RecordBatch, name: &str) -> Result<Date32Array, ArrowError> {
    let dates = cast(column(batch, name)?, &DataType::Date32)?;
    Ok(dates.as_primitive::<Date32Type>().clone())
}
