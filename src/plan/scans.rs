//! Models that read staging directly, and not tiles, where days of it have expired.
//!
//! | a model of | that reads expired days |
//! |---|---|
//! | features | is refused once: what it computes would shrink. Accepted, it goes on with what is there, less each night |
//! | publish, the marts | goes on with what is there, and that is reported |
//! | either, of a published date | is refused where the date was published from days that have expired since |
//! | audits | is passed over, and that is reported: it would be compared with rows that are not there |

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::LogicalPlan;

use crate::engine::{EngineError, Session};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::inputs::{SourceHistory, days_passing};
use crate::job::Job;
use crate::models::Model;
use crate::pack::{Project, register_declared, session_of};

use super::Plan;
use super::days_had::{DaysBySource, all_of, has_expired};
use super::error::PlanError;
use super::out_of_reach::{Because, OutOfReach, refuse, span};

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

/// The day from which on everything that is read is there; none where nothing that is read has
/// expired.
pub(super) fn start_after(expired: &DaysBySource) -> Option<NaiveDate> {
    let last = expired.values().filter_map(BTreeSet::last).max();
    last.and_then(NaiveDate::succ_opt)
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
    fn everything_is_there_from_the_day_after_the_last_expired_one() {
        let expired = days(&[
            ("engagement", &["2026-07-31"]),
            ("orders", &["2026-07-01", "2026-07-02"]),
        ]);
        assert_eq!(start_after(&expired), "2026-08-01".parse().ok());
        assert_eq!(start_after(&DaysBySource::new()), None);
    }
}
