//! Ranges of users that a cluster computes in place of this machine.

use crate::cluster::Cluster;
use crate::night::context::Run;
use crate::night::error::NightError;
use crate::night::tiers::Tiers;
use crate::night::users_of_range::WrittenUsers;
use crate::pack::Catalog;
use crate::tiles::UserRange;

use super::hand_over::hand_over;
use super::range_files::{EmptyRange, RangeFiles};
use super::range_task::RangeTask;
use super::task::{Task, TaskJob, Work};

/// A cluster, and what it is told.
pub(in crate::night) struct RangesElsewhere {
    cluster: Cluster,
    task: Task,
    ranges: Vec<UserRange>,
}

/// What is said where no range is handed over.
pub(in crate::night) const HERE: &str = "computed on this machine, and not on the cluster";

impl RangesElsewhere {
    /// The cluster of a job, where it has one and the night has several ranges.
    pub(in crate::night) async fn of(
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
        let work = RangeTask::of(run, catalog, tiers, run_id).await?;
        let task = Task {
            job: TaskJob::of(run, false).await?,
            work: Work::Ranges(Box::new(work)),
        };
        Ok(Some(Self {
            cluster: Cluster::at(cluster, run.job.certificates.as_ref()),
            task,
            ranges: catalog.ranges().iter().collect(),
        }))
    }

    /// The users of every range, each counted once, in their order. `empty` is what each is counted into.
    pub(in crate::night) async fn write<'a>(
        &self,
        empty: impl Iterator<Item = EmptyRange<'a>>,
    ) -> Result<Vec<WrittenUsers>, NightError> {
        let work = "computing ranges of users";
        let files: Vec<RangeFiles> =
            hand_over(&self.cluster, &self.task, &self.ranges, work).await?;
        let written = files.into_iter().zip(empty);
        Ok(written.map(|(files, empty)| files.written(empty)).collect())
    }
}
