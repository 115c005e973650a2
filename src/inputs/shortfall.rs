//! What a day of a source lacks, in words and with what to do about it.

use std::fmt;

/// What a day of a source lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shortfall {
    /// It has no files that are read.
    Missing(String),
    /// It has files, but is not whole.
    Incomplete(String),
}

/// Everything that sources lack on D.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortfalls(pub Vec<Shortfall>);

impl Shortfalls {
    /// What to do about them.
    pub(super) fn remedy(&self) -> &'static str {
        let is_missing = |shortfall: &Shortfall| matches!(shortfall, Shortfall::Missing(_));
        let missing = self.0.iter().any(is_missing);
        let incomplete = !self.0.iter().all(is_missing);
        match (missing, incomplete) {
            (true, false) => {
                "run again when the partition is there, or set required = false for the source"
            }
            (false, _) => {
                "run again when the partition is whole, or set incomplete = \"warn\" for the source"
            }
            (true, true) => {
                "run again when the partitions are there and whole, or set required = false or incomplete = \"warn\" for the source"
            }
        }
    }
}

impl fmt::Display for Shortfalls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.0.iter().map(|shortfall| match shortfall {
            Shortfall::Missing(text) | Shortfall::Incomplete(text) => text.as_str(),
        });
        formatter.write_str(&texts.collect::<Vec<_>>().join("; "))
    }
}
