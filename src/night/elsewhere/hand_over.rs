//! Work handed over to a cluster.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::cluster::{Cluster, ClusterError};
use crate::engine::EngineError;
use crate::ground::{GivenUp, interruption};
use crate::night::error::NightError;

use super::refused_work::RefusedWork;
use super::task::{Task, unwritten};

/// Pieces that are handed over at once: each comes with the task.
const PIECES_AT_ONCE: usize = 256;

/// Has the pieces of a task done, and returns the answers in their order. `work` is what they are, as in
/// `computing ranges of users`.
///
/// # Errors
/// A cluster that does not do it, [work that nobody can do](RefusedWork), and signals.
pub(super) async fn hand_over<P: Serialize, T: DeserializeOwned>(
    cluster: &Cluster,
    task: &Task,
    pieces: &[P],
    work: &str,
) -> Result<Vec<T>, NightError> {
    let failed = |error: &serde_json::Error| EngineError::during(work)(unwritten(error));
    let task = serde_json::to_vec(task).map_err(|error| failed(&error))?;
    let pieces = pieces.iter().map(serde_json::to_vec);
    let pieces = pieces
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(&error))?;
    let mut all = Vec::new();
    for pieces in pieces.chunks(PIECES_AT_ONCE) {
        let (bytes, count) = (task.len(), pieces.len());
        tracing::info!(bytes, pieces = count, "handed over: {work}");
        let answers = cluster.work_off(task.clone(), pieces);
        let answers = interruption().or_given_up(answers).await;
        let answers = answers.map_err(|GivenUp(ending)| NightError::Ended {
            ending,
            work: Some(format!("{work} on the cluster")),
        })?;
        let answers = answers.map_err(|error| match error {
            ClusterError::Refused(told) => match read::<RefusedWork>(&told) {
                Ok(refused) => NightError::from(refused),
                Err(unreadable) => unreadable.into(),
            },
            other => other.into(),
        })?;
        let bytes = answers.iter().map(Vec::len).max().unwrap_or_default();
        tracing::info!(bytes, pieces = count, "done by the cluster: {work}");
        for answer in answers {
            all.push(read(&answer)?);
        }
    }
    Ok(all)
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ClusterError> {
    serde_json::from_slice(answer).map_err(|error| ClusterError::Answer(error.to_string()))
}
