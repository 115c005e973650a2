//! Listings of a disk in which one odd name does not cost all others. Only when the usual listing
//! has failed for a name are the folders walked here, with a [stand-in](super::odd_names) for every
//! file, and every link in a circle, that the client cannot hold.

use std::fs;
use std::io;
use std::path::{Path as FilePath, PathBuf};

use futures::stream::BoxStream;
use futures::{StreamExt, TryFutureExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{Error, ListResult, ObjectMeta, ObjectStore, ObjectStoreExt, Result};

use super::odd_names::{odd_name, stand_in_below};

/// Whether a listing failed for a name in it.
fn is_for_a_name(error: &Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        // What walks a disk tells circles in words alone.
        let is_circle = || error.to_string().starts_with("File system loop found");
        if error.is::<object_store::path::Error>() || is_circle() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Everything below a folder.
pub(super) fn list(
    disk: &LocalFileSystem,
    prefix: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let usual = disk.list(prefix);
    let disk = disk.clone();
    let prefix = prefix.cloned().unwrap_or_default();
    let listed = async move {
        match usual.try_collect::<Vec<_>>().await {
            Err(error) if is_for_a_name(&error) => walk(&disk, prefix).await,
            listed => listed,
        }
    };
    let objects = listed.map_ok(|objects| stream::iter(objects).map(Ok));
    objects.try_flatten_stream().boxed()
}

async fn walk(disk: &LocalFileSystem, from: Path) -> Result<Vec<ObjectMeta>> {
    let mut objects = Vec::new();
    let mut folders = vec![FoundFolder::of(disk, from)?];
    while let Some(folder) = folders.pop() {
        let found = folder.look(disk).await?;
        objects.extend(found.objects);
        folders.extend(found.folders);
    }
    Ok(objects)
}

/// What a folder has.
pub(super) async fn list_with_delimiter(
    disk: &LocalFileSystem,
    prefix: Option<&Path>,
) -> Result<ListResult> {
    match disk.list_with_delimiter(prefix).await {
        Err(error) if is_for_a_name(&error) => {}
        listed => return listed,
    }
    let folder = FoundFolder::of(disk, prefix.cloned().unwrap_or_default())?;
    let found = folder.look(disk).await?;
    let folders = found.folders.into_iter();
    Ok(ListResult {
        common_prefixes: folders.map(|folder| folder.listed_as).collect(),
        objects: found.objects,
    })
}

/// A folder, and what it is in the listing.
struct FoundFolder {
    on_disk: PathBuf,
    listed_as: Path,
}

/// What is in a folder.
#[derive(Default)]
struct Found {
    objects: Vec<ObjectMeta>,
    folders: Vec<FoundFolder>,
}

impl FoundFolder {
    fn of(disk: &LocalFileSystem, listed_as: Path) -> Result<Self> {
        Ok(Self {
            on_disk: disk.path_to_filesystem(&listed_as)?,
            listed_as,
        })
    }

    async fn look(&self, disk: &LocalFileSystem) -> Result<Found> {
        let entries = entries_of(&self.on_disk).map_err(|error| Error::Generic {
            store: "local disk",
            source: format!("cannot list {}: {error}", self.on_disk.display()).into(),
        })?;
        let mut found = Found::default();
        for entry in entries {
            let listed_as = self.below(&entry);
            match entry.kind {
                Kind::Folder => found.folders.push(FoundFolder {
                    on_disk: entry.path,
                    listed_as,
                }),
                _ if odd_name(&listed_as).is_some() => {
                    found.objects.push(unreadable(listed_as, entry.size));
                }
                // A file may be gone by now.
                _ => match disk.head(&listed_as).await {
                    Err(Error::NotFound { .. }) => {}
                    object => found.objects.push(object?),
                },
            }
        }
        Ok(found)
    }

    fn below(&self, entry: &Entry) -> Path {
        let name = entry.path.file_name().unwrap_or_default();
        let plain = name.to_str().filter(|_| entry.kind != Kind::Circle);
        // Joined as it is: a path takes what it joins for a name to be escaped.
        let plain = plain.and_then(|name| Path::parse(format!("{}/{name}", self.listed_as)).ok());
        plain.unwrap_or_else(|| stand_in_below(&self.listed_as, name.as_encoded_bytes()))
    }
}

fn unreadable(listed_as: Path, size: u64) -> ObjectMeta {
    ObjectMeta {
        location: listed_as,
        last_modified: chrono::DateTime::UNIX_EPOCH,
        size,
        e_tag: None,
        version: None,
    }
}

struct Entry {
    path: PathBuf,
    kind: Kind,
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Circle,
}

fn entries_of(folder: &FilePath) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        entries.extend(entry_at(folder, entry?.path()));
    }
    Ok(entries)
}

/// None for what is neither file nor folder, for links that lead nowhere, and for files that the
/// client hides: it writes them aside.
fn entry_at(folder: &FilePath, path: PathBuf) -> Option<Entry> {
    let metadata = fs::metadata(&path).ok()?;
    let is_link = fs::symlink_metadata(&path).is_ok_and(|link| link.is_symlink());
    let name = path.file_name().and_then(std::ffi::OsStr::to_str);
    let kind = match (metadata.is_file(), metadata.is_dir()) {
        (true, _) if name.is_some_and(is_written_aside) => return None,
        (true, _) => Kind::File,
        (_, true) if is_link && leads_back(folder, &path) => Kind::Circle,
        (_, true) => Kind::Folder,
        (false, false) => return None,
    };
    // Nobody knows what is in a circle: it counts as something.
    let size = match kind {
        Kind::File => metadata.len(),
        Kind::Folder | Kind::Circle => 1,
    };
    Some(Entry { path, kind, size })
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
        symlink(at("nowhere"), at("a/dangling")).unwrap();
        let store = LocalFileSystem::new_with_prefix(disk.path()).unwrap();
        let raw = Path::from("raw");
        let objects: Vec<_> = list(&store, Some(&raw)).try_collect().await.unwrap();
        let mut names: Vec<String> = objects
            .iter()
            .map(|object| match odd_name(&object.location) {
                Some(odd) => format!("odd: {odd} ({})", object.size),
                None => format!("{} ({})", object.location, object.size),
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "odd: raw/a/2\\t.parquet (4)",
                "odd: raw/a/b/circle (1)",
                "odd: raw/caf\\xe9/5.parquet (4)",
                "raw/3%41#.parquet (4)",
                "raw/a/b/1.parquet (4)",
            ]
        );
        let plain = Path::parse("raw/3%41#.parquet").unwrap();
        let listed = objects.iter().find(|object| object.location == plain);
        assert_eq!(listed, Some(&store.head(&plain).await.unwrap()));
        let top = list_with_delimiter(&store, Some(&raw)).await.unwrap();
        assert!(top.common_prefixes.contains(&Path::from("raw/a")));
    }
}
