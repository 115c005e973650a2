//! Everything that can end a run early.

use datafusion::error::DataFusionError;

use crate::audits::Blocked;
use crate::config::storage::StorageError;
use crate::drafts::{ContractError, DraftError};
use crate::ground::{AsOfError, Classified, FailureKind, Problems};
use crate::inputs::InputError;
use crate::publish::PublishError;
use crate::tiers::CutPointError;
use crate::tiers::calibration::CalibrationError;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
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
    /// A calibration cannot be had.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The users cannot be calibrated on.
    #[error(transparent)]
    CutPoints(#[from] CutPointError),
    /// The engine failed in some stage of the run.
    #[error("{stage} failed")]
    Engine {
        /// What was being done.
        stage: &'static str,
        /// What the engine said.
        source: Box<DataFusionError>,
    },
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
    Publish(#[from] PublishError),
}

impl RunError {
    /// Names the stage in which the engine failed.
    pub(super) fn engine(stage: &'static str) -> impl Fn(DataFusionError) -> Self {
        move |source| Self::Engine {
            stage,
            source: Box::new(source),
        }
    }

    /// As [`RunError::engine`], for errors of Arrow itself.
    pub(super) fn arrow(
        stage: &'static str,
    ) -> impl Fn(datafusion::arrow::error::ArrowError) -> Self {
        move |source| Self::engine(stage)(source.into())
    }
}

impl Classified for RunError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Problems(error) => error.kind(),
            Self::AsOf(_) => FailureKind::Usage,
            Self::Storage(error) => error.kind(),
            Self::Input(error) => error.kind(),
            Self::Calibration(error) => error.kind(),
            Self::CutPoints(_) | Self::Contract(_) | Self::Blocked(_) => FailureKind::Blocked,
            Self::Engine { .. } => FailureKind::Unexpected,
            Self::Draft(error) => error.kind(),
            Self::Publish(error) => error.kind(),
        }
    }
}
