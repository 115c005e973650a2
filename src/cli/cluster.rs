//! `tierline scheduler` and `tierline executor`: the two kinds of processes that a cluster has.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::cluster::{
    ClusterError, ExecutorSettings, SchedulerSettings, Undone, Worker, schedule, scheduler_at,
    serve_pieces,
};
use crate::engine::{EngineLimits, memory_for_queries};
use crate::night::{NightError, work_off};
use crate::storage::LeftFolder;

use super::arguments::{ExecutorArguments, SchedulerArguments};

/// What queries may have on disk at once, in bytes, where nothing else is said: as much as a night.
const SPILLED_AT_MOST: u64 = 100 << 30;

/// How long a piece that failed is left alone.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_secs(2);

/// Schedules until the process is ended.
pub(super) async fn scheduler(arguments: &SchedulerArguments) -> Result<(), NightError> {
    let settings = SchedulerSettings {
        bind: arguments.bind.clone(),
        port: arguments.port,
        executor_timeout: arguments.executor_timeout,
        certificates: arguments.certificates.files()?,
    };
    tracing::info!(bind = settings.bind, port = settings.port, "scheduling");
    Ok(schedule(&settings).await?)
}

/// Works for nights until the process is ended.
pub(super) async fn executor(arguments: &ExecutorArguments) -> Result<(), NightError> {
    let at_once = arguments
        .ranges
        .map_or_else(threads_here, NonZeroUsize::get);
    let memory = arguments
        .memory_limit_mib
        .map(|mebibytes| mebibytes.get() << 20);
    let spill = arguments
        .spill_limit_mib
        .map(|mebibytes| (mebibytes.get() as u64) << 20);
    let spilled = arguments.folder.join("spilled");
    remove_left(&spilled);
    let limits = EngineLimits {
        memory_bytes: Some(memory.unwrap_or_else(memory_for_queries) / at_once),
        spill_bytes: Some(spill.unwrap_or(SPILLED_AT_MOST) / at_once as u64),
        spill_folder: Some(spilled),
        ..EngineLimits::default()
    };
    let certificates = arguments.certificates.files()?;
    let settings = ExecutorSettings {
        scheduler: scheduler_at(&arguments.scheduler, certificates.as_ref())?,
        bind: arguments.bind.clone(),
        external_host: arguments.external_host.clone(),
        ports: (arguments.port, arguments.port + 1),
        pieces: at_once,
        folder: arguments.folder.join("answers"),
        certificates,
    };
    tracing::info!(
        scheduler = arguments.scheduler,
        ranges = at_once,
        "computing"
    );
    serve_pieces(settings, worker(limits, at_once)).await?;
    // No signal came, which would have ended the process.
    tracing::warn!("the scheduler had taken this executor for lost; it begins anew");
    let error = begin_anew();
    let address = format!("{}:{}", arguments.bind, arguments.port);
    let reason = error.to_string();
    Err(ClusterError::Serve { address, reason }.into())
}

/// Puts a new executor in the place of this process: what Ballista has noted of an end stays noted in it. Returns
/// only where that is not possible.
#[cfg(unix)]
fn begin_anew() -> io::Error {
    use std::os::unix::process::CommandExt;
    match std::env::current_exe() {
        Ok(program) => std::process::Command::new(program)
            .args(std::env::args_os().skip(1))
            .exec(),
        Err(error) => error,
    }
}

#[cfg(not(unix))]
fn begin_anew() -> io::Error {
    io::Error::other("this system cannot put a program in the place of another")
}

/// What executors before this one have left that were killed.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the clock is read"
)]
fn remove_left(spilled: &Path) {
    let now = SystemTime::now();
    for left in LeftFolder::list(Some(spilled), now).unwrap_or_default() {
        if let Err(error) = left.remove() {
            tracing::warn!(path = %left.path.display(), %error, "what a killed executor has left stays");
        }
    }
}

fn threads_here() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Tells the work on a piece that nobody waits for it any more.
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Who does a piece of work within limits, and so many at a time: a scheduler may give others out before those are
/// done that nobody waits for any more.
fn worker(limits: EngineLimits, at_once: usize) -> Worker {
    let limits = Arc::new(limits);
    let turns = Arc::new(Semaphore::new(at_once));
    Arc::new(move |task, piece| {
        let (limits, turns) = (Arc::clone(&limits), Arc::clone(&turns));
        let is_given_up = Arc::new(AtomicBool::new(false));
        let given_up = GivenUp(Arc::clone(&is_given_up));
        Box::pin(async move {
            let _given_up = given_up;
            let turn = turns.acquire_owned().await.map_err(again)?;
            let (number, began) = (piece.number, Instant::now());
            // On a thread of its own, which plans and settles; what it streams is computed by the others.
            let work = spawn_blocking(move || {
                let _turn = turn;
                let work = work_off(&task, &piece, &limits, is_given_up);
                Handle::current().block_on(Box::pin(work))
            });
            let answer = work.await.map_err(again)?;
            if let Err(undone) = &answer {
                let seconds = began.elapsed().as_secs_f64();
                match undone {
                    Undone::Refused(_) => {
                        tracing::warn!(number, seconds, "a piece of work is refused")
                    }
                    Undone::TryAgain(reason) => {
                        tracing::warn!(
                            number,
                            seconds,
                            "a piece of work is to be tried again: {reason}"
                        );
                        // An executor that fails at once would be given the piece again at once.
                        sleep(BEFORE_ANOTHER_TRY).await;
                    }
                }
            }
            answer
        })
    })
}

fn again(error: impl std::error::Error + Send + Sync + 'static) -> Undone {
    Undone::TryAgain(io::Error::other(error))
}
