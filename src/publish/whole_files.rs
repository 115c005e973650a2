//! A store that refuses what was cut short in the log of a table, and still can be read: an empty
//! file in its listings, and an entry that lacks actions when it is read.
//!
//! The library that reads logs takes an empty entry for a commit that changes nothing, and one that
//! was cut at the end of a line for a commit of fewer files, so what that commit had published would
//! silently not be there. What cut the file short is looked into once the reading has failed.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result,
};

use super::log_entry::has_every_action;

/// Refuses files of a log that were cut short in the store that it wraps.
#[derive(Debug)]
pub(super) struct WholeFiles(pub(super) Arc<dyn ObjectStore>);

impl fmt::Display for WholeFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

fn refuse_empty(file: ObjectMeta) -> Result<ObjectMeta> {
    let is_log = matches!(file.location.extension(), Some("json" | "parquet"));
    if file.size > 0 || !is_log {
        return Ok(file);
    }
    Err(Error::Generic {
        store: "log",
        source: format!("`{}` is empty", file.location).into(),
    })
}

/// An entry with all of its actions.
async fn entire(location: &Path, found: GetResult) -> Result<GetResult> {
    let (meta, range, attributes) = (
        found.meta.clone(),
        found.range.clone(),
        found.attributes.clone(),
    );
    let bytes = found.bytes().await?;
    if !has_every_action(&bytes) {
        return Err(Error::Generic {
            store: "log",
            source: format!("`{location}` lacks some of its actions").into(),
        });
    }
    let payload = futures::stream::iter([Ok(bytes)]).boxed();
    Ok(GetResult {
        payload: GetResultPayload::Stream(payload),
        meta,
        range,
        attributes,
    })
}

#[async_trait]
impl ObjectStore for WholeFiles {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let is_entry = location.extension() == Some("json");
        let is_whole = options.range.is_none() && !options.head;
        let found = self.0.get_opts(location, options).await?;
        match is_entry && is_whole {
            true => entire(location, found).await,
            false => Ok(found),
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let files = self.0.list(prefix);
        files.map(|file| file.and_then(refuse_empty)).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let files = self.0.list_with_offset(prefix, offset);
        files.map(|file| file.and_then(refuse_empty)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await
    }
}
