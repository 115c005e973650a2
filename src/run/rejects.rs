//! Rows that staging leaves out or remarks on: counted per source, day and reason, and a sample
//! of the rejected ones kept in quarantine.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, col, lit};
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
    Ok(Findings {
        rejected: count_by(catalog, staging, REJECT_REASON, days).await?,
        warnings: count_by(catalog, staging, WARNING, days).await?,
    })
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
        .map(|field| col(field.name()))
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

async fn count_by(
    catalog: &Catalog<'_>,
    staging: &TableName,
    reason: &str,
    days: Option<&Expr>,
) -> Result<Vec<RowCount>> {
    let rows = rows_of(catalog, staging, days).await?;
    if !rows.schema().has_column_with_unqualified_name(reason) {
        return Ok(Vec::new());
    }
    let counted = rows
        .filter(col(reason).is_not_null())?
        .aggregate(
            vec![col(DAY), col(reason)],
            vec![count(lit(1)).alias("rows")],
        )?
        .sort(vec![
            col(DAY).sort(true, false),
            col(reason).sort(true, false),
        ])?;
    let mut counts = Vec::new();
    for batch in counted.collect().await? {
        let days = cast(batch.column(0), &DataType::Utf8)?;
        let reasons = cast(batch.column(1), &DataType::Utf8)?;
        let rows = batch.column(2).as_primitive::<Int64Type>();
        for row in 0..rows.len() {
            counts.push(RowCount {
                source: staging.name.clone(),
                day: days.as_string::<i32>().value(row).to_owned(),
                reason: reasons.as_string::<i32>().value(row).to_owned(),
                rows: rows.value(row),
            });
        }
    }
    Ok(counts)
}
