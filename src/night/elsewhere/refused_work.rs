//! Why another process cannot do a piece of work, be it tried again or elsewhere.

use serde::{Deserialize, Serialize};

use crate::engine::chain;
use crate::ground::{Classified, FailureKind};

/// Why a piece of work cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RefusedWork {
    message: String,
    is_usage: bool,
}

impl RefusedWork {
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

impl Classified for RefusedWork {
    fn kind(&self) -> FailureKind {
        match self.is_usage {
            true => FailureKind::Usage,
            false => FailureKind::Blocked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::DraftError;

    #[test]
    fn a_wrong_order_is_not_tried_again_and_a_store_that_fails_is() {
        let table = || "tier_snapshot".to_owned();
        let wrong_order = DraftError::Unsorted {
            table: table(),
            columns: "user_id".to_owned(),
        };
        assert!(RefusedWork::of(&wrong_order).is_some());
        let failing_store = DraftError::Write {
            table: table(),
            folder: "s3://bucket/out".to_owned(),
            source: "503 Service Unavailable".into(),
        };
        assert!(RefusedWork::of(&failing_store).is_none());
    }
}
