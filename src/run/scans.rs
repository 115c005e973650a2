//! Models that read staging directly, and not tiles, where days of it have expired.
//!
//! | a model of | that reads expired days |
//! |---|---|
//! | features | is refused once: what it computes would shrink. Accepted, it goes on with what is there |
//! | publish, the marts | goes on with what is there, and that is told; a date that was published from more is refused |
//! | audits | is passed over, and that is told: it would be held against rows that are not there |

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;

use crate::config::job::Job;
use crate::ground::Folder;
use crate::inputs::{SourceHistory, SourceRecord, days_passing};
use crate::models::Model;

use super::affected::files_then;
use super::context::Run;
use super::declared::{register_declared, session_of};
use super::history::{Because, OutOfReach, refuse, span};
use super::{Plan, Project, RunError, Workspace};

impl Plan {
    /// Finds the features that would be computed from staging without its expired days.
    pub(super) async fn check_scans(
        &mut self,
        job: &Job,
        project: &Project,
    ) -> Result<(), RunError> {
        if self.history_scans.is_empty() || !has_expired(&self.histories) {
            return Ok(());
        }
        let engine = RunError::engine("planning features");
        let context = session_of(job)?;
        let folders = [Folder::Staging, Folder::Rollups, Folder::Features];
        let catalog = register_declared(job, project, self.snapshot_date, &context, &folders);
        let catalog = catalog.await?;
        let scans = project.graph.in_folder(Folder::Features);
        for model in scans.filter(|model| self.history_scans.contains(&model.name)) {
            let plan = catalog.plan(model, &project.parameters).await?;
            let days = expired_days_read(&context, &plan, &self.histories).map_err(&engine)?;
            if days.is_empty() || self.history_starts.contains_key(&model.name) {
                continue;
            }
            let missing = OutOfReach {
                model: model.name.clone(),
                days,
                because: Because::ReadsStaging,
            };
            match missing.start_after() {
                Some(start) if self.accepted.shorter_history => {
                    self.history_starts.insert(model.name.clone(), start);
                }
                _ => self.out_of_reach.push(missing),
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    /// What is to be said of a mart or an audit that reads expired days of staging; none when it
    /// reads none.
    ///
    /// # Errors
    /// A mart of a published date that would come out poorer than it is published.
    pub(super) async fn remark_on_scan(
        &self,
        model: &Model,
        plan: &LogicalPlan,
    ) -> Result<Option<String>, RunError> {
        if !has_expired(&self.plan.histories) {
            return Ok(None);
        }
        let days = expired_days_read(self.context, plan, &self.plan.histories);
        let days = days.map_err(RunError::engine("looking for expired days"))?;
        if days.is_empty() {
            return Ok(None);
        }
        if model.name.folder == Folder::Publish && self.had_read_any(&days).await? {
            refuse(&[OutOfReach {
                model: model.name.clone(),
                days: days.clone(),
                because: Because::ReadsStaging,
            }])?;
        }
        let what = match model.name.folder {
            Folder::Audits => "it is passed over",
            _ => "it is computed from the days that are left",
        };
        let days = span(&days);
        Ok(Some(format!(
            "`{}` reads {days} of staging, of which the raw files have expired: {what}",
            model.name
        )))
    }

    /// Whether D is published from rows of any of these days, and nobody has given them up.
    async fn had_read_any(&self, days: &BTreeSet<NaiveDate>) -> Result<bool, RunError> {
        let published = self.plan.publications.newest_for(self.plan.snapshot_date);
        let Some(published) = published.filter(|_| !self.plan.accepted.shorter_history) else {
            return Ok(false);
        };
        if let Some(then) = files_then(published) {
            return Ok(then.iter().any(|(source, then)| {
                let history = self.plan.histories.get(source);
                let expired = history.map(SourceHistory::expired).unwrap_or_default();
                let mut expired = expired.intersection(days);
                expired.any(|day| !then.had_expired(*day))
            }));
        }
        let Workspace { output, layout, .. } = self.workspace;
        let record = SourceRecord::read(output, layout, published.source_record()).await?;
        let sources = record.into_iter().flat_map(|record| record.0.into_values());
        let mut known = sources.flatten();
        Ok(known.any(|(day, known)| !known.is_expired && days.contains(&day)))
    }
}

fn has_expired(histories: &BTreeMap<String, SourceHistory>) -> bool {
    let mut histories = histories.values();
    histories.any(|history| history.days.values().any(|known| known.is_expired))
}

/// The expired days that a plan would read if they were there.
fn expired_days_read(
    context: &SessionContext,
    plan: &LogicalPlan,
    histories: &BTreeMap<String, SourceHistory>,
) -> EngineResult<BTreeSet<NaiveDate>> {
    let state = context.state();
    let optimized = state.optimize(plan)?;
    let mut read = BTreeSet::new();
    optimized.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.schema() == Some(Folder::Sources.as_str())
            && let Some(history) = histories.get(scan.table_name.table())
        {
            read.extend(days_passing(&state, &scan.filters, &history.expired())?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(read)
}
