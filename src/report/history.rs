//! Tiers and metrics of every date up to that of the report, also of those whose users have expired, by columns:
//!
//! | dates | 2026-11-18 | 2026-11-19 | 2026-11-20 |
//! |---|---|---|---|
//! | users of value_tier gold | 120 | 121 | 119 |
//! | revenue_d0 | 410.5 | 0 | none |
//!
//! The sums of the dates are read, never their users: one query for tiers, one for metrics. They are
//! read once for however many pages, each of which shows those up to [its date](History::until).

use std::collections::BTreeMap;
use std::ops::Range;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::logical_expr::ident;
use serde::Serialize;

use crate::engine::{EngineError, decimals, integers, numbers, texts};
use crate::ground::SnapshotDate;
use crate::night::NightError;
use crate::overview::Opened;
use crate::tables::{KPI_DAILY, MEASURES, REVENUE_TYPE, SNAPSHOT_DATE, TIER_SUMMARY};

use super::published::{STAGE, collected, dated};

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
    /// Reads the dates that pages of `shown` dates have, and those after them.
    pub(super) async fn read(opened: &Opened, shown: &[SnapshotDate]) -> Result<Self, NightError> {
        let all = opened.publications.dates_with_sums();
        let first = shown.iter().min().or(all.last());
        let before = first.map(|first| all.range(..=first).rev().take(MOST_DATES));
        let begin = before.and_then(|before| before.last());
        let dates = begin.map(|begin| all.range(begin..).copied().collect());
        let dates: Vec<SnapshotDate> = dates.unwrap_or_default();
        let mut history = Self {
            dates: dates.iter().map(SnapshotDate::to_string).collect(),
            ..Self::default()
        };
        let failed = EngineError::during(STAGE);
        if let Some(rows) = dated(opened, TIER_SUMMARY.name, &dates).await? {
            let columns = [SNAPSHOT_DATE, "dimension", "tier", "users", MEASURES[0]];
            let rows = collected(rows.select(columns.map(ident).to_vec())).await?;
            history.add_tiers(&rows).map_err(&failed)?;
        }
        if let Some(rows) = dated(opened, KPI_DAILY.name, &dates).await? {
            let columns = [SNAPSHOT_DATE, "metric", "value"];
            let rows = collected(rows.select(columns.map(ident).to_vec())).await?;
            history.add_kpis(&rows).map_err(&failed)?;
        }
        Ok(history)
    }

    /// What the page of a date shows of it: the dates up to that one, and what these have.
    pub(super) fn until(&self, date: SnapshotDate) -> Self {
        let date = date.to_string();
        let end = self.dates.partition_point(|found| *found <= date);
        let part = end.saturating_sub(MOST_DATES)..end;
        let tiers = self.tiers.iter().filter_map(|(dimension, tiers)| {
            let tiers = tiers.iter().filter_map(|(name, tier)| {
                let tier = TierHistory {
                    users: part_of(&tier.users, &part)?,
                    revenue: tier.revenue[part.clone()].to_vec(),
                };
                Some((name.clone(), tier))
            });
            let tiers: BTreeMap<_, _> = tiers.collect();
            (!tiers.is_empty()).then(|| (dimension.clone(), tiers))
        });
        let kpis = self.kpis.iter();
        Self {
            dates: self.dates[part.clone()].to_vec(),
            tiers: tiers.collect(),
            kpis: kpis
                .filter_map(|(metric, values)| Some((metric.clone(), part_of(values, &part)?)))
                .collect(),
        }
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

/// The values of some dates; none where none of these has one.
fn part_of<T: Clone>(values: &[Option<T>], part: &Range<usize>) -> Option<Vec<Option<T>>> {
    let values = &values[part.clone()];
    let is_there = values.iter().any(Option::is_some);
    is_there.then(|| values.to_vec())
}

/// Hundredths as whole units; what is larger than a column of the page can show is the largest.
fn in_whole_units(cents: i128) -> i64 {
    let rounded = (cents + cents.signum() * 50) / 100;
    i64::try_from(rounded).unwrap_or(i64::MAX)
}
