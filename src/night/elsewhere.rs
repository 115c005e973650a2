//! Ranges of users that a cluster computes in place of this machine.

use crate::cluster::{Cluster, ClusterError};
use crate::engine::EngineError;
use crate::ground::{GivenUp, interruption};
use crate::pack::Catalog;

use super::context::Run;
use super::error::NightError;
use super::range_outcome::{EmptyRange, RangeOutcome};
use super::range_task::{RangeTask, unwritten};
use super::tiers::Tiers;
use super::users_of_range::WrittenUsers;

/// A cluster, and what it is told.
pub(super) struct Elsewhere {
    cluster: Cluster,
    task: RangeTask,
}

/// What is said where no range is handed over.
pub(super) const HERE: &str = "computed on this machine, and not on the cluster";

impl Elsewhere {
    /// The cluster of a job, where it has one and the night has several ranges.
    pub(super) async fn of(
        run: &Run<'_>,
        catalog: &Catalog<'_>,
        tiers: &Tiers,
        run_id: &str,
    ) -> Result<Option<Self>, NightError> {
        let Some(cluster) = &run.job.cluster else {
            return Ok(None);
        };
        if !run.plan.undivided.is_empty() {
            tracing::warn!(
                "{HERE}: models of the snapshot need all users at once, and the plan of the night names them"
            );
        }
        if !run.hands_ranges_over() || catalog.ranges().count() == 1 {
            return Ok(None);
        }
        Ok(Some(Self {
            cluster: Cluster::at(cluster),
            task: RangeTask::of(run, catalog, tiers, run_id).await?,
        }))
    }

    /// The users of every range, each counted once, in their order. `empty` is what each is counted into.
    pub(super) async fn write<'a>(
        &self,
        empty: impl Iterator<Item = EmptyRange<'a>>,
    ) -> Result<Vec<Result<Option<WrittenUsers>, NightError>>, NightError> {
        let engine = EngineError::during("handing ranges of users over");
        let task = serde_json::to_vec(&self.task).map_err(|error| engine(unwritten(&error)))?;
        let (bytes, ranges) = (task.len(), self.task.ranges.len());
        tracing::info!(bytes, ranges, "ranges of users are handed over");
        let outcomes = self.cluster.work_off(task, ranges);
        let outcomes = interruption().or_given_up(outcomes).await;
        let outcomes = outcomes.map_err(|GivenUp(ending)| NightError::Ended {
            ending,
            work: Some("computing ranges of users on the cluster".to_owned()),
        })??;
        let bytes = outcomes.iter().map(Vec::len).max().unwrap_or_default();
        tracing::info!(bytes, "ranges of users are computed");
        let written = outcomes.into_iter().zip(empty).map(|(outcome, empty)| {
            let outcome: RangeOutcome = serde_json::from_slice(&outcome)
                .map_err(|error| ClusterError::Answer(error.to_string()))?;
            match outcome {
                RangeOutcome::Written(files) => Ok(Some(files.written(empty))),
                RangeOutcome::Refused(refused) => Err(refused.into()),
            }
        });
        Ok(written.collect())
    }
}
