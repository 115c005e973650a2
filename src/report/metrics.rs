//! What metrics are called and how they are written, as `dim_metric` says.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, Int64Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::{EngineError, integers};
use crate::job::Language;
use crate::night::NightError;
use crate::overview::{NumberForm, Opened, dim_metric};

use super::published::{STAGE, optional_texts};

/// The column with the place in the index.
const HEADLINE: &str = "headline";

/// How many metrics the index has where the pack is older than its places: the first in `sort_order`.
const FIRST: i64 = 3;

/// From here on a number is written without decimals.
const LARGE: f64 = 1_000.0;

/// Whole numbers, as d3-format has them.
const WHOLE: &str = ",.0f";

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
    /// How it is written, where the table says so in a way that is known.
    form: Option<NumberForm>,
}

impl Headline {
    /// A value of the metric. Nobody reads cents beside thousands.
    pub(super) fn write(&self, value: f64) -> String {
        let is_large = value.abs() >= LARGE && self.form.is_none_or(|form| !form.is_percentage);
        let form = self.form.filter(|_| !is_large);
        form.or_else(|| NumberForm::of(WHOLE))
            .map_or_else(|| value.to_string(), |form| form.write(value))
    }
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
            form: form.format.as_deref().and_then(NumberForm::of),
        }
    });
    headlines.collect()
}

/// The metrics that `dim_metric` names; none where it has never been published.
pub(super) async fn read(opened: &Opened) -> Result<BTreeMap<String, MetricForm>, NightError> {
    let Some(rows) = dim_metric(opened).await? else {
        return Ok(BTreeMap::new());
    };
    let columns = ["metric", "label_en", "label_zh", "unit", "format"];
    let columns: Result<Vec<_>, ArrowError> = columns
        .iter()
        .map(|column| optional_texts(&rows, column))
        .collect();
    let columns = columns.map_err(EngineError::during(STAGE))?;
    let places = |column| optional_integers(&rows, column).map_err(EngineError::during(STAGE));
    let (headlines, first) = (places(HEADLINE)?, places("sort_order")?);
    let forms = (0..rows.num_rows()).filter_map(|row| {
        let [metric, label_en, label_zh, unit, format] = &columns[..] else {
            return None;
        };
        let form = MetricForm {
            label_en: label_en[row].clone(),
            label_zh: label_zh[row].clone(),
            unit: unit[row].clone(),
            format: format[row].clone(),
            headline: match &headlines {
                Some(headlines) => place_in(headlines, row),
                None => first
                    .as_ref()
                    .and_then(|places| place_in(places, row))
                    .filter(|place| *place <= FIRST),
            },
        };
        Some((metric[row].clone()?, form))
    });
    Ok(forms.collect())
}

/// A column of whole numbers; none where the table has none of that name, or one of another type.
fn optional_integers(rows: &RecordBatch, column: &str) -> Result<Option<Int64Array>, ArrowError> {
    match rows.schema_ref().field_with_name(column) {
        Ok(field) if field.data_type().is_integer() => integers(rows, column).map(Some),
        _ => Ok(None),
    }
}

fn place_in(places: &Int64Array, row: usize) -> Option<i64> {
    places.is_valid(row).then(|| places.value(row))
}
