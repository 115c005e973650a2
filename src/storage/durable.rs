//! The local disk, with every write on the platter before it counts.
//!
//! A file that has its name and not yet its bytes survives a power cut as an empty file, which in
//! the log of a table is an empty commit. So what is written in one piece is synced before it gets
//! its name, and its folder after; a large file, which counts only once something else names it,
//! is synced with its folder when it is complete. Folders that are made for it are synced in their
//! own.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result, UploadPart,
};

use super::disk_listing;

/// Brings a file or a folder to the disk.
type SyncPath = fn(&FilePath) -> io::Result<()>;

/// The local disk.
#[derive(Debug)]
pub(super) struct DurableDisk {
    inner: LocalFileSystem,
    sync: SyncPath,
}

impl DurableDisk {
    /// The disk, from its root on.
    pub(super) fn new() -> Self {
        Self {
            inner: LocalFileSystem::new(),
            sync,
        }
    }

    /// Runs what blocks where it may, on the path of an object.
    async fn blocking<T: Send + 'static>(
        &self,
        location: &Path,
        work: impl FnOnce(&FilePath, SyncPath) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let path = self.inner.path_to_filesystem(location)?;
        blocking(path, self.sync, work).await
    }
}

async fn blocking<T: Send + 'static>(
    path: PathBuf,
    sync: SyncPath,
    work: impl FnOnce(&FilePath, SyncPath) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let worked = tokio::task::spawn_blocking(move || {
        let worked = work(&path, sync);
        worked.map_err(|source| failure(&path, source))
    });
    worked.await.map_err(|error| Error::Generic {
        store: "local disk",
        source: error.into(),
    })?
}

fn failure(path: &FilePath, source: io::Error) -> Error {
    let path = path.display().to_string();
    match source.kind() {
        ErrorKind::AlreadyExists => Error::AlreadyExists {
            path,
            source: source.into(),
        },
        ErrorKind::PermissionDenied => Error::PermissionDenied {
            path,
            source: source.into(),
        },
        _ => Error::Generic {
            store: "local disk",
            // Of what kind it is tells a full disk.
            source: io::Error::new(source.kind(), format!("cannot write {path}: {source}")).into(),
        },
    }
}

/// Brings a file or a folder to the disk. A file is opened for writing: what is synced is the file,
/// whoever wrote it, but some systems sync none that is open for reading alone. Where the system
/// cannot do so for a folder, as on some network drives, it keeps order among folders by itself.
fn sync(path: &FilePath) -> io::Result<()> {
    let is_folder = path.is_dir();
    if is_folder && !cfg!(unix) {
        return Ok(());
    }
    let opened = match is_folder {
        true => File::open(path),
        false => OpenOptions::new().write(true).open(path),
    };
    match opened?.sync_all() {
        Err(error)
            if is_folder
                && matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::Unsupported
                ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

fn sync_folder_of(path: &FilePath, sync: SyncPath) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync)
}

/// Makes the folders that a file is to be in, each synced in its own.
fn make_folders_of(path: &FilePath, sync: SyncPath) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.is_dir()) else {
        return Ok(());
    };
    make_folders_of(folder, sync)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder_of(folder, sync),
    }
}

/// Writes a file in a folder that is there, whole or not at all: readers find the old one or the new one.
///
/// # Errors
/// What the system says.
pub fn write_whole(path: &FilePath, bytes: impl Into<PutPayload>) -> io::Result<()> {
    name_once_written(path, &bytes.into(), false, sync)
}

/// Writes a file, and the folders that it is to be in.
fn write(path: &FilePath, payload: &PutPayload, is_new: bool, sync: SyncPath) -> io::Result<()> {
    make_folders_of(path, sync)?;
    name_once_written(path, payload, is_new, sync)
}

/// Writes a file aside, syncs it, and gives it its name.
fn name_once_written(
    path: &FilePath,
    payload: &PutPayload,
    is_new: bool,
    sync: SyncPath,
) -> io::Result<()> {
    let (mut file, aside) = create_aside(path)?;
    let named = (|| {
        payload.iter().try_for_each(|part| file.write_all(part))?;
        drop(file);
        sync(&aside)?;
        match is_new {
            true => fs::hard_link(&aside, path),
            false => fs::rename(&aside, path),
        }
    })();
    if (is_new || named.is_err())
        && let Err(error) = fs::remove_file(&aside)
    {
        // It is in no listing.
        tracing::debug!(%error, file = %aside.display(), "a file stays aside");
    }
    named?;
    sync_folder_of(path, sync)
}

/// A new file next to `path`, under a name that listings of the store pass over.
fn create_aside(path: &FilePath) -> io::Result<(File, PathBuf)> {
    let mut number = 1_u64;
    loop {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!("#{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&aside) {
            Ok(file) => return Ok((file, aside.into())),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

impl fmt::Display for DurableDisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

#[async_trait]
impl ObjectStore for DurableDisk {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) || !options.attributes.is_empty() {
            return self.inner.put_opts(location, payload, options).await;
        }
        let is_new = options.mode == PutMode::Create;
        let written = move |path: &FilePath, sync: SyncPath| write(path, &payload, is_new, sync);
        self.blocking(location, written).await?;
        let object = self.inner.head(location).await?;
        Ok(PutResult {
            e_tag: object.e_tag,
            version: None,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.blocking(location, make_folders_of).await?;
        Ok(Box::new(DurableUpload {
            inner: self.inner.put_multipart_opts(location, options).await?,
            path: self.inner.path_to_filesystem(location)?,
            sync: self.sync,
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        disk_listing::list(&self.inner, prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        disk_listing::list_with_delimiter(&self.inner, prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.blocking(to, make_folders_of).await?;
        self.inner.copy_opts(from, to, options).await?;
        self.blocking(to, sync_folder_of).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.blocking(to, make_folders_of).await?;
        self.inner.rename_opts(from, to, options).await?;
        self.blocking(to, sync_folder_of).await
    }
}

/// A large file, synced once it is complete.
#[derive(Debug)]
struct DurableUpload {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
    sync: SyncPath,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        self.inner.put_part(part)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.inner.complete().await?;
        let synced = |path: &FilePath, sync: SyncPath| {
            sync(path)?;
            sync_folder_of(path, sync)
        };
        blocking(self.path.clone(), self.sync, synced).await?;
        Ok(completed)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

/// The disk without syncing, for what need not outlive a run.
pub(super) fn scratch_disk() -> Arc<dyn ObjectStore> {
    Arc::new(LocalFileSystem::new())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tempfile::TempDir;

    use super::*;

    /// What was synced so far, and whether the object had its name by then.
    static SYNCED: Mutex<Vec<(PathBuf, bool)>> = Mutex::new(Vec::new());

    /// The file whose name is watched.
    const NAME: &str = "0.json";

    fn noted(path: &FilePath) -> io::Result<()> {
        let folder = if path.is_dir() {
            Some(path)
        } else {
            path.parent()
        };
        let has_name = folder.unwrap().join(NAME).exists();
        SYNCED.lock().unwrap().push((path.to_owned(), has_name));
        sync(path)
    }

    fn disk() -> DurableDisk {
        DurableDisk {
            inner: LocalFileSystem::new(),
            sync: noted,
        }
    }

    fn place(folder: &TempDir, inner: &str) -> Path {
        Path::from_absolute_path(folder.path().join(inner)).unwrap()
    }

    /// What was synced below a folder, from there.
    fn synced(folder: &TempDir) -> Vec<(String, bool)> {
        let all = SYNCED.lock().unwrap();
        let below = all.iter().filter_map(|(path, has_name)| {
            let inner = path.strip_prefix(folder.path()).ok()?;
            Some((inner.display().to_string(), *has_name))
        });
        below.collect()
    }

    fn expected(synced: &[(&str, bool)]) -> Vec<(String, bool)> {
        let synced = synced.iter();
        synced
            .map(|(path, named)| ((*path).to_owned(), *named))
            .collect()
    }

    #[tokio::test]
    async fn bytes_are_synced_before_a_file_has_its_name() {
        let folder = TempDir::new().unwrap();
        let entry = place(&folder, "log/0.json");
        let create = || PutOptions::from(PutMode::Create);
        let put = disk()
            .put_opts(&entry, "rows".into(), create())
            .await
            .unwrap();
        let order = [("", false), ("log/0.json#1", false), ("log", true)];
        assert_eq!(synced(&folder), expected(&order));
        let object = disk().head(&entry).await.unwrap();
        assert_eq!((object.size, object.e_tag), (4, put.e_tag));

        let again = disk().put_opts(&entry, "others".into(), create()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })));
        disk().put(&entry, "replaced".into()).await.unwrap();
        let bytes = disk().get(&entry).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, "replaced");
        let files = fs::read_dir(folder.path().join("log")).unwrap().count();
        assert_eq!(files, 1, "nothing stays aside");
    }

    #[tokio::test]
    async fn large_files_and_copies_are_synced_with_their_folders() {
        let folder = TempDir::new().unwrap();
        let file = place(&folder, "draft/0.json");
        let mut upload = disk().put_multipart(&file).await.unwrap();
        upload.put_part("rows".into()).await.unwrap();
        upload.complete().await.unwrap();
        let order = [("", false), ("draft/0.json", true), ("draft", true)];
        assert_eq!(synced(&folder), expected(&order));

        let copy = place(&folder, "copy/0.json");
        disk().copy(&file, &copy).await.unwrap();
        assert_eq!(
            synced(&folder)[3..],
            expected(&[("", false), ("copy", true)])
        );
        let bytes = disk().get(&copy).await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, "rows");
    }
}
