//! Warnings without a line in `dim_tier`: every BOOLEAN of `tiers/warnings.sql` that the snapshot
//! has is a warning, and one file is all it takes for the snapshot to say since when, for the
//! migration to have it raised and cleared, and for `show` to count it.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;

use crate::engine::EngineError;
use crate::ground::{SqlSchema, TableName};
use crate::models::{Model, Parameters};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::{WARNING, warnings};

use super::catalog::Catalog;
use super::dim_tier_rows::{self, AddedRow};
use super::error::PackError;
use super::project::{Project, required};

/// The model whose columns of true and false are warnings.
const WARNINGS: &str = "warnings";

/// The model of warnings, where the pack has one.
pub(crate) fn model(project: &Project) -> Option<&Model> {
    let name = TableName::new(SqlSchema::Tiers, WARNINGS);
    project.graph.model(&name)
}

/// The warnings of the snapshot that `dim_tier` does not list.
///
/// # Errors
/// Rows that cannot be a list of warnings, and the engine's.
pub(super) async fn unlisted(
    dim_tier: &RecordBatch,
    catalog: &Catalog<'_>,
    project: &Project,
    parameters: &Parameters,
) -> Result<Vec<String>, PackError> {
    let mut unlisted = columns(catalog, project).await?;
    let listed = warnings(dim_tier)?;
    unlisted.retain(|name| !listed.contains(name));
    if unlisted.is_empty() {
        return Ok(unlisted);
    }
    let snapshot = catalog.plan(required(project, &TIER_SNAPSHOT)?, parameters);
    // What does not plan is reported where its rows are wanted.
    let Ok(snapshot) = snapshot.await else {
        return Ok(Vec::new());
    };
    unlisted.retain(|name| snapshot.schema().has_column_with_unqualified_name(name));
    Ok(unlisted)
}

/// The rows of `dim_tier` with those of such warnings behind them.
pub(super) fn with_rows(
    dim_tier: RecordBatch,
    warnings: &[String],
) -> Result<RecordBatch, PackError> {
    let rows = warnings.iter().map(|name| AddedRow {
        dimension: WARNING,
        tier: name,
        rank: None,
    });
    let added = dim_tier_rows::with_rows(dim_tier, &rows.collect::<Vec<_>>());
    Ok(added.map_err(EngineError::during("adding warnings to dim_tier"))?)
}

/// The columns of true and false in the model of warnings; none where it does not plan.
pub(crate) async fn columns(
    catalog: &Catalog<'_>,
    project: &Project,
) -> Result<Vec<String>, EngineError> {
    let Some(model) = model(project).filter(|model| catalog.has_planned(model)) else {
        return Ok(Vec::new());
    };
    let rows = catalog.table(&model.name).await;
    let rows = rows.map_err(EngineError::during("reading the columns of warnings"))?;
    let fields = rows.schema().fields().iter();
    let booleans = fields.filter(|field| *field.data_type() == DataType::Boolean);
    Ok(booleans.map(|field| field.name().clone()).collect())
}
