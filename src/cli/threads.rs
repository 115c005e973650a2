//! Whether this process may have the threads that a command needs. Without them the runtime panics, or
//! waits for ever for work that no thread takes up.

use std::sync::{Arc, RwLock};
use std::thread;

use crate::night::NightError;

/// What stands beside the threads of the runtime: files are read and written, tiles are made and signals
/// heeded by threads of their own.
const BESIDE: usize = 12;

/// Tries to have them all at once.
///
/// # Errors
/// What to tell, and what to do.
pub(super) fn check() -> Result<(), NightError> {
    let of_runtime = thread::available_parallelism().map_or(1, usize::from);
    let needed = of_runtime + BESIDE;
    let had = had_at_once(needed);
    match had < needed {
        true => Err(NightError::Threads(format!(
            "this process may have {had} more threads, and needs {needed}: raise the limit of processes, as by `ulimit -u`, TasksMax= or the pids limit of the container, and run the same command again"
        ))),
        false => Ok(()),
    }
}

/// How many of so many threads the system gives.
fn had_at_once(wanted: usize) -> usize {
    let gate = Arc::new(RwLock::new(()));
    let closed = gate.write();
    let threads = (0..wanted).map_while(|_| {
        let gate = Arc::clone(&gate);
        let waiting = move || drop(gate.read());
        thread::Builder::new().spawn(waiting).ok()
    });
    let threads: Vec<_> = threads.collect();
    drop(closed);
    let had = threads.len();
    for thread in threads {
        // What it waited for cannot fail.
        drop(thread.join());
    }
    had
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_had_at_once() {
        assert_eq!(had_at_once(3), 3);
        assert!(check().is_ok());
    }
}
