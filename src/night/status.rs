//! How a run ends, in the words of the JSON result.

use std::fmt;

use serde::Serialize;

use crate::ground::FailureKind;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub enum Status {
    /// The date is published.
    Published,
    /// The date is republished: its inputs or rules had changed.
    Replaced,
    /// The date is published from identical inputs; rows that another run had left unpublished in
    /// the tables were removed.
    Repaired,
    /// Nothing was to be done: the date is published from identical inputs.
    AlreadyPublished,
    /// The date is not published.
    Failed(FailureKind),
}

impl Status {
    /// The word for it in the JSON result.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Replaced => "replaced",
            Self::Repaired => "repaired",
            Self::AlreadyPublished => "already_published",
            Self::Failed(kind) => kind.status(),
        }
    }
}

/// Until a run has come to its end it may have died.
impl Default for Status {
    fn default() -> Self {
        Self::Failed(FailureKind::Unexpected)
    }
}

impl From<Status> for &'static str {
    fn from(status: Status) -> Self {
        status.as_str()
    }
}

impl fmt::Display for Status {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
