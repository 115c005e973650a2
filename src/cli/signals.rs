//! The signals that end a command: after the first it clears up, the second ends it at once.
//!
//! Where nothing is to be cleared up, and while a question waits for its answer, the first ends it at
//! once as well, unless tables are just being committed.

use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{self, SignalKind};

use crate::ground::{Signal, interruption};
use crate::night::NightError;

/// Whether a question waits for its answer.
static IS_ASKING: AtomicBool = AtomicBool::new(false);

/// Heeds signals until the program ends. `clears_up` says whether the command does so by itself.
pub(super) fn heed(clears_up: bool) {
    // In a thread of its own: those of the command may all be computing.
    thread::spawn(
        move || match Builder::new_current_thread().enable_io().build() {
            Ok(runtime) => runtime.block_on(wait_for_signals(clears_up)),
            Err(error) => tracing::warn!(%error, "signals end this process at once"),
        },
    );
}

async fn wait_for_signals(clears_up: bool) {
    let signals = [SignalKind::interrupt(), SignalKind::terminate()].map(unix::signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        tracing::warn!("signals end this process at once");
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => Signal::Interrupt,
            _ = terminate.recv() => Signal::Terminate,
        }
    };
    let mut signal = next().await;
    interruption().ask(signal);
    if clears_up && !IS_ASKING.load(Ordering::Relaxed) {
        tracing::warn!("{signal} came: the command is given up; a second signal ends it at once");
        signal = next().await;
    } else {
        tokio::select! {
            _ = interruption().given_up() => {}
            second = next() => signal = second,
        }
    }
    exit(i32::from(signal.exit_code()));
}

/// What `ask` answers; a signal that comes meanwhile ends the program.
pub(super) fn while_asking<T>(ask: impl FnOnce() -> T) -> T {
    IS_ASKING.store(true, Ordering::Relaxed);
    let answer = ask();
    IS_ASKING.store(false, Ordering::Relaxed);
    answer
}

/// The error, or the signal for which everything was given up: what fails then, fails for it.
pub(super) fn or_signal(error: NightError) -> NightError {
    match interruption().ended_by() {
        Some(signal) => NightError::Ended(signal),
        None => error,
    }
}
