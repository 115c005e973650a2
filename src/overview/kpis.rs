//! KPIs and warnings of a published date.

use std::collections::BTreeMap;

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

/// How a metric is written: what `dim_metric` uses of d3-format, such as `,.2f` and `.1%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NumberForm {
    decimals: usize,
    /// Whether it is written as a percentage.
    pub is_percentage: bool,
}

impl NumberForm {
    /// None for a format of another kind.
    pub(crate) fn of(format: &str) -> Option<Self> {
        let format = format.trim_start_matches(['+', ',']);
        let (decimals, kind) = format.strip_prefix('.')?.split_at_checked(1)?;
        let is_percentage = match kind {
            "%" => true,
            "f" => false,
            _ => return None,
        };
        Some(Self {
            decimals: decimals.parse().ok()?,
            is_percentage,
        })
    }

    /// A number in this form, with a comma after each three digits and a minus sign below zero. What
    /// rounds to nothing has no sign, and half a digit is rounded away from zero.
    pub(crate) fn write(self, value: f64) -> String {
        let shift = 10_f64.powi(i32::try_from(self.decimals).unwrap_or_default());
        let (hundred, sign) = match self.is_percentage {
            true => (100.0, "%"),
            false => (1.0, ""),
        };
        let rounded = (value.abs() * hundred * shift).round() / shift;
        let text = format!("{rounded:.*}", self.decimals);
        let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let minus = match value < 0.0 && rounded != 0.0 {
            true => "−",
            false => "",
        };
        format!("{minus}{grouped}{rest}{sign}")
    }
}

/// How `dim_metric` writes the metrics that it has.
pub(super) fn forms_of(rows: &RecordBatch) -> Result<BTreeMap<String, NumberForm>, ArrowError> {
    if rows.schema_ref().index_of("format").is_err() {
        return Ok(BTreeMap::new());
    }
    let (metrics, formats) = (texts(rows, "metric")?, texts(rows, "format")?);
    let forms = metrics.iter().zip(&formats);
    let forms =
        forms.filter_map(|(metric, format)| Some((metric?.to_owned(), NumberForm::of(format?)?)));
    Ok(forms.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_by_their_formats() {
        let write = |format, value| NumberForm::of(format).map(|form| form.write(value));
        for (format, value, expected) in [
            (",.0f", 0.0, "0"),
            (",.0f", 999.4, "999"),
            (",.0f", 1_234_567.5, "1,234,568"),
            (",.2f", -1000.0, "−1,000.00"),
            (",.0f", -0.2, "0"),
            (".1%", 0.0985, "9.9%"),
            ("+.2%", 0.003_456, "0.35%"),
            (".1%", -0.000_1, "0.0%"),
        ] {
            assert_eq!(
                write(format, value).as_deref(),
                Some(expected),
                "{format} {value}"
            );
        }
        for format in ["", "%", ".1p", "garbage(", ".f", ".é%"] {
            assert_eq!(write(format, 1.0), None, "{format}");
        }
    }
}
