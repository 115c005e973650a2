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

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::prelude::DataFrame;

use crate::drafts::Draft;
use crate::engine::EngineError;
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::models::Parameters;
use crate::pack::{Catalog, marts};
use crate::plan::Plan;
use crate::publish::{Publication, Table, files_by_date, with_columns_of};
use crate::tables::{self, Maker, PublishedTable, TIER_SNAPSHOT};
use crate::tiles::USER_ID;

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
    let user_id = today.field_with_name(USER_ID);
    let user_id = user_id.map_err(|error| engine(error.into()))?.data_type();
    for mart in tables::made_by(Maker::Mart).filter(|mart| plan.may_read_earlier(mart)) {
        register_mart(run, mart, user_id).await?;
    }
    Ok(())
}

/// Registers the rows that a mart had before, where it has been published.
async fn register_mart(
    run: &Run<'_>,
    mart: &PublishedTable,
    user_id: &DataType,
) -> Result<(), NightError> {
    let output = &run.workspace.output;
    // The version of the table that is known to be as publications say: a run that is at work
    // beside this one may have committed to it since.
    let version = run.inspection.version(mart.name);
    let Some(table) = Table::open_at(output, mart.name, version).await? else {
        return Ok(());
    };
    for schema in mart.earlier {
        let mut files = Vec::new();
        for date in dates_of(run.plan, *schema, mart) {
            let value = ScalarValue::Date32(Some(date.days_since_epoch()));
            let of_date = table.files(Some(date))?.into_iter();
            files.extend(of_date.map(|file| (file.path, file.size_bytes, value.clone())));
        }
        let rows = files_by_date(output, files, &marts::schema_of(mart, user_id));
        let name = TableName::new(*schema, mart.name);
        let registered = run.session.register(&name, Arc::new(rows));
        registered.map_err(EngineError::during(READING_BEFORE))?;
    }
    Ok(())
}

/// The dates of which a mart is read.
fn dates_of(plan: &Plan, schema: SqlSchema, mart: &PublishedTable) -> Vec<SnapshotDate> {
    let previous = plan.previous.as_ref();
    let previous = previous.filter(|previous| previous.tables.contains_key(mart.name));
    match schema {
        SqlSchema::History => {
            marts::dates_of_history(&plan.publications, plan.snapshot_date).collect()
        }
        _ => previous.map(|row| row.snapshot_date).into_iter().collect(),
    }
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
