//! The memory that this process may take, whatever it is for. The engine accounts for what sorts, joins and
//! groups; lists and texts that SQL makes grow beside that, and a container that is full ends the process
//! without a word.

use std::process;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::engine::{EngineLimits, memory_of_machine};
use crate::ground::{Ending, interruption};

use super::last_resort::{self, end_if_stuck};
use super::watched_limit::WatchedLimit;

/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(200);

/// How long a command may take to give memory back before it is ended.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a process may take of the container or the machine, in percent.
const PERCENT: u64 = 95;

/// What it may take besides twice the memory of queries: files that are read and written, and the program.
const BESIDE: u64 = 2 << 30;

/// The same for each thread: rows that are encoded, and pages that are decoded.
const OF_THREAD: u64 = 64 << 20;

/// Gives the command up that takes more; none where nobody knows how much there is.
pub(super) fn begin(limits: &EngineLimits) -> Option<WatchedLimit> {
    let most = most(limits, memory_of_machine())?;
    let watch = move |ending: Ending, is_over: &Receiver<()>| watch(most, ending, is_over);
    Some(WatchedLimit::begin(
        Ending::Memory { most },
        "memory",
        watch,
    ))
}

/// The bytes that a process may take.
fn most(limits: &EngineLimits, machine: Option<u64>) -> Option<u64> {
    let of_machine = machine.map(|bytes| bytes / 100 * PERCENT);
    let of_job = limits.memory_bytes.map(|queries| {
        let threads = limits.threads.get() as u64;
        let beside = BESIDE.saturating_add(OF_THREAD.saturating_mul(threads));
        (queries as u64).saturating_mul(2).saturating_add(beside)
    });
    match (of_job, of_machine) {
        (Some(of_job), Some(of_machine)) => Some(of_job.min(of_machine)),
        (of_job, of_machine) => of_job.or(of_machine),
    }
}

fn watch(most: u64, ending: Ending, is_over: &Receiver<()>) {
    let mut system = System::new();
    let own = Pid::from_u32(process::id());
    let mut asked: Option<Instant> = None;
    while is_over.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
        let memory = ProcessRefreshKind::nothing().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), false, memory);
        let taken = system.process(own).map_or(0, sysinfo::Process::memory);
        match asked {
            None if taken > most => {
                tracing::warn!(
                    "this process takes more memory than it may, and the command is given up"
                );
                interruption().ask(ending);
                asked = Some(Instant::now());
            }
            None => {}
            Some(asked) if taken > most && asked.elapsed() > PATIENCE => {
                end_if_stuck(ending, PATIENCE);
            }
            // It clears up.
            Some(asked) if asked.elapsed() > last_resort::PATIENCE => {
                end_if_stuck(ending, last_resort::PATIENCE);
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_take_what_the_job_says_or_nearly_all_there_is() {
        const GIB: u64 = 1 << 30;
        let limits = |gib: Option<usize>| EngineLimits {
            memory_bytes: gib.map(|gib| gib << 30),
            ..EngineLimits::default()
        };
        let of_one_thread = OF_THREAD;
        let all = Some(100 * GIB);
        assert_eq!(most(&limits(Some(1)), all), Some(4 * GIB + of_one_thread));
        assert_eq!(most(&limits(Some(80)), all), Some(95 * GIB));
        assert_eq!(most(&limits(None), all), Some(95 * GIB));
        assert_eq!(most(&limits(Some(1)), None), Some(4 * GIB + of_one_thread));
        assert_eq!(most(&limits(None), None), None);
    }
}
