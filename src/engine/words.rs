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
    fault_of_pattern(&text).map_or(text, str::to_owned)
}

/// What is wrong with a regular expression, in the words of the library that compiles them, which are handed
/// through as they are.
pub(super) fn fault_of_pattern(text: &str) -> Option<&'static str> {
    match text {
        _ if text.starts_with("regex parse error") => Some("a regular expression did not compile"),
        _ if text.contains("CompiledTooBig")
            || text.contains("Compiled regex exceeds size limit") =>
        {
            Some("a regular expression is too large once it is compiled; count to less in it")
        }
        _ => None,
    }
}

fn said_by_engine(error: &DataFusionError) -> String {
    match error {
        DataFusionError::Execution(text) => format!("Execution error: {}", without_values(text)),
        DataFusionError::ArrowError(error, _) => format!("Arrow error: {}", said_by_arrow(error)),
        DataFusionError::External(error) => format!("External error: {}", said(error.as_ref())),
        DataFusionError::Context(what, error) => format!("{what}: {}", said_by_engine(error)),
        DataFusionError::Shared(error) => said_by_engine(error),
        other => {
            let text = other.to_string();
            fault_of_pattern(&text).map_or(text, str::to_owned)
        }
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
    let text = escaped_lines(&without_secrets(&shortened_error(&text)));
    match remedy_of_machine(&text) {
        Some(remedy) => format!("{text}; {remedy}"),
        None => text,
    }
}

/// What to do where this machine has no more of something. Libraries hand on what the system said as a
/// text, in whatever they were doing.
fn remedy_of_machine(text: &str) -> Option<&'static str> {
    const TOO_MANY_FILES: [&str; 2] = ["(os error 24)", "(os error 23)"];
    const NO_SPACE: &str = "(os error 28)";
    let said = |what: &&str| text.contains(*what);
    if cfg!(unix) && TOO_MANY_FILES.iter().any(said) {
        return Some(
            "raise the limit of open files, as by `ulimit -n 4096` or LimitNOFILE=, and run the same command again",
        );
    }
    let is_told = text.contains("space and run it again");
    (cfg!(unix) && said(&NO_SPACE) && !is_told)
        .then_some("the disk is full: free some space and run it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_a_machine_has_no_more_of_is_told_with_what_to_do() {
        let of = |number| {
            let lack = std::io::Error::from_raw_os_error(number).to_string();
            chain(&ArrowError::ParquetError(format!("External: {lack}")))
        };
        assert!(of(24).ends_with("(os error 24); raise the limit of open files, as by `ulimit -n 4096` or LimitNOFILE=, and run the same command again"));
        assert!(
            of(28).ends_with("(os error 28); the disk is full: free some space and run it again")
        );
        assert!(of(13).ends_with("(os error 13)"));
        let told = std::io::Error::other("free some space and run it again (os error 28)");
        assert!(chain(&told).ends_with("(os error 28)"));
    }

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
