//! What can go wrong with a draft.

use arrow::error::ArrowError;

use super::ContractError;
use crate::ground::{Classified, FailureKind, SnapshotDate};
use crate::storage::StorageError;

/// A draft that could not be written, copied or removed.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The rows are not the table's.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// Rows of another date, or of none.
    #[error(
        "a draft of table `{table}` for {expected} was given rows whose snapshot_date is {found}; select the date of the run"
    )]
    OtherDate {
        table: String,
        expected: SnapshotDate,
        /// A date of the rows, or NULL.
        found: String,
    },
    /// Rows in another order than the table's files claim.
    #[error("the rows of table `{table}` are not in the order of {columns}; add an ORDER BY")]
    Unsorted {
        table: String,
        /// The columns of the order.
        columns: String,
    },
    /// Rows whose values do not survive the change to plain types.
    #[error("cannot bring the rows of table `{table}` into the types of its files")]
    Values { table: String, source: ArrowError },
    /// A file that could not be encoded or stored.
    #[error(
        "cannot write a draft of table `{table}` below `{folder}`; check the endpoint, the permissions and the space left"
    )]
    Write {
        table: String,
        /// The full URL of the draft's folder.
        folder: String,
        /// What the writer said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Rows that could not be computed.
    #[error("cannot compute the rows of table `{table}`")]
    Query {
        table: String,
        /// What the engine said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The task that wrote a draft ended by itself: a bug.
    #[error("the task that writes a draft ended early")]
    Task {
        /// What became of it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A store that did not do what was asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Classified for DraftError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Contract(_) | Self::OtherDate { .. } | Self::Unsorted { .. } => {
                FailureKind::Blocked
            }
            Self::Storage(error) => error.kind(),
            Self::Values { .. } | Self::Write { .. } | Self::Query { .. } | Self::Task { .. } => {
                FailureKind::Unexpected
            }
        }
    }
}
