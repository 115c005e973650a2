//! Everything that can end a night early, and the commands that come after it or look at it.

use datafusion::error::DataFusionError;

use crate::audits::Blocked;
use crate::calibration::{CalibrationError, CutPointError};
use crate::drafts::{ContractError, DraftError};
use crate::engine::{EngineError, Panicked};
use crate::ground::{AsOfError, Classified, Ending, FailureKind, Problems};
use crate::inputs::InputError;
use crate::pack::PackError;
use crate::plan::{HistoryError, PlanError};
use crate::publish::PublishError;
use crate::storage::StorageError;
use crate::tiles::TileError;

/// Why a night ended early.
#[derive(Debug, thiserror::Error)]
pub enum NightError {
    /// The job file, the SQL or the reference files are wrong.
    #[error("{0}")]
    Problems(#[from] Problems),
    /// The point in time cannot be read.
    #[error(transparent)]
    AsOf(#[from] AsOfError),
    /// A store failed, or a URL names none.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The inputs are missing or cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// History is gone that the night needs.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Tiles could not be made or read.
    #[error(transparent)]
    Tile(TileError),
    /// A calibration cannot be loaded or made.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The users cannot be calibrated on.
    #[error(transparent)]
    CutPoints(#[from] CutPointError),
    /// A query failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Another process could not do a piece of the work.
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Elsewhere(#[from] super::elsewhere::refused_work::RefusedWork),
    /// A cluster could not be reached, or lost what it was given.
    #[cfg(feature = "cluster")]
    #[error(transparent)]
    Cluster(#[from] crate::cluster::ClusterError),
    /// A table would not be readable everywhere.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// A draft could not be written.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// An audit found offending rows.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// Publication failed.
    #[error(transparent)]
    Publish(PublishError),
    /// The result is known, and is not in the file that was asked for.
    #[error(
        "cannot write the result to `{path}`; check the folder and the space left: what the command published stays published"
    )]
    ResultFile {
        /// Where it was to be.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives this process fewer threads than a command needs.
    #[error("{0}")]
    Threads(String),
    /// A bug, of tierline or of a library.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// A signal came, or time or memory was up, before anything was committed.
    #[error(
        "ended by {ending}{}; readers still see what was published before",
        work.as_ref().map_or_else(String::new, |work| format!(", while {work}"))
    )]
    Ended {
        /// What ended it.
        ending: Ending,
        /// What was being done.
        work: Option<String>,
    },
    /// The same, of a command that had committed something before and did not end by itself.
    #[error(
        "ended by {0}, after tables had been committed; `tierline show` says what is published"
    )]
    EndedLate(Ending),
}

impl NightError {
    /// What fails because everything is given up, fails for that.
    pub fn ended_by(self, ending: Ending) -> Self {
        let work = match self {
            Self::Ended { .. } | Self::EndedLate(_) => return self,
            Self::Engine(EngineError::Engine { stage, .. }) => Some(stage),
            _ => None,
        };
        Self::Ended { ending, work }
    }
}

impl From<PackError> for NightError {
    fn from(error: PackError) -> Self {
        match error {
            PackError::Problems(error) => error.into(),
            PackError::Contract(error) => error.into(),
            PackError::Engine(error) => error.into(),
        }
    }
}

impl From<PlanError> for NightError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Pack(error) => error.into(),
            PlanError::Storage(error) => error.into(),
            PlanError::Input(error) => error.into(),
            PlanError::History(error) => error.into(),
            PlanError::Calibration(error) => error.into(),
            PlanError::Tile(error) => error.into(),
            PlanError::Publish(error) => error.into(),
        }
    }
}

impl From<PublishError> for NightError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Reading(error) => error.into(),
            other => Self::Publish(other),
        }
    }
}

impl From<TileError> for NightError {
    fn from(error: TileError) -> Self {
        match error {
            TileError::Engine {
                rollup,
                days,
                source,
            } => {
                let days = match days {
                    Some((first, last)) if first == last => format!(" from {first}"),
                    Some((first, last)) => format!(" from {first} to {last}"),
                    None => String::new(),
                };
                let stage = format!("making tiles of `{rollup}`{days}");
                let error = DataFusionError::Context(stage, source);
                EngineError::during("making tiles")(error).into()
            }
            other => Self::Tile(other),
        }
    }
}

impl Classified for NightError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Problems(error) => error.kind(),
            Self::AsOf(AsOfError::NotEnded { .. }) => FailureKind::InputsNotReady,
            Self::AsOf(_) => FailureKind::Usage,
            Self::Storage(error) => error.kind(),
            Self::Input(error) => error.kind(),
            Self::History(error) => error.kind(),
            Self::Tile(error) => error.kind(),
            Self::Calibration(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::ResultFile { .. } | Self::Threads(_) | Self::Panicked(_) => {
                FailureKind::Unexpected
            }
            Self::CutPoints(_) | Self::Contract(_) | Self::Blocked(_) => FailureKind::Blocked,
            Self::Draft(error) => error.kind(),
            #[cfg(feature = "cluster")]
            Self::Elsewhere(error) => error.kind(),
            #[cfg(feature = "cluster")]
            Self::Cluster(error) => error.kind(),
            Self::Publish(error) => error.kind(),
            Self::Ended { ending, .. } | Self::EndedLate(ending) => FailureKind::Ended(*ending),
        }
    }
}
