//! Quarantine: a sample of the rejected rows of a source, written below the output.

use std::collections::BTreeSet;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, col};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;

use crate::engine::EngineError;
use crate::ground::TableName;
use crate::pack::{Catalog, REJECT_REASON};
use crate::storage::Location;

use super::context::Run;
use super::error::NightError;
use super::reject_sample::RejectSample;

impl Run<'_> {
    /// Keeps a sample of the rejected rows of the days that pass `days`, and returns the run that it lies under.
    pub(super) async fn keep_sample(
        &self,
        catalog: &Catalog<'_>,
        staging: &TableName,
        days: Option<&Expr>,
        reasons: BTreeSet<String>,
    ) -> Result<String, NightError> {
        let sample = sample(catalog, staging, days, reasons).await;
        let sample = sample.map_err(EngineError::during("counting rejected rows"))?;
        let run_id = self.plan.run_id();
        let path = self.workspace.layout.quarantine(&staging.name, &run_id);
        write_sample(&self.workspace.output, &path, sample).await?;
        Ok(run_id)
    }
}

/// The first rejected rows of each day and reason, in an order that every run repeats.
async fn sample(
    catalog: &Catalog<'_>,
    staging: &TableName,
    days: Option<&Expr>,
    reasons: BTreeSet<String>,
) -> Result<RecordBatch> {
    let rows = catalog.rows_with_rejected(staging, days).await?;
    let rejected = rows.filter(col(REJECT_REASON).is_not_null())?;
    let mut rejected = rejected.execute_stream().await?;
    let mut sample = RejectSample::new(rejected.schema(), reasons)?;
    while let Some(batch) = rejected.try_next().await? {
        sample.add(&batch)?;
    }
    Ok(sample.finish()?)
}

/// Keeps a sample of rejected rows below the output.
async fn write_sample(
    output: &Location,
    path: &Path,
    sample: RecordBatch,
) -> Result<(), NightError> {
    const STAGE: &str = "keeping a sample of rejected rows";
    let encode = || -> datafusion::error::Result<Vec<u8>> {
        let mut writer = ArrowWriter::try_new(Vec::new(), sample.schema(), None)?;
        writer.write(&sample)?;
        Ok(writer.into_inner()?)
    };
    let bytes = encode().map_err(EngineError::during(STAGE))?;
    let put = output.store.put(path, bytes.into()).await;
    put.map_err(|error| output.failure("write", path, error))?;
    Ok(())
}
