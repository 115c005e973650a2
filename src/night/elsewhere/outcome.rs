//! What came of a piece of work in another process.

use serde::{Deserialize, Serialize};

use crate::night::error::NightError;

use super::refused_work::RefusedWork;

/// What came of a piece of work.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Outcome<T> {
    /// It is done.
    Done(T),
    /// It cannot be, be it tried again or elsewhere.
    Refused(RefusedWork),
}

impl<T> Outcome<T> {
    /// What came of it; the error itself where it is worth another try.
    pub(super) fn of(done: Result<T, NightError>) -> Result<Self, NightError> {
        match done {
            Ok(done) => Ok(Self::Done(done)),
            Err(error) => match RefusedWork::of(&error) {
                Some(refused) => Ok(Self::Refused(refused)),
                None => Err(error),
            },
        }
    }

    /// What was done.
    ///
    /// # Errors
    /// [`NightError::Elsewhere`].
    pub(super) fn done(self) -> Result<T, NightError> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Refused(refused) => Err(refused.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drafts::DraftError;

    /// Whether an error is an answer, and not left to be tried again.
    fn is_answer(error: DraftError) -> bool {
        let outcome = Outcome::<()>::of(Err(error.into()));
        matches!(outcome, Ok(Outcome::Refused(_)))
    }

    #[test]
    fn a_wrong_order_is_not_tried_again_and_a_store_that_fails_is() {
        let table = || "tier_snapshot".to_owned();
        assert!(is_answer(DraftError::Unsorted {
            table: table(),
            columns: "user_id".to_owned(),
        }));
        assert!(!is_answer(DraftError::Write {
            table: table(),
            folder: "s3://bucket/out".to_owned(),
            source: "503 Service Unavailable".into(),
        }));
    }
}
