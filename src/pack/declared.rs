//! A job as its declarations have it: the declared sources without files, before any data is read.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::error::Result as EngineResult;
use datafusion::execution::object_store::ObjectStoreUrl;

use crate::calibration::Metric;
use crate::engine::{EngineError, Session};
use crate::ground::{Problems, SnapshotDate, SqlSchema, TableName};
use crate::inputs::ParquetFiles;
use crate::job::{Column, Job};
use crate::tiles::DAY;

use super::catalog::Catalog;
use super::cut_points;
use super::error::PackError;
use super::project::Project;
use super::user_ids::{Staged, stage};

/// The schemas that are planned before the cut points are known.
pub(crate) const UPSTREAM: [SqlSchema; 4] = [
    SqlSchema::Staging,
    SqlSchema::Rollups,
    SqlSchema::Features,
    SqlSchema::Calibration,
];

/// A session without tables.
pub(crate) fn session_of(job: &Job) -> Result<Session, EngineError> {
    Session::open(&job.engine, [], []).map_err(EngineError::during("opening a session"))
}

/// Registers the declared sources without files, and the models of some schemas over them.
///
/// # Errors
/// Every problem of the models, and user ids about which declarations and staging SQL disagree.
pub(crate) async fn register_declared<'a>(
    job: &Job,
    project: &'a Project,
    snapshot_date: SnapshotDate,
    session: &'a Session,
    schemas: &[SqlSchema],
) -> Result<Catalog<'a>, PackError> {
    let register = |id_type: &DataType| register_sources(job, session, id_type);
    let staged = stage(session, project, snapshot_date, schemas, register).await?;
    let Staged {
        catalog,
        disagreement,
        ..
    } = staged;
    let problems = Problems(disagreement.into_iter().collect());
    Ok(problems.or_ok(catalog)?)
}

/// The declared sources, without files.
pub(crate) fn register_sources(
    job: &Job,
    session: &Session,
    id_type: &DataType,
) -> EngineResult<()> {
    for (name, source) in &job.sources {
        let fields = source
            .columns
            .iter()
            .map(|column| field_of(column, id_type));
        let day = Arc::new(Field::new(DAY, DataType::Date32, false));
        let nowhere = ObjectStoreUrl::local_filesystem();
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let table = ParquetFiles::partitioned(nowhere, Vec::new(), schema, day);
        let source = TableName::new(SqlSchema::Sources, name);
        session.register(&source, Arc::new(table))?;
    }
    Ok(())
}

fn field_of(column: &Column, id_type: &DataType) -> Field {
    let data_type = column.column_type.arrow();
    let data_type = data_type.unwrap_or_else(|| id_type.clone());
    Field::new(&column.name, data_type, true)
}

/// The metrics of the calibration models, as the declared sources give them.
///
/// # Errors
/// Every problem of the models up to the metrics.
pub(crate) async fn declared_metrics(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Vec<Metric>, PackError> {
    let session = session_of(job)?;
    let catalog = register_declared(job, project, snapshot_date, &session, &UPSTREAM).await?;
    cut_points::metrics(&catalog, project).await
}
