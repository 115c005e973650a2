//! Dates that are older than the job keeps every one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days};
use serde::Serialize;

use crate::ground::SnapshotDate;

/// Published dates whose rows of users are to go.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct ExpiredDates {
    /// How many they are.
    pub dates: usize,
    /// The first of them, as YYYY-MM-DD.
    pub first: String,
    /// The last of them.
    pub last: String,
    #[serde(skip)]
    pub(super) all: BTreeSet<SnapshotDate>,
}

impl ExpiredDates {
    /// Those more than `daily_days` before the newest date, but for the last of each month; none where
    /// there are none.
    pub(super) fn among(published: &BTreeSet<SnapshotDate>, daily_days: u32) -> Option<Self> {
        let since = published.last()?.day() - Days::new(daily_days.into());
        let month = |date: &SnapshotDate| (date.day().year(), date.day().month());
        let by_month = published.iter().map(|date| (month(date), *date));
        let last_of_month: BTreeMap<_, _> = by_month.collect();
        let is_expired =
            |date: &&SnapshotDate| date.day() < since && last_of_month[&month(date)] != **date;
        let all: BTreeSet<SnapshotDate> = published.iter().filter(is_expired).copied().collect();
        Some(Self {
            dates: all.len(),
            first: all.first()?.to_string(),
            last: all.last()?.to_string(),
            all,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_dates_expire_but_for_the_last_of_each_month() {
        let days = [
            "2026-06-29",
            "2026-06-30",
            "2026-07-13",
            "2026-07-14",
            "2026-09-20",
            "2026-09-21",
            "2026-11-20",
        ];
        let published: BTreeSet<SnapshotDate> =
            days.iter().map(|day| day.parse().unwrap()).collect();
        let expired = |daily| ExpiredDates::among(&published, daily);
        let told =
            |daily| expired(daily).map(|expired| (expired.dates, expired.first, expired.last));
        let days = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        let (first, last) = days("2026-06-29", "2026-07-13");
        // The 21st of September is 60 days before the newest date, and the last of its month.
        assert_eq!(told(60), Some((3, first.clone(), "2026-09-20".to_owned())));
        assert_eq!(told(61), Some((2, first, last)));
        assert_eq!(told(400), None);
        assert_eq!(ExpiredDates::among(&BTreeSet::new(), 60), None);
    }
}
