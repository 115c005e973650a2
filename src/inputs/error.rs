//! Why inputs cannot be used as they are.

use crate::engine::FileError;
use crate::ground::{Classified, FailureKind, Problems, SnapshotDate};
use crate::storage::StorageError;

use super::Shortfalls;

/// Inputs that cannot be used as they are.
#[expect(missing_docs, reason = "messages say what the fields are")]
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
        source_name: String,
        folder: String,
        example: String,
    },
    /// Day D is missing or not whole although the job requires it.
    #[error("inputs not ready: {shortfalls} for {day}; {}", .shortfalls.remedy())]
    NotReady {
        shortfalls: Shortfalls,
        day: SnapshotDate,
    },
    /// A link that may lead to data, and leads nowhere: a disk that is not mounted just now.
    #[error(
        "inputs not ready: source `{source_name}` has a link that leads nowhere: {links}; run again when what it leads to is there, or remove it if it is no data"
    )]
    LinkToNothing {
        source_name: String,
        /// The first of them, and how many more there are.
        links: String,
    },
    /// A record of source days that was changed by other hands or written by another version.
    #[error(
        "the record of source days `{path}` cannot be read: {reason}; restore it from a copy, or use the tierline that wrote it"
    )]
    Record { path: String, reason: String },
    /// A file that cannot be read as it was listed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The log of a source that is a table.
    #[error("cannot read the Delta log of source `{source_name}` in `{table}`")]
    Log {
        source_name: String,
        table: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The newest commit of a Delta table, which is not whole.
    #[error(
        "inputs not ready: the newest commit of the Delta table of source `{source_name}` is not whole: `{file}` {what}; run again when its writer is done; if that died, remove the file or restore it from a copy while no writer is at work"
    )]
    LogUnfinished {
        source_name: String,
        file: String,
        what: String,
    },
    /// A Delta log without a version.
    #[error(
        "inputs not ready: source `{source_name}` has a Delta log without a commit, `{log}`, so that nobody knows which of its files count; run again when the table is written; if it is a folder of files and no table, remove `{log}`"
    )]
    LogWithoutCommits { source_name: String, log: String },
    /// A Delta log that no writer leaves so.
    #[error(
        "the log of the Delta table of source `{source_name}` is damaged: `{file}` {what}; restore the log from a copy, or rewrite the table"
    )]
    LogDamaged {
        source_name: String,
        file: String,
        what: String,
    },
    /// A file that a log names and storage does not have.
    #[error(
        "the Delta table of source `{source_name}` at version {version} has the file `{path}`, which is not in storage; run again, in case the table changes just now, or restore the file"
    )]
    Lost {
        source_name: String,
        version: u64,
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
