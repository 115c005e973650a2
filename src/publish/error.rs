//! What can go wrong with a publication.

use crate::drafts::{ContractError, DraftError};
use crate::engine::EngineError;
use crate::ground::{Classified, FailureKind, SnapshotDate};
use crate::storage::{StorageError, what_to_check};
use crate::tables::{DIM_TIER, OUR_NAMES};

use super::publications::PUBLICATIONS;

/// What the table library or Arrow said, without naming their types.
pub(super) type Source = Box<dyn std::error::Error + Send + Sync>;

/// A table that could not be read, made or committed to.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// What is published cannot be read.
    #[error(transparent)]
    Reading(#[from] EngineError),
    /// The record of the last publication says nothing.
    #[error(
        "the record of the last publication, `{path}`, cannot be read: {reason}; restore it from a copy, or delete it if nobody has removed commits from the log of `publications`"
    )]
    LastPublication { path: String, reason: String },
    /// Another run's commit is in the way.
    #[error(
        "another run committed to table `{table}` first: version {found} is newer than version {expected}, which this run was based on; run it again"
    )]
    Conflict {
        table: String,
        /// The version this run was based on.
        expected: i64,
        /// The newest version now.
        found: i64,
    },
    /// A draft without rows for a table that may not be empty.
    #[error(
        "the draft of table `{table}` has no rows and would replace what is published; check the inputs and the SQL{}",
        may_be_empty(table)
    )]
    EmptyReplacement { table: String },
    /// A draft with other columns than the published table.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// Drafts of a night with other columns than the published tables.
    #[error("{refused}{}", dropping(refused))]
    Columns {
        /// What is wrong in all tables.
        refused: ContractError,
    },
    /// A draft of another date than the publication.
    #[error("the draft of table `{table}` is for {found}, not for {expected}; draft it again")]
    OtherDate {
        table: String,
        expected: SnapshotDate,
        found: SnapshotDate,
    },
    /// A draft of another table.
    #[error("a draft of table `{found}` cannot be committed to table `{table}`; copy it first")]
    OtherTable { table: String, found: String },
    /// A draft that is partitioned where its table is not, or the other way round.
    #[error(
        "table `{table}` and its draft differ in whether they are partitioned by snapshot_date; publish to another table"
    )]
    OtherLayout { table: String },
    /// A table whose versions `publications` does not record.
    #[error(
        "table `{table}` is not among those that publications record; declare it in the job as [tables.{table}]"
    )]
    Unrecorded { table: String },
    /// A table that somebody upgraded.
    #[error(
        "table `{table}` is at reader version {reader} and writer version {writer}, beyond the 1 and 2 that every reader opens; restore the table or publish to another output"
    )]
    Protocol {
        table: String,
        reader: i32,
        writer: i32,
    },
    /// A table whose log or files cannot be read.
    #[error(
        "cannot read table `{table}` at `{folder}`; check {}, and that its folder is whole",
        what_to_check(folder)
    )]
    Read {
        table: String,
        folder: String,
        source: Source,
    },
    /// A table that a publication records and that is not there.
    #[error(
        "the publication of {date} records version {version} of table `{table}`, which is not there: somebody has dropped the table, or cleaned up its log; restore it from a copy, or publish to a new output"
    )]
    Missing {
        table: String,
        date: SnapshotDate,
        version: i64,
    },
    /// A version that a publication names, and that the log does not give any more.
    #[error(
        "version {version} of table `{table}`, which a publication names, cannot be opened: somebody has cleaned up the log of the table; restore its `_delta_log` from a copy, or publish to a new output"
    )]
    VersionGone { table: String, version: i64 },
    /// The list of what is published, changed by other hands.
    #[error(
        "table `publications` was changed by a commit that tierline did not make, {what}: it says what is published, so that nothing is read or published until it is as it was; {remedy}"
    )]
    PublicationsChanged {
        /// The version, and what the commit says of itself.
        what: String,
        /// How to undo it.
        remedy: String,
    },
    /// The list of what is published, in a form that this tierline cannot write.
    #[error(
        "table `publications` has columns that this tierline does not know, {columns}: a later one has published here, and what it wrote would be lost; go on with that one"
    )]
    LaterForm { columns: String },
    /// Tables have publications that the list of them does not have.
    #[error(
        "version {version} of table `{table}` belongs to publication {sequence}, and `publications` goes no further than {known}: somebody has dropped or replaced that table, or removed a commit from its log; restore `{folder}` from a copy, `_delta_log` included, or publish to a new output; where all tables are a copy of an earlier time, delete `{record}`"
    )]
    PublicationsLost {
        /// A table that has more.
        table: String,
        version: i64,
        /// The publication that made it.
        sequence: i64,
        /// The last publication known.
        known: i64,
        /// The full URL of `publications`.
        folder: String,
        /// That of the record of the last publication.
        record: String,
    },
    /// An output in which something was published, and that has no tables.
    #[error(
        "publication {sequence} was made here, says `{record}`, and `{folder}` has no tables: somebody has removed them, or they are on a disk that is not mounted; bring them back, or delete `{record}` to start over"
    )]
    TablesGone {
        /// The last publication on record.
        sequence: i64,
        /// The full URL of the folder of tables.
        folder: String,
        /// That of the record.
        record: String,
    },
    /// A published file without which rows cannot be put back.
    #[error(
        "`{path}`, a file of table `{table}` that the publication of {date} names, is gone, so that its rows can be neither read nor put back; restore it from a copy{}", withdrawing(table, *date)
    )]
    FileGone {
        table: String,
        path: String,
        date: SnapshotDate,
    },
    /// A published file that is to be read.
    #[error(
        "`{path}`, a file of table `{table}` that the publication of {date} names, is gone or cut short, and its rows are needed; make that date again first, by `tierline backfill --affected` or `tierline run --date {date}`, or restore the file from a copy"
    )]
    FileNeeded {
        table: String,
        path: String,
        date: SnapshotDate,
    },
    /// Rows of an old version of a table that keeps the newest date alone.
    #[error(
        "table `{table}` keeps the rows of the newest date alone, and those of {date} were removed with its old versions; leave the date out, or read a table that keeps every date"
    )]
    RowsReplaced { table: String, date: SnapshotDate },
    /// An entry of a log that was not written to its end.
    #[error(
        "`{path}`, a commit of table `{table}`, {}: a power cut or a full disk cut its write short; restore the file from a copy; only where no publication names its version, delete it and run its date again with `tierline run --date`", cut_to(*length)
    )]
    CutShort {
        table: String,
        path: String,
        length: u64,
    },
    /// A commit that is gone from between others.
    #[error(
        "`{path}`, a commit of table `{table}`, is gone, and later ones are there: somebody has removed it; restore it from a copy, or the whole folder of the table"
    )]
    EntryGone { table: String, path: String },
    /// A file of `publications` that is gone.
    #[error(
        "`{path}`, a file of table `publications`, is gone: somebody has removed it; restore it from a copy, or the whole folder of the table"
    )]
    ListGone { path: String },
    /// A checkpoint that was not written to its end.
    #[error(
        "`{path}`, a checkpoint of table `{table}`, was cut short by a power cut or a full disk; delete it and `_last_checkpoint` beside it: the commits say the same"
    )]
    CutCheckpoint { table: String, path: String },
    /// A table that could not be made.
    #[error("cannot create table `{table}` at `{folder}`; check the permissions")]
    Create {
        table: String,
        folder: String,
        source: Source,
    },
    /// A table that was made and is not there.
    #[error(
        "table `{table}` was created at `{folder}` but the store does not list it; use a store whose listings show at once what was written"
    )]
    Unlisted { table: String, folder: String },
    /// A commit that is not in so far.
    #[error(
        "cannot tell whether version {version} of table `{table}` will be there: the store failed to write it and does not have it now, but a request that timed out may still arrive; run it again, it goes by what is there then"
    )]
    Commit {
        table: String,
        version: i64,
        source: Source,
    },
    /// A commit that may be in or not.
    #[error(
        "cannot tell whether version {version} of table `{table}` is there, since the table cannot be read any more; run it again once the store answers, it goes by what is there then"
    )]
    Unconfirmed {
        table: String,
        version: i64,
        /// What the commit said.
        source: Source,
    },
    /// A checkpoint that could not be written; the table is whole without it.
    #[error("cannot write a checkpoint of table `{table}` at version {version}")]
    Checkpoint {
        table: String,
        version: i64,
        source: Source,
    },
    /// A draft that could not be written or removed.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// A store that did not do what was asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What else there is to do about an empty table of the job's own.
fn may_be_empty(table: &str) -> String {
    match OUR_NAMES.contains(&table) {
        true => String::new(),
        false => format!("; may_be_empty = true under [tables.{table}] allows it"),
    }
}

/// What publishes without the columns that readers would lose, on a line of its own; nothing when
/// there are none. It goes with whatever command was refused, `run` or `backfill`, whose other
/// arguments say by which rules.
fn dropping(refused: &ContractError) -> String {
    match refused.lost_columns().join(",") {
        none if none.is_empty() => none,
        columns => format!(
            "\nto drop what is missing, give the same command once more with `--drop-columns {columns}`"
        ),
    }
}

/// The other way out where a file is gone: the rows of a date that is withdrawn need not be put
/// back. It leaves `dim_tier` alone.
fn withdrawing(table: &str, date: SnapshotDate) -> String {
    match table {
        table if table == DIM_TIER.name => String::new(),
        _ => format!(", or withdraw the date, `tierline withdraw --date {date}`, and run it again"),
    }
}

/// How much of a file there is.
fn cut_to(length: u64) -> String {
    match length {
        0 => "is empty".to_owned(),
        length => format!("ends after {length} bytes"),
    }
}

impl PublishError {
    /// Whether the date may be published all the same: the last commit of a publication failed,
    /// and nobody can tell yet what became of it.
    pub fn is_uncertain(&self) -> bool {
        let (Self::Commit { table, .. } | Self::Unconfirmed { table, .. }) = self else {
            return false;
        };
        table == PUBLICATIONS
    }
}

impl Classified for PublishError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Conflict { .. } => FailureKind::Conflict,
            Self::EmptyReplacement { .. }
            | Self::Contract(_)
            | Self::Columns { .. }
            | Self::OtherLayout { .. }
            | Self::OtherDate { .. }
            | Self::FileGone { .. }
            | Self::FileNeeded { .. }
            | Self::RowsReplaced { .. }
            | Self::Missing { .. }
            | Self::CutShort { .. }
            | Self::CutCheckpoint { .. }
            | Self::VersionGone { .. }
            | Self::PublicationsChanged { .. }
            | Self::LaterForm { .. }
            | Self::PublicationsLost { .. }
            | Self::LastPublication { .. }
            | Self::TablesGone { .. }
            | Self::EntryGone { .. }
            | Self::ListGone { .. }
            | Self::Protocol { .. } => FailureKind::Blocked,
            Self::Reading(error) => error.kind(),
            Self::Draft(error) => error.kind(),
            Self::Storage(error) => error.kind(),
            _ => FailureKind::Unexpected,
        }
    }
}
