//! Section 1: the windows of business days, seen from the snapshot date.

use chrono::{NaiveDate, TimeDelta};

/// The days after `after`, up to and including `last`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    after: NaiveDate,
    last: NaiveDate,
}

impl Window {
    /// "The N-day window is the N days ending with D: `day > D - N AND day <= D`."
    pub(crate) fn last_days(days: i64, snapshot_date: NaiveDate) -> Self {
        Self {
            after: days_before(snapshot_date, days),
            last: snapshot_date,
        }
    }

    /// "The previous N-day window is the N days before those."
    pub(crate) fn previous_days(days: i64, snapshot_date: NaiveDate) -> Self {
        Self::last_days(days, days_before(snapshot_date, days))
    }

    /// The single day D - `days_ago`.
    pub(crate) fn single_day(days_ago: i64, snapshot_date: NaiveDate) -> Self {
        Self::last_days(1, days_before(snapshot_date, days_ago))
    }

    /// "Before today is every day up to D - 1."
    pub(crate) fn before_today(snapshot_date: NaiveDate) -> Self {
        Self {
            after: NaiveDate::MIN,
            last: days_before(snapshot_date, 1),
        }
    }

    pub(crate) fn contains(self, day: NaiveDate) -> bool {
        day > self.after && day <= self.last
    }
}

pub(crate) fn days_before(day: NaiveDate, days: i64) -> NaiveDate {
    day - TimeDelta::days(days)
}

/// "A difference of days is a difference of dates: an order on D has recency 0."
pub(crate) fn days_between(earlier: NaiveDate, later: NaiveDate) -> i64 {
    (later - earlier).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, snapshot_date};

    /// The days before D that the window holds, as (nearest, farthest).
    fn nearest_and_farthest(window: Window) -> (i64, i64) {
        let held: Vec<i64> = (-10..=800)
            .filter(|days| window.contains(days_ago(*days)))
            .collect();
        (held[0], held[held.len() - 1])
    }

    #[test]
    fn n_day_window_ends_with_the_snapshot_date_and_holds_n_days() {
        let d = snapshot_date();
        assert_eq!(nearest_and_farthest(Window::last_days(1, d)), (0, 0));
        assert_eq!(nearest_and_farthest(Window::last_days(7, d)), (0, 6));
        assert_eq!(nearest_and_farthest(Window::last_days(30, d)), (0, 29));
        assert_eq!(nearest_and_farthest(Window::last_days(365, d)), (0, 364));
    }

    #[test]
    fn previous_window_holds_the_n_days_before() {
        let window = Window::previous_days(30, snapshot_date());
        assert_eq!(nearest_and_farthest(window), (30, 59));
    }

    #[test]
    fn single_day_and_before_today_meet_without_overlap() {
        let d = snapshot_date();
        assert_eq!(nearest_and_farthest(Window::single_day(0, d)), (0, 0));
        assert_eq!(nearest_and_farthest(Window::single_day(3, d)), (3, 3));
        assert_eq!(nearest_and_farthest(Window::before_today(d)), (1, 800));
    }
}
