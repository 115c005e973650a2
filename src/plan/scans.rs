//! Models that read staging directly, and not tiles, where days of it have expired.
//!
//! | a model of | that reads expired days |
//! |---|---|
//! | features | is refused once: what it computes would shrink. Accepted, it goes on with what is there, less each night |
//! | publish, the marts | goes on with what is there, and that is told |
//! | either, of a published date | is refused where the date was published from days that have expired since |
//! | audits | is passed over, and that is told: it would be held against rows that are not there |

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::LogicalPlan;

use crate::engine::{EngineError, Session};
use crate::ground::{Folder, TableName};
use crate::inputs::{SourceHistory, SourceRecord, days_passing};
use crate::job::{Job, Workspace};
use crate::models::Model;
use crate::pack::{Project, register_declared, session_of};

use super::affected::files_then;
use super::error::PlanError;
use super::history::{Because, OutOfReach, refuse, span};
use super::{Plan, PlannedAction};

/// Days of each source.
type DaysBySource = BTreeMap<String, BTreeSet<NaiveDate>>;

impl Plan {
    /// Finds the features that would be computed from staging without its expired days.
    pub(super) async fn check_scans(
        &mut self,
        job: &Job,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<(), PlanError> {
        if self.history_scans.is_empty() || !has_expired(&self.histories) {
            return Ok(());
        }
        let engine = EngineError::during("planning features");
        let session = session_of(job)?;
        let folders = [Folder::Staging, Folder::Rollups, Folder::Features];
        let catalog = register_declared(job, project, self.snapshot_date, &session, &folders);
        let catalog = catalog.await?;
        let scans = project.graph.in_folder(Folder::Features);
        let reading_staging = self.history_scans.clone();
        for model in scans.filter(|model| reading_staging.contains(&model.name)) {
            let plan = catalog.plan(model, &project.parameters).await?;
            let read = expired_days_read(&session, &plan, &self.histories).map_err(&engine)?;
            self.check_scan(&model.name, &read, workspace).await?;
        }
        Ok(())
    }

    /// Decides on a feature that would read these days if they were there.
    async fn check_scan(
        &mut self,
        model: &TableName,
        read: &DaysBySource,
        workspace: &Workspace,
    ) -> Result<(), PlanError> {
        let Some(start) = start_after(read) else {
            return Ok(());
        };
        // A date that is published already, and stays as it is, loses nothing.
        let lost = match self.action {
            PlannedAction::Replace { .. } => self.lost_since_published(read, workspace).await?,
            PlannedAction::Publish | PlannedAction::Nothing { .. } => BTreeSet::new(),
        };
        let was_accepted = self.history_starts.contains_key(model);
        if !self.accepted.shorter_history && (!was_accepted || !lost.is_empty()) {
            let days = if lost.is_empty() { all_of(read) } else { lost };
            self.out_of_reach.push(reading_staging(model, days));
            return Ok(());
        }
        // What was accepted goes on to hold as more days expire: how far is told anew each night.
        self.history_starts.entry(model.clone()).or_insert(start);
        self.scan_starts.insert(model.clone(), start);
        Ok(())
    }

    /// The days among those read that D is published from and that have expired since; none where
    /// somebody has given them up.
    async fn lost_since_published(
        &self,
        read: &DaysBySource,
        workspace: &Workspace,
    ) -> Result<BTreeSet<NaiveDate>, PlanError> {
        let published = self.publications.newest_for(self.snapshot_date);
        let Some(published) = published.filter(|_| !self.accepted.shorter_history) else {
            return Ok(BTreeSet::new());
        };
        if let Some(then) = files_then(published) {
            return Ok(lost_days(read, |source, day| {
                let then = then.get(source);
                then.is_some_and(|then| !then.had_expired(day))
            }));
        }
        let Workspace { output, layout, .. } = workspace;
        let record = SourceRecord::read(output, layout, published.source_record()).await?;
        let SourceRecord(known) = record.unwrap_or_default();
        Ok(lost_days(read, |source, day| {
            let known = known.get(source).and_then(|days| days.get(&day));
            known.is_some_and(|known| !known.is_expired)
        }))
    }

    /// What is to be said of a mart or an audit that reads expired days of staging; none when it
    /// reads none.
    ///
    /// # Errors
    /// A mart of a published date that would come out poorer than it is published.
    pub(crate) async fn remark_on_scan(
        &self,
        session: &Session,
        workspace: &Workspace,
        model: &Model,
        plan: &LogicalPlan,
    ) -> Result<Option<String>, PlanError> {
        if !has_expired(&self.histories) {
            return Ok(None);
        }
        let read = expired_days_read(session, plan, &self.histories);
        let read = read.map_err(EngineError::during("looking for expired days"))?;
        if read.is_empty() {
            return Ok(None);
        }
        if model.name.folder == Folder::Publish {
            let lost = self.lost_since_published(&read, workspace);
            let lost = Some(lost.await?).filter(|lost| !lost.is_empty());
            refuse(
                lost.map(|lost| reading_staging(&model.name, lost))
                    .as_slice(),
            )?;
        }
        let what = match model.name.folder {
            Folder::Audits => "it is passed over",
            _ => "it is computed from the days that are left",
        };
        let days = span(&all_of(&read));
        Ok(Some(format!(
            "`{}` reads {days} of staging, of which the raw files have expired: {what}",
            model.name
        )))
    }
}

/// A model that needs these days of staging.
fn reading_staging(model: &TableName, days: BTreeSet<NaiveDate>) -> OutOfReach {
    OutOfReach {
        model: model.clone(),
        days,
        because: Because::ReadsStaging,
    }
}

/// The days, whatever their source.
fn all_of(days: &DaysBySource) -> BTreeSet<NaiveDate> {
    days.values().flatten().copied().collect()
}

/// The day from which on everything that is read is there; none where nothing that is read has
/// expired.
fn start_after(expired: &DaysBySource) -> Option<NaiveDate> {
    let last = expired.values().filter_map(BTreeSet::last).max();
    last.and_then(NaiveDate::succ_opt)
}

/// The expired days that a date had when it was published. A day of one source says nothing of the
/// same day of another.
fn lost_days(expired: &DaysBySource, had: impl Fn(&str, NaiveDate) -> bool) -> BTreeSet<NaiveDate> {
    let days = expired
        .iter()
        .flat_map(|(source, days)| days.iter().map(move |day| (source, *day)));
    let lost = days.filter(|(source, day)| had(source, *day));
    lost.map(|(_, day)| day).collect()
}

fn has_expired(histories: &BTreeMap<String, SourceHistory>) -> bool {
    let mut histories = histories.values();
    histories.any(|history| history.days.values().any(|known| known.is_expired))
}

/// The expired days that a plan would read if they were there; no source of which there are none.
fn expired_days_read(
    session: &Session,
    plan: &LogicalPlan,
    histories: &BTreeMap<String, SourceHistory>,
) -> EngineResult<DaysBySource> {
    let state = session.state();
    let optimized = state.optimize(plan)?;
    let mut read = DaysBySource::new();
    optimized.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.schema() == Some(Folder::Sources.as_str())
            && let Some(history) = histories.get(scan.table_name.table())
        {
            let source = scan.table_name.table().to_owned();
            let days = days_passing(&state, &scan.filters, &history.expired())?;
            read.entry(source).or_default().extend(days);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    read.retain(|_, days| !days.is_empty());
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: &[(&str, &[&str])]) -> DaysBySource {
        let sources = days.iter().map(|(source, days)| {
            let days = days.iter().map(|day| day.parse().unwrap());
            ((*source).to_owned(), days.collect())
        });
        sources.collect()
    }

    #[test]
    fn a_day_that_another_source_had_is_not_lost() {
        let expired = days(&[
            ("engagement", &["2026-07-01"]),
            ("orders", &["2026-07-01", "2026-07-02"]),
        ]);
        let had = |source: &str, day: NaiveDate| {
            let of_engagement = day.to_string() == "2026-07-02";
            (source == "engagement") == of_engagement
        };
        let lost = lost_days(&expired, had);
        assert_eq!(lost, all_of(&days(&[("orders", &["2026-07-01"])])));
    }

    #[test]
    fn everything_is_there_from_the_day_after_the_last_expired_one() {
        let expired = days(&[
            ("engagement", &["2026-07-31"]),
            ("orders", &["2026-07-01", "2026-07-02"]),
        ]);
        assert_eq!(start_after(&expired), "2026-08-01".parse().ok());
        assert_eq!(start_after(&DaysBySource::new()), None);
    }
}
