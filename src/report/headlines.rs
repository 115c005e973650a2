//! The metrics that the index of reports has, as `dim_metric` says.

use crate::job::Language;
use crate::overview::{Metrics, NumberForm};

/// From here on a number is written without decimals.
const LARGE: f64 = 1_000.0;

/// A metric that the index has.
pub(super) struct Headline {
    /// As `kpi_daily` calls it.
    pub metric: String,
    /// As people read it.
    pub label: String,
    /// How it is written.
    form: NumberForm,
}

impl Headline {
    /// A value of the metric, with a minus sign below zero. Nobody reads cents beside thousands.
    pub(super) fn write(&self, value: f64) -> String {
        let is_large = value.abs() >= LARGE && !self.form.is_percentage;
        let form = match is_large {
            true => NumberForm::WHOLE,
            false => self.form,
        };
        form.write(value).replace('-', "−")
    }
}

/// The metrics that have a place, in its order.
pub(super) fn headlines(metrics: &Metrics, language: Language) -> Vec<Headline> {
    let placed = metrics
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
            form: form.number_form().unwrap_or(NumberForm::WHOLE),
        }
    });
    headlines.collect()
}
