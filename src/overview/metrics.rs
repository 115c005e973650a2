//! What metrics are called and how they are written, as `dim_metric` says.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, Int64Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::{EngineError, all_rows, integers, optional_texts};
use crate::night::NightError;
use crate::publish::{Publication, published_table};
use crate::tables::DIM_METRIC;

use super::number_form::NumberForm;
use super::opened::Opened;

/// What the engine was doing when it failed.
const READING: &str = "reading dim_metric";

/// The column with the place in the index of reports.
const HEADLINE: &str = "headline";

/// How many metrics the index has where the pack is older than their places: the first in `sort_order`.
const FIRST: i64 = 3;

/// The metrics that `dim_metric` has, by name.
pub(crate) type Metrics = BTreeMap<String, MetricForm>;

/// How a metric is shown; what the table does not say is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct MetricForm {
    /// What reports call it.
    pub label_en: Option<String>,
    /// The same in Chinese.
    pub label_zh: Option<String>,
    /// What is counted, such as `users`, or `money`.
    pub unit: Option<String>,
    /// As d3-format has it: `.1%` writes 0.123 as 12.3%.
    pub format: Option<String>,
    /// The place among those that the index of reports has.
    #[serde(skip)]
    pub headline: Option<i64>,
}

impl MetricForm {
    /// How it is written; none where the table does not say so, or in a way that is not known.
    pub(crate) fn number_form(&self) -> Option<NumberForm> {
        NumberForm::of(self.format.as_deref()?)
    }
}

/// What `dim_metric` says of each metric; nothing where it has never been published.
pub(crate) async fn metrics(opened: &Opened) -> Result<Metrics, NightError> {
    let Some(rows) = dim_metric(opened).await? else {
        return Ok(Metrics::new());
    };
    Ok(read(&rows).map_err(EngineError::during(READING))?)
}

/// `dim_metric` as it was last published with rows; none where it never was, or those files are gone. It
/// has no date: an older one is published without it, and a withdrawal of the newest leaves it empty.
async fn dim_metric(opened: &Opened) -> Result<Option<RecordBatch>, NightError> {
    let name = DIM_METRIC.name;
    let has_rows = |publication: &&Publication| {
        let published = publication.tables.get(name);
        published.is_some_and(|table| table.rows > 0)
    };
    let mut newest_first = opened.publications.all().iter().rev();
    let Some(publication) = newest_first.find(has_rows) else {
        return Ok(None);
    };
    let rows = match published_table(&opened.output, publication, name).await {
        Ok(Some(rows)) => rows,
        Ok(None) => return Ok(None),
        Err(error) => {
            tracing::debug!(%error, "names and forms of metrics cannot be read");
            return Ok(None);
        }
    };
    let reading = EngineError::during(READING);
    let rows = opened.session.read(Arc::new(rows)).map_err(&reading)?;
    Ok(Some(Box::pin(all_rows(rows)).await.map_err(&reading)?))
}

fn read(rows: &RecordBatch) -> Result<Metrics, ArrowError> {
    let text = |column| optional_texts(rows, column);
    let (label_en, label_zh) = (text("label_en")?, text("label_zh")?);
    let (unit, format) = (text("unit")?, text("format")?);
    let headlines = match optional_integers(rows, HEADLINE)? {
        Some(headlines) => Some(headlines),
        None => optional_integers(rows, "sort_order")?.map(first),
    };
    let metrics = text("metric")?.into_iter().enumerate();
    let metrics = metrics.filter_map(|(row, metric)| {
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
        Some((metric?, form))
    });
    Ok(metrics.collect())
}

/// The first places of some.
fn first(places: Int64Array) -> Int64Array {
    places
        .iter()
        .map(|place| place.filter(|place| *place <= FIRST))
        .collect()
}

/// A column of whole numbers; none where the table has none of that name, or one of another type.
fn optional_integers(rows: &RecordBatch, column: &str) -> Result<Option<Int64Array>, ArrowError> {
    match rows.schema_ref().field_with_name(column) {
        Ok(field) if field.data_type().is_integer() => integers(rows, column).map(Some),
        _ => Ok(None),
    }
}
