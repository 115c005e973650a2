//! Partitions as files.
//!
//! In: a [`Partition`] and a root folder. Out:
//! `<root>/<table>/dt=YYYY-MM-DD/part-0.parquet`, whole or not there: the file is written under a
//! hidden name, then renamed. Its bytes follow from the rows alone.

use std::fs::{self, File};
use std::path::Path;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::SampleError;
use super::tables::Partition;

/// Columns that ascend within a file: their differences take next to no space.
const ASCENDING_COLUMNS: [&str; 3] = ["order_id", "ordered_at", "occurred_at"];

/// Writes a partition, replacing the one that is there.
pub(super) fn write(partition: &Partition, root: &Path) -> Result<(), SampleError> {
    let Partition { table, date, rows } = partition;
    let folder = root.join(table).join(format!("dt={date}"));
    fs::create_dir_all(&folder).map_err(|source| SampleError::CreateFolder {
        path: folder.clone(),
        source,
    })?;

    let unfinished = folder.join(".part-0.unfinished");
    let file = File::create(&unfinished).map_err(|source| SampleError::CreateFile {
        path: unfinished.clone(),
        source,
    })?;
    write_parquet(file, rows).map_err(|source| SampleError::WriteFile {
        path: unfinished.clone(),
        source,
    })?;

    let finished = folder.join("part-0.parquet");
    fs::rename(&unfinished, &finished).map_err(|source| SampleError::RenameFile {
        path: finished,
        source,
    })
}

fn write_parquet(file: File, rows: &RecordBatch) -> Result<(), ParquetError> {
    let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(writer_properties()))?;
    writer.write(rows)?;
    writer.close()?;
    Ok(())
}

/// The writer names itself without a version, so that the bytes do not change with it.
fn writer_properties() -> WriterProperties {
    let builder = WriterProperties::builder()
        .set_created_by("tierline sample".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()));
    ASCENDING_COLUMNS
        .into_iter()
        .map(ColumnPath::from)
        .fold(builder, |builder, column| {
            builder
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED)
        })
        .build()
}
