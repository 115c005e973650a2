//! Everything that can keep a night from being planned.

use crate::calibration::CalibrationError;
use crate::engine::EngineError;
use crate::ground::Problems;
use crate::inputs::InputError;
use crate::pack::PackError;
use crate::publish::PublishError;
use crate::storage::StorageError;
use crate::tiles::TileError;

use super::HistoryError;

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
