//! The alerts of a date, as its table has them.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::{numbers, texts};

/// A metric past its limit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alert {
    /// The metric, as `kpi_daily` calls it.
    pub alert: String,
    /// `warning` or `critical`.
    pub severity: String,
    /// The metric as of the date.
    pub value: f64,
    /// The limit that the value is below or above.
    pub threshold: f64,
    /// What it means, and what to do.
    pub message: String,
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
pub(crate) fn alerts_of(rows: &RecordBatch) -> Result<Vec<Alert>, ArrowError> {
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
