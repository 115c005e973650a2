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

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::prelude::{DataFrame, SessionContext};

use crate::config::storage::Location;
use crate::drafts::{Dating, Draft, TableSpec};
use crate::ground::{Diagnostic, Folder, Problems, SnapshotDate, TableName};
use crate::models::{Model, Parameters};
use crate::publish::{Publications, Table};

use super::catalog::{empty, reference_to, register};
use super::context::Run;
use super::project::{ALERTS, KPIS};
use super::published::{files_by_date, missing, published_snapshot, rows_of, with_columns_of};
use super::snapshot::{Night, dated};
use super::{Catalog, Plan, Project, RunError};

/// The columns that each mart must have; others are published beside them.
pub(super) const MARTS: [(&str, &[(&str, DataType)]); 2] = [
    (
        KPIS,
        &[
            ("metric", DataType::Utf8),
            ("value", DataType::Float64),
            ("previous_value", DataType::Float64),
        ],
    ),
    (
        ALERTS,
        &[
            ("alert", DataType::Utf8),
            ("severity", DataType::Utf8),
            ("value", DataType::Float64),
            ("threshold", DataType::Float64),
            ("message", DataType::Utf8),
        ],
    ),
];

/// Of how many published dates before D the KPIs are at hand.
const HISTORY_DATES: usize = 28;

/// What the engine was doing when it failed.
const READING_BEFORE: &str = "reading what was published before";

/// The marts of a pack, each after what it reads.
pub(super) fn models(project: &Project) -> impl Iterator<Item = &Model> {
    let published = project.graph.in_folder(Folder::Publish);
    published.filter(|model| MARTS.iter().any(|(name, _)| *name == model.name.name))
}

/// The columns of a mart that SQL may rely on, the date in front.
fn schema_of(mart: &str) -> SchemaRef {
    let columns = MARTS.iter().find(|(name, _)| *name == mart);
    let columns = columns.map_or(&[][..], |(_, columns)| columns);
    let fields = columns
        .iter()
        .map(|(name, data_type)| Field::new(*name, data_type.clone(), true));
    Arc::new(dated(&Schema::new(fields.collect::<Vec<_>>())))
}

/// Plans a mart and holds it to its columns.
///
/// # Errors
/// Every problem of the model.
pub(super) async fn plan(
    catalog: &Catalog<'_>,
    model: &Model,
    parameters: &Parameters,
) -> Result<(DataFrame, Arc<TableSpec>), RunError> {
    let plan = catalog.plan_by_name(model, parameters).await?;
    let rows = DataFrame::new(catalog.context.state(), plan);
    let spec = TableSpec::new(
        &model.name.name,
        &dated(rows.schema().as_arrow()),
        Dating::EveryDate,
    )?;
    check_columns(model, spec.schema())?;
    let spec = spec.with_comments(model.column_comments());
    let spec = match model.name.name.as_str() {
        // A night without alerts is a good one.
        ALERTS => spec.allowing_no_rows(),
        _ => spec,
    };
    Ok((rows, Arc::new(spec)))
}

fn check_columns(model: &Model, found: &Schema) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for expected in schema_of(&model.name.name).fields() {
        let data_type = found.field_with_name(expected.name()).map(Field::data_type);
        if !data_type.is_ok_and(|found| found == expected.data_type()) {
            let sql_type = match expected.data_type() {
                DataType::Float64 => "DOUBLE",
                _ => "VARCHAR",
            };
            let message = format!(
                "`{}` needs a column `{}` of type {sql_type}",
                model.name,
                expected.name()
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
    context: &SessionContext,
    snapshot: &SchemaRef,
) -> datafusion::error::Result<()> {
    for (folder, name, schema) in [
        (Folder::Previous, "tier_snapshot", Arc::clone(snapshot)),
        (Folder::Previous, KPIS, schema_of(KPIS)),
        (Folder::History, KPIS, schema_of(KPIS)),
        (Folder::WeekAgo, "tier_snapshot", Arc::clone(snapshot)),
    ] {
        register(context, &TableName::new(folder, name), empty(schema))?;
    }
    Ok(())
}

/// Registers what marts and audits read of earlier publications. Today's snapshot must be written:
/// its draft goes by the columns that the previous one has, and these are completed here.
///
/// # Errors
/// Tables that cannot be read.
pub(super) async fn register_before(run: &Run<'_>) -> Result<(), RunError> {
    let Run { plan, context, .. } = run;
    let output = &run.workspace.output;
    let engine = RunError::engine(READING_BEFORE);
    let today = TableName::new(Folder::Publish, "tier_snapshot");
    let today = context.table(reference_to(&today)).await.map_err(&engine)?;
    let today = Arc::new(today.schema().as_arrow().clone());
    let snapshots = [
        (Folder::Previous, previous_snapshot(context, plan).await?),
        (
            Folder::WeekAgo,
            week_ago_snapshot(context, output, plan).await?,
        ),
    ];
    register_nothing_before(context, &today).map_err(&engine)?;
    for (folder, rows) in snapshots {
        let name = TableName::new(folder, "tier_snapshot");
        let completed = with_columns_of(&today, rows).map_err(&engine)?;
        register(context, &name, completed).map_err(&engine)?;
    }
    // The version of the table that is known to be as publications say: a run that is at work
    // beside this one may have committed to it since.
    let version = run.inspection.version(KPIS);
    let Some(kpis) = Table::open_at(output, KPIS, version).await? else {
        return Ok(());
    };
    if let Some(previous) = &plan.previous
        && previous.tables.contains_key(KPIS)
    {
        let date = Some(previous.snapshot_date);
        let rows = rows_of(output, &kpis, date, kpis.files(date)?)?;
        let name = TableName::new(Folder::Previous, KPIS);
        register(context, &name, Arc::new(rows)).map_err(&engine)?;
    }
    register_history(run, &kpis)
}

/// The previous snapshot, which the night has registered with the columns that it has.
async fn previous_snapshot(
    context: &SessionContext,
    plan: &Plan,
) -> Result<Option<DataFrame>, RunError> {
    if plan.previous.is_none() {
        return Ok(None);
    }
    let name = TableName::new(Folder::Previous, "tier_snapshot");
    let rows = context.table(reference_to(&name)).await;
    rows.map(Some).map_err(RunError::engine(READING_BEFORE))
}

/// The snapshot of D - 7, when it is published.
async fn week_ago_snapshot(
    context: &SessionContext,
    output: &Location,
    plan: &Plan,
) -> Result<Option<DataFrame>, RunError> {
    let Some(week_ago) = plan.week_ago() else {
        return Ok(None);
    };
    let snapshot = published_snapshot(output, week_ago, &context.runtime_env()).await?;
    let snapshot = snapshot.ok_or_else(|| missing(week_ago, "tier_snapshot"))?;
    let rows = context.read_table(Arc::new(snapshot));
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
    let table = files_by_date(output, files, &schema_of(KPIS));
    register(
        run.context,
        &TableName::new(Folder::History, KPIS),
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
    for model in models(run.project) {
        let (rows, spec) = plan(catalog, model, parameters).await?;
        remarks.extend(run.remark_on_scan(model, rows.logical_plan()).await?);
        let rows = rows
            .collect()
            .await
            .map_err(RunError::engine("computing KPIs"))?;
        night.write_rows(&spec, &rows, drafts).await?;
    }
    Ok(remarks)
}
