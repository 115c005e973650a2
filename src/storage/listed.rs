//! A store that hands out one object only while it is the one that was listed.
//!
//! | the store | how it is made sure that an object is as listed |
//! |---|---|
//! | has ETags | every GET carries the listed one as `If-Match`, and the answer must carry it too |
//! | has none | every answer must have the listed size and, to the second, the listed time |
//! | is a disk | as with ETags when a file is opened; once read, it must still have its size and time |
//!
//! An object that changed fails as `Precondition`, one that is gone as `NotFound`. An answer that
//! is shorter than the range asked for is a failure of the store.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result, coalesce_ranges,
};

/// How messages call a store whose answers are wrong.
const STORE: &str = "object store";

/// Reads one object of a store as it was listed; other objects pass through.
#[derive(Debug)]
pub struct ListedObject {
    inner: Arc<dyn ObjectStore>,
    listed: ObjectMeta,
}

impl ListedObject {
    /// Holds the object `listed` of the store `inner` to its listing.
    pub fn new(inner: Arc<dyn ObjectStore>, listed: ObjectMeta) -> Self {
        Self { inner, listed }
    }

    fn changed(&self) -> Error {
        Error::Precondition {
            path: self.listed.location.to_string(),
            source: "it is not the object that was listed".into(),
        }
    }

    async fn get_part(&self, range: Range<u64>) -> Result<Bytes> {
        let size = self.listed.size;
        if range.start > range.end || range.end > size {
            let beyond = BeyondEnd {
                end: range.end,
                size,
            };
            return Err(Error::Generic {
                store: STORE,
                source: beyond.into(),
            });
        }
        let expected = range.end - range.start;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let bytes = self.get_opts(&self.listed.location, options).await?;
        let bytes = bytes.bytes().await?;
        if bytes.len() as u64 == expected {
            return Ok(bytes);
        }
        Err(Error::Generic {
            store: STORE,
            source: format!("{} of {expected} bytes came", bytes.len()).into(),
        })
    }

    /// The same answer with its bytes read, when they come from a file of this machine that is
    /// still what it was when it was opened.
    async fn read_whole(&self, answer: GetResult) -> Result<GetResult> {
        let GetResultPayload::File(file, _) = &answer.payload else {
            return Ok(answer);
        };
        let opened = file.try_clone().map_err(of_disk)?;
        let (meta, range) = (answer.meta.clone(), answer.range.clone());
        let attributes = answer.attributes.clone();
        let bytes = answer.bytes().await?;
        if !is_untouched(&opened, &meta).map_err(of_disk)? {
            return Err(self.changed());
        }
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
            meta,
            range,
            attributes,
        })
    }
}

/// Bytes that an object does not have: whoever asked for them took a wrong length for granted.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it names bytes up to {end}, and the file has {size}")]
pub struct BeyondEnd {
    end: u64,
    size: u64,
}

fn of_disk(error: std::io::Error) -> Error {
    Error::Generic {
        store: "LocalFileSystem",
        source: Box::new(error),
    }
}

fn is_untouched(file: &File, opened: &ObjectMeta) -> std::io::Result<bool> {
    let metadata = file.metadata()?;
    let modified: DateTime<Utc> = metadata.modified()?.into();
    Ok(metadata.len() == opened.size && modified == opened.last_modified)
}

/// Whether an answer is about the object that was listed.
fn is_same(listed: &ObjectMeta, found: &ObjectMeta) -> bool {
    let is_same_version = match (&listed.e_tag, &found.e_tag) {
        (Some(listed), Some(found)) => plain_tag(listed) == plain_tag(found),
        // Without a time, size and name are all that a listing said.
        _ if listed.last_modified == DateTime::UNIX_EPOCH => true,
        // HTTP has the time to the second, whatever a listing does.
        _ => listed.last_modified.timestamp() == found.last_modified.timestamp(),
    };
    is_same_version && listed.size == found.size
}

/// An ETag without its quotes and its mark of weakness, which listings and answers write
/// differently.
fn plain_tag(e_tag: &str) -> &str {
    e_tag.strip_prefix("W/").unwrap_or(e_tag).trim_matches('"')
}

/// The tag to ask for: by HTTP a weak one matches nothing.
fn strong_tag(e_tag: Option<&str>) -> Option<String> {
    let is_strong = |e_tag: &&str| !e_tag.starts_with("W/");
    e_tag.filter(is_strong).map(str::to_owned)
}

impl fmt::Display for ListedObject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

#[async_trait]
impl ObjectStore for ListedObject {
    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        if *location != self.listed.location {
            return self.inner.get_opts(location, options).await;
        }
        options.if_match = strong_tag(self.listed.e_tag.as_deref());
        let is_head = options.head;
        let answer = self.inner.get_opts(location, options).await?;
        if !is_same(&self.listed, &answer.meta) {
            return Err(self.changed());
        }
        match is_head {
            true => Ok(answer),
            false => self.read_whole(answer).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if *location != self.listed.location {
            return self.inner.get_ranges(location, ranges).await;
        }
        let get = |range| self.get_part(range);
        coalesce_ranges(ranges, get, OBJECT_STORE_COALESCE_DEFAULT).await
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

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    use super::*;

    async fn listing(store: &Arc<dyn ObjectStore>) -> ObjectMeta {
        let objects: Vec<_> = store.list(None).collect().await;
        objects.into_iter().next().unwrap().unwrap()
    }

    async fn listed(store: Arc<dyn ObjectStore>) -> (ListedObject, Path) {
        let path = Path::from("file");
        store.put(&path, "as it was".into()).await.unwrap();
        let listed = listing(&store).await;
        (ListedObject::new(store, listed), path)
    }

    #[tokio::test]
    async fn ranges_are_read_as_listed() {
        let (object, path) = listed(Arc::new(InMemory::new())).await;
        let parts = object.get_ranges(&path, &[0..2, 3..5]).await.unwrap();
        assert_eq!(parts, ["as", "it"]);
    }

    #[tokio::test]
    async fn bytes_beyond_the_end_are_told_from_a_cut_answer() {
        let (object, path) = listed(Arc::new(InMemory::new())).await;
        let beyond = object.get_ranges(&path, &[0..2, 3..50]).await.unwrap_err();
        let Error::Generic { source, .. } = beyond else {
            panic!("{beyond}")
        };
        assert!(source.is::<BeyondEnd>(), "{source}");
    }

    #[tokio::test]
    async fn object_that_was_replaced_or_removed_is_not_read() {
        let disk = tempfile::TempDir::new().unwrap();
        let disk = LocalFileSystem::new_with_prefix(disk.path()).unwrap();
        let stores: [Arc<dyn ObjectStore>; 2] = [Arc::new(InMemory::new()), Arc::new(disk)];
        for store in stores {
            let (object, path) = listed(Arc::clone(&store)).await;
            store.put(&path, "as it is!".into()).await.unwrap();
            let all = std::slice::from_ref(&(0..9));
            let changed = object.get_ranges(&path, all).await.unwrap_err();
            assert!(matches!(changed, Error::Precondition { .. }), "{changed}");
            store.delete(&path).await.unwrap();
            let gone = object.get(&path).await.unwrap_err();
            assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
        }
    }

    /// Nothing but the size and the time of its listing tells such an object.
    #[tokio::test]
    async fn store_without_tags_is_held_to_size_and_time() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let (object, path) = listed(Arc::clone(&store)).await;
        let mut untagged = object.listed;
        untagged.e_tag = None;
        let of = |listed: &ObjectMeta| ListedObject::new(Arc::clone(&store), listed.clone());
        of(&untagged).get(&path).await.unwrap();
        let longer = ObjectMeta {
            size: 10,
            ..untagged.clone()
        };
        of(&longer).get(&path).await.unwrap_err();
        untagged.last_modified -= chrono::TimeDelta::seconds(2);
        of(&untagged).get(&path).await.unwrap_err();
        untagged.last_modified = DateTime::UNIX_EPOCH;
        of(&untagged).get(&path).await.unwrap();
    }

    /// Overwritten in place after it was opened, a file is a mixture of both.
    #[tokio::test]
    async fn file_that_changes_while_it_is_read_is_noticed() {
        let folder = tempfile::TempDir::new().unwrap();
        let disk = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let (object, path) = listed(Arc::new(disk)).await;
        let options = GetOptions {
            if_match: object.listed.e_tag.clone(),
            ..GetOptions::default()
        };
        let opened = object.inner.get_opts(&path, options).await.unwrap();
        let later = std::time::Duration::from_secs(1);
        let on_disk = File::options()
            .write(true)
            .open(folder.path().join("file"))
            .unwrap();
        let modified = on_disk.metadata().unwrap().modified().unwrap();
        on_disk.set_modified(modified + later).unwrap();
        let changed = object.read_whole(opened).await.unwrap_err();
        assert!(matches!(changed, Error::Precondition { .. }), "{changed}");
    }

    #[test]
    fn tags_are_compared_without_quotes_and_asked_for_when_strong() {
        assert_eq!(plain_tag("\"abc\""), plain_tag("abc"));
        assert_eq!(plain_tag("W/\"abc\""), plain_tag("\"abc\""));
        assert_eq!(strong_tag(Some("\"abc\"")).as_deref(), Some("\"abc\""));
        assert_eq!(strong_tag(Some("W/\"abc\"")), None);
    }
}
