//! Tiers and metrics of every date up to that of the report, also of those whose users have expired, by columns:
//!
//! | dates | 2026-11-18 | 2026-11-19 | 2026-11-20 |
//! |---|---|---|---|
//! | users of value_tier gold | 120 | 121 | 119 |
//! | revenue_d0 | 410.5 | 0 | none |
//!
//! The sums of the dates are read, never their users: one query for tiers, one for metrics.

use std::collections::BTreeMap;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::logical_expr::ident;
use serde::Serialize;

use crate::engine::{EngineError, decimals, integers, numbers, texts};
use crate::ground::SnapshotDate;
use crate::night::NightError;
use crate::tables::{KPI_DAILY, MEASURES, REVENUE_TYPE, SNAPSHOT_DATE, TIER_SUMMARY};

use super::published::{Published, STAGE, collected};

/// Two years of nights: what older dates were like is in the tables.
const MOST_DATES: usize = 731;

/// What was published so far.
#[derive(Debug, Default, Serialize)]
pub(super) struct History {
    /// The dates, the report's own last.
    dates: Vec<String>,
    /// Each tier by its dimension and name, a value for each date.
    tiers: BTreeMap<String, BTreeMap<String, TierHistory>>,
    /// Each metric, a value for each date.
    kpis: BTreeMap<String, Vec<Option<f64>>>,
}

/// A tier over time.
#[derive(Debug, Default, Serialize)]
struct TierHistory {
    /// Users; none where the date has no such tier.
    users: Vec<Option<i64>>,
    /// What they spent in 365 days, in whole units of the currency.
    revenue: Vec<Option<i64>>,
}

impl History {
    /// Reads the dates up to that of the publication.
    pub(super) async fn read(published: Published<'_>) -> Result<Self, NightError> {
        let all = published.opened.publications.dates_with_sums();
        let until = all.range(..=published.publication.snapshot_date).rev();
        let mut dates: Vec<SnapshotDate> = until.take(MOST_DATES).copied().collect();
        dates.reverse();
        let mut history = Self {
            dates: dates.iter().map(SnapshotDate::to_string).collect(),
            ..Self::default()
        };
        let failed = EngineError::during(STAGE);
        if let Some(rows) = published.dated(TIER_SUMMARY.name, &dates).await? {
            let columns = [SNAPSHOT_DATE, "dimension", "tier", "users", MEASURES[0]];
            let rows = collected(rows.select(columns.map(ident).to_vec())).await?;
            history.add_tiers(&rows).map_err(&failed)?;
        }
        if let Some(rows) = published.dated(KPI_DAILY.name, &dates).await? {
            let columns = [SNAPSHOT_DATE, "metric", "value"];
            let rows = collected(rows.select(columns.map(ident).to_vec())).await?;
            history.add_kpis(&rows).map_err(&failed)?;
        }
        Ok(history)
    }

    /// A metric as of a date.
    pub(super) fn metric(&self, metric: &str, date: &str) -> Option<f64> {
        let place = self.dates.iter().position(|found| found == date)?;
        *self.kpis.get(metric)?.get(place)?
    }

    fn add_tiers(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let places = self.places();
        let length = self.dates.len();
        let dates = texts(rows, SNAPSHOT_DATE)?;
        let (dimensions, tiers) = (texts(rows, "dimension")?, texts(rows, "tier")?);
        let users = integers(rows, "users")?;
        let revenue = decimals(rows, MEASURES[0], &REVENUE_TYPE)?;
        for row in 0..rows.num_rows() {
            let Some(place) = places.get(dates.value(row)).copied() else {
                continue;
            };
            let dimension = self.tiers.entry(dimensions.value(row).to_owned());
            let tier = dimension.or_default().entry(tiers.value(row).to_owned());
            let tier = tier.or_insert_with(|| TierHistory {
                users: vec![None; length],
                revenue: vec![None; length],
            });
            tier.users[place] = users.is_valid(row).then(|| users.value(row));
            let cents = revenue.is_valid(row).then(|| revenue.value(row));
            tier.revenue[place] = cents.map(in_whole_units);
        }
        Ok(())
    }

    fn add_kpis(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let places = self.places();
        let length = self.dates.len();
        let (dates, metrics) = (texts(rows, SNAPSHOT_DATE)?, texts(rows, "metric")?);
        let values = numbers(rows, "value")?;
        for row in 0..rows.num_rows() {
            let Some(place) = places.get(dates.value(row)).copied() else {
                continue;
            };
            let metric = self.kpis.entry(metrics.value(row).to_owned());
            let metric = metric.or_insert_with(|| vec![None; length]);
            metric[place] = values.is_valid(row).then(|| values.value(row));
        }
        Ok(())
    }

    /// The place of each date in the columns.
    fn places(&self) -> BTreeMap<String, usize> {
        let numbered = self.dates.iter().enumerate();
        numbered
            .map(|(place, date)| (date.clone(), place))
            .collect()
    }
}

/// Hundredths as whole units; what is larger than a column of the page can show is the largest.
fn in_whole_units(cents: i128) -> i64 {
    let rounded = (cents + cents.signum() * 50) / 100;
    i64::try_from(rounded).unwrap_or(i64::MAX)
}
