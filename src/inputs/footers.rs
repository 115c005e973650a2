//! Footers that scans of one session share, each kept for the very object that it was read from.
//!
//! The engine keeps footers by the key of an object, its size and its time: two buckets may each
//! have an object of all three, and a file may be written again within a second. Here an object
//! is kept under the name of its store and its ETag as well.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// One object under the name that its footer is kept by.
#[derive(Debug)]
pub(super) struct KeptFooter {
    store: Renamed,
    object: ObjectMeta,
}

impl KeptFooter {
    /// An object of a store, which `root` names.
    pub(super) fn new(
        root: &ObjectStoreUrl,
        store: Arc<dyn ObjectStore>,
        object: &ObjectMeta,
    ) -> Self {
        let tag = object.e_tag.as_deref().unwrap_or_default();
        let kept_as = Path::from_iter([root.as_str(), tag, object.location.as_ref()]);
        let written_as = object.location.clone();
        let object = ObjectMeta {
            location: kept_as.clone(),
            ..object.clone()
        };
        let store = Renamed {
            inner: store,
            kept_as,
            written_as,
        };
        Self { store, object }
    }

    /// How its footer is read, from `footers` if it is there.
    pub(super) fn reading(&self, footers: Arc<FileMetadataCache>) -> DFParquetMetadata<'_> {
        DFParquetMetadata::new(&self.store, &self.object).with_file_metadata_cache(Some(footers))
    }
}

/// A store that has one object under another name.
#[derive(Debug)]
struct Renamed {
    inner: Arc<dyn ObjectStore>,
    kept_as: Path,
    written_as: Path,
}

impl Renamed {
    fn written<'a>(&'a self, location: &'a Path) -> &'a Path {
        match *location == self.kept_as {
            true => &self.written_as,
            false => location,
        }
    }
}

impl fmt::Display for Renamed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

#[async_trait]
impl ObjectStore for Renamed {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(self.written(location), options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(self.written(location), ranges).await
    }

    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use datafusion::execution::runtime_env::RuntimeEnv;
    use object_store::memory::InMemory;
    use parquet::arrow::ArrowWriter;

    use super::*;

    fn file_with_column(name: &str) -> Vec<u8> {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let rows = RecordBatch::try_from_iter([(name, values)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        bytes
    }

    async fn column_of(root: &str, e_tag: &str, bytes: Vec<u8>, runtime: &RuntimeEnv) -> String {
        let store = Arc::new(InMemory::new());
        let object = ObjectMeta {
            location: Path::from("orders/dt=2026-11-20/part-0.parquet"),
            last_modified: DateTime::UNIX_EPOCH,
            size: bytes.len() as u64,
            e_tag: Some(e_tag.to_owned()),
            version: None,
        };
        let options = PutOptions::default();
        store
            .put_opts(&object.location, bytes.into(), options)
            .await
            .unwrap();
        let root = ObjectStoreUrl::parse(root).unwrap();
        let footer = KeptFooter::new(&root, store, &object);
        let footers = runtime.cache_manager.get_file_metadata_cache();
        let schema = footer.reading(footers).fetch_schema().await.unwrap();
        schema.field(0).name().clone()
    }

    #[tokio::test]
    async fn objects_of_one_key_size_and_time_have_footers_of_their_own() {
        let runtime = RuntimeEnv::default();
        let (a, b, c) = (
            file_with_column("a"),
            file_with_column("b"),
            file_with_column("c"),
        );
        assert_eq!([a.len(), a.len()], [b.len(), c.len()]);
        assert_eq!(column_of("s3://first", "1", a.clone(), &runtime).await, "a");
        assert_eq!(
            column_of("s3://second", "1", b.clone(), &runtime).await,
            "b"
        );
        assert_eq!(column_of("s3://second", "2", c, &runtime).await, "c");
        // What is kept is not read again.
        assert_eq!(column_of("s3://first", "1", b, &runtime).await, "a");
    }
}
