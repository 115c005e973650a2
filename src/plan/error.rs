//! Everything that can keep a night from being planned.

use crate::calibration::CalibrationError;
use crate::engine::EngineError;
use crate::ground::{Classified, FailureKind, Problems, SnapshotDate, counted};
use crate::inputs::InputError;
use crate::pack::PackError;
use crate::publish::PublishError;
use crate::storage::StorageError;
use crate::tiles::TileError;

/// Why a night cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The SQL of the job cannot be planned.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The inputs are missing or cannot be listed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// History is gone that the night needs.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A calibration cannot be loaded.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// Stored tiles cannot be listed.
    #[error(transparent)]
    Tile(#[from] TileError),
    /// What is published cannot be read.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl From<Problems> for PlanError {
    fn from(problems: Problems) -> Self {
        Self::Pack(problems.into())
    }
}

impl From<EngineError> for PlanError {
    fn from(error: EngineError) -> Self {
        Self::Pack(error.into())
    }
}

/// History that is gone, and that nobody has given up.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A record of rules that was changed by other hands, is gone, or is of another version.
    #[error(
        "the record of rules `{path}` cannot be read: {reason}; restore it from a copy, or restate by today's with --rules today"
    )]
    Rules { path: String, reason: String },
    /// The record of a publication that must have one.
    #[error(
        "the record of source days `{path}`, which the publication of {date} names, is gone, so that nobody knows which days have expired; restore it from a copy, or go on from the files there are with --accept-shorter-history"
    )]
    RecordGone { path: String, date: SnapshotDate },
    /// A date that follows on snapshots which have expired.
    #[error(
        "{date} is too old to be published: `tierline maintain` has let the users of dates before it expire, as `daily` under [maintain] says, and rows follow on snapshots of up to four weeks before; name a date after {until}"
    )]
    Expired {
        date: SnapshotDate,
        until: SnapshotDate,
    },
    /// Days whose rows would go, and that have not expired as far as anybody can tell.
    #[error(
        "{days}, or confirm with --accept-removed-days that the rows that are missing are to go"
    )]
    Doubtful {
        /// The sources, their days and what can be done about them, in one text.
        days: String,
    },
    /// Rows of expired days that no stored tile gives.
    #[error(
        "{needs}; restore the raw files of these days{remedy}, or go on with --accept-shorter-history, and what needs them knows nothing of them from then on"
    )]
    OutOfReach {
        /// What needs which days, and why no tile gives them.
        needs: String,
        remedy: &'static str,
    },
    /// Dates that a backfill has left as they were.
    #[error("{} left as before, {first} to {last}; the result says why", counted(*count, "date"))]
    DatesLeft {
        count: usize,
        first: String,
        last: String,
    },
}

impl Classified for HistoryError {
    fn kind(&self) -> FailureKind {
        FailureKind::Blocked
    }
}
