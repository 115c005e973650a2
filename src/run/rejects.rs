//! Rows that staging leaves out or remarks on: counted per source, day and reason, and a sample
//! of the rejected ones kept in quarantine.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, col, ident, lit};
use datafusion::prelude::DataFrame;
use serde::Serialize;

use crate::ground::TableName;
use crate::tiles::DAY;

use super::Catalog;
use super::catalog::{REJECT_REASON, WARNING, all_rows_of};

/// How many rejected rows of one day and reason are kept.
const SAMPLE_ROWS: i64 = 20;

/// Rows of one source and day with the same reason or remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowCount {
    /// The staging table's name.
    pub source: String,
    /// The business day.
    pub day: String,
    /// Why the rows were left out, or what is remarked on.
    pub reason: String,
    /// How many rows.
    pub rows: i64,
}

/// What staging found wrong with the rows of one source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Rows left out.
    pub rejected: Vec<RowCount>,
    /// Rows kept with a remark.
    pub warnings: Vec<RowCount>,
}

/// Counts the rejected and the remarked rows of a staging table, of the days that pass `days`.
pub(super) async fn find(
    catalog: &Catalog<'_>,
    staging: &TableName,
    days: Option<&Expr>,
) -> Result<Findings> {
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
pub(super) async fn sample(
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
