//! The signals that end a command: after the first it clears up, the second ends it at once, and so does time
//! where it does not end by itself.
//!
//! Where nothing is to be cleared up, and while a question waits for its answer, the first ends it at
//! once as well, unless tables are just being committed.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
#[cfg(unix)]
use tokio::signal::unix::{self, SignalKind};
use tokio::time::timeout;
use tracing::Span;

use crate::ground::{Ending, interruption};
use crate::night::NightError;

use super::last_resort::{PATIENCE, end, end_if_stuck};

/// Whether a question waits for its answer.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

/// Heeds signals until the program ends. `clears_up` says whether the command does so by itself; what is logged is
/// within `span`.
pub(super) fn heed(clears_up: bool, span: Span) {
    // In a thread of its own: those of the command may all be computing.
    let thread = thread::Builder::new().name("signals".to_owned());
    let spawned = thread.spawn(move || {
        let _within = span.enter();
        let runtime = Builder::new_current_thread().enable_all().build();
        match runtime.map(|runtime| runtime.block_on(heeded(clears_up))) {
            Ok(Ok(signal)) => end(signal),
            Ok(Err(error)) | Err(error) => not_heeded(&error),
        }
    });
    if let Err(error) = spawned {
        not_heeded(&error);
    }
}

fn not_heeded(error: &io::Error) {
    tracing::warn!(%error, "signals end this process at once");
}

/// Waits for the signal that ends the program.
async fn heeded(clears_up: bool) -> io::Result<Ending> {
    let mut signals = Signals::new()?;
    let first = signals.next().await;
    interruption().ask(first);
    if clears_up && !IS_ASKING.load(Ordering::Relaxed) {
        tracing::warn!("{first} came: the command is given up; a second signal ends it at once");
        loop {
            match timeout(PATIENCE, signals.next()).await {
                Ok(second) => return Ok(second),
                Err(_) => end_if_stuck(first, PATIENCE),
            }
        }
    }
    let last = tokio::select! {
        _ = interruption().given_up() => first,
        second = signals.next() => second,
    };
    tracing::warn!(
        "{last} came: the command ends here, and what it has not done yet is left undone"
    );
    Ok(last)
}

/// The signals as they come.
#[cfg(unix)]
struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: unix::signal(SignalKind::interrupt())?,
            terminate: unix::signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupt,
            _ = self.terminate.recv() => Ending::Terminate,
        }
    }
}

/// Elsewhere there is Ctrl-C alone.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Ending {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Ending::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

/// What `ask` answers; a signal that comes meanwhile ends the program.
pub(super) fn while_asking<T>(ask: impl FnOnce() -> T) -> T {
    IS_ASKING.store(true, Ordering::Relaxed);
    let answer = ask();
    IS_ASKING.store(false, Ordering::Relaxed);
    answer
}

/// The error, or what everything was given up for.
pub(super) fn or_ended(error: NightError) -> NightError {
    match interruption().ended_by() {
        Some(ending) => error.ended_by(ending),
        None => error,
    }
}
