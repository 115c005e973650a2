//! Everything that can end a run early.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::audits::Blocked;
use crate::drafts::{ContractError, DraftError};
use crate::engine::{CastFailure, ComputationFailure, NumberOverflow, SumOverflow};
use crate::ground::{AsOfError, Classified, FailureKind, Problems};
use crate::inputs::{FileError, InputError};
use crate::publish::PublishError;
use crate::storage::StorageError;
use crate::tiers::CutPointError;
use crate::tiers::calibration::CalibrationError;
use crate::tiles::TileError;

use super::history::HistoryError;

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
    /// History is gone that the night needs.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Tiles could not be made or read.
    #[error(transparent)]
    Tile(TileError),
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
        stage: String,
        /// What the engine said.
        source: Box<DataFusionError>,
    },
    /// Rows that the SQL cannot be computed on. No value is named that may be a user's id.
    #[error("{stage} failed: {reason}; readers still see what was published before")]
    Rows {
        /// What was being done.
        stage: String,
        /// What is wrong with the rows and what to do about it.
        reason: String,
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
        move |error| {
            // Whatever was being done, a file is read or refused for its own sake.
            if let Some(error) = FileError::within(&error) {
                return Self::Input(error.clone().into());
            }
            let (stage, source) = match error {
                DataFusionError::Context(what, source) => (what, source),
                error => (stage.to_owned(), Box::new(error)),
            };
            match fault_of_rows(&source) {
                Some(reason) => Self::Rows { stage, reason },
                None => Self::Engine { stage, source },
            }
        }
    }

    /// As [`RunError::engine`], for errors of Arrow itself.
    pub(super) fn arrow(
        stage: &'static str,
    ) -> impl Fn(datafusion::arrow::error::ArrowError) -> Self {
        move |source| Self::engine(stage)(source.into())
    }
}

impl From<TileError> for RunError {
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
                Self::engine("making tiles")(DataFusionError::Context(stage, source))
            }
            other => Self::Tile(other),
        }
    }
}

impl Classified for RunError {
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
            Self::CutPoints(_) | Self::Contract(_) | Self::Blocked(_) | Self::Rows { .. } => {
                FailureKind::Blocked
            }
            // SQL that can be written and not computed: no retry helps.
            Self::Engine { source, .. } => match source.find_root() {
                DataFusionError::NotImplemented(_) => FailureKind::Usage,
                _ => FailureKind::Unexpected,
            },
            Self::Draft(error) => error.kind(),
            Self::Publish(error) => error.kind(),
        }
    }
}

/// What is wrong with the rows when they, and neither store nor engine, are at fault.
fn fault_of_rows(error: &DataFusionError) -> Option<String> {
    let mut reason = None;
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        // A full disk, say, and not what lies on it.
        if error.is::<object_store::Error>() || error.is::<std::io::Error>() {
            return None;
        }
        if let Some(overflow) = error.downcast_ref::<SumOverflow>() {
            return Some(overflow.to_string());
        }
        if let Some(overflow) = error.downcast_ref::<NumberOverflow>() {
            return Some(overflow.to_string());
        }
        if let Some(failure) = error.downcast_ref::<CastFailure>() {
            return Some(failure.to_string());
        }
        if let Some(failure) = error.downcast_ref::<ComputationFailure>() {
            return Some(failure.to_string());
        }
        let in_arrow = error.downcast_ref().and_then(fault_in_arrow);
        let in_engine = || error.downcast_ref().and_then(fault_in_engine);
        reason = reason.or(in_arrow).or_else(in_engine);
        cause = error.source();
    }
    reason.map(str::to_owned)
}

/// The engine computes some functions of instants in nanoseconds, and says no more than this of
/// those that these cannot hold.
fn fault_in_engine(error: &DataFusionError) -> Option<&'static str> {
    let DataFusionError::Execution(said) = error else {
        return None;
    };
    let is_cast = said.contains("exceeds the representable i64 range");
    let is_function = said.starts_with("Timestamp ") && said.ends_with(" out of range");
    (is_cast || is_function).then_some(
        "an instant before 1678 or after 2261 is cast to nanoseconds, as CAST(.. AS TIMESTAMP), AT TIME ZONE and DATE_TRUNC do; leave such instants out by CASE",
    )
}

const OUTGROWN: &str = "a number outgrows its type; CAST to a wider one before computing, or give rows that cannot be right a reject_reason in staging";

fn fault_in_arrow(error: &ArrowError) -> Option<&'static str> {
    match error {
        ArrowError::CastError(_) | ArrowError::ParseError(_) => Some(
            "a value does not fit the type that SQL casts it to; use TRY_CAST, or give such rows a reject_reason in staging",
        ),
        ArrowError::DivideByZero => Some("a division by zero; divide by NULLIF(..., 0)"),
        ArrowError::ArithmeticOverflow(_) => Some(OUTGROWN),
        // What a DECIMAL that is cast to a narrower one says.
        ArrowError::InvalidArgumentError(text) if text.contains("to store in a Decimal") => {
            Some(OUTGROWN)
        }
        _ => None,
    }
}
