//! Business days: from what a scheduler hands in to the snapshot date D.
//!
//! | given | timezone | D |
//! |---|---|---|
//! | `--as-of 2026-11-21` | any | 2026-11-20 |
//! | `--as-of 2026-11-20T16:00:00Z` | Asia/Shanghai | 2026-11-20 (local midnight ends the day) |
//! | `--as-of 2026-11-20T15:59:59Z` | Asia/Shanghai | 2026-11-19 |
//! | `--date 2026-11-20` | any | 2026-11-20 |

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The years that a snapshot can be of. Every window of days around one is a date, too.
const YEARS: RangeInclusive<i32> = 1900..=9999;

/// The last business day a snapshot sees, D.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotDate(NaiveDate);

/// A date or instant that cannot be understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AsOfError {
    /// Neither a date nor an instant with an offset.
    #[error(
        "cannot read `{given}` as a point in time; give a date such as 2026-11-21 or an instant with an offset such as 2026-11-21T02:00:00+08:00"
    )]
    Unreadable {
        /// The text as given.
        given: String,
    },
    /// A point in time that no job is about.
    #[error(
        "`{given}` lies outside of the years {} to {}; give a date such as 2026-11-21",
        YEARS.start(),
        YEARS.end()
    )]
    OutOfRange {
        /// The text as given.
        given: String,
    },
    /// A business day that goes on.
    #[error(
        "the business day {date} has not ended yet in {timezone}; run it once it has, or say `future_dates = true` under [guards] if a part of a day is meant"
    )]
    NotEnded {
        /// The day.
        date: SnapshotDate,
        /// The job's timezone.
        timezone: Tz,
    },
    /// Not a calendar date.
    #[error("cannot read `{given}` as a date; give one such as 2026-11-20")]
    NotADate {
        /// The text as given.
        given: String,
    },
}

impl SnapshotDate {
    /// The snapshot of `day` itself.
    pub fn on(day: NaiveDate) -> Self {
        Self(day)
    }

    /// The last business day of `timezone` that ended at or before `instant`.
    pub fn ended_by(instant: DateTime<Utc>, timezone: Tz) -> Self {
        Self::before(instant.with_timezone(&timezone).date_naive())
    }

    /// The day before `exclusive_bound`.
    fn before(exclusive_bound: NaiveDate) -> Self {
        Self(exclusive_bound - Days::new(1))
    }

    /// Reads an exclusive bound: a date, or an instant with an offset.
    ///
    /// # Errors
    /// [`AsOfError::Unreadable`] when `given` is neither, [`AsOfError::OutOfRange`] when it is one of
    /// another age.
    pub fn from_as_of(given: &str, timezone: Tz) -> Result<Self, AsOfError> {
        if let Ok(day) = given.parse::<NaiveDate>() {
            return in_range(day, given).map(Self::before);
        }
        let instant = DateTime::parse_from_rfc3339(&given.replacen(' ', "T", 1)).map_err(|_| {
            AsOfError::Unreadable {
                given: given.to_owned(),
            }
        })?;
        let instant = instant.to_utc();
        in_range(instant.date_naive(), given)?;
        Ok(Self::ended_by(instant, timezone))
    }

    /// The calendar day.
    pub fn day(self) -> NaiveDate {
        self.0
    }

    /// Days since 1970-01-01, as Arrow's Date32 counts them.
    pub fn days_since_epoch(self) -> i32 {
        self.0.to_epoch_days()
    }
}

impl FromStr for SnapshotDate {
    type Err = AsOfError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let day = given
            .parse::<NaiveDate>()
            .map_err(|_| AsOfError::NotADate {
                given: given.to_owned(),
            })?;
        in_range(day, given).map(Self)
    }
}

fn in_range(day: NaiveDate, given: &str) -> Result<NaiveDate, AsOfError> {
    match YEARS.contains(&day.year()) {
        true => Ok(day),
        false => Err(AsOfError::OutOfRange {
            given: given.to_owned(),
        }),
    }
}

impl fmt::Display for SnapshotDate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// As `2026-11-20`.
impl Serialize for SnapshotDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SnapshotDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = String::deserialize(deserializer)?;
        given.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_of(given: &str, timezone: Tz) -> String {
        match SnapshotDate::from_as_of(given, timezone) {
            Ok(date) => date.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// The first day that there is has none before it.
    #[test]
    fn other_ages_are_refused() {
        for given in ["-262143-01-01", "+262142-12-31", "0000-01-01T00:00:00Z"] {
            let told = as_of(given, Tz::UTC);
            assert!(
                told.contains("lies outside of the years 1900 to 9999"),
                "{told}"
            );
        }
        let date = "-262143-01-01".parse::<SnapshotDate>();
        assert!(matches!(date, Err(AsOfError::OutOfRange { .. })));
    }

    #[test]
    fn as_of_is_an_exclusive_bound() {
        assert_eq!(as_of("2026-11-21", Tz::UTC), "2026-11-20");
        assert_eq!(as_of("2026-11-21T00:00:00Z", Tz::UTC), "2026-11-20");
        assert_eq!(as_of("2026-11-21T23:59:59Z", Tz::UTC), "2026-11-20");
    }

    #[test]
    fn instants_are_read_in_the_timezone_of_the_job() {
        let shanghai = Tz::Asia__Shanghai;
        assert_eq!(as_of("2026-11-20T16:00:00Z", shanghai), "2026-11-20");
        assert_eq!(as_of("2026-11-20T15:59:59Z", shanghai), "2026-11-19");
        assert_eq!(as_of("2026-11-21 00:00:00+08:00", shanghai), "2026-11-20");
    }

    #[test]
    fn a_day_whose_midnight_is_skipped_by_a_clock_change_still_ends() {
        // Santiago moved from 00:00 to 01:00 on 2024-09-08: that midnight does not exist.
        let santiago = Tz::America__Santiago;
        assert_eq!(as_of("2024-09-08T04:00:00Z", santiago), "2024-09-07");
        assert_eq!(as_of("2024-09-08T03:59:59Z", santiago), "2024-09-06");
    }

    #[test]
    fn an_instant_without_an_offset_is_refused() {
        assert!(as_of("2026-11-21T02:00:00", Tz::UTC).starts_with("cannot read"));
    }
}
