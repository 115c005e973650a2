//! A store that counts its requests and bytes, so that a report can say what a night cost and a
//! test can assert it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// Running totals of one store.
#[derive(Debug, Default)]
pub struct Traffic {
    gets: AtomicU64,
    lists: AtomicU64,
    puts: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

/// The totals at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficTotals {
    /// GET and HEAD requests.
    pub gets: u64,
    /// LIST requests, as the caller made them: pages are not counted apart.
    pub lists: u64,
    /// PUT, multipart and COPY requests.
    pub puts: u64,
    /// Bytes asked for in GETs.
    pub bytes_read: u64,
    /// Bytes handed over in PUTs; parts of multipart uploads included.
    pub bytes_written: u64,
}

impl Traffic {
    /// The totals now.
    pub fn totals(&self) -> TrafficTotals {
        TrafficTotals {
            gets: self.gets.load(Ordering::Relaxed),
            lists: self.lists.load(Ordering::Relaxed),
            puts: self.puts.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
        }
    }

    fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }
}

/// Counts every request of the store it wraps.
#[derive(Debug)]
pub struct CountingStore {
    inner: Arc<dyn ObjectStore>,
    traffic: Arc<Traffic>,
}

impl CountingStore {
    /// Counts the requests to `inner` in `traffic`.
    pub fn new(inner: Arc<dyn ObjectStore>, traffic: Arc<Traffic>) -> Self {
        Self { inner, traffic }
    }
}

impl fmt::Display for CountingStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

#[async_trait]
impl ObjectStore for CountingStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        Traffic::add(&self.traffic.puts, 1);
        Traffic::add(&self.traffic.bytes_written, payload.content_length() as u64);
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Traffic::add(&self.traffic.puts, 1);
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(CountingUpload {
            inner: upload,
            traffic: Arc::clone(&self.traffic),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        Traffic::add(&self.traffic.gets, 1);
        let head = options.head;
        let result = self.inner.get_opts(location, options).await?;
        if !head {
            let length = result.range.end - result.range.start;
            Traffic::add(&self.traffic.bytes_read, length);
        }
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        Traffic::add(&self.traffic.gets, 1);
        let parts = self.inner.get_ranges(location, ranges).await?;
        let length = parts.iter().map(|part| part.len() as u64).sum();
        Traffic::add(&self.traffic.bytes_read, length);
        Ok(parts)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        Traffic::add(&self.traffic.lists, 1);
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        Traffic::add(&self.traffic.lists, 1);
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        Traffic::add(&self.traffic.lists, 1);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        Traffic::add(&self.traffic.puts, 1);
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        Traffic::add(&self.traffic.puts, 1);
        self.inner.rename_opts(from, to, options).await
    }
}

/// Counts the parts of one multipart upload.
#[derive(Debug)]
struct CountingUpload {
    inner: Box<dyn MultipartUpload>,
    traffic: Arc<Traffic>,
}

#[async_trait]
impl MultipartUpload for CountingUpload {
    fn put_part(&mut self, part: PutPayload) -> object_store::UploadPart {
        Traffic::add(&self.traffic.puts, 1);
        Traffic::add(&self.traffic.bytes_written, part.content_length() as u64);
        self.inner.put_part(part)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl std::ops::Add for TrafficTotals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            gets: self.gets + other.gets,
            lists: self.lists + other.lists,
            puts: self.puts + other.puts,
            bytes_read: self.bytes_read + other.bytes_read,
            bytes_written: self.bytes_written + other.bytes_written,
        }
    }
}
