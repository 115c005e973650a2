//! Whether what cannot be undone is to be done: said beforehand, or asked on a terminal.

use super::arguments::OutputFormat;
use super::output::Output;

/// What somebody said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Nobody could be asked.
    None,
}

impl Answer {
    /// The answer that `--yes` gives, or else whoever is asked. A program that reads JSON is not.
    pub(super) fn to(question: &str, is_yes: bool, format: OutputFormat, output: &Output) -> Self {
        if is_yes {
            return Self::Yes;
        }
        let is_asked = format == OutputFormat::Text;
        match is_asked.then(|| output.confirmed(question)).flatten() {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::None,
        }
    }
}
