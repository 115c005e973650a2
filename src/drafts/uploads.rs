//! A store for the table library's writer that takes every byte, and keeps to itself what went
//! wrong until it is asked.
//!
//! The library cannot bear an upload that fails when it is completed: it tries to abort what it
//! has no longer, and panics. So it is told that all is well, and whoever drives it asks for the
//! failure after each step, and gives the files up.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// What went wrong first.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    /// Takes what went wrong, if anything did.
    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_there(&self) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.is_some()
    }

    fn keep<T>(&self, done: Result<T>, instead: T) -> T {
        done.unwrap_or_else(|error| {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert(error);
            instead
        })
    }
}

/// The store.
#[derive(Debug)]
pub(super) struct Uploads<S> {
    inner: S,
    failure: Failure,
}

impl<S: ObjectStore> Uploads<S> {
    /// Uploads to a store, and where it is asked what went wrong.
    pub(super) fn to(inner: S) -> (Self, Failure) {
        let failure = Failure::default();
        let uploads = Self {
            inner,
            failure: failure.clone(),
        };
        (uploads, failure)
    }
}

fn nothing() -> PutResult {
    PutResult {
        e_tag: None,
        version: None,
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    failure: Failure,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let failure = self.failure.clone();
        let part = self.inner.put_part(data);
        part.map(move |put| {
            failure.keep(put, ());
            Ok(())
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.failure.is_there() {
            let aborted = self.inner.abort().await;
            self.failure.keep(aborted, ());
            return Ok(nothing());
        }
        let completed = self.inner.complete().await;
        Ok(self.failure.keep(completed, nothing()))
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl<S: ObjectStore> fmt::Display for Uploads<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.inner)
    }
}

#[async_trait]
impl<S: ObjectStore> ObjectStore for Uploads<S> {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.inner.put_opts(location, payload, options).await;
        Ok(self.failure.keep(put, nothing()))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await?;
        let failure = self.failure.clone();
        Ok(Box::new(Upload { inner, failure }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
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
    use object_store::memory::InMemory;

    use super::*;
    use crate::drafts::testing::{date, on_store, rows, tiers};
    use crate::drafts::{Dating, DraftWriter};

    /// A disk that takes no byte more.
    #[derive(Debug)]
    struct FullDisk(InMemory);

    impl fmt::Display for FullDisk {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("full disk")
        }
    }

    #[async_trait]
    impl ObjectStore for FullDisk {
        async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            Err(Error::Generic {
                store: "full disk",
                source: full.into(),
            })
        }

        async fn put_multipart_opts(
            &self,
            location: &Path,
            options: PutMultipartOptions,
        ) -> Result<Box<dyn MultipartUpload>> {
            self.0.put_multipart_opts(location, options).await
        }

        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            self.0.get_opts(location, options).await
        }

        fn delete_stream(
            &self,
            locations: BoxStream<'static, Result<Path>>,
        ) -> BoxStream<'static, Result<Path>> {
            self.0.delete_stream(locations)
        }

        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }

        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.0.list_with_delimiter(prefix).await
        }

        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.0.copy_opts(from, to, options).await
        }
    }

    #[tokio::test]
    async fn what_an_upload_came_to_is_told_when_it_is_asked() {
        let (uploads, failure) = Uploads::to(FullDisk(InMemory::new()));
        let path = Path::from("a");
        let put = uploads.put_opts(&path, "b".into(), PutOptions::default());
        assert!(put.await.is_ok());
        assert!(matches!(failure.take(), Some(Error::Generic { .. })));
        assert!(failure.take().is_none());
    }

    /// The library panicked, and the message blamed endpoint and permissions.
    #[tokio::test]
    async fn a_full_disk_is_named() {
        let output = on_store(Arc::new(FullDisk(InMemory::new())));
        let spec = tiers("tier_snapshot", Dating::EveryDate);
        let mut writer = DraftWriter::open(&output, &spec, date("2026-11-20")).unwrap();
        writer.write(&rows(&[(1, "gold")])).await.unwrap();
        let full = writer.finish().await.unwrap_err().to_string();
        assert!(full.starts_with("cannot write `"), "{full}");
        let remedy = "`: the disk is full; free some space and run it again";
        assert!(full.ends_with(remedy), "{full}");
    }
}
