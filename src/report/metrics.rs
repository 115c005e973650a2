//! What metrics are called and how they are written, as `dim_metric` says.

use std::collections::BTreeMap;

use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::EngineError;
use crate::night::NightError;
use crate::tables::DIM_METRIC;

use super::published::{Published, STAGE, collected, optional_texts};

/// How a metric is shown; what the table does not say is none.
#[derive(Debug, Default, Serialize)]
pub(super) struct MetricForm {
    label_en: Option<String>,
    label_zh: Option<String>,
    /// What is counted, such as `users`, or `money`.
    unit: Option<String>,
    /// As d3-format has it: `.1%` writes 0.123 as 12.3%.
    format: Option<String>,
}

/// The metrics that the table names; none where the date was published without it.
pub(super) async fn read(
    published: Published<'_>,
) -> Result<BTreeMap<String, MetricForm>, NightError> {
    let Some(rows) = published.table(DIM_METRIC.name).await? else {
        return Ok(BTreeMap::new());
    };
    let rows = collected(Ok(rows)).await?;
    let columns = ["metric", "label_en", "label_zh", "unit", "format"];
    let columns: Result<Vec<_>, ArrowError> = columns
        .iter()
        .map(|column| optional_texts(&rows, column))
        .collect();
    let columns = columns.map_err(EngineError::during(STAGE))?;
    let forms = (0..rows.num_rows()).filter_map(|row| {
        let [metric, label_en, label_zh, unit, format] = &columns[..] else {
            return None;
        };
        let form = MetricForm {
            label_en: label_en[row].clone(),
            label_zh: label_zh[row].clone(),
            unit: unit[row].clone(),
            format: format[row].clone(),
        };
        Some((metric[row].clone()?, form))
    });
    Ok(forms.collect())
}
