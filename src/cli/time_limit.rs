//! How long a night may take.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::ground::{Ending, interruption};

use super::last_resort::{PATIENCE, end_unless_over};

/// Ends the night like a signal once it has taken so long; dropped when the night has ended.
#[must_use]
pub(super) struct TimeLimit {
    limit: Duration,
    _until: Sender<()>,
}

impl TimeLimit {
    pub(super) fn begin(limit: Duration) -> Self {
        let (until, is_over) = mpsc::channel();
        let span = tracing::Span::current();
        let watch = move || {
            let _within = span.enter();
            if is_over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                tracing::warn!(
                    "the night has taken as long as `time_limit` allows and is given up"
                );
                let ending = Ending::TimeLimit(limit);
                interruption().ask(ending);
                end_unless_over(ending, PATIENCE, &is_over);
            }
        };
        // In a thread of its own: those of the night may all be computing.
        let thread = thread::Builder::new().name("time limit".to_owned());
        if let Err(error) = thread.spawn(watch) {
            tracing::warn!(%error, "the night has no time limit, as there is no thread for it");
        }
        Self {
            limit,
            _until: until,
        }
    }
}

/// A night that was just being committed, and so was finished, leaves the next one its own time.
impl Drop for TimeLimit {
    fn drop(&mut self) {
        interruption().take_back(Ending::TimeLimit(self.limit));
    }
}
