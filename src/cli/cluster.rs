//! `tierline scheduler` and `tierline executor`: the two kinds of processes that a cluster has.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use url::Url;

use crate::cluster::{
    ClusterError, ExecutorSettings, SchedulerSettings, Worker, schedule, serve_pieces,
};
use crate::engine::{EngineLimits, chain, memory_for_queries};
use crate::night::{NightError, work_off};

use super::arguments::{ExecutorArguments, SchedulerArguments};

/// Schedules until the process is ended.
pub(super) async fn scheduler(arguments: &SchedulerArguments) -> Result<(), NightError> {
    let settings = SchedulerSettings {
        bind: arguments.bind.clone(),
        port: arguments.port,
        executor_timeout: arguments.executor_timeout,
    };
    tracing::info!(bind = settings.bind, port = settings.port, "scheduling");
    Ok(schedule(&settings).await?)
}

/// Computes ranges of users until the process is ended.
pub(super) async fn executor(arguments: &ExecutorArguments) -> Result<(), NightError> {
    let at_once = arguments
        .ranges
        .map_or_else(threads_here, NonZeroUsize::get);
    let memory = arguments
        .memory_limit_mib
        .map(|mebibytes| mebibytes.get() << 20);
    let limits = EngineLimits {
        memory_bytes: Some(memory.unwrap_or_else(memory_for_queries) / at_once),
        spill_folder: Some(arguments.folder.join("spilled")),
        ..EngineLimits::default()
    };
    let settings = ExecutorSettings {
        scheduler: host_and_port(&arguments.scheduler)?,
        bind: arguments.bind.clone(),
        external_host: arguments.external_host.clone(),
        ports: (arguments.port, arguments.port + 1),
        pieces: at_once,
        folder: arguments.folder.join("answers"),
    };
    tracing::info!(
        scheduler = arguments.scheduler,
        ranges = at_once,
        "computing"
    );
    Ok(serve_pieces(settings, worker(limits)).await?)
}

fn threads_here() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// The host and the port of a scheduler.
fn host_and_port(url: &str) -> Result<(String, u16), ClusterError> {
    let parsed = Url::parse(url).ok();
    let parts = parsed.and_then(|url| Some((url.host_str()?.to_owned(), url.port()?)));
    parts.ok_or_else(|| ClusterError::Url {
        url: url.to_owned(),
    })
}

/// Who computes a range, within limits.
fn worker(limits: EngineLimits) -> Worker {
    let limits = Arc::new(limits);
    Arc::new(move |task, range| {
        let limits = Arc::clone(&limits);
        // On a thread of its own, which plans and settles; what it streams is computed by the others.
        let work = spawn_blocking(move || {
            Handle::current().block_on(Box::pin(work_off(&task, range, &limits)))
        });
        let began = Instant::now();
        Box::pin(async move {
            let answer = work.await.map_err(io::Error::other)?;
            let seconds = began.elapsed().as_secs_f64();
            tracing::info!(range, seconds, "a range of users is worked off");
            answer.map_err(|error| {
                let reason = chain(&error);
                tracing::warn!(range, "a range of users is to be tried again: {reason}");
                io::Error::other(reason)
            })
        })
    })
}
