//! Rows that staging leaves out or remarks on: counted per source, day and reason, and a sample
//! of the rejected ones kept in quarantine.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, col, ident, lit};
use datafusion::prelude::DataFrame;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::ArrowWriter;

use crate::config::storage::Location;
use crate::ground::{Folder, TableName};
use crate::tiles::{DAY, any_of};

use super::catalog::{REJECT_REASON, WARNING, all_rows_of};
use super::context::Run;
use super::report::{ReasonCount, RowCount, by_reason};
use super::tiling::days_read;
use super::{Catalog, Report, RollupTiles, RunError};

/// How many rejected rows of one day and reason are kept.
const SAMPLE_ROWS: i64 = 20;

/// What staging found wrong with the rows of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Findings {
    /// Rows left out.
    rejected: Vec<RowCount>,
    /// Rows kept with a remark.
    warnings: Vec<RowCount>,
}

impl Run<'_> {
    /// Counts the rejected and the remarked rows of the days that the night's tiles were made from,
    /// and keeps samples of the rejected ones.
    pub(super) async fn count_rejects(
        &self,
        catalog: &Catalog<'_>,
        tiles: &[RollupTiles],
        run_id: &str,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let engine = RunError::engine("counting rejected rows");
        for model in self.project.graph.in_folder(Folder::Staging) {
            let read = days_read(&self.project.graph, &model.name, tiles);
            let days = read.as_ref().and_then(any_of);
            if read.is_some() && days.is_none() {
                continue;
            }
            let findings = find(catalog, &model.name, days.as_ref()).await;
            let findings = findings.map_err(&engine)?;
            let has_rejected = !findings.rejected.is_empty();
            findings.note_in(report);
            if has_rejected {
                let path = self.workspace.layout.quarantine(&model.name.name, run_id);
                let sample = sample(catalog, &model.name, days.as_ref()).await;
                let sample = sample.map_err(&engine)?;
                write_sample(&self.workspace.output, &path, sample).await?;
            }
        }
        Ok(())
    }
}

impl Findings {
    fn note_in(self, report: &mut Report) {
        let remarks = by_reason(&self.warnings).into_iter().map(|count| {
            let ReasonCount {
                source,
                reason,
                rows,
                ..
            } = count;
            format!("{source}: {reason} ({rows} rows on {})", count.days())
        });
        report.warnings.extend(remarks);
        report.rejected.extend(self.rejected);
    }
}

/// Counts the rejected and the remarked rows of a staging table, of the days that pass `days`.
async fn find(catalog: &Catalog<'_>, staging: &TableName, days: Option<&Expr>) -> Result<Findings> {
    let rows = rows_of(catalog, staging, days).await?;
    let has = |column: &&str| rows.schema().has_column_with_unqualified_name(column);
    let told: Vec<&str> = [REJECT_REASON, WARNING].into_iter().filter(has).collect();
    let Some(is_told) = told
        .iter()
        .map(|column| col(*column).is_not_null())
        .reduce(Expr::or)
    else {
        return Ok(Findings::default());
    };
    let keys: Vec<Expr> = [DAY]
        .iter()
        .chain(&told)
        .map(|column| col(*column))
        .collect();
    let counted = rows
        .filter(is_told)?
        .aggregate(keys, vec![count(lit(1)).alias("rows")])?;
    let counted = counted.collect().await?;
    let counts_by = |column: &str| -> Result<Vec<RowCount>> {
        let mut counts = BTreeMap::new();
        for batch in counted.iter().filter(|_| told.contains(&column)) {
            add_counts(batch, column, &mut counts)?;
        }
        let counts = counts.into_iter().map(|((day, reason), rows)| RowCount {
            source: staging.name.clone(),
            day,
            reason,
            rows,
        });
        Ok(counts.collect())
    };
    Ok(Findings {
        rejected: counts_by(REJECT_REASON)?,
        warnings: counts_by(WARNING)?,
    })
}

/// Adds up the rows of each day and text of a column.
fn add_counts(
    batch: &RecordBatch,
    column: &str,
    counts: &mut BTreeMap<(String, String), i64>,
) -> Result<()> {
    let texts = |name: &str| -> Result<ArrayRef> {
        let index = batch.schema_ref().index_of(name)?;
        Ok(cast(batch.column(index), &DataType::Utf8)?)
    };
    let (days, reasons) = (texts(DAY)?, texts(column)?);
    let (days, reasons) = (days.as_string::<i32>(), reasons.as_string::<i32>());
    let rows = batch.column(batch.schema_ref().index_of("rows")?);
    let rows = rows.as_primitive::<Int64Type>();
    for row in (0..batch.num_rows()).filter(|row| reasons.is_valid(*row)) {
        let key = (days.value(row).to_owned(), reasons.value(row).to_owned());
        *counts.entry(key).or_insert(0) += rows.value(row);
    }
    Ok(())
}

/// The first rejected rows of each day and reason, in an order that every run repeats.
async fn sample(
    catalog: &Catalog<'_>,
    staging: &TableName,
    days: Option<&Expr>,
) -> Result<DataFrame> {
    const POSITION: &str = "position_in_day";
    let rows = rows_of(catalog, staging, days).await?;
    let columns: Vec<Expr> = rows
        .schema()
        .fields()
        .iter()
        .map(|field| ident(field.name()))
        .collect();
    let order = columns
        .iter()
        .map(|column| column.clone().sort(true, false));
    let position = row_number()
        .partition_by(vec![col(DAY), col(REJECT_REASON)])
        .order_by(order.collect())
        .build()?;
    rows.filter(col(REJECT_REASON).is_not_null())?
        .window(vec![position.alias(POSITION)])?
        .filter(col(POSITION).lt_eq(lit(SAMPLE_ROWS)))?
        .select(columns)
}

/// All rows of a staging table, of the days that pass `days`.
async fn rows_of(
    catalog: &Catalog<'_>,
    staging: &TableName,
    days: Option<&Expr>,
) -> Result<DataFrame> {
    let rows = catalog.table(&all_rows_of(staging)).await?;
    match days {
        Some(days) => rows.filter(days.clone()),
        None => Ok(rows),
    }
}

/// Keeps a sample of rejected rows below the output.
async fn write_sample(output: &Location, path: &Path, sample: DataFrame) -> Result<(), RunError> {
    const STAGE: &str = "keeping a sample of rejected rows";
    let schema = Arc::new(sample.schema().as_arrow().clone());
    let batches = sample.collect().await.map_err(RunError::engine(STAGE))?;
    let encode = || -> datafusion::error::Result<Vec<u8>> {
        let mut writer = ArrowWriter::try_new(Vec::new(), schema, None)?;
        for batch in &batches {
            writer.write(batch)?;
        }
        Ok(writer.into_inner()?)
    };
    let bytes = encode().map_err(RunError::engine(STAGE))?;
    let put = output.store.put(path, bytes.into()).await;
    put.map_err(|error| output.failure("write", path, error))?;
    Ok(())
}
