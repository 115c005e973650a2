//! Everything that can be wrong with a job before any data is read.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::config::job::{CalibrationChoice, Column, Job};
use crate::config::session;
use crate::drafts::SNAPSHOT_DATE;
use crate::ground::{Folder, Problems, SnapshotDate, TableName};
use crate::migration;
use crate::models::Parameters;
use crate::tiers::{Dimensions, Metric, Settling, fit_given};
use crate::tiles::{DAY, USER_ID};

use super::catalog::register;
use super::execute::{dimensions, raw_snapshot_schema};
use super::marts;
use super::project::keep_all;
use super::snapshot::Specs;
use super::{Catalog, Project, RunError, Workspace, cut_points};

/// Checks a job: file, SQL, reference files, bands, dimensions, and the contract of the tables.
/// Sources are taken to be as declared, ids to be BIGINT.
///
/// # Errors
/// Every problem found.
pub async fn check(job: &Job, snapshot_date: SnapshotDate) -> Result<Project, RunError> {
    Workspace::open(job)?;
    let (project, problems) = Project::load_what_parses(job)?;
    let context =
        session::open(&job.engine, [], []).map_err(RunError::engine("opening a session"))?;
    register_declared_sources(job, &context).map_err(RunError::engine("checking"))?;
    check_models(job, &project, problems, &context, snapshot_date).await?;
    Ok(project)
}

/// Empty tables with the declared columns.
fn register_declared_sources(job: &Job, context: &SessionContext) -> Result<(), DataFusionError> {
    for (name, source) in &job.sources {
        let table = TableName::new(Folder::Sources, name);
        register(context, &table, empty(declared_schema(&source.columns)))?;
    }
    Ok(())
}

fn declared_schema(columns: &[Column]) -> SchemaRef {
    let declared = columns.iter().map(|column| {
        let data_type = column.column_type.arrow().unwrap_or(DataType::Int64);
        Field::new(&column.name, data_type, true)
    });
    let day = Field::new(DAY, DataType::Date32, false);
    Arc::new(Schema::new(declared.chain([day]).collect::<Vec<_>>()))
}

/// Plans every model, and the shape of everything that is published.
async fn check_models(
    job: &Job,
    project: &Project,
    problems: Problems,
    context: &SessionContext,
    snapshot_date: SnapshotDate,
) -> Result<(), RunError> {
    let engine = RunError::engine("checking");
    let mut problems = problems;
    let mut catalog = Catalog::open(context, project, snapshot_date).map_err(&engine)?;
    let upstream = catalog
        .register_models(&UPSTREAM, &project.parameters)
        .await;
    keep_all(&mut problems, upstream);
    let parameters =
        match cut_points::stand_ins(&catalog, project, project.parameters.clone()).await {
            Ok(parameters) => parameters,
            Err(_) => return problems.or_ok(()).map_err(RunError::from),
        };
    if let CalibrationChoice::ByHand(given) = &job.calibration {
        let metrics = cut_points::metrics(&catalog, project).await?;
        keep_all(&mut problems, fit_given(job, given, &metrics));
    }
    keep_all(
        &mut problems,
        catalog.register_models(&[Folder::Tiers], &parameters).await,
    );
    problems.or_ok(())?;
    let dimensions = dimensions(&catalog, project, job, &parameters).await?;
    let settled = settled_schema(
        &catalog,
        project,
        job,
        &parameters,
        &dimensions,
        snapshot_date,
    )
    .await?;
    let dim_tier = catalog
        .plan(required(project, "dim_tier")?, &parameters)
        .await?;
    Specs::new(&settled, dim_tier.schema().as_arrow(), &Default::default())?;
    register_published(context, &settled, dim_tier.schema().as_arrow()).map_err(&engine)?;
    for model in marts::models(project) {
        let (rows, _) = marts::plan(&catalog, model, &parameters).await?;
        register(context, &model.name, rows.into_view()).map_err(&engine)?;
    }
    catalog
        .register_models(&[Folder::Audits], &parameters)
        .await?;
    Ok(())
}

/// The metrics of the calibration models, as the declared sources give them.
///
/// # Errors
/// Every problem of the models up to the metrics.
pub(super) async fn declared_metrics(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Vec<Metric>, RunError> {
    let engine = RunError::engine("checking metrics");
    let context = session::open(&job.engine, [], []).map_err(&engine)?;
    register_declared_sources(job, &context).map_err(&engine)?;
    let mut catalog = Catalog::open(&context, project, snapshot_date).map_err(&engine)?;
    catalog
        .register_models(&UPSTREAM, &project.parameters)
        .await?;
    cut_points::metrics(&catalog, project).await
}

/// The folders that are planned before the cut points are known.
const UPSTREAM: [Folder; 4] = [
    Folder::Staging,
    Folder::Rollups,
    Folder::Features,
    Folder::Calibration,
];

/// A model that every pack has.
pub(super) fn required<'a>(
    project: &'a Project,
    name: &str,
) -> Result<&'a crate::models::Model, Problems> {
    let table = TableName::new(Folder::Publish, name);
    project.graph.model(&table).ok_or_else(|| {
        let message = format!("the SQL pack has no model `{table}`");
        Problems(vec![crate::ground::Diagnostic::new(message)])
    })
}

async fn settled_schema(
    catalog: &Catalog<'_>,
    project: &Project,
    job: &Job,
    parameters: &Parameters,
    dimensions: &Dimensions,
    snapshot_date: SnapshotDate,
) -> Result<SchemaRef, RunError> {
    let raw = raw_snapshot_schema(catalog, project, job, parameters, dimensions).await?;
    Ok(Settling::new(&raw, dimensions.clone(), snapshot_date).schema())
}

/// Empty tables with the published columns, for audits to be planned on.
fn register_published(
    context: &SessionContext,
    settled: &Schema,
    dim_tier: &Schema,
) -> Result<(), DataFusionError> {
    let user_id = settled
        .field_with_name(USER_ID)
        .map_or(DataType::Int64, |field| field.data_type().clone());
    let tables = [
        (Folder::Publish, "tier_snapshot", dated(settled)),
        (Folder::Previous, "tier_snapshot", dated(settled)),
        (
            Folder::Publish,
            "tier_migration",
            dated(&migration::moves_schema(&user_id)),
        ),
        (
            Folder::Publish,
            "tier_migration_matrix",
            dated(&migration::matrix_schema()),
        ),
        (
            Folder::Publish,
            "tier_summary",
            dated(&migration::summary_schema()),
        ),
        (Folder::Publish, "dim_tier", Arc::new(dim_tier.clone())),
    ];
    for (folder, name, schema) in tables {
        register(context, &TableName::new(folder, name), empty(schema))?;
    }
    marts::register_nothing_before(context, &dated(settled))
}

fn dated(schema: &Schema) -> SchemaRef {
    let date = Field::new(SNAPSHOT_DATE, DataType::Date32, true);
    let fields = schema.fields().iter().map(|field| field.as_ref().clone());
    Arc::new(Schema::new(fields.chain([date]).collect::<Vec<_>>()))
}

/// A table of these columns without rows.
pub(super) fn empty(schema: SchemaRef) -> Arc<EmptyTable> {
    Arc::new(EmptyTable::new(schema))
}
