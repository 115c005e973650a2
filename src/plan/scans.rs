//! Models that read staging directly, and not tiles, where days of it have expired.
//!
//! | a model of | that reads expired days |
//! |---|---|
//! | features | is refused once: what it computes would shrink. Accepted, it goes on with what is there, less each night |
//! | publish, the marts | goes on with what is there, and that is reported |
//! | either, of a published date | is refused where the date was published from days that have expired since |
//! | audits | is passed over, and that is reported: it would be held against rows that are not there |

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::LogicalPlan;

use crate::engine::{EngineError, Session};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::inputs::{SourceHistory, SourceRecord, days_passing};
use crate::job::{Job, Workspace};
use crate::models::Model;
use crate::pack::{Project, register_declared, session_of};
use crate::publish::Publication;

use super::Plan;
use super::affected::{SourceFiles, files_then};
use super::error::PlanError;
use super::history::{Accepted, Because, OutOfReach, refuse, span};

/// Days of each source.
pub(super) type DaysBySource = BTreeMap<String, BTreeSet<NaiveDate>>;

/// Features that read staging directly, with the expired days that they would read if these were
/// there.
///
/// # Errors
/// Problems of the models.
pub(super) async fn expired_scans(
    job: &Job,
    project: &Project,
    histories: &BTreeMap<String, SourceHistory>,
    snapshot_date: SnapshotDate,
) -> Result<Vec<(TableName, DaysBySource)>, PlanError> {
    let scanning = history_scans(project);
    if scanning.is_empty() || !has_expired(histories) {
        return Ok(Vec::new());
    }
    let engine = EngineError::during("planning features");
    let session = session_of(job)?;
    let schemas = [SqlSchema::Staging, SqlSchema::Rollups, SqlSchema::Features];
    let catalog = register_declared(job, project, snapshot_date, &session, &schemas).await?;
    let mut found = Vec::new();
    for model in project.graph.in_schema(SqlSchema::Features) {
        if scanning.contains(&model.name) {
            let plan = catalog.plan(model, &project.parameters).await?;
            let read = expired_days_read(&session, &plan, histories).map_err(&engine)?;
            found.push((model.name.clone(), read));
        }
    }
    Ok(found)
}

/// The features that read staging directly, and so the whole history.
pub(super) fn history_scans(project: &Project) -> Vec<TableName> {
    // The rows of a rollup but for its windows are computed from staging.
    let reads_staging = |model: &&Model| {
        model.reads.iter().any(|read| match read.table.schema {
            SqlSchema::Staging => true,
            SqlSchema::Rollups => read.windows.is_none(),
            _ => false,
        })
    };
    let features = project.graph.in_schema(SqlSchema::Features);
    features
        .filter(reads_staging)
        .map(|model| model.name.clone())
        .collect()
}

/// The days that D had when it was published, where it would come out poorer than that.
#[derive(Debug, Clone, Default)]
pub(super) enum DaysHad {
    /// D is not published, nothing has expired, or somebody has accepted what is lost.
    #[default]
    Any,
    /// As the publication says: all days but those that had expired.
    Files(BTreeMap<String, SourceFiles>),
    /// As its record of source days says.
    Known(SourceRecord),
}

impl DaysHad {
    /// Those of D as it is published, where days have expired that it may have had.
    ///
    /// # Errors
    /// A record that cannot be read.
    pub(super) async fn when_published(
        published: Option<&Publication>,
        histories: &BTreeMap<String, SourceHistory>,
        accepted: Accepted,
        workspace: &Workspace,
    ) -> Result<Self, PlanError> {
        let may_be_poorer = has_expired(histories) && !accepted.shorter_history;
        let Some(published) = published.filter(|_| may_be_poorer) else {
            return Ok(Self::Any);
        };
        if let Some(then) = files_then(published) {
            return Ok(Self::Files(then));
        }
        let Workspace { output, layout, .. } = workspace;
        let record = SourceRecord::read(output, layout, published.source_record()).await?;
        Ok(Self::Known(record.unwrap_or_default()))
    }

    /// Which expired days D had, and has lost since.
    pub(super) fn lost(&self, expired: &DaysBySource) -> BTreeSet<NaiveDate> {
        lost_days(expired, |source, day| match self {
            Self::Any => false,
            Self::Files(then) => {
                let then = then.get(source);
                then.is_some_and(|then| !then.had_expired(day))
            }
            Self::Known(SourceRecord(known)) => {
                let known = known.get(source).and_then(|days| days.get(&day));
                known.is_some_and(|known| !known.is_expired)
            }
        })
    }
}

impl Plan {
    /// What is to be said of a mart or an audit that reads expired days of staging; none when it
    /// reads none.
    ///
    /// # Errors
    /// A mart of a published date that would come out poorer than it is published.
    pub(crate) fn remark_on_scan(
        &self,
        session: &Session,
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
        if model.name.schema == SqlSchema::Publish {
            let lost = Some(self.had.lost(&read)).filter(|lost| !lost.is_empty());
            refuse(
                lost.map(|lost| reading_staging(&model.name, lost))
                    .as_slice(),
            )?;
        }
        let what = match model.name.schema {
            SqlSchema::Audits => "it is passed over",
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
pub(super) fn reading_staging(model: &TableName, days: BTreeSet<NaiveDate>) -> OutOfReach {
    OutOfReach {
        model: model.clone(),
        days,
        because: Because::ReadsStaging,
    }
}

/// The days, whatever their source.
pub(super) fn all_of(days: &DaysBySource) -> BTreeSet<NaiveDate> {
    days.values().flatten().copied().collect()
}

/// The day from which on everything that is read is there; none where nothing that is read has
/// expired.
pub(super) fn start_after(expired: &DaysBySource) -> Option<NaiveDate> {
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
            && scan.table_name.schema() == Some(SqlSchema::Sources.as_str())
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
