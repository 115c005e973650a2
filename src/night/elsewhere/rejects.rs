//! Rejected rows that a cluster counts in place of this machine, where a night reads many days.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::arrow::array::RecordBatch;

use crate::cluster::Cluster;
use crate::engine::ShippedRows;
use crate::ground::TableName;
use crate::night::context::Run;
use crate::night::error::NightError;
use crate::tiles::runs_of_days;

use super::hand_over::hand_over;
use super::reject_task::{RejectPiece, RejectTask};
use super::source_files::shipped;
use super::task::{Task, TaskJob, Work};

impl Run<'_> {
    /// The rejected and the remarked rows of some days of a staging table, counted by a cluster. None without one, of
    /// all days at once, and where there is no more than one query to be made: that is for this machine.
    ///
    /// # Errors
    /// A cluster that does not count them, signals, and rows that cannot be judged.
    pub(in crate::night) async fn counted_by_others(
        &self,
        staging: &TableName,
        days: Option<&BTreeSet<NaiveDate>>,
    ) -> Result<Option<Vec<RecordBatch>>, NightError> {
        let (Some(cluster), Some(days)) = (&self.job.cluster, days) else {
            return Ok(None);
        };
        let tables = self.scenario.project.graph.upstream(staging);
        let sources = self.job.sources_among(&tables);
        let manifests = sources.filter_map(|(name, _)| self.plan.manifests.get(name));
        let manifests: Vec<_> = manifests.collect();
        let mut bytes: BTreeMap<NaiveDate, u64> = BTreeMap::new();
        for file in manifests.iter().flat_map(|manifest| &manifest.files) {
            *bytes.entry(file.day).or_default() += file.object.size;
        }
        let runs = runs_of_days(days, &bytes);
        if runs.len() < 2 {
            return Ok(None);
        }
        let pieces = runs.into_iter().map(|days| {
            let files = manifests.iter().map(|manifest| {
                let files = shipped(self, manifest, &days);
                (manifest.source.clone(), files)
            });
            RejectPiece {
                files: files.collect(),
                days,
            }
        });
        let pieces: Vec<RejectPiece> = pieces.collect();
        let task = Task {
            job: TaskJob::of(self, true).await?,
            work: Work::Rejects(RejectTask {
                staging: staging.name.clone(),
                snapshot_date: self.scenario.date,
            }),
        };
        let work = format!("counting rejected rows of `{staging}`");
        let counted: Vec<ShippedRows> = hand_over(
            &Cluster::at(cluster, self.job.certificates.as_ref()),
            &task,
            &pieces,
            &work,
        )
        .await?;
        let counted = counted.into_iter().map(|ShippedRows(counted)| counted);
        Ok(Some(counted.collect()))
    }
}
