//! Publication: what it needs is kept first, then the drafts are committed.

use std::collections::BTreeMap;

use crate::audits::Cleared;
use crate::calibration::Calibration;
use crate::drafts::discard;
use crate::job::Workspace;
use crate::publish::{self, Publication, RunRecord, TableVersion};
use crate::tables::DIM_TIER;

use super::context::Run;
use super::error::NightError;
use super::old_records::forget_old_records;

impl Run<'_> {
    /// What the night puts on record besides its tables.
    pub(super) fn record(&self) -> RunRecord {
        let plan = self.plan;
        let previous = plan.previous.as_ref();
        RunRecord {
            snapshot_date: plan.snapshot_date,
            previous_snapshot_date: previous.map(|previous| previous.snapshot_date),
            previous_run_id: previous.map(|previous| previous.run_id.clone()),
            source_fingerprint: plan.source_fingerprint.to_string(),
            run_id: plan.run_id(),
            application: format!("tierline/{}", self.job.name),
            input_fingerprint: plan.input_fingerprint.to_string(),
            sql_fingerprint: self.scenario.project.sql_fingerprint(),
            cutpoints_id: plan.cutpoints_id.clone(),
            rules_fingerprint: Some(plan.rules_fingerprint.to_string()),
            source_record: Some(plan.source_record(self.job).fingerprint().to_string()),
            source_files: Some(plan.source_files(self.job, &self.scenario.project.graph)),
            is_by_earlier_rules: plan.is_by_earlier_rules,
            left_alone: self.left_alone(),
            // Known once the tiers are planned.
            tier_rules: None,
        }
    }

    /// Keeps what the publication is to name: a new calibration, the rules, and the days of the
    /// sources. When that fails, no draft is left.
    pub(super) async fn keep_records(
        &self,
        calibration: &Calibration,
        cleared: Cleared,
    ) -> Result<Cleared, NightError> {
        match Box::pin(self.keep(calibration)).await {
            Ok(()) => Ok(cleared),
            Err(error) => {
                discard(&self.workspace.output, cleared.into_drafts()).await;
                Err(error)
            }
        }
    }

    async fn keep(&self, calibration: &Calibration) -> Result<(), NightError> {
        let Self {
            job,
            workspace,
            plan,
            scenario,
            ..
        } = self;
        let Workspace { output, layout, .. } = workspace;
        calibration.keep(output, layout).await?;
        plan.keep_records(job, scenario.project, workspace).await?;
        Ok(())
    }

    /// `dim_tier` keeps the rows that the newest date has, so that rules of an earlier time do not
    /// bring theirs back.
    pub(super) fn leaves_dim_tier(&self) -> bool {
        self.plan.is_by_earlier_rules && !self.plan.is_newest()
    }

    /// Tables that the night leaves as they are, as the publication that it replaces recorded them.
    fn left_alone(&self) -> BTreeMap<String, TableVersion> {
        let replaced = self.plan.publications.newest_for(self.plan.snapshot_date);
        let tables = replaced
            .map(|replaced| &replaced.tables)
            .into_iter()
            .flatten();
        let tables = tables.filter(|(name, _)| self.leaves_dim_tier() && *name == DIM_TIER.name);
        tables
            .map(|(name, version)| (name.clone(), *version))
            .collect()
    }

    /// Commits the drafts, `publications` last, and removes what nobody needs any more.
    pub(super) async fn commit(
        &self,
        cleared: Cleared,
        record: RunRecord,
    ) -> Result<Publication, NightError> {
        let published = publish::publish(
            &self.workspace.output,
            (&self.plan.publications, self.inspection),
            cleared,
            record,
            &self.plan.may_drop,
        )
        .await?;
        publish::write_checkpoints(&published.tables).await;
        forget_old_records(
            self.workspace,
            &self.plan.publications,
            &published.publication,
        )
        .await;
        Ok(published.publication)
    }
}
