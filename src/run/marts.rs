//! Marts: small tables that SQL computes from the night's drafts and from what was published
//! before: the KPIs, and the alerts on them.
//!
//! | table | holds |
//! |---|---|
//! | `previous.tier_snapshot` | the previous snapshot, without rows on the first night |
//! | `previous.kpi_daily` | the KPIs of the previous snapshot |
//! | `week_ago.tier_snapshot` | the snapshot of D - 7, without rows when it is not published |
//! | `history.kpi_daily` | the KPIs of the last 28 published dates before D |
//!
//! Both snapshots have the columns of today's, NULL where they were published without.

use std::sync::Arc;

use crate::engine::Session;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::prelude::DataFrame;

use crate::drafts::{Draft, TableSpec};
use crate::ground::{Diagnostic, Folder, Problems, SnapshotDate, TableName};
use crate::models::{Model, Parameters};
use crate::publish::{Publications, Table};
use crate::storage::Location;
use crate::tables::{self, KPI_DAILY, Maker, PublishedTable, TIER_SNAPSHOT};

use super::catalog::empty;
use super::context::Run;
use super::published::{files_by_date, missing, published_snapshot, rows_of, with_columns_of};
use super::snapshot::{Night, dated};
use super::{Catalog, Plan, Project, RunError};

/// Of how many published dates before D the KPIs are at hand.
const HISTORY_DATES: usize = 28;

/// What the engine was doing when it failed.
const READING_BEFORE: &str = "reading what was published before";

/// The marts of a pack, each after what it reads.
pub(super) fn models(project: &Project) -> impl Iterator<Item = (&Model, &PublishedTable)> {
    let published = project.graph.in_folder(Folder::Publish);
    published.filter_map(|model| {
        let table = tables::find(&model.name.name)?;
        (table.maker == Maker::Mart).then_some((model, table))
    })
}

/// The columns of a mart that SQL may rely on, the date in front.
fn schema_of(mart: &PublishedTable) -> SchemaRef {
    // No mart has users of its own.
    Arc::new(dated(&mart.schema(&DataType::Null)))
}

/// Plans a mart and holds it to its columns.
///
/// # Errors
/// Every problem of the model.
pub(super) async fn plan(
    catalog: &Catalog<'_>,
    (model, table): (&Model, &PublishedTable),
    parameters: &Parameters,
) -> Result<(DataFrame, Arc<TableSpec>), RunError> {
    let plan = catalog.plan_by_name(model, parameters).await?;
    let rows = catalog.session.plan(plan);
    let spec = TableSpec::of(table, &dated(rows.schema().as_arrow()))?;
    check_columns(model, table, spec.schema())?;
    let spec = spec.with_comments(model.column_comments());
    Ok((rows, Arc::new(spec)))
}

fn check_columns(model: &Model, table: &PublishedTable, found: &Schema) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for expected in table.columns {
        let data_type = found.field_with_name(expected.name).map(Field::data_type);
        if data_type.ok() != expected.column_type.arrow().as_ref() {
            let message = format!(
                "`{}` needs a column `{}` of type {}",
                model.name, expected.name, expected.column_type
            );
            problems.push(
                Diagnostic::at(&model.file, model.head(), message)
                    .help("tierline shows it and compares it from night to night"),
            );
        }
    }
    problems.or_ok(())
}

/// Registers tables of the right columns and no rows in place of what was published before.
pub(super) fn register_nothing_before(
    session: &Session,
    snapshot: &SchemaRef,
) -> datafusion::error::Result<()> {
    for (folder, table) in tables::earlier() {
        let schema = match table.maker {
            Maker::Mart => schema_of(table),
            _ => Arc::clone(snapshot),
        };
        session.register(&TableName::new(folder, table.name), empty(schema))?;
    }
    Ok(())
}

/// Registers what marts and audits read of earlier publications. Today's snapshot must be written:
/// its draft goes by the columns that the previous one has, and these are completed here.
///
/// # Errors
/// Tables that cannot be read.
pub(super) async fn register_before(run: &Run<'_>) -> Result<(), RunError> {
    let Run { plan, session, .. } = run;
    let output = &run.workspace.output;
    let engine = RunError::engine(READING_BEFORE);
    let today = TableName::new(Folder::Publish, TIER_SNAPSHOT.name);
    let today = session.table(&today).await.map_err(&engine)?;
    let today = Arc::new(today.schema().as_arrow().clone());
    let snapshots = [
        (Folder::Previous, previous_snapshot(session, plan).await?),
        (
            Folder::WeekAgo,
            week_ago_snapshot(session, output, plan).await?,
        ),
    ];
    register_nothing_before(session, &today).map_err(&engine)?;
    for (folder, rows) in snapshots {
        let name = TableName::new(folder, TIER_SNAPSHOT.name);
        let completed = with_columns_of(&today, rows).map_err(&engine)?;
        session.register(&name, completed).map_err(&engine)?;
    }
    // The version of the table that is known to be as publications say: a run that is at work
    // beside this one may have committed to it since.
    let version = run.inspection.version(KPI_DAILY.name);
    let Some(kpis) = Table::open_at(output, KPI_DAILY.name, version).await? else {
        return Ok(());
    };
    if let Some(previous) = &plan.previous
        && previous.tables.contains_key(KPI_DAILY.name)
    {
        let date = Some(previous.snapshot_date);
        let rows = rows_of(output, &kpis, date, kpis.files(date)?)?;
        let name = TableName::new(Folder::Previous, KPI_DAILY.name);
        session.register(&name, Arc::new(rows)).map_err(&engine)?;
    }
    register_history(run, &kpis)
}

/// The previous snapshot, which the night has registered with the columns that it has.
async fn previous_snapshot(session: &Session, plan: &Plan) -> Result<Option<DataFrame>, RunError> {
    if plan.previous.is_none() {
        return Ok(None);
    }
    let name = TableName::new(Folder::Previous, TIER_SNAPSHOT.name);
    let rows = session.table(&name).await;
    rows.map(Some).map_err(RunError::engine(READING_BEFORE))
}

/// The snapshot of D - 7, when it is published.
async fn week_ago_snapshot(
    session: &Session,
    output: &Location,
    plan: &Plan,
) -> Result<Option<DataFrame>, RunError> {
    let Some(week_ago) = plan.week_ago() else {
        return Ok(None);
    };
    let snapshot = published_snapshot(output, week_ago, &session.runtime()).await?;
    let snapshot = snapshot.ok_or_else(|| missing(week_ago, TIER_SNAPSHOT.name))?;
    let rows = session.read(Arc::new(snapshot));
    rows.map(Some).map_err(RunError::engine(READING_BEFORE))
}

/// Registers the KPIs of the last published dates.
fn register_history(run: &Run<'_>, kpis: &Table) -> Result<(), RunError> {
    let output = &run.workspace.output;
    let mut files = Vec::new();
    for date in dates_of_history(&run.plan.publications, run.plan.snapshot_date) {
        let value = ScalarValue::Date32(Some(date.days_since_epoch()));
        let of_date = kpis.files(Some(date))?.into_iter();
        files.extend(of_date.map(|file| (file.path, file.size_bytes, value.clone())));
    }
    let table = files_by_date(output, files, &schema_of(&KPI_DAILY));
    run.session
        .register(
            &TableName::new(Folder::History, KPI_DAILY.name),
            Arc::new(table),
        )
        .map_err(RunError::engine(READING_BEFORE))
}

/// The last published dates before D, whose KPIs are at hand.
pub(super) fn dates_of_history(
    publications: &Publications,
    snapshot_date: SnapshotDate,
) -> impl Iterator<Item = SnapshotDate> + use<> {
    let dates = publications.dates();
    let before: Vec<SnapshotDate> = dates.range(..snapshot_date).copied().collect();
    before.into_iter().rev().take(HISTORY_DATES)
}

/// Computes and writes the marts, each readable for the next and for audits. Returns what is to be
/// said of them.
///
/// # Errors
/// Models that do not plan, and queries and stores that fail.
pub(super) async fn write(
    run: &Run<'_>,
    night: &Night<'_>,
    catalog: &Catalog<'_>,
    parameters: &Parameters,
    drafts: &mut Vec<Draft>,
) -> Result<Vec<String>, RunError> {
    let mut remarks = Vec::new();
    for (model, table) in models(run.project) {
        let (rows, spec) = plan(catalog, (model, table), parameters).await?;
        remarks.extend(run.remark_on_scan(model, rows.logical_plan()).await?);
        let rows = rows
            .collect()
            .await
            .map_err(RunError::engine("computing KPIs"))?;
        night.write_rows(&spec, &rows, drafts).await?;
    }
    Ok(remarks)
}
