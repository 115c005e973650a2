//! The manifest of a source: its files by day, from one LIST, and by the log where it has one.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use object_store::ObjectMeta;

use crate::engine::FileError;
use crate::ground::{Classified, FailureKind, Problems, SnapshotDate};
use crate::job::Column;
use crate::storage::StorageError;

use super::{Aside, DayFiles, KnownDay, KnownDays, PathValues, Shortfalls};

/// A file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The business day of its partition.
    pub day: NaiveDate,
    /// Key, size and e_tag, as listed.
    pub object: ObjectMeta,
    /// The columns that its path has, or the log that names it.
    pub values: PathValues,
    /// Whether it lies on a disk, where a copy of it has another e_tag.
    pub is_on_disk: bool,
}

/// The files of one source, sorted by day and key.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// The source's name.
    pub source: String,
    /// The files.
    pub files: Vec<InputFile>,
    /// What it has besides them.
    pub aside: Aside,
    /// The version of the Delta table that the source is; none for a folder of files.
    pub delta_version: Option<u64>,
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
    /// A source of another format.
    #[error(
        "source `{source_name}` has no Parquet in `{folder}`, only files such as `{example}`; deliver Parquet in folders dt=YYYY-MM-DD, as DuckDB writes it with COPY (SELECT * FROM '{example}') TO 'dt=2026-11-20/part-0.parquet'"
    )]
    OtherFormat {
        /// The source's name.
        source_name: String,
        /// The source's URL.
        folder: String,
        /// The name of a file.
        example: String,
    },
    /// Day D is missing or not whole although the job requires it.
    #[error("inputs not ready: {shortfalls} for {day}; {}", .shortfalls.remedy())]
    NotReady {
        /// What the sources lack.
        shortfalls: Shortfalls,
        /// Day D.
        day: SnapshotDate,
    },
    /// A link that may lead to data, and leads nowhere: a disk that is not mounted just now.
    #[error(
        "inputs not ready: source `{source_name}` has a link that leads nowhere: {links}; run again when what it leads to is there, or remove it if it is no data"
    )]
    LinkToNothing {
        /// The source's name.
        source_name: String,
        /// The first of them, and how many more there are.
        links: String,
    },
    /// A record of source days that was changed by other hands or written by another version.
    #[error(
        "the record of source days `{path}` cannot be read: {reason}; restore it from a copy, or use the tierline that wrote it"
    )]
    Record {
        /// The record's URL.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that cannot be read as it was listed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log of a source that is a table.
    #[error("cannot read the Delta log of source `{source_name}` in `{table}`")]
    Log {
        /// The source's name.
        source_name: String,
        /// The table's URL.
        table: String,
        /// What the reader said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The newest commit of a Delta table, which is not whole.
    #[error(
        "inputs not ready: the newest commit of the Delta table of source `{source_name}` is not whole: `{file}` {what}; run again when its writer is done; if that died, remove the file or restore it from a copy while no writer is at work"
    )]
    LogUnfinished {
        /// The source's name.
        source_name: String,
        /// The URL of the commit.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A Delta log without a version.
    #[error(
        "inputs not ready: source `{source_name}` has a Delta log without a commit, `{log}`, so that nobody knows which of its files count; run again when the table is written; if it is a folder of files and no table, remove `{log}`"
    )]
    LogWithoutCommits {
        /// The source's name.
        source_name: String,
        /// The URL of the log.
        log: String,
    },
    /// A Delta log that no writer leaves so.
    #[error(
        "the log of the Delta table of source `{source_name}` is damaged: `{file}` {what}; restore the log from a copy, or rewrite the table"
    )]
    LogDamaged {
        /// The source's name.
        source_name: String,
        /// The URL of the file.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// A file that a log names and storage does not have.
    #[error(
        "the Delta table of source `{source_name}` at version {version} has the file `{path}`, which is not in storage; run again, in case the table changes just now, or restore the file"
    )]
    Lost {
        /// The source's name.
        source_name: String,
        /// The table's version.
        version: u64,
        /// The file's URL.
        path: String,
    },
}

impl Classified for InputError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Storage(error) => error.kind(),
            Self::OtherFormat { .. } => FailureKind::Usage,
            Self::NotReady { .. }
            | Self::LinkToNothing { .. }
            | Self::LogUnfinished { .. }
            | Self::LogWithoutCommits { .. } => FailureKind::InputsNotReady,
            Self::Refused(_) | Self::Record { .. } | Self::LogDamaged { .. } => {
                FailureKind::Blocked
            }
            Self::File(error) => error.kind(),
            Self::Log { .. } | Self::Lost { .. } => FailureKind::Unexpected,
        }
    }
}

impl Manifest {
    /// The files of some days.
    #[must_use]
    pub fn on(&self, days: &BTreeSet<NaiveDate>) -> Self {
        let files = self.files.iter().filter(|file| days.contains(&file.day));
        Self {
            files: files.cloned().collect(),
            ..self.clone()
        }
    }

    /// The files of all other days.
    #[must_use]
    pub fn without(self, days: &BTreeSet<NaiveDate>) -> Self {
        let files = self.files.into_iter();
        let files = files.filter(|file| !days.contains(&file.day));
        Self {
            files: files.collect(),
            ..self
        }
    }

    /// A source that is not delivered.
    pub fn empty(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            ..Self::default()
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

    /// What is visible on D: what is of D and of the days before it.
    #[must_use]
    pub fn up_to(&self, snapshot_date: SnapshotDate) -> Self {
        let visible = self.files.iter();
        let visible = visible.take_while(|file| file.day <= snapshot_date.day());
        let newest = self.files.last();
        let has_later = newest.is_some_and(|file| file.day > snapshot_date.day());
        Self {
            source: self.source.clone(),
            files: visible.cloned().collect(),
            aside: self.aside.up_to(snapshot_date.day(), has_later),
            delta_version: self.delta_version,
        }
    }

    /// Leaves of the files' paths what declared columns can be.
    #[must_use]
    pub fn with_values_of(mut self, declared: &[Column]) -> Self {
        for file in &mut self.files {
            file.values.keep_declared(declared);
        }
        self
    }

    /// Each day as a record keeps it.
    pub fn known_days(&self) -> KnownDays {
        let days = self.files.chunk_by(|left, right| left.day == right.day);
        let days = days.map(|files| (files[0].day, KnownDay::stored(DayFiles::of(files))));
        days.collect()
    }
}
