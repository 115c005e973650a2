//! Listings of a disk in which one invalid name does not cost all others, and in which nothing that may
//! be data is left out in silence.
//!
//! The usual listing passes over links to what is not there, pipes, sockets and devices, so the
//! folders are looked through for these, which nobody opens. When it fails, for a name or a link in
//! a circle, the files too are taken from there. What the client cannot represent or read is listed under
//! a [stand-in](super::invalid_names).

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path as FilePath, PathBuf};

use futures::stream::BoxStream;
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ListResult, ObjectMeta, ObjectStore, ObjectStoreExt, Result};

use super::invalid_names::{UnreadableReason, stand_in_below, unreadable_reason};

/// Everything below a folder.
pub(super) fn list(
    disk: &LocalFileSystem,
    prefix: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let usual = disk.list(prefix);
    let disk = disk.clone();
    let prefix = prefix.cloned().unwrap_or_default();
    let listed = async move {
        let usual = usual.try_collect::<Vec<_>>().await;
        let found = walk(&disk, prefix).await?;
        match usual {
            Ok(mut objects) => {
                let unread = found.iter().filter(|entry| entry.kind.reason().is_some());
                objects.extend(unread.map(Entry::unreadable));
                Ok(objects)
            }
            Err(_) => objects_of(&disk, &found).await,
        }
    };
    let objects = listed.map_ok(|objects| stream::iter(objects).map(Ok));
    objects.try_flatten_stream().boxed()
}

/// What a folder has.
pub(super) async fn list_with_delimiter(
    disk: &LocalFileSystem,
    prefix: Option<&Path>,
) -> Result<ListResult> {
    let failure = match disk.list_with_delimiter(prefix).await {
        Err(error) => error,
        listed => return listed,
    };
    let folder = FoundFolder::of(disk, prefix.cloned().unwrap_or_default())?;
    // Of two failures the client's own says whether it is one of permissions.
    let Ok(entries) = folder.entries() else {
        return Err(failure);
    };
    let folders = entries.iter().filter(|entry| entry.kind == Kind::Folder);
    Ok(ListResult {
        common_prefixes: folders.map(|folder| folder.listed_as.clone()).collect(),
        objects: objects_of(disk, &entries).await?,
    })
}

/// Everything below a folder but folders, by its kind. Of a folder that is not there, nothing.
async fn walk(disk: &LocalFileSystem, from: Path) -> Result<Vec<Entry>> {
    let folder = FoundFolder::of(disk, from)?;
    let walked = tokio::task::spawn_blocking(move || {
        refuse_link_to_nothing(&folder.on_disk)?;
        everything_below(folder)
    });
    walked.await.map_err(|error| Error::Generic {
        store: "local disk",
        source: error.into(),
    })?
}

fn everything_below(folder: FoundFolder) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        let entries = folder.entries().map_err(|error| Error::Generic {
            store: "local disk",
            source: format!("cannot list {}: {error}", folder.on_disk.display()).into(),
        })?;
        for entry in entries {
            match entry.kind {
                Kind::Folder => folders.push(FoundFolder {
                    on_disk: entry.path,
                    listed_as: entry.listed_as,
                }),
                _ => found.push(entry),
            }
        }
    }
    Ok(found)
}

/// A folder that is reached by a link to what is not there is no folder without files.
fn refuse_link_to_nothing(folder: &FilePath) -> Result<()> {
    let mut above = folder.ancestors();
    let Some(link) = above.find(|folder| folder.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    match fs::metadata(link) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::Generic {
            store: "local disk",
            source: Box::new(UselessLink {
                link: link.display().to_string(),
                is_circle: is_circle(&error),
            }),
        }),
    }
}

/// A link above everything that was to be listed, which leads nowhere, or in a circle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{link} is a link that leads {}", match .is_circle { true => "in a circle", false => "nowhere" })]
pub struct UselessLink {
    /// Its path on the disk.
    pub link: String,
    /// Whether it leads to itself.
    pub is_circle: bool,
}

impl UselessLink {
    /// The link for which nothing could be listed, if that is the reason.
    pub fn behind(error: &Error) -> Option<&Self> {
        let Error::Generic { source, .. } = error else {
            return None;
        };
        source.downcast_ref()
    }
}

async fn objects_of(disk: &LocalFileSystem, entries: &[Entry]) -> Result<Vec<ObjectMeta>> {
    let mut objects = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind != Kind::Folder) {
        if unreadable_reason(&entry.listed_as).is_some() {
            objects.push(entry.unreadable());
            continue;
        }
        match disk.head(&entry.listed_as).await {
            // A file may be gone by now.
            Err(Error::NotFound { .. }) => {}
            object => objects.push(object?),
        }
    }
    Ok(objects)
}

/// A folder, and what it is in the listing.
struct FoundFolder {
    on_disk: PathBuf,
    listed_as: Path,
}

impl FoundFolder {
    fn of(disk: &LocalFileSystem, listed_as: Path) -> Result<Self> {
        // The client takes some names for no file's, which may be a folder's.
        let mut on_disk = disk.path_to_filesystem(&listed_as.clone().join("file"))?;
        on_disk.pop();
        Ok(Self { on_disk, listed_as })
    }

    /// What is in it, but for files that the client hides: it writes them aside.
    fn entries(&self) -> io::Result<Vec<Entry>> {
        let listed = match fs::read_dir(&self.on_disk) {
            // It may be gone by now.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed?,
        };
        let mut entries = Vec::new();
        for entry in listed {
            let entry = entry?;
            let kind = kind_of(&self.on_disk, &entry)?;
            let is_file = !matches!(kind, Kind::Folder);
            let name = entry.file_name();
            if !(is_file && name.to_str().is_some_and(is_written_aside)) {
                entries.push(Entry {
                    listed_as: self.below(&entry, kind),
                    path: entry.path(),
                    kind,
                });
            }
        }
        Ok(entries)
    }

    fn below(&self, entry: &DirEntry, kind: Kind) -> Path {
        let name = entry.file_name();
        let plain = name.to_str().filter(|_| kind.reason().is_none());
        // Joined as it is: a path takes what it joins for a name to be escaped.
        let plain = plain.and_then(|name| Path::parse(format!("{}/{name}", self.listed_as)).ok());
        let reason = kind.reason().unwrap_or(UnreadableReason::Name);
        plain.unwrap_or_else(|| stand_in_below(&self.listed_as, name.as_encoded_bytes(), reason))
    }
}

/// What lies in a folder.
struct Entry {
    path: PathBuf,
    listed_as: Path,
    kind: Kind,
}

impl Entry {
    /// As it is listed when nothing can be read under its name.
    fn unreadable(&self) -> ObjectMeta {
        // Nobody knows what a link leads to: it counts as something.
        let size = match self.kind {
            Kind::File => fs::metadata(&self.path).map_or(1, |file| file.len()),
            _ => 1,
        };
        ObjectMeta {
            location: self.listed_as.clone(),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size,
            e_tag: None,
            version: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    /// What nobody can read, whatever its name is.
    Unreadable(UnreadableReason),
}

impl Kind {
    fn reason(self) -> Option<UnreadableReason> {
        match self {
            Self::Unreadable(reason) => Some(reason),
            Self::File | Self::Folder => None,
        }
    }

    fn of(is_file: bool, is_folder: bool) -> Self {
        match (is_file, is_folder) {
            (true, _) => Self::File,
            (_, true) => Self::Folder,
            (false, false) => Self::Unreadable(UnreadableReason::NoFile),
        }
    }
}

/// What an entry is, links followed; nothing is opened for it.
fn kind_of(folder: &FilePath, entry: &DirEntry) -> io::Result<Kind> {
    let found = entry.file_type()?;
    if !found.is_symlink() {
        return Ok(Kind::of(found.is_file(), found.is_dir()));
    }
    let link = entry.path();
    Ok(match fs::metadata(&link) {
        Ok(target) if target.is_dir() && leads_back(folder, &link) => {
            Kind::Unreadable(UnreadableReason::Circle)
        }
        Ok(target) => Kind::of(target.is_file(), target.is_dir()),
        Err(error) if is_circle(&error) => Kind::Unreadable(UnreadableReason::Circle),
        Err(_) => Kind::Unreadable(UnreadableReason::LinkToNothing),
    })
}

/// Whether links lead to each other, or one to itself: systems tell it in words.
fn is_circle(error: &io::Error) -> bool {
    error
        .to_string()
        .starts_with("Too many levels of symbolic links")
}

/// Whether a link leads to a folder that it lies in.
fn leads_back(folder: &FilePath, link: &FilePath) -> bool {
    match (folder.canonicalize(), link.canonicalize()) {
        (Ok(folder), Ok(target)) => folder.starts_with(&target),
        _ => false,
    }
}

/// `part-0.parquet#1`.
fn is_written_aside(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::super::invalid_names::original_name;
    use super::*;

    #[tokio::test]
    async fn everything_else_is_listed_beside_odd_names_and_circles() {
        let disk = TempDir::new().unwrap();
        let at = |name: &str| disk.path().join("raw").join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        for name in [
            "a/b/1.parquet",
            "a/2\t.parquet",
            "3%41#.parquet",
            "4.parquet#7",
        ] {
            fs::write(at(name), "rows").unwrap();
        }
        let latin = at("").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
        fs::create_dir(&latin).unwrap();
        fs::write(latin.join("5.parquet"), "rows").unwrap();
        symlink(disk.path(), at("a/b/circle")).unwrap();
        symlink("itself", at("a/itself")).unwrap();
        symlink(at("nowhere"), at("a/dangling")).unwrap();
        symlink(at("3%41#.parquet/no_folder"), at("a/_beyond_a_file")).unwrap();
        let socket = std::os::unix::net::UnixListener::bind(at("a/socket")).unwrap();
        let store = LocalFileSystem::new_with_prefix(disk.path()).unwrap();
        let raw = Path::from("raw");
        let objects: Vec<_> = list(&store, Some(&raw)).try_collect().await.unwrap();
        let mut names: Vec<String> = objects
            .iter()
            .map(|object| match unreadable_reason(&object.location) {
                Some(odd) => {
                    let name = original_name(&object.location).unwrap();
                    format!("{odd:?}: {name} ({})", object.size)
                }
                None => format!("{} ({})", object.location, object.size),
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "Circle: raw/a/b/circle (1)",
                "Circle: raw/a/itself (1)",
                "LinkToNothing: raw/a/_beyond_a_file (1)",
                "LinkToNothing: raw/a/dangling (1)",
                "Name: raw/a/2\\t.parquet (4)",
                "Name: raw/caf\\xe9/5.parquet (4)",
                "NoFile: raw/a/socket (1)",
                "raw/3%41#.parquet (4)",
                "raw/a/b/1.parquet (4)",
            ]
        );
        let plain = Path::parse("raw/3%41#.parquet").unwrap();
        let listed = objects.iter().find(|object| object.location == plain);
        assert_eq!(listed, Some(&store.head(&plain).await.unwrap()));
        let top = list_with_delimiter(&store, Some(&raw)).await.unwrap();
        assert!(top.common_prefixes.contains(&Path::from("raw/a")));
        drop(socket);
    }

    /// What the usual listing has, and what it passes over.
    #[tokio::test]
    async fn links_to_nothing_are_listed_where_nothing_else_is_odd() {
        let disk = TempDir::new().unwrap();
        fs::write(disk.path().join("1.parquet"), "rows").unwrap();
        symlink("nowhere", disk.path().join("2.parquet")).unwrap();
        let store = LocalFileSystem::new_with_prefix(disk.path()).unwrap();
        let objects: Vec<_> = list(&store, None).try_collect().await.unwrap();
        let odd: Vec<_> = objects
            .iter()
            .map(|object| unreadable_reason(&object.location))
            .collect();
        assert_eq!(odd, [None, Some(UnreadableReason::LinkToNothing)]);
        let missing = list(&store, Some(&Path::from("none")));
        assert_eq!(missing.try_collect::<Vec<_>>().await.unwrap(), []);
        let below = list(&store, Some(&Path::from("2.parquet/orders")));
        let error = below.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(
            error.to_string().ends_with("is a link that leads nowhere"),
            "{error}"
        );
    }
}
