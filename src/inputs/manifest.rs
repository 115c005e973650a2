//! The manifest of a source: its files by day, from one LIST.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;

use crate::config::storage::{Location, StorageError};
use crate::ground::{Classified, Diagnostic, FailureKind, Fingerprint, Problems, SnapshotDate};

/// The key of the partition folders, `dt=2026-11-20`.
const PARTITION_KEY: &str = "dt=";

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The business day of its partition.
    pub day: NaiveDate,
    /// Key, size and e_tag, as listed.
    pub object: ObjectMeta,
}

/// The files of one source, sorted by day and key.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The source's name.
    pub source: String,
    /// The files.
    pub files: Vec<InputFile>,
}

/// Inputs that cannot be used as they are.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Files that break the contract: outside partitions, not Parquet, without a column, of
    /// another type.
    #[error("{0}")]
    Refused(Problems),
    /// Day D has no files although the job requires them.
    #[error(
        "inputs not ready: {missing} for {day}; run again when the partition is there, or set required = false for the source"
    )]
    NotReady {
        /// Each missing partition, as a URL, in one text.
        missing: String,
        /// Day D.
        day: SnapshotDate,
    },
    /// A file that the store did not hand out.
    #[error(
        "cannot read `{path}` of source `{source_name}`; check the endpoint, the credentials and the permissions"
    )]
    Read {
        /// The source's name.
        source_name: String,
        /// The file's URL.
        path: String,
        /// What the reader said.
        source: Box<datafusion::error::DataFusionError>,
    },
}

impl Classified for InputError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::NotReady { .. } => FailureKind::InputsNotReady,
            Self::Refused(_) => FailureKind::Blocked,
            Self::Read { .. } => FailureKind::Unexpected,
        }
    }
}

impl Manifest {
    /// Lists `location` once and keeps the Parquet files, those of days to come too. Files and
    /// folders whose names start with `_` or `.` are other programs' work in progress and are
    /// skipped.
    ///
    /// # Errors
    /// A store that fails, and Parquet files outside `dt=` folders.
    pub async fn list(source: &str, location: &Location) -> Result<Self, InputError> {
        let objects: Vec<ObjectMeta> = location
            .store
            .list(Some(&location.path))
            .try_collect()
            .await
            .map_err(|error| location.failure("list", &location.path, error))?;
        let mut files = Vec::new();
        let mut strays = Vec::new();
        for object in objects {
            if !is_delivered(&object, &location.path) {
                continue;
            }
            let Some(day) = partition_day(&object) else {
                strays.push(location.url_of(&object.location));
                continue;
            };
            files.push(InputFile { day, object });
        }
        if let Some(first) = strays.first() {
            return Err(InputError::Refused(stray(source, first, strays.len() - 1)));
        }
        files.sort_by(|left, right| {
            (left.day, &left.object.location).cmp(&(right.day, &right.object.location))
        });
        Ok(Self {
            source: source.to_owned(),
            files,
        })
    }

    /// The files of some days.
    #[must_use]
    pub fn on(&self, days: &BTreeSet<NaiveDate>) -> Self {
        let files = self.files.iter().filter(|file| days.contains(&file.day));
        Self {
            source: self.source.clone(),
            files: files.cloned().collect(),
        }
    }

    /// A source that is not delivered.
    pub fn empty(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            files: Vec::new(),
        }
    }

    /// The days that have files.
    pub fn days(&self) -> BTreeSet<NaiveDate> {
        self.files.iter().map(|file| file.day).collect()
    }

    /// The bytes of all files.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.object.size).sum()
    }

    /// The files that are visible on D: those of the days up to it.
    #[must_use]
    pub fn up_to(&self, snapshot_date: SnapshotDate) -> Self {
        let visible = self.files.iter();
        let visible = visible.take_while(|file| file.day <= snapshot_date.day());
        Self {
            source: self.source.clone(),
            files: visible.cloned().collect(),
        }
    }

    /// What the rows of each day depend on: key, size and e_tag of its files. Stores that give
    /// no e_tag are taken at the time they say a file was changed.
    pub fn day_fingerprints(&self) -> BTreeMap<NaiveDate, Fingerprint> {
        let days = self.files.chunk_by(|left, right| left.day == right.day);
        let fingerprints = days.map(|files| {
            let identities = files.iter().map(|file| identity(&file.object));
            let fingerprint = Fingerprint::builder().parts("file", identities).finish();
            (files[0].day, fingerprint)
        });
        fingerprints.collect()
    }
}

fn identity(object: &ObjectMeta) -> String {
    let version = match &object.e_tag {
        Some(e_tag) => e_tag.clone(),
        None => object.last_modified.to_rfc3339(),
    };
    format!("{}\n{}\n{version}", object.location, object.size)
}

/// Files outside the partition folders, the first by name.
fn stray(source: &str, first: &str, others: usize) -> Problems {
    let others = match others {
        0 => String::new(),
        others => format!(", and {others} more"),
    };
    let message = format!("source `{source}` has files outside partitions: {first}{others}");
    let help = "put them below folders such as dt=2026-11-20; names of files and folders that start with _ or . are skipped";
    Problems(vec![Diagnostic::new(message).help(help)])
}

/// Whether an object is a Parquet file, and neither it nor a folder between it and `root` is hidden.
fn is_delivered(object: &ObjectMeta, root: &Path) -> bool {
    let is_parquet = object.location.as_ref().ends_with(".parquet");
    let mut names = object.location.prefix_match(root).into_iter().flatten();
    is_parquet && !names.any(|name| name.as_ref().starts_with(['_', '.']))
}

/// The day of the last `dt=` folder on the way to an object.
fn partition_day(object: &ObjectMeta) -> Option<NaiveDate> {
    object
        .location
        .parts()
        .filter_map(|part| part.as_ref().strip_prefix(PARTITION_KEY)?.parse().ok())
        .next_back()
}
