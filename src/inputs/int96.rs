//! Instants as INT96, the way of Spark, Hive and Impala.
//!
//! The engine reads them in microseconds and marks them with a zone of our choice, but for columns
//! of which the file's writer has noted another type of Arrow's: those it takes to be what is
//! noted. So such notes are left out of the footers of files with INT96.

use std::sync::Arc;

use datafusion::config::TableParquetOptions;
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::basic::Type;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataBuilder};

/// The unit that they are read in.
const UNIT: &str = "us";

/// The zone that marks them: UTC, as no other reader or writer spells it.
pub(super) const ZONE: &str = "+00:00";

/// How Parquet is read, INT96 in microseconds and marked.
pub(super) fn reading_int96() -> TableParquetOptions {
    let mut options = TableParquetOptions::default();
    options.global.coerce_int96 = Some(UNIT.to_owned());
    options.global.coerce_int96_tz = Some(ZONE.to_owned());
    options
}

/// The footer without notes on Arrow's types, if the file has INT96 columns.
pub(super) fn without_notes(footer: Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
    let file = footer.file_metadata();
    let columns = file.schema_descr().columns();
    let mut types = columns.iter().map(|column| column.physical_type());
    if !types.any(|physical| physical == Type::INT96) {
        return footer;
    }
    let notes = file.key_value_metadata().into_iter().flatten();
    let notes = notes.filter(|note| note.key != ARROW_SCHEMA_META_KEY);
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(notes.cloned().collect()),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    let footer = ParquetMetaDataBuilder::new(file)
        .set_row_groups(footer.row_groups().to_vec())
        .set_column_index(footer.column_index().cloned())
        .set_offset_index(footer.offset_index().cloned());
    Arc::new(footer.build())
}
