//! KPIs, alerts and warnings of a published date.

use datafusion::arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use super::{column, texts};

/// A metric of `kpi_daily`.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpi {
    /// Its name.
    pub metric: String,
    /// As of the date; none where there is nothing to measure.
    pub value: Option<f64>,
    /// As of the previous snapshot.
    pub previous_value: Option<f64>,
}

/// A metric past its limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// The metric.
    pub alert: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// The metric as of the date.
    pub value: f64,
    /// The limit.
    pub threshold: f64,
    /// What it means, and what to do.
    pub message: String,
}

/// A warning, and how many users have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarningOverview {
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

impl Alert {
    /// On which side of the limit the metric is.
    pub fn side(&self) -> &'static str {
        match self.value < self.threshold {
            true => "below",
            false => "above",
        }
    }
}

/// The alerts, by severity and name.
pub(in crate::run) fn alerts_of(rows: &RecordBatch) -> Result<Vec<Alert>, ArrowError> {
    let (names, severities) = (texts(rows, "alert")?, texts(rows, "severity")?);
    let (values, thresholds) = (numbers(rows, "value")?, numbers(rows, "threshold")?);
    let messages = texts(rows, "message")?;
    let alert = |row| Alert {
        alert: names.value(row).to_owned(),
        severity: severities.value(row).to_owned(),
        value: values.value(row),
        threshold: thresholds.value(row),
        message: messages.value(row).to_owned(),
    };
    let mut alerts: Vec<Alert> = (0..rows.num_rows()).map(alert).collect();
    alerts
        .sort_by(|left, right| (&left.severity, &left.alert).cmp(&(&right.severity, &right.alert)));
    Ok(alerts)
}

fn numbers(rows: &RecordBatch, name: &str) -> Result<Float64Array, ArrowError> {
    let numbers = column(rows, name, &DataType::Float64)?;
    Ok(numbers.as_primitive::<Float64Type>().clone())
}
