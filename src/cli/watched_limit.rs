//! A limit that a thread of its own watches: those of the command may all be computing.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crate::ground::{Ending, interruption};

/// Ends a command like a signal once it is past its limit; dropped when the command has ended.
#[must_use]
pub(super) struct WatchedLimit {
    ending: Ending,
    _until: Sender<()>,
}

impl WatchedLimit {
    /// Has it watched by `watch`, which hears from the receiver that the command has ended. `what` is limited, in
    /// words.
    pub(super) fn begin(
        ending: Ending,
        what: &str,
        watch: impl FnOnce(Ending, &Receiver<()>) + Send + 'static,
    ) -> Self {
        let (until, is_over) = mpsc::channel();
        // What it logs is of the same execution.
        let span = tracing::Span::current();
        let thread = thread::Builder::new().name(what.to_owned());
        let watched = thread.spawn(move || span.in_scope(|| watch(ending, &is_over)));
        if let Err(error) = watched {
            tracing::warn!(%error, "nothing limits the {what} of this command, as there is no thread for it");
        }
        Self {
            ending,
            _until: until,
        }
    }
}

/// A night that was just being committed, and so was finished, leaves the next one its own limits.
impl Drop for WatchedLimit {
    fn drop(&mut self) {
        interruption().take_back(self.ending);
    }
}
