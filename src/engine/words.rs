//! What the engine says of a failure, without the values that it quotes: they may be ids and
//! e-mail addresses of users. Types are named as SQL has them.
//!
//! | said | kept |
//! |---|---|
//! | `Regular expression did not compile: (alice@example.com` | `Regular expression did not compile` |
//! | `Month value '13' is out of range` | `Month value '…' is out of range` |
//! | what stores, files and SQL are at fault for | all of it |

use std::error::Error;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::ground::{escaped_lines, with_sql_types, without_secrets, without_values};
use crate::storage::shortened_error;

/// The text of an error, where the engine's own functions are not quoted with their arguments.
fn said(error: &(dyn Error + 'static)) -> String {
    // A boxed error is an error of its own.
    let boxed = error.downcast_ref::<Box<DataFusionError>>();
    if let Some(error) = error.downcast_ref().or(boxed.map(AsRef::as_ref)) {
        return with_sql_types(&said_by_engine(error));
    }
    let boxed = error.downcast_ref::<Box<ArrowError>>();
    if let Some(error) = error.downcast_ref().or(boxed.map(AsRef::as_ref)) {
        return with_sql_types(&said_by_arrow(error));
    }
    let text = error.to_string();
    // The one library of functions that hands its errors through as they are.
    match text.starts_with("regex parse error") {
        true => "a regular expression did not compile".to_owned(),
        false => text,
    }
}

fn said_by_engine(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Execution(text) => format!("Execution error: {}", without_values(text)),
        DataFusionError::ArrowError(error, _) => format!("Arrow error: {}", said_by_arrow(error)),
        DataFusionError::External(error) => format!("External error: {}", said(error.as_ref())),
        DataFusionError::Context(what, error) => format!("{what}: {}", said_by_engine(error)),
        DataFusionError::Shared(error) => said_by_engine(error),
        other => other.to_string(),
    }
}

fn said_by_arrow(error: &ArrowError) -> String {
    match error {
        ArrowError::ComputeError(text) => format!("Compute error: {}", without_values(text)),
        ArrowError::CastError(text) => format!("Cast error: {}", without_values(text)),
        ArrowError::ParseError(text) => format!("Parser error: {}", without_values(text)),
        ArrowError::InvalidArgumentError(text) => {
            format!("Invalid argument error: {}", without_values(text))
        }
        ArrowError::ExternalError(error) => format!("External error: {}", said(error.as_ref())),
        other => other.to_string(),
    }
}

/// An error with everything that caused it, from the outside in. Values that the engine quotes
/// are left out, secrets in URLs are starred out, and nothing in it moves a cursor.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = said(error);
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = said(cause);
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    escaped_lines(&without_secrets(&shortened_error(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_looked_through() {
        let inner = ArrowError::ComputeError("did not compile: alice".to_owned());
        let error = DataFusionError::Context("making `x`".to_owned(), Box::new(inner.into()));
        assert_eq!(
            said(&error),
            "making `x`: Arrow error: Compute error: did not compile"
        );
    }
}
