//! The rows of `publications`, read from its files.

use arrow::array::RecordBatch;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::publish::error::Source;
use crate::publish::{PublishError, PublishedFile, Table};
use crate::storage::Location;

use super::{Publication, columns};

/// The publications that are in these files.
pub(super) async fn read_all(
    table: &Table,
    files: &[PublishedFile],
) -> Result<Vec<Publication>, PublishError> {
    let mut publications = Vec::new();
    for file in files {
        match read(&table.place.output, file).await {
            Ok(read) => publications.extend(read),
            Err(source) => return Err(unreadable(table, file, source).await),
        }
    }
    Ok(publications)
}

/// Why a file cannot be read.
async fn unreadable(table: &Table, file: &PublishedFile, source: Source) -> PublishError {
    let output = &table.place.output;
    match output.store.head(&file.path).await {
        Err(object_store::Error::NotFound { .. }) => PublishError::ListGone {
            path: output.url_of(&file.path),
        },
        _ => table.unreadable(source),
    }
}

/// The rows of a file, in the types that Parquet has: another program may have noted others of its
/// own.
async fn read(output: &Location, file: &PublishedFile) -> Result<Vec<Publication>, Source> {
    let bytes = output.store.get(&file.path).await?.bytes().await?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)?.build()?;
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
    let mut publications = Vec::new();
    for batch in &batches {
        publications.extend(columns::decode(batch)?);
    }
    Ok(publications)
}
