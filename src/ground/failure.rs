//! What kind of failure an error is, so that one place can choose the exit code.

use serde::Serialize;

use super::Ending;

/// The kinds a scheduler tells apart by exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Storage, memory, or a bug: worth a retry.
    Unexpected,
    /// The job file, the SQL, the reference files or the command line are wrong.
    Usage,
    /// An audit, the contract or a guard refused to publish.
    Blocked,
    /// A required partition is missing.
    InputsNotReady,
    /// Another run committed first.
    Conflict,
    /// A signal, or a limit of time or memory, ended the run.
    Ended(Ending),
}

impl FailureKind {
    /// The process exit code for this kind.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Blocked => 3,
            Self::InputsNotReady => 4,
            Self::Conflict => 5,
            Self::Ended(ending) => ending.exit_code(),
        }
    }

    /// The word for this kind in the JSON result.
    pub fn status(self) -> &'static str {
        match self {
            Self::Unexpected => "failed",
            Self::Usage => "refused",
            Self::Blocked => "blocked",
            Self::InputsNotReady => "inputs_not_ready",
            Self::Conflict => "conflict",
            Self::Ended(Ending::Interrupt) => "interrupted",
            Self::Ended(Ending::Terminate) => "terminated",
            Self::Ended(Ending::TimeLimit(_)) => "timed_out",
            Self::Ended(Ending::Memory { .. }) => "failed",
        }
    }
}

impl FailureKind {
    /// Whether the same command may be given again, and when.
    pub fn retry(self) -> Retry {
        match self {
            Self::Unexpected | Self::Conflict | Self::Ended(_) => Retry::Now,
            Self::InputsNotReady => Retry::Later,
            Self::Usage | Self::Blocked => Retry::No,
        }
    }

    /// What whoever is on call does about it. What in particular is wrong, the error itself says.
    pub fn to_do(self) -> &'static str {
        match self {
            Self::Unexpected => {
                "run the same command again; if that ends in the same way, check what the error names"
            }
            Self::Usage => {
                "correct what the error names; `tierline check` finds all that is wrong without reading data"
            }
            Self::Blocked => {
                "look into what the error names before anything is run again; readers see what was published before"
            }
            Self::InputsNotReady => "run the same command again once the inputs are there",
            Self::Conflict => "run the same command again: it goes on from what the other run did",
            Self::Ended(Ending::Interrupt | Ending::Terminate) => {
                "run the same command again; it uses what this one has stored"
            }
            Self::Ended(Ending::Memory { .. }) => {
                "give the job more memory, or let its SQL hold less at once: lists such as those of array_agg, and texts that grow, are not spilled to disk"
            }
            Self::Ended(Ending::TimeLimit(_)) => {
                "run the same command again, which uses what this one has stored; if it takes as long, `seconds` says where, or raise `time_limit` under [engine]"
            }
        }
    }
}

/// Whether a command that failed may be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// At once.
    Now,
    /// When the inputs are there.
    Later,
    /// Not as it is.
    No,
}

/// An error that knows its kind.
pub trait Classified {
    /// The kind of this failure.
    fn kind(&self) -> FailureKind;
}
