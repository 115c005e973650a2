//! A job as its declarations have it: a session of empty tables, before any data is read.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use crate::config::job::{Column, Job};
use crate::config::session;
use crate::ground::{Folder, SnapshotDate, TableName};
use crate::tiers::Metric;
use crate::tiles::DAY;

use super::catalog::{empty, register};
use super::{Catalog, Project, RunError, cut_points};

/// The folders that are planned before the cut points are known.
pub(super) const UPSTREAM: [Folder; 4] = [
    Folder::Staging,
    Folder::Rollups,
    Folder::Features,
    Folder::Calibration,
];

/// A session over empty tables with the declared columns.
pub(super) fn declared_session(job: &Job) -> Result<SessionContext, RunError> {
    let context =
        session::open(&job.engine, [], []).map_err(RunError::engine("opening a session"))?;
    register_declared_sources(job, &context).map_err(RunError::engine("checking sources"))?;
    Ok(context)
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

/// The metrics of the calibration models, as the declared sources give them.
///
/// # Errors
/// Every problem of the models up to the metrics.
pub(super) async fn declared_metrics(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Vec<Metric>, RunError> {
    let context = declared_session(job)?;
    let mut catalog = Catalog::open(&context, project, snapshot_date)
        .map_err(RunError::engine("checking metrics"))?;
    catalog
        .register_models(&UPSTREAM, &project.parameters)
        .await?;
    cut_points::metrics(&catalog, project).await
}
