//! A piece of a [task](Task), done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use tracing::{Instrument, Span};

use crate::cluster::{Piece, Undone};
use crate::engine::{EngineError, EngineLimits, caught, chain};
use crate::job::Workspace;
use crate::night::error::NightError;

use super::refused_work::RefusedWork;
use super::task::{Task, Work, unwritten};
use super::{range_worker, reject_worker, tile_worker};

/// What was being done when it failed.
const STAGE: &str = "working for a cluster";

/// The cut points of a job whose tiers nobody asks for.
const NO_CUT_POINTS: &str = "none";

/// How often is looked whether anybody waits for the work.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Does a piece of a task. `limits` is what it may use, and `is_given_up` whether nobody waits for it any more.
///
/// # Errors
/// What is worth another try, here or by another process, and what is not.
pub(crate) async fn work_off(
    task: &[u8],
    piece: &Piece,
    limits: &EngineLimits,
    is_given_up: Arc<AtomicBool>,
) -> Result<Vec<u8>, Undone> {
    let done = do_piece(task, piece, limits, is_given_up).await;
    done.map_err(|error| match RefusedWork::of(&error) {
        Some(refused) => match serde_json::to_vec(&refused) {
            Ok(told) => Undone::Refused(told),
            Err(error) => Undone::TryAgain(error.into()),
        },
        None => Undone::TryAgain(io::Error::other(chain(&error))),
    })
}

async fn do_piece(
    task: &[u8],
    piece: &Piece,
    limits: &EngineLimits,
    is_given_up: Arc<AtomicBool>,
) -> Result<Vec<u8>, NightError> {
    let Task { job: of_task, work } = Task::parse(task)?;
    let begun = Instant::now();
    let cutpoints_id = match &work {
        Work::Ranges(task) => task.calibration.id.as_str(),
        Work::Tiles(_) | Work::Rejects(_) => NO_CUT_POINTS,
    };
    let job = of_task.job(cutpoints_id, limits)?;
    let workspace = Workspace::open(&job)?;
    let (places, sources) = ((&job, &workspace), of_task.sources().collect());
    let span = span_of(&work, piece.number);
    let answer = match work {
        Work::Ranges(task) => {
            let range = said(piece)?;
            let written = range_worker::write(&task, sources, range, places, is_given_up);
            answer(caught(Box::pin(written).instrument(span.clone())).await)
        }
        Work::Tiles(task) => {
            let made = tile_worker::make(&task, sources, said(piece)?, places);
            let made = caught(Box::pin(made).instrument(span.clone()));
            answer_unless_given_up(made, &is_given_up).await
        }
        Work::Rejects(task) => {
            let counted = reject_worker::count(&task, sources, said(piece)?, places);
            let counted = caught(Box::pin(counted).instrument(span.clone()));
            answer_unless_given_up(counted, &is_given_up).await
        }
    }?;
    let seconds = begun.elapsed().as_secs_f64();
    span.in_scope(|| tracing::info!(seconds, "a piece of work is done"));
    Ok(answer)
}

/// What is logged with everything that is said of a piece.
fn span_of(work: &Work, number: usize) -> Span {
    match work {
        Work::Ranges(task) => {
            let (snapshot_date, run_id) = (task.snapshot_date, task.run_id.as_str());
            tracing::error_span!("range", %snapshot_date, run_id, number)
        }
        Work::Tiles(task) => {
            let (snapshot_date, rollup) = (task.snapshot_date, task.rollup.as_str());
            tracing::error_span!("tiles", %snapshot_date, rollup, number)
        }
        Work::Rejects(task) => {
            let (snapshot_date, staging) = (task.snapshot_date, task.staging.as_str());
            tracing::error_span!("rejects", %snapshot_date, staging, number)
        }
    }
}

/// What is said of a piece alone.
fn said<T: DeserializeOwned>(piece: &Piece) -> Result<T, NightError> {
    let said = serde_json::from_slice(&piece.said);
    Ok(said.map_err(|error| EngineError::during(STAGE)(unwritten(&error)))?)
}

/// What came of a piece, as the driver reads it.
fn answer<T: Serialize, P: Into<NightError>>(
    done: Result<Result<T, NightError>, P>,
) -> Result<Vec<u8>, NightError> {
    let done = done.map_err(Into::into).flatten();
    let answer = serde_json::to_vec(&done?);
    Ok(answer.map_err(|error| EngineError::during(STAGE)(unwritten(&error)))?)
}

/// The same, unless nobody waits for it any more.
async fn answer_unless_given_up<T: Serialize, P: Into<NightError>>(
    work: impl Future<Output = Result<Result<T, NightError>, P>>,
    is_given_up: &AtomicBool,
) -> Result<Vec<u8>, NightError> {
    tokio::select! {
        done = work => answer(done),
        () = given_up(is_given_up) => Err(nobody_waits()),
    }
}

async fn given_up(is_given_up: &AtomicBool) {
    while !is_given_up.load(Ordering::Relaxed) {
        sleep(BETWEEN_LOOKS).await;
    }
}

/// The error of work that is left because nobody waits for it: nobody hears of it either.
fn nobody_waits() -> NightError {
    let left = io::Error::other("nobody waits for it any more");
    EngineError::during(STAGE)(left).into()
}
