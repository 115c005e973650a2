//! Signals that ask this process to end.
//!
//! A signal is [noted](Interruption::ask). From then on whoever waits for a store or for rows [gives
//! up](Interruption::or_given_up) with an error, and clears up as after any other. Only while tables
//! are being committed is it [held off](Interruption::held_off), as half of that would be worse than to
//! wait for the rest.

use std::fmt;
use std::future::{Future, pending};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// A signal that ends a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as schedulers send it.
    Terminate,
}

impl Signal {
    /// 128 and the signal's number, as shells have it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// What was being waited for was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("given up, as {0} came")]
pub struct GivenUp(pub Signal);

/// That of this process: signals are sent to processes.
pub fn interruption() -> &'static Interruption {
    static OF_PROCESS: LazyLock<Interruption> = LazyLock::new(Interruption::default);
    &OF_PROCESS
}

/// Whether a signal has come, and who heeds it.
#[derive(Debug)]
pub struct Interruption {
    state: watch::Sender<State>,
    has_ended_something: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    signal: Option<Signal>,
    /// How many there are who must not be interrupted.
    held_off: usize,
}

impl Default for Interruption {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(State::default()),
            has_ended_something: AtomicBool::new(false),
        }
    }
}

impl Interruption {
    /// Notes a signal; the first one counts.
    pub fn ask(&self, signal: Signal) {
        self.state.send_modify(|state| {
            state.signal.get_or_insert(signal);
        });
    }

    /// The signal for which something was given up.
    pub fn ended_by(&self) -> Option<Signal> {
        let has_ended = self.has_ended_something.load(Ordering::Relaxed);
        self.state.borrow().signal.filter(|_| has_ended)
    }

    /// Waits for a signal that is not held off.
    pub async fn given_up(&self) -> GivenUp {
        let mut state = self.state.subscribe();
        let asked = state.wait_for(|state| state.signal.is_some() && state.held_off == 0);
        let signal = asked.await.ok().and_then(|state| state.signal);
        let Some(signal) = signal else {
            // Nobody is left who could ask.
            return pending().await;
        };
        self.has_ended_something.store(true, Ordering::Relaxed);
        GivenUp(signal)
    }

    /// What `work` gives, unless a signal comes first.
    ///
    /// # Errors
    /// The signal.
    pub async fn or_given_up<T>(&self, work: impl Future<Output = T>) -> Result<T, GivenUp> {
        tokio::select! {
            biased;
            given_up = self.given_up() => Err(given_up),
            done = work => Ok(done),
        }
    }

    /// No signal is heeded until what is returned is dropped.
    #[must_use]
    pub fn held_off(&self) -> HeldOff<'_> {
        self.state.send_modify(|state| state.held_off += 1);
        HeldOff(self)
    }
}

/// Holds signals off while it lives.
#[derive(Debug)]
pub struct HeldOff<'a>(&'a Interruption);

impl Drop for HeldOff<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| state.held_off -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn the_first_signal_ends_what_waits() {
        let interruption = Interruption::default();
        let done = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!(done, Some(Ok(1)));
        let mut waiting = Box::pin(interruption.or_given_up(pending::<()>()));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        interruption.ask(Signal::Terminate);
        interruption.ask(Signal::Interrupt);
        let given_up = Err(GivenUp(Signal::Terminate));
        assert_eq!(waiting.now_or_never(), Some(given_up));
        assert_eq!(interruption.ended_by(), Some(Signal::Terminate));
    }

    #[test]
    fn a_signal_that_is_held_off_ends_what_comes_after() {
        let interruption = Interruption::default();
        let held_off = interruption.held_off();
        interruption.ask(Signal::Interrupt);
        let done = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!((done, interruption.ended_by()), (Some(Ok(1)), None));
        drop(held_off);
        let given_up = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!(given_up, Some(Err(GivenUp(Signal::Interrupt))));
        assert_eq!(interruption.ended_by(), Some(Signal::Interrupt));
    }
}
