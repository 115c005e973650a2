//! What kind of failure an error is, so that one place can choose the exit code.

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
    /// A signal or a limit of time ended the run.
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
        }
    }
}

/// An error that knows its kind.
pub trait Classified {
    /// The kind of this failure.
    fn kind(&self) -> FailureKind;
}
