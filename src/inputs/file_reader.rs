//! How the bytes of a file reach the reader of Parquet: as they were listed, and with a store's
//! failures distinguished from damaged files.
//!
//! Footers are read once and shared by all scans of a session.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;

use crate::storage::ListedObject;

use super::PathValues;
use super::decoding::decoded;
use super::footer_notes::with_byte_columns;
use super::footers::KeptFooter;
use super::int96::without_notes;

/// Opens the files of one table.
#[derive(Debug)]
pub(super) struct FileReaders {
    root: ObjectStoreUrl,
    store: Arc<dyn ObjectStore>,
    footers: Arc<FileMetadataCache>,
    /// Whether files are other people's, and may change under the reader's hands.
    may_change: bool,
}

impl FileReaders {
    /// Opens files of `store`, which `root` names, and whose footers a session shares.
    pub(super) fn new(
        root: ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
        runtime: &RuntimeEnv,
        may_change: bool,
    ) -> Self {
        Self {
            root,
            store,
            footers: runtime.cache_manager.get_file_metadata_cache(),
            may_change,
        }
    }

    /// The store that a file is read from.
    fn store_of(&self, object: &ObjectMeta) -> Arc<dyn ObjectStore> {
        let store = Arc::clone(&self.store);
        match self.may_change {
            true => Arc::new(ListedObject::new(store, object.clone())),
            false => store,
        }
    }
}

impl ParquetFileReaderFactory for FileReaders {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        footer_bytes: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let object = file.object_meta.clone();
        let values = file.extension().cloned().unwrap_or_default();
        let store = self.store_of(&object);
        let plain = DefaultParquetFileReaderFactory::new(Arc::clone(&store));
        Ok(Box::new(FileReader {
            bytes: plain.create_reader(partition, file, footer_bytes, metrics)?,
            footer: KeptFooter::new(&self.root, store, &object),
            footers: Arc::clone(&self.footers),
            footer_bytes,
            size_bytes: object.size,
            values,
        }))
    }
}

struct FileReader {
    bytes: Box<dyn AsyncFileReader + Send>,
    footer: KeptFooter,
    footers: Arc<FileMetadataCache>,
    /// How much to read from the end of the file at once.
    footer_bytes: Option<usize>,
    size_bytes: u64,
    values: PathValues,
}

/// Bytes that a footer names and the file does not have are no failure of the store.
fn within(size_bytes: u64, ranges: &[Range<u64>]) -> ParquetResult<()> {
    match ranges.iter().find(|range| range.end > size_bytes) {
        Some(range) => Err(ParquetError::EOF(format!(
            "its footer names bytes up to {}, and it has {size_bytes}",
            range.end
        ))),
        None => Ok(()),
    }
}

impl AsyncFileReader for FileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        let ranges = self.get_byte_ranges(vec![range]);
        let first = |mut parts: Vec<Bytes>| parts.pop().unwrap_or_default();
        async move { ranges.await.map(first) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        match within(self.size_bytes, &ranges) {
            Ok(()) => self.bytes.get_byte_ranges(ranges),
            Err(beyond) => async { Err(beyond) }.boxed(),
        }
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let values = self.values.clone();
        let page_index = options.map(ArrowReaderOptions::column_index_policy);
        async move {
            let footer = self
                .footer
                .reading(Arc::clone(&self.footers))
                .with_metadata_size_hint(self.footer_bytes)
                .with_page_index_policy(page_index);
            // The engine's own reader makes a text of a failure, which then says nothing of a store.
            let footer = decoded(footer.fetch_metadata()).await;
            let footer = footer.map_err(|error| ParquetError::External(Box::new(error)))?;
            Ok(values.noted(with_byte_columns(without_notes(footer))))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beyond_the_end_are_the_files_own_fault() {
        assert!(within(10, &[0..4, 4..10]).is_ok());
        let said = within(10, &[0..4, 8..11]).unwrap_err().to_string();
        assert_eq!(said, "EOF: its footer names bytes up to 11, and it has 10");
    }
}
