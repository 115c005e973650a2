//! Marts: tables that SQL computes from the night's drafts and from what was published before: the
//! KPIs, the alerts on them, and the job's own.
//!
//! | table | holds |
//! |---|---|
//! | `previous.tier_snapshot` | the previous snapshot, without rows on the first night |
//! | `previous.kpi_daily` | the KPIs of the previous snapshot |
//! | `week_ago.tier_snapshot` | the snapshot of D - 7, without rows when it is not published |
//! | `month_ago.tier_snapshot` | the snapshot of D - 28, likewise |
//! | `history.kpi_daily` | the KPIs of the last 28 published dates before D |
//! | `history.actions` | who was listed for what on these dates |
//!
//! These snapshots have the columns of today's, NULL where they were published without.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::prelude::DataFrame;

use crate::drafts::Draft;
use crate::engine::EngineError;
use crate::ground::{SqlSchema, TableName};
use crate::models::Parameters;
use crate::pack::{Catalog, marts};
use crate::publish::{Publication, Table, files_by_date, with_columns_of};
use crate::tables::{self, Maker, PublishedTable, TIER_SNAPSHOT};

use super::context::Run;
use super::earlier::snapshot_of;
use super::error::NightError;
use super::snapshot::Drafting;

/// What the engine was doing when it failed.
const READING_BEFORE: &str = "reading what was published before";

/// Registers what marts and audits read of earlier publications. Today's snapshot must be written:
/// its draft goes by the columns that the previous one has, and these are completed here.
///
/// # Errors
/// Tables that cannot be read.
pub(super) async fn register_before(
    run: &Run<'_>,
    previous: Option<&DataFrame>,
) -> Result<(), NightError> {
    let Run { plan, session, .. } = run;
    let output = &run.workspace.output;
    let engine = EngineError::during(READING_BEFORE);
    let today = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
    let today = session.table(&today).await.map_err(&engine)?;
    let today = Arc::new(today.schema().as_arrow().clone());
    let read = async |published: Option<&Publication>| match published {
        Some(published) => snapshot_of(session, output, published).await.map(Some),
        None => Ok(None),
    };
    let week_ago = read(plan.week_ago()).await?;
    let month_ago = read(plan.month_ago()).await?;
    let snapshots = [
        (SqlSchema::Previous, previous.cloned()),
        (SqlSchema::WeekAgo, week_ago),
        (SqlSchema::MonthAgo, month_ago),
    ];
    marts::register_nothing_before(session, &today).map_err(&engine)?;
    for (folder, rows) in snapshots {
        let name = TableName::new(folder, TIER_SNAPSHOT.name);
        let completed = with_columns_of(&today, rows).map_err(&engine)?;
        session.register(&name, completed).map_err(&engine)?;
    }
    for mart in tables::made_by(Maker::Mart) {
        register_mart(run, mart, &today).await?;
    }
    Ok(())
}

/// Registers the rows that the night reads of what a mart had before, where it has been published.
async fn register_mart(
    run: &Run<'_>,
    mart: &PublishedTable,
    snapshot: &Schema,
) -> Result<(), NightError> {
    let schemas = run.plan.schemas_read(mart);
    if schemas.is_empty() {
        return Ok(());
    }
    let output = &run.workspace.output;
    // The version of the table that is known to be as publications say: a run that is at work
    // beside this one may have committed to it since.
    let version = run.inspection.version(mart.name);
    let Some(table) = Table::open_at(output, mart.name, version).await? else {
        return Ok(());
    };
    let engine = EngineError::during(READING_BEFORE);
    let columns = marts::schema_of(mart, snapshot).map_err(&engine)?;
    for schema in schemas {
        let mut files = Vec::new();
        for date in run.plan.dates_read(*schema, mart) {
            let value = ScalarValue::Date32(Some(date.days_since_epoch()));
            let of_date = table.files(Some(date))?.into_iter();
            files.extend(of_date.map(|file| (file.path, file.size_bytes, value.clone())));
        }
        let rows = files_by_date(output, files, &columns);
        let name = TableName::new(*schema, mart.name);
        let registered = run.session.register(&name, Arc::new(rows));
        registered.map_err(&engine)?;
    }
    Ok(())
}

/// Computes and writes the marts, each readable for the next and for audits. Returns what is to be
/// said of them.
///
/// # Errors
/// Models that do not plan, and queries and stores that fail.
pub(super) async fn write(
    run: &Run<'_>,
    drafting: &Drafting<'_>,
    catalog: &Catalog<'_>,
    parameters: &Parameters,
    drafts: &mut Vec<Draft>,
) -> Result<Vec<String>, NightError> {
    let mut remarks = Vec::new();
    for (model, table) in marts::models(run.scenario.project) {
        let (rows, spec) = Box::pin(marts::plan(catalog, (model, table), parameters)).await?;
        remarks.extend(
            run.plan
                .remark_on_scan(run.session, model, rows.logical_plan())?,
        );
        let computing = EngineError::during(format!("computing `{}`", table.name));
        if run.publishes(table) {
            let rows = rows.execute_stream().await.map_err(&computing)?;
            drafting
                .write_stream(&spec, rows, computing, drafts)
                .await?;
        } else {
            let plan = rows.into_unoptimized_plan();
            let registered = run.session.register_view(&model.name, plan);
            registered.map_err(computing)?;
        }
    }
    Ok(remarks)
}

impl Run<'_> {
    /// Whether the night publishes a mart: one that keeps one state has that of the newest date. A
    /// mart that is not published is there for others to read.
    pub(super) fn publishes(&self, table: &PublishedTable) -> bool {
        !table.dating.is_kept_whole() || self.plan.is_newest()
    }
}
