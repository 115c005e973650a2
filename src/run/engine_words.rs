//! What the engine says of a failure, without the values that it quotes: they may be ids and
//! e-mail addresses of users.
//!
//! | said | kept |
//! |---|---|
//! | `Regular expression did not compile: (alice@example.com` | `Regular expression did not compile` |
//! | `Month value '13' is out of range` | `Month value '…' is out of range` |
//! | what stores, files and SQL are at fault for | all of it |

use std::error::Error;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// The text of an error, where the engine's own functions are not quoted with their arguments.
pub(super) fn said(error: &(dyn Error + 'static)) -> String {
    // A boxed error is an error of its own.
    let boxed = error.downcast_ref::<Box<DataFusionError>>();
    if let Some(error) = error.downcast_ref().or(boxed.map(AsRef::as_ref)) {
        return said_by_engine(error);
    }
    let boxed = error.downcast_ref::<Box<ArrowError>>();
    if let Some(error) = error.downcast_ref().or(boxed.map(AsRef::as_ref)) {
        return said_by_arrow(error);
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

/// The first line up to its first colon, with `…` for what stands in quotes.
fn without_values(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut kept = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(['\'', '"']) {
        let (before, quoted) = rest.split_at(start);
        let (before, is_over) = up_to_colon(before);
        kept.push_str(before);
        if is_over {
            return kept;
        }
        kept.push_str("'…'");
        let Some(end) = end_of_quoted(quoted) else {
            return kept;
        };
        rest = &quoted[end..];
    }
    kept.push_str(up_to_colon(rest).0);
    kept
}

/// Where the text goes on behind its quoted beginning: a quote with a letter behind it, as in
/// `o'neil`, is part of the value. None when the quote is never closed.
fn end_of_quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut closing = text.match_indices(quote).skip(1);
    let is_end = |end: usize| !text[end..].starts_with(char::is_alphanumeric);
    closing.find_map(|(at, quote)| is_end(at + quote.len()).then_some(at + quote.len()))
}

/// The text before the first colon, and whether there is one.
fn up_to_colon(text: &str) -> (&str, bool) {
    match text.split_once(": ") {
        Some((before, _)) => (before, true),
        None => (text.trim_end_matches(':'), text.ends_with(':')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_quotes_and_behind_colons_are_left_out() {
        let cases = [
            (
                "Regular expression did not compile: (alice@example.com",
                "Regular expression did not compile",
            ),
            (
                "Month value '13' is out of range",
                "Month value '…' is out of range",
            ),
            (
                "Error parsing timestamp from 'al:ice' using format \"x: y\": bad",
                "Error parsing timestamp from '…' using format '…'",
            ),
            ("cannot take 'o'neil' there", "cannot take '…' there"),
            ("cannot take 'alice", "cannot take '…'"),
            (
                "Unsupported array StringViewArray\n[\n  \"alice\",\n]",
                "Unsupported array StringViewArray",
            ),
            ("Divide by zero", "Divide by zero"),
        ];
        for (text, kept) in cases {
            assert_eq!(without_values(text), kept);
        }
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
