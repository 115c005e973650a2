//! Rows that tierline adds to those of `dim_tier`: their labels are the values themselves, and they
//! have no playbooks.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;

/// A row that is added.
pub(super) struct AddedRow<'a> {
    pub dimension: &'a str,
    pub tier: &'a str,
    pub rank: Option<i64>,
}

/// The rows of `dim_tier` with others behind them.
pub(super) fn with_rows(
    dim_tier: RecordBatch,
    added: &[AddedRow<'_>],
) -> Result<RecordBatch, ArrowError> {
    // What the pack's SQL never leaves NULL may be so in the rows that are added.
    let dim_tier = nullable(&dim_tier)?;
    let texts = |text: for<'a> fn(&'a AddedRow<'a>) -> &'a str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(added.iter().map(text)))
    };
    let ranks: Int64Array = added.iter().map(|row| row.rank).collect();
    let ranks: ArrayRef = Arc::new(ranks);
    let schema = dim_tier.schema();
    let columns = schema.fields().iter().map(|field| {
        let column = match field.name().as_str() {
            "dimension" => texts(|row| row.dimension),
            "tier" | "label_en" => texts(|row| row.tier),
            "rank" => Arc::clone(&ranks),
            _ => new_null_array(field.data_type(), added.len()),
        };
        cast(&column, field.data_type())
    });
    let columns = columns.collect::<Result<_, _>>()?;
    let added = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    concat_batches(&schema, [&dim_tier, &added])
}

/// The same rows, in columns of which each may be NULL.
fn nullable(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let fields = schema.fields().iter();
    let fields = fields.map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), rows.columns().to_vec())
}
