//! How long a night may take.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::ground::{Ending, interruption};

use super::last_resort::{PATIENCE, end_if_stuck};
use super::watched_limit::WatchedLimit;

/// Gives the night up once it has taken so long.
pub(super) fn begin(limit: Duration) -> WatchedLimit {
    let watch = move |ending: Ending, is_over: &Receiver<()>| {
        let is_up = |time| is_over.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
        if is_up(limit) {
            tracing::warn!("the night has taken as long as `time_limit` allows and is given up");
            interruption().ask(ending);
            while is_up(PATIENCE) {
                end_if_stuck(ending, PATIENCE);
            }
        }
    };
    WatchedLimit::begin(Ending::TimeLimit(limit), "time", watch)
}
