//! Windows: `windows('rollups.purchases', '30d', 'lifetime')` as one row per user.
//!
//! | written | days | columns end in |
//! |---|---|---|
//! | `30d` | the 30 days ending with D | `_30d` |
//! | `prev_30d` | the 30 days before those | `_prev_30d` |
//! | `lifetime` | every day up to D | `_lifetime` |
//! | `before_today` | every day up to D - 1 | `_before_today` |
//! | `d0`, `d1`, ... | the single day D, D - 1, ... | `_d0`, `_d1`, ... |
//!
//! The users are those with rows in at least one of the windows. A tile's rows go into the windows
//! that all of its days lie in, and one pass merges them all.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};

use crate::ground::{Diagnostic, Problems, SnapshotDate};
use crate::models::{Model, WindowsCall};

use super::Rollup;
use super::merged::{MergedColumn, MergedRollup, MergedTiles, TileRows};

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
    /// The first day.
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

/// The windows of a call.
///
/// # Errors
/// Every text that names no window, at its place in the model's file.
pub fn parse(model: &Model, call: &WindowsCall) -> Result<Vec<Window>, Problems> {
    let mut problems = Problems::default();
    let mut windows = Vec::new();
    for (text, place) in &call.windows {
        let parsed = text.parse::<Window>().map_err(|error| {
            Diagnostic::at(&model.file, place.clone(), error.to_string()).help(
                "windows are '30d', 'prev_30d', 'lifetime', 'before_today', and single days 'd0', 'd1', ...",
            )
        });
        let Some(window) = problems.keep(parsed) else {
            continue;
        };
        if windows.contains(&window) {
            let message = format!("window `{window}` is named twice");
            problems.push(
                Diagnostic::at(&model.file, place.clone(), message).help("name each window once"),
            );
        }
        windows.push(window);
    }
    problems.or_ok(windows)
}

/// One row per user with rows in any of `windows`, each rollup column once per window; `name`
/// tells the table from other windows of the same rollup.
pub fn over(name: &str, rollup: &Rollup, windows: &[Window], tiles: &[TileRows]) -> MergedTiles {
    let columns = windows.iter().flat_map(|window| {
        let columns = rollup.columns.iter();
        columns.map(move |column| MergedColumn {
            name: format!("{}_{window}", column.name),
            source: column.name.clone(),
            window: Some(*window),
            merge: column.merge,
            data_type: column.data_type.clone(),
        })
    });
    let in_any_window =
        |rows: &&TileRows| rows.windows.iter().any(|window| windows.contains(window));
    let merged = MergedRollup {
        name: name.to_owned(),
        columns: columns.collect(),
        rows: tiles.iter().filter(in_any_window).cloned().collect(),
    };
    MergedTiles::new(vec![merged], rollup.user_id_type.clone())
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
