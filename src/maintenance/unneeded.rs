//! What nobody needs, as people and programs are told of it.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::{Serialize, Serializer};

use crate::night::NightError;
use crate::storage::{FileAside, LeftFolder, Location, StorageError};

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Files of old versions of a table, and drafts of runs that died.
    TableFiles,
    /// Tiles of a rollup that no night reads any more.
    Tiles,
    /// Samples of the rejected rows of a source.
    Samples,
    /// Objects that were written to try the store.
    Probes,
    /// Files that killed processes were writing.
    UnfinishedFiles,
    /// Folders in which killed runs kept rows.
    ScratchFolders,
}

/// Things of one kind that belong to one table, source or disk.
#[derive(Debug, Serialize)]
pub struct Unneeded {
    /// Their kind.
    pub kind: Kind,
    /// The table or the source; none of what lies on a disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many files they are.
    pub files: usize,
    /// Their bytes.
    pub size_bytes: u64,
    /// When the first of them was written.
    #[serde(serialize_with = "as_day")]
    pub oldest: DateTime<Utc>,
    /// When the last of them was written.
    #[serde(serialize_with = "as_day")]
    pub newest: DateTime<Utc>,
    /// Where one of them is.
    pub example: String,
    #[serde(skip)]
    pub(super) pieces: Vec<Piece>,
}

/// One thing, and how to be rid of it.
#[derive(Debug)]
pub(super) enum Piece {
    Object(Path),
    FileAside(FileAside),
    Folder(LeftFolder),
}

/// What is said of a thing.
struct Found {
    piece: Piece,
    path: String,
    files: usize,
    size_bytes: u64,
    written: DateTime<Utc>,
}

impl Unneeded {
    /// The objects of one table or source, or of neither; none where there are none.
    pub(super) fn of_objects(
        kind: Kind,
        output: &Location,
        owner: Option<String>,
        objects: Vec<ObjectMeta>,
    ) -> Option<Self> {
        let found = objects.into_iter().map(|object| Found {
            path: output.url_of(&object.location),
            files: 1,
            size_bytes: object.size,
            written: object.last_modified,
            piece: Piece::Object(object.location),
        });
        Self::of(kind, owner, found)
    }

    /// Objects by what they belong to.
    pub(super) fn by_owner(
        kind: Kind,
        output: &Location,
        objects: impl Iterator<Item = (String, ObjectMeta)>,
    ) -> Vec<Self> {
        let mut by_owner: BTreeMap<String, Vec<ObjectMeta>> = BTreeMap::new();
        for (owner, object) in objects {
            by_owner.entry(owner).or_default().push(object);
        }
        let of_owner = |(owner, objects)| Self::of_objects(kind, output, Some(owner), objects);
        by_owner.into_iter().filter_map(of_owner).collect()
    }

    /// Files that never got their names.
    pub(super) fn of_files_aside(files: Vec<FileAside>) -> Option<Self> {
        let found = files.into_iter().map(|file| Found {
            path: file.path.display().to_string(),
            files: 1,
            size_bytes: file.size_bytes,
            written: file.written.into(),
            piece: Piece::FileAside(file),
        });
        Self::of(Kind::UnfinishedFiles, None, found)
    }

    /// Folders of dead runs.
    pub(super) fn of_folders(folders: Vec<LeftFolder>) -> Option<Self> {
        let found = folders.into_iter().map(|folder| Found {
            path: folder.path.display().to_string(),
            files: folder.files,
            size_bytes: folder.size_bytes,
            written: folder.written.into(),
            piece: Piece::Folder(folder),
        });
        Self::of(Kind::ScratchFolders, None, found)
    }

    fn of(kind: Kind, name: Option<String>, found: impl Iterator<Item = Found>) -> Option<Self> {
        let mut unneeded = Self {
            kind,
            name,
            files: 0,
            size_bytes: 0,
            oldest: DateTime::<Utc>::MAX_UTC,
            newest: DateTime::<Utc>::MIN_UTC,
            example: String::new(),
            pieces: Vec::new(),
        };
        for found in found {
            unneeded.files += found.files;
            unneeded.size_bytes += found.size_bytes;
            unneeded.oldest = unneeded.oldest.min(found.written);
            unneeded.newest = unneeded.newest.max(found.written);
            unneeded.example = found.path;
            unneeded.pieces.push(found.piece);
        }
        (!unneeded.pieces.is_empty()).then_some(unneeded)
    }
}

impl Piece {
    /// Removes what no store lists.
    pub(super) fn remove_from_disk(&self) -> Result<(), NightError> {
        let (path, removed) = match self {
            Self::Object(_) => return Ok(()),
            Self::FileAside(file) => (&file.path, file.remove()),
            Self::Folder(folder) => (&folder.path, folder.remove()),
        };
        Ok(removed.map_err(|source| not_removed(path.display().to_string(), source))?)
    }
}

fn not_removed(path: String, source: io::Error) -> StorageError {
    let source = object_store::Error::Generic {
        store: "local disk",
        source: source.into(),
    };
    StorageError::Request {
        action: "delete",
        path: format!("file://{path}"),
        source,
    }
}

fn as_day<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.format("%F"))
}
