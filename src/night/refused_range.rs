//! Why another process cannot write a range of users, be it tried again or elsewhere.

use serde::{Deserialize, Serialize};

use crate::engine::chain;
use crate::ground::{Classified, FailureKind};

/// Why the users of a range cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RefusedRange {
    message: String,
    is_usage: bool,
}

impl RefusedRange {
    /// The refusal that an error is; none where another try may succeed.
    pub(super) fn of(error: &(impl Classified + std::error::Error + 'static)) -> Option<Self> {
        let is_usage = match error.kind() {
            FailureKind::Usage => true,
            FailureKind::Blocked => false,
            _ => return None,
        };
        let message = chain(error);
        Some(Self { message, is_usage })
    }
}

impl Classified for RefusedRange {
    fn kind(&self) -> FailureKind {
        match self.is_usage {
            true => FailureKind::Usage,
            false => FailureKind::Blocked,
        }
    }
}
