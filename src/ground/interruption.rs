//! What ends the work of this process before it is done: a signal, or a limit of time or memory.
//!
//! It is [noted](Interruption::ask). From then on whoever waits for a store or for rows [gives
//! up](Interruption::or_given_up) with an error, and clears up as after any other. Only while tables
//! are being committed is it [held off](Interruption::held_off), as half of that would be worse than to
//! wait for the rest.

use std::fmt;
use std::future::{Future, pending};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use humantime::format_duration;
use tokio::sync::watch;

/// What ends the work of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as schedulers send it.
    Terminate,
    /// A night has taken longer than the job allows.
    TimeLimit(Duration),
    /// The process has taken more memory than it may.
    Memory {
        /// How much it may take, in bytes.
        most: u64,
    },
}

impl Ending {
    /// Of a signal 128 and its number, as shells have it; of a limit of time that of `timeout`, of memory that of
    /// any failure.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Memory { .. } => 1,
            Self::TimeLimit(_) => 124,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupt => formatter.write_str("SIGINT"),
            Self::Terminate => formatter.write_str("SIGTERM"),
            Self::TimeLimit(limit) => {
                let limit = format_duration(*limit);
                write!(formatter, "`time_limit` under [engine], which is {limit}")
            }
            Self::Memory { most } => write!(
                formatter,
                "the memory of this process, which may take {:.1} GB",
                *most as f64 / 1e9
            ),
        }
    }
}

/// What was being waited for was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("given up: ended by {0}")]
pub struct GivenUp(pub Ending);

/// That of this process: signals are sent to processes, and a process has one night at a time.
pub fn interruption() -> &'static Interruption {
    static OF_PROCESS: LazyLock<Interruption> = LazyLock::new(Interruption::default);
    &OF_PROCESS
}

/// Whether work is to end, and who has heeded it.
#[derive(Debug)]
pub struct Interruption {
    state: watch::Sender<State>,
    has_ended_something: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    ending: Option<Ending>,
    /// How many there are who must not be interrupted.
    held_off: usize,
    /// When the last of them was done.
    released: Option<Instant>,
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
    /// Asks for an end; who asks first counts.
    pub fn ask(&self, ending: Ending) {
        self.state.send_modify(|state| {
            state.ending.get_or_insert(ending);
        });
    }

    /// Asks no more for this end, unless something was given up for it.
    pub fn take_back(&self, ending: Ending) {
        self.state.send_modify(|state| {
            if !self.has_ended_something.load(Ordering::Relaxed) {
                state.ending.take_if(|asked| *asked == ending);
            }
        });
    }

    /// That for which something was given up.
    pub fn ended_by(&self) -> Option<Ending> {
        let has_ended = self.has_ended_something.load(Ordering::Relaxed);
        self.state.borrow().ending.filter(|_| has_ended)
    }

    /// Waits for an end that is asked for and not held off.
    pub async fn given_up(&self) -> GivenUp {
        let mut state = self.state.subscribe();
        let asked = state.wait_for(|state| state.ending.is_some() && state.held_off == 0);
        let ending = asked.await.ok().and_then(|state| state.ending);
        let Some(ending) = ending else {
            // Nobody is left who could ask.
            return pending().await;
        };
        self.has_ended_something.store(true, Ordering::Relaxed);
        GivenUp(ending)
    }

    /// What `work` gives, unless an end is asked for first.
    ///
    /// # Errors
    /// What ended it.
    pub async fn or_given_up<T>(&self, work: impl Future<Output = T>) -> Result<T, GivenUp> {
        tokio::select! {
            biased;
            given_up = self.given_up() => Err(given_up),
            done = work => Ok(done),
        }
    }

    /// Does something that nobody may hold off meanwhile; nothing where somebody does, or was done with it within
    /// the last `patience`. It is told whether anybody ever did.
    pub fn unless_held_off(&self, patience: Duration, act: impl FnOnce(bool)) {
        let state = self.state.borrow();
        let is_recent = state.released.is_some_and(|at| at.elapsed() < patience);
        if state.held_off == 0 && !is_recent {
            act(state.released.is_some());
        }
    }

    /// Nothing is given up until what is returned is dropped.
    #[must_use]
    pub fn held_off(&self) -> HeldOff<'_> {
        self.state.send_modify(|state| state.held_off += 1);
        HeldOff(self)
    }
}

/// Holds every end off while it lives.
#[derive(Debug)]
pub struct HeldOff<'a>(&'a Interruption);

impl Drop for HeldOff<'_> {
    fn drop(&mut self) {
        self.0.state.send_modify(|state| {
            state.held_off -= 1;
            state.released = Some(Instant::now());
        });
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
        interruption.ask(Ending::Terminate);
        interruption.ask(Ending::Interrupt);
        let given_up = Err(GivenUp(Ending::Terminate));
        assert_eq!(waiting.now_or_never(), Some(given_up));
        assert_eq!(interruption.ended_by(), Some(Ending::Terminate));
    }

    #[test]
    fn a_signal_that_is_held_off_ends_what_comes_after() {
        let interruption = Interruption::default();
        let held_off = interruption.held_off();
        interruption.ask(Ending::Interrupt);
        let done = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!((done, interruption.ended_by()), (Some(Ok(1)), None));
        drop(held_off);
        let given_up = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!(given_up, Some(Err(GivenUp(Ending::Interrupt))));
        assert_eq!(interruption.ended_by(), Some(Ending::Interrupt));
    }

    #[test]
    fn what_nobody_heeded_can_be_taken_back() {
        let interruption = Interruption::default();
        let limit = Ending::TimeLimit(Duration::from_secs(5400));
        interruption.ask(limit);
        interruption.take_back(Ending::Interrupt);
        interruption.take_back(limit);
        let done = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!((done, interruption.ended_by()), (Some(Ok(1)), None));
        interruption.ask(limit);
        let given_up = interruption.or_given_up(async { 1 }).now_or_never();
        assert_eq!(given_up, Some(Err(GivenUp(limit))));
        interruption.take_back(limit);
        assert_eq!(interruption.ended_by(), Some(limit));
        assert_eq!(
            limit.to_string(),
            "`time_limit` under [engine], which is 1h 30m"
        );
    }
}
