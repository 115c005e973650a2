//! Rejected rows, counted by a process that is told of them by a [task](RejectTask).

use std::sync::Arc;

use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;

use crate::engine::{EngineError, ShippedRows};
use crate::ground::{SqlSchema, TableName};
use crate::job::{Job, Workspace};
use crate::night::context::open_session;
use crate::night::error::NightError;
use crate::night::rejects::{COUNTING, Judged};
use crate::pack::{Catalog, Project};
use crate::tiles::any_of;

use super::reject_task::{RejectPiece, RejectTask};
use super::source_files::register_sources;

/// Counts the rejected and the remarked rows of some days. `sources` are the columns of each source, the day of its
/// partitions last.
pub(super) async fn count(
    task: &RejectTask,
    sources: Vec<(&str, SchemaRef)>,
    piece: RejectPiece,
    (job, workspace): (&Job, &Workspace),
) -> Result<ShippedRows, NightError> {
    let engine = EngineError::during(COUNTING);
    let RejectPiece { days, files } = piece;
    let project = Project::load(job)?;
    let session = open_session(job, workspace)?;
    let mut catalog = Catalog::open(&session, &project, task.snapshot_date).map_err(&engine)?;
    register_sources(&session, workspace, sources, files).map_err(&engine)?;
    catalog
        .register_models(&[SqlSchema::Staging], &project.parameters)
        .await?;
    let staging = TableName::new(SqlSchema::Staging, &task.staging);
    let days = any_of(&days);
    let rows = catalog.rows_with_rejected(&staging, days.as_ref()).await;
    let rows = rows.map_err(&engine)?;
    let judged = Judged::in_rows(&staging.name, &rows);
    let counted = judged.counted(rows, job.timezone).map_err(&engine)?;
    let schema = Arc::clone(counted.schema().inner());
    let counted = counted.collect().await.map_err(&engine)?;
    let counted = concat_batches(&schema, &counted);
    Ok(ShippedRows(counted.map_err(|error| engine(error.into()))?))
}
