//! A window of days relative to D: how it is written, and the days that it holds.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};

use crate::ground::SnapshotDate;

/// The longest window, in days: a bound that keeps dates in range.
const LONGEST: u32 = 36_500;

/// A window of days relative to D.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// The N days ending with D.
    Last(u32),
    /// The N days before those.
    Previous(u32),
    /// Every day up to D.
    Lifetime,
    /// Every day up to D - 1.
    BeforeToday,
    /// The single day D - n.
    SingleDay(u32),
}

/// Days from one to another, both included; without a start, from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// The first day; none for all days up to the last.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: NaiveDate,
}

/// A text that names no window.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown window `{given}`")]
pub struct UnknownWindow {
    /// The text as given.
    given: String,
}

impl Window {
    /// The days of this window as of D.
    pub fn days(self, snapshot_date: SnapshotDate) -> DayRange {
        let last = snapshot_date.day();
        let back = |days: u32| last - Days::new(u64::from(days));
        match self {
            Self::Last(length) => DayRange {
                from: Some(back(length - 1)),
                to: last,
            },
            Self::Previous(length) => DayRange {
                from: Some(back(2 * length - 1)),
                to: back(length),
            },
            Self::Lifetime => DayRange {
                from: None,
                to: last,
            },
            Self::BeforeToday => DayRange {
                from: None,
                to: back(1),
            },
            Self::SingleDay(ago) => DayRange {
                from: Some(back(ago)),
                to: back(ago),
            },
        }
    }
}

impl FromStr for Window {
    type Err = UnknownWindow;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let length = |text: &str| {
            let days: u32 = text.strip_suffix('d')?.parse().ok()?;
            (1..=LONGEST).contains(&days).then_some(days)
        };
        let ago = |text: &str| text.parse().ok().filter(|days| *days <= LONGEST);
        let window = match given {
            "lifetime" => Some(Self::Lifetime),
            "before_today" => Some(Self::BeforeToday),
            _ => match (given.strip_prefix("prev_"), given.strip_prefix('d')) {
                (Some(rest), _) => length(rest).map(Self::Previous),
                (_, Some(rest)) => ago(rest).map(Self::SingleDay),
                _ => length(given).map(Self::Last),
            },
        };
        window.ok_or_else(|| UnknownWindow {
            given: given.to_owned(),
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(length) => write!(formatter, "{length}d"),
            Self::Previous(length) => write!(formatter, "prev_{length}d"),
            Self::Lifetime => formatter.write_str("lifetime"),
            Self::BeforeToday => formatter.write_str("before_today"),
            Self::SingleDay(ago) => write!(formatter, "d{ago}"),
        }
    }
}

impl DayRange {
    /// Whether `day` lies in the range.
    pub fn contains(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && day <= self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_read_and_print_the_same() {
        for text in [
            "1d",
            "30d",
            "prev_30d",
            "lifetime",
            "before_today",
            "d0",
            "d12",
        ] {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "d",
            "0d",
            "30",
            "30days",
            "prev_0d",
            "-1d",
            "last_30d",
            "99999999d",
        ] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }

    #[test]
    fn windows_end_where_semantics_say() {
        let date: SnapshotDate = "2026-03-31".parse().unwrap();
        let days = |text: &str| {
            let range = text.parse::<Window>().unwrap().days(date);
            let from = range.from.map(|from| from.to_string()).unwrap_or_default();
            format!("{from}..={}", range.to)
        };
        assert_eq!(days("30d"), "2026-03-02..=2026-03-31");
        assert_eq!(days("prev_30d"), "2026-01-31..=2026-03-01");
        assert_eq!(days("1d"), "2026-03-31..=2026-03-31");
        assert_eq!(days("d0"), days("1d"));
        assert_eq!(days("d3"), "2026-03-28..=2026-03-28");
        assert_eq!(days("lifetime"), "..=2026-03-31");
        assert_eq!(days("before_today"), "..=2026-03-30");
    }
}
