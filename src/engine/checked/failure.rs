//! Why an expression cannot be computed of some row: what the engine said of it in words for people
//! who write SQL, without the row's values, and what to write instead.
//!
//! Failures of the store and of memory are none of an expression's.

use datafusion::arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::Expr;

use crate::engine::by_model::ModelFile;
use crate::ground::{with_sql_types, without_values};

use super::place::place_of;

/// An expression that cannot be computed of some row.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("`{expression}`{place} cannot be computed: {reason}")]
pub struct ComputationFailure {
    /// What SQL computes.
    pub expression: String,
    /// The model, and the line where it is known: `` in staging/orders.sql:5``.
    pub place: String,
    /// Why not, and what to do about it.
    pub reason: String,
}

impl From<ComputationFailure> for DataFusionError {
    fn from(failure: ComputationFailure) -> Self {
        Self::External(Box::new(failure))
    }
}

/// An expression as its failures name it.
#[derive(Debug, Clone)]
pub(super) struct Computed {
    /// As SQL has it.
    pub(super) expression: String,
    place: String,
}

impl Computed {
    /// An expression of a model, given its text.
    pub(super) fn of(node: &Expr, expression: String, model: Option<&ModelFile>) -> Self {
        Self {
            expression,
            place: place_of(node, model),
        }
    }

    /// The failure of this expression that an error is, if it is one; else the error.
    pub(super) fn failed(&self, error: DataFusionError) -> DataFusionError {
        match reason_of(error.find_root()) {
            Some(reason) => self.refused(reason),
            None => error,
        }
    }

    /// This expression cannot be computed.
    pub(super) fn refused(&self, reason: impl Into<String>) -> DataFusionError {
        let failure = ComputationFailure {
            expression: self.expression.clone(),
            place: self.place.clone(),
            reason: reason.into(),
        };
        failure.into()
    }
}

const BY_ZERO: &str = "a division by zero; divide by NULLIF(..., 0)";

const OUTGROWN: &str = "a number outgrows its type; CAST to a wider one before computing, or give rows that cannot be right a reject_reason in staging";

const NANOSECONDS: &str = "an instant before 1678 or after 2261 is cast to nanoseconds, as CAST(.. AS TIMESTAMP), AT TIME ZONE and DATE_TRUNC do; leave such instants out by CASE";

const PATTERN: &str = "a regular expression did not compile; correct the pattern, or leave rows whose pattern is not one out by CASE";

fn reason_of(error: &DataFusionError) -> Option<String> {
    match error {
        DataFusionError::ArrowError(error, _) => reason_in_arrow(error),
        DataFusionError::Execution(said) => Some(reason_in_words(said)),
        DataFusionError::External(error) => {
            let is_of_store = error.is::<object_store::Error>() || error.is::<std::io::Error>();
            (!is_of_store).then(|| reason_in_words(&error.to_string()))
        }
        _ => None,
    }
}

fn reason_in_arrow(error: &ArrowError) -> Option<String> {
    Some(match error {
        ArrowError::MemoryError(_) | ArrowError::IoError(..) => return None,
        ArrowError::DivideByZero => BY_ZERO.to_owned(),
        ArrowError::ArithmeticOverflow(_) => OUTGROWN.to_owned(),
        // What a DECIMAL that is cast to a narrower one says.
        ArrowError::InvalidArgumentError(said) if said.contains("to store in a Decimal") => {
            OUTGROWN.to_owned()
        }
        ArrowError::CastError(said)
        | ArrowError::ParseError(said)
        | ArrowError::ComputeError(said)
        | ArrowError::InvalidArgumentError(said) => reason_in_words(said),
        other => reason_in_words(&other.to_string()),
    })
}

/// Numbers may be values of the row, too: `lcm(4711, 12)`. Those within words, such as `Int64`, are not.
fn without_numbers(said: &str) -> String {
    let words = said.split_inclusive(|character: char| !character.is_alphanumeric());
    let words = words.map(
        |word| match word.starts_with(|first: char| first.is_ascii_digit()) {
            true => format!("…{}", word.trim_start_matches(char::is_alphanumeric)),
            false => word.to_owned(),
        },
    );
    words.collect()
}

fn reason_in_words(said: &str) -> String {
    let lower = said.to_lowercase();
    let is_instant = said.contains("exceeds the representable i64 range")
        || (said.starts_with("Timestamp ") && said.ends_with(" out of range"));
    match () {
        () if is_instant => NANOSECONDS.to_owned(),
        () if lower.contains("divide by zero") || lower.contains("division by zero") => {
            BY_ZERO.to_owned()
        }
        () if lower.contains("regex") || lower.contains("regular expression") => PATTERN.to_owned(),
        () => format!(
            "{}; leave the rows of which it cannot be computed out by CASE, or give them a reject_reason in staging",
            with_sql_types(&without_numbers(&without_values(said)))
        ),
    }
}
