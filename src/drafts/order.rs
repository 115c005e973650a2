//! The order of a draft's rows, checked as they come: readers trust what a file claims, and a
//! false claim would give them wrong joins.

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use arrow::row::{OwnedRow, RowConverter, SortField};

/// What a table's order is: ascending, NULL first.
pub(super) const SORT_OPTIONS: SortOptions = SortOptions {
    descending: false,
    nulls_first: true,
};

/// Remembers the key of the last row, to compare the next batch with.
pub(super) struct Order {
    key: Vec<usize>,
    converter: RowConverter,
    last: Option<OwnedRow>,
}

impl Order {
    /// The order by `columns` of `schema`; any order will do when there are none.
    pub(super) fn by(columns: &[String], schema: &Schema) -> Result<Self, ArrowError> {
        let key = columns.iter().map(|column| schema.index_of(column));
        let key = key.collect::<Result<Vec<_>, _>>()?;
        let fields = key.iter().map(|index| {
            let data_type = schema.field(*index).data_type().clone();
            SortField::new_with_options(data_type, SORT_OPTIONS)
        });
        let converter = RowConverter::new(fields.collect())?;
        Ok(Self {
            key,
            converter,
            last: None,
        })
    }

    /// Whether the rows are in order, among themselves and after all rows before.
    pub(super) fn continues(&mut self, rows: &RecordBatch) -> Result<bool, ArrowError> {
        if self.key.is_empty() {
            return Ok(true);
        }
        let keys = rows.project(&self.key)?;
        let keys = self.converter.convert_columns(keys.columns())?;
        let before = self.last.iter().map(OwnedRow::row);
        let in_order = before.chain(keys.iter()).is_sorted();
        if let Some(last) = keys.iter().next_back() {
            self.last = Some(last.owned());
        }
        Ok(in_order)
    }
}
