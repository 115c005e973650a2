//! Calibrations on a history that is shorter than what their metrics look back.

use std::cmp::Reverse;
use std::fmt;

use chrono::{Days, NaiveDate};

use crate::ground::SnapshotDate;

use super::planned_night::Plan;
use super::rollups::RollupTiles;

/// A metric whose window begins before its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShortHistory {
    /// The metric.
    pub metric: String,
    /// The first day that it counts.
    pub counts_from: NaiveDate,
    /// The first day that there is anything of.
    pub first_day: NaiveDate,
    /// The first date whose window is full.
    pub full_from: SnapshotDate,
}

impl fmt::Display for ShortHistory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            metric,
            counts_from,
            first_day,
            full_from,
        } = self;
        write!(
            formatter,
            "the new cut points are provisional: `{metric}` counts from {counts_from} on, and there is nothing before {first_day}; from {full_from} on another calibration is worth making, by `tierline calibrate`"
        )
    }
}

impl Plan {
    /// Of the metrics that look back further than there is any history, the one whose window is
    /// full the latest; none where all are full. A metric's window is the end of its name,
    /// `orders_365d`, and its history that of the rollups which give such a window.
    pub(crate) fn short_history<'a>(
        &self,
        metrics: impl Iterator<Item = &'a str>,
    ) -> Option<ShortHistory> {
        let short = metrics.flat_map(|metric| {
            let rollups = self.tiles.iter();
            rollups.flat_map(move |rollup| self.short_windows(rollup, metric))
        });
        short.min_by_key(|short| Reverse(short.full_from))
    }

    fn short_windows<'a>(
        &'a self,
        rollup: &'a RollupTiles,
        metric: &'a str,
    ) -> impl Iterator<Item = ShortHistory> + 'a {
        let first_day = self.first_day(rollup);
        let windows = rollup.inputs.windows.iter();
        let windows = windows.filter(move |window| metric.ends_with(&format!("_{window}")));
        windows.filter_map(move |window| {
            let (first_day, counts_from) = (first_day?, window.days(self.snapshot_date).from?);
            let missing = u64::try_from((first_day - counts_from).num_days()).ok()?;
            (missing > 0).then(|| ShortHistory {
                metric: metric.to_owned(),
                counts_from,
                first_day,
                full_from: SnapshotDate::on(self.snapshot_date.day() + Days::new(missing)),
            })
        })
    }

    /// The first day that a rollup has anything of.
    fn first_day(&self, rollup: &RollupTiles) -> Option<NaiveDate> {
        let inputs = &rollup.inputs;
        let sources = inputs.by_day.iter().chain(&inputs.whole);
        let histories = sources.filter_map(|source| self.histories.get(source));
        let first = histories.filter_map(|history| history.days.keys().next());
        let given_up = self.history_starts.get(&rollup.plan.rollup);
        first.min().copied().max(given_up.copied())
    }
}
