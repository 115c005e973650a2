//! KPIs and warnings of a published date.

use datafusion::arrow::array::{Array, Float64Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::{numbers, texts};

/// A metric of `kpi_daily`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Kpi {
    /// As `kpi_daily` calls it.
    pub metric: String,
    /// As of the date; none where there is nothing to measure.
    pub value: Option<f64>,
    /// As of the previous snapshot; none where there is none, or it had nothing to measure.
    pub previous_value: Option<f64>,
}

/// A warning, and how many users have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct WarningOverview {
    /// The column of the snapshot.
    pub name: String,
    /// Users for whom it is true.
    pub users: i64,
}

/// The metrics, by name.
pub(super) fn kpis_of(rows: &RecordBatch) -> Result<Vec<Kpi>, ArrowError> {
    let metrics = texts(rows, "metric")?;
    let (values, previous) = (numbers(rows, "value")?, numbers(rows, "previous_value")?);
    let number = |numbers: &Float64Array, row| numbers.is_valid(row).then(|| numbers.value(row));
    let kpi = |row| Kpi {
        metric: metrics.value(row).to_owned(),
        value: number(&values, row),
        previous_value: number(&previous, row),
    };
    let mut kpis: Vec<Kpi> = (0..rows.num_rows()).map(kpi).collect();
    kpis.sort_by(|left, right| left.metric.cmp(&right.metric));
    Ok(kpis)
}
