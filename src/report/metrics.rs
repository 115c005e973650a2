//! What metrics are called and how they are written, as `dim_metric` says.

use std::collections::BTreeMap;

use datafusion::arrow::array::Array;
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::{EngineError, integers};
use crate::job::Language;
use crate::night::NightError;
use crate::overview::is_fraction;
use crate::tables::DIM_METRIC;

use super::published::{Published, STAGE, collected, optional_texts};

/// The column with the place in the index.
const HEADLINE: &str = "headline";

/// How a metric is shown; what the table does not say is none.
#[derive(Debug, Default, Serialize)]
pub(super) struct MetricForm {
    label_en: Option<String>,
    label_zh: Option<String>,
    /// What is counted, such as `users`, or `money`.
    unit: Option<String>,
    /// As d3-format has it: `.1%` writes 0.123 as 12.3%.
    format: Option<String>,
    /// The place among those that the index has.
    #[serde(skip)]
    headline: Option<i64>,
}

/// A metric that the index has.
pub(super) struct Headline {
    /// As `kpi_daily` calls it.
    pub metric: String,
    /// As people read it.
    pub label: String,
    /// Whether it is written as a percentage.
    pub is_fraction: bool,
}

/// The metrics that the index has, in their order.
pub(super) fn headlines(forms: &BTreeMap<String, MetricForm>, language: Language) -> Vec<Headline> {
    let placed = forms
        .iter()
        .filter_map(|(metric, form)| Some((form.headline?, metric, form)));
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by_key(|(place, metric, _)| (*place, *metric));
    let headlines = placed.into_iter().map(|(_, metric, form)| {
        let label = match language {
            Language::English => &form.label_en,
            Language::Chinese => &form.label_zh,
        };
        Headline {
            metric: metric.clone(),
            label: label.clone().unwrap_or_else(|| metric.clone()),
            is_fraction: form.format.as_deref().is_some_and(is_fraction),
        }
    });
    headlines.collect()
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
    let headlines = match rows.schema_ref().index_of(HEADLINE) {
        Ok(_) => Some(integers(&rows, HEADLINE).map_err(EngineError::during(STAGE))?),
        Err(_) => None,
    };
    let forms = (0..rows.num_rows()).filter_map(|row| {
        let [metric, label_en, label_zh, unit, format] = &columns[..] else {
            return None;
        };
        let form = MetricForm {
            label_en: label_en[row].clone(),
            label_zh: label_zh[row].clone(),
            unit: unit[row].clone(),
            format: format[row].clone(),
            headline: headlines
                .as_ref()
                .filter(|places| places.is_valid(row))
                .map(|places| places.value(row)),
        };
        Some((metric[row].clone()?, form))
    });
    Ok(forms.collect())
}
