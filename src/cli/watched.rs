//! How far a long command has come, told twice a second: what it does, and what its stores have read and
//! written since it began.
//!
//! ```text
//! tiles: purchases, 1 of 2, 33 tiles to make from 120 files, 410.2 MB; 96.1 MB read, 12.0 MB written
//! ```

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::job::Workspace;

/// Long enough to read a line.
const EVERY: Duration = Duration::from_millis(500);

/// Tells somebody how far a command has come.
pub(super) struct Watched<'a> {
    doing: Mutex<String>,
    tell: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Watched<'a> {
    pub(super) fn new(tell: &'a (dyn Fn(&str) + Sync)) -> Self {
        Self {
            doing: Mutex::default(),
            tell,
        }
    }

    /// Tells what is being done from now on.
    pub(super) fn doing(&self, what: &str) {
        let mut doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        what.clone_into(&mut doing);
        (self.tell)(what);
    }

    /// Does some work, and tells what the stores have moved meanwhile.
    pub(super) async fn over<T>(&self, workspace: &Workspace, work: impl Future<Output = T>) -> T {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut work = Box::pin(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => (self.tell)(&self.line(workspace)),
            }
        }
    }

    fn line(&self, workspace: &Workspace) -> String {
        let doing = self.doing.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = workspace.traffic();
        let [read, written] =
            [moved.bytes_read, moved.bytes_written].map(|bytes| bytes as f64 / 1e6);
        format!("{doing}; {read:.1} MB read, {written:.1} MB written")
    }
}
