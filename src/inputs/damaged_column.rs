//! Which column of a file cannot be read. A scan that meets damaged bytes knows the file and what
//! its reader said; so the file is read once more, column by column.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::engine::{FileError, FileName, naming};

use super::decoding::decoding;
use super::encryption::is_encrypted;

/// The size from which on a file is not read once more: it has to fit into memory.
const LARGE: u64 = 1 << 30;

/// A file that is scanned.
#[derive(Debug)]
pub(super) struct ScannedFile {
    pub name: FileName,
    pub object: ObjectMeta,
    pub store: Arc<dyn ObjectStore>,
}

impl ScannedFile {
    /// An error with the names of the file and of the column that it came from.
    pub(super) async fn name_column(&self, error: DataFusionError) -> DataFusionError {
        let error = naming(&self.name, error);
        let Some(FileError::Damaged { what, column, .. }) = FileError::within(&error) else {
            return error;
        };
        if column.is_some() || self.object.size > LARGE {
            return error;
        }
        let read = self.store.get(&self.object.location).await;
        let Ok(read) = read else { return error };
        let Ok(bytes) = read.bytes().await else {
            return error;
        };
        match damaged_column(&bytes, what) {
            Some((column, what)) => {
                let file = self.name.clone();
                let of_column = match is_encrypted(&bytes) {
                    true => FileError::encrypted(file, Some(column)),
                    false => FileError::damaged(file, Some(column), what),
                };
                DataFusionError::External(Box::new(of_column))
            }
            None => error,
        }
    }
}

/// A column that cannot be read, and what its reader says: the one of which that is what was said
/// of the file, or else the first.
fn damaged_column(bytes: &Bytes, said: &str) -> Option<(String, String)> {
    let opened = || Ok(ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?);
    let columns = decoding(opened).ok()?;
    let columns = columns.parquet_schema().root_schema().get_fields().to_vec();
    let damaged = columns.iter().enumerate().filter_map(|(index, column)| {
        let read = decoding(|| read_column(bytes, index));
        let what = FileError::damage_in(&read.err()?)?;
        Some((column.name().to_owned(), what))
    });
    let mut damaged: Vec<(String, String)> = damaged.collect();
    let same = damaged.iter().position(|(_, what)| what == said);
    (!damaged.is_empty()).then(|| damaged.swap_remove(same.unwrap_or_default()))
}

fn read_column(bytes: &Bytes, index: usize) -> Result<()> {
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    let mask = ProjectionMask::roots(file.parquet_schema(), [index]);
    let batches: ParquetRecordBatchReader = file.with_projection(mask).build()?;
    for batch in batches {
        batch?;
    }
    Ok(())
}
