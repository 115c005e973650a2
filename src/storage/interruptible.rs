//! A store whose requests are given up when a signal ends the process, or a night's time is up.
//!
//! | request | once a signal has come |
//! |---|---|
//! | reading, listing | given up |
//! | writing | not begun; one that is under way has [`PATIENCE`] to end, so that it is known what is there |
//! | deleting, taking back an upload | done, for what was begun to be cleared up |

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart,
};
use tokio::time::sleep;

use crate::ground::{GivenUp, interruption};

/// Heeds signals in the place of the store that it wraps.
#[derive(Debug)]
pub(super) struct InterruptibleStore(Arc<dyn ObjectStore>);

impl InterruptibleStore {
    /// Heeds signals while `inner` is asked.
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self(inner)
    }
}

impl fmt::Display for InterruptibleStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// How long a write that is under way may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

async fn written_unless_given_up<T>(request: impl Future<Output = Result<T>>) -> Result<T> {
    unless_given_up(async { Ok(()) }).await?;
    let patience = async {
        let signal = interruption().given_up().await;
        sleep(PATIENCE).await;
        signal
    };
    tokio::select! {
        biased;
        written = request => written,
        signal = patience => Err(given_up(signal)),
    }
}

async fn unless_given_up<T>(request: impl Future<Output = Result<T>>) -> Result<T> {
    interruption()
        .or_given_up(request)
        .await
        .map_err(given_up)?
}

fn given_up(signal: GivenUp) -> Error {
    Error::Generic {
        store: "",
        source: Box::new(signal),
    }
}

/// The items of a stream, and an error in the place of those that are given up.
fn until_given_up<T: Send + 'static>(
    items: BoxStream<'static, Result<T>>,
) -> BoxStream<'static, Result<T>> {
    let next = |items: Option<BoxStream<'static, Result<T>>>| async move {
        let mut items = items?;
        match interruption().or_given_up(items.next()).await {
            Ok(item) => item.map(|item| (item, Some(items))),
            Err(signal) => Some((Err(given_up(signal)), None)),
        }
    };
    stream::unfold(Some(items), next).boxed()
}

#[async_trait]
impl ObjectStore for InterruptibleStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        written_unless_given_up(self.0.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = written_unless_given_up(self.0.put_multipart_opts(location, options)).await?;
        Ok(Box::new(InterruptibleUpload(upload)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = unless_given_up(self.0.get_opts(location, options)).await?;
        let payload = match found.payload {
            GetResultPayload::Stream(bytes) => GetResultPayload::Stream(until_given_up(bytes)),
            file => file,
        };
        Ok(GetResult { payload, ..found })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        unless_given_up(self.0.get_ranges(location, ranges)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        until_given_up(self.0.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        until_given_up(self.0.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        unless_given_up(self.0.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        written_unless_given_up(self.0.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        written_unless_given_up(self.0.rename_opts(from, to, options)).await
    }
}

/// An upload whose parts are given up; what is there of it is still removed.
#[derive(Debug)]
struct InterruptibleUpload(Box<dyn MultipartUpload>);

#[async_trait]
impl MultipartUpload for InterruptibleUpload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        let sent: BoxFuture<'static, Result<()>> = self.0.put_part(part);
        written_unless_given_up(sent).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        written_unless_given_up(self.0.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.0.abort().await
    }
}
