//! Why a query failed: a file that cannot be read, rows that cannot be computed on, or the engine
//! itself.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::ground::{Classified, FailureKind};

use super::exhausted::used_up;
use super::words::fault_of_pattern;
use super::{CastFailure, ComputationFailure, FileError, NumberOverflow, SumOverflow};

/// Why a query failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A file cannot be read as it was listed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Rows that the SQL cannot be computed on. No value is named that may be a user's id.
    #[error("{stage} failed: {reason}; readers still see what was published before")]
    Rows {
        /// What was being done.
        stage: String,
        /// What is wrong with the rows and what to do about it.
        reason: String,
    },
    /// What queries may use is used up.
    #[error("{stage} failed: {reason}")]
    Exhausted {
        /// What was being done.
        stage: String,
        /// What is used up and what to do about it.
        reason: String,
    },
    /// Everything else that the engine gives up on.
    #[error("{stage} failed")]
    Engine {
        /// What was being done.
        stage: String,
        /// What the engine said.
        source: Box<DataFusionError>,
    },
}

impl EngineError {
    /// Names what was being done when the engine failed, unless the error itself says so.
    pub fn during<E: Into<DataFusionError>>(stage: impl Into<String>) -> impl Fn(E) -> Self {
        let stage = stage.into();
        move |error| {
            let error = without_rules(error.into());
            // Whatever was being done, a file is read or refused for its own sake.
            if let Some(error) = FileError::within(&error) {
                return error.clone().into();
            }
            let (stage, source) = match error {
                DataFusionError::Context(what, source) => (what, source),
                error => (stage.clone(), Box::new(error)),
            };
            if let Some(reason) = used_up(&source) {
                return Self::Exhausted { stage, reason };
            }
            match fault_of_rows(&source) {
                Some(reason) => Self::Rows { stage, reason },
                None => Self::Engine { stage, source },
            }
        }
    }
}

/// The rules that analyse a plan, by the names that the engine gives their errors.
const ANALYZER_RULES: [&str; 4] = [
    "resolve_grouping_function",
    "type_coercion",
    "check_expressions",
    "open_views",
];

/// The error without the engine's names for the steps of its planning.
fn without_rules(error: DataFusionError) -> DataFusionError {
    let is_of_rule =
        |what: &str| what.starts_with("Optimizer rule ") || ANALYZER_RULES.contains(&what);
    match error {
        DataFusionError::Context(what, cause) if is_of_rule(&what) => without_rules(*cause),
        error => error,
    }
}

impl Classified for EngineError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Rows { .. } => FailureKind::Blocked,
            Self::Exhausted { .. } => FailureKind::Unexpected,
            // SQL that can be written and not computed: no retry helps.
            Self::Engine { source, .. } => match source.find_root() {
                DataFusionError::NotImplemented(_) => FailureKind::Usage,
                root if is_of_pattern(root) => FailureKind::Usage,
                _ => FailureKind::Unexpected,
            },
        }
    }
}

/// Whether a regular expression in the SQL is at fault.
fn is_of_pattern(error: &DataFusionError) -> bool {
    let text = match error {
        DataFusionError::External(error) => error.to_string(),
        other => other.to_string(),
    };
    fault_of_pattern(&text).is_some()
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
