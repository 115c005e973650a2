//! How a source is delivered: which files of its partitions are data, and when a day is whole.
//!
//! | key of `[sources.*]` | default | |
//! |---|---|---|
//! | `files` | `"*"` | files whose names match are read; the others are named in a warning |
//! | `ready` | none | the file that a partition has once it is whole, such as `_SUCCESS` |
//! | `incomplete` | `"wait"` where `required`, else `"warn"` | what is done about a snapshot date that is not whole |
//! | `odd_days` | `"refuse"` | what is done about partitions such as `dt=today`: `"skip"` leaves them out, with a warning |

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;

use crate::ground::{Diagnostic, did_you_mean};

use super::file::SourceSection;

/// The column that sources are partitioned by, in the names of folders `dt=2026-11-20`.
pub const PARTITION_KEY: &str = "dt";

/// The values of `incomplete`.
const INCOMPLETE: [(&str, Incomplete); 2] =
    [("wait", Incomplete::Wait), ("warn", Incomplete::Warn)];

/// The values of `odd_days`.
const ODD_DAYS: [(&str, OddDays); 2] = [("refuse", OddDays::Refuse), ("skip", OddDays::Skip)];

/// How a source is delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The names of the files that are read.
    pub files: NamePattern,
    /// The name of the file that marks a partition as whole.
    pub ready: Option<String>,
    /// What is done about a snapshot date that is not whole.
    pub incomplete: Incomplete,
    /// What is done about partitions whose value is not a day.
    pub odd_days: OddDays,
}

/// `*`, for all names, or `*` and what names must end with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamePattern {
    ending: String,
}

/// What is done about a snapshot date whose partition is there, but not whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Incomplete {
    /// The night does not run, as if the partition were missing.
    Wait,
    /// The night runs, and says so.
    #[default]
    Warn,
}

/// What is done about partitions whose value is not a day, such as `dt=__HIVE_DEFAULT_PARTITION__`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OddDays {
    /// The night does not run.
    #[default]
    Refuse,
    /// The night runs without them, and says so.
    Skip,
}

/// The business day of the rows in a folder such as `dt=2026-11-20`. Written otherwise, as in
/// `dt=2026-11-5`, it is none: two folders could be of one day.
pub fn day_of_partition(folder: &str) -> Option<NaiveDate> {
    let written = folder.strip_prefix(PARTITION_KEY)?.strip_prefix('=')?;
    let day: NaiveDate = written.parse().ok()?;
    (day.to_string() == written).then_some(day)
}

impl NamePattern {
    /// Whether a file of that name is read.
    pub fn matches(&self, name: &str) -> bool {
        name.ends_with(&self.ending)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "*{}", self.ending)
    }
}

impl Delivery {
    /// Reads the keys of a source, and says what is wrong with them: the key, the problem.
    pub(super) fn read(section: &SourceSection) -> (Self, Vec<(&'static str, Diagnostic)>) {
        let mut problems = Vec::new();
        let mut keep = |key: &'static str, problem: Diagnostic| problems.push((key, problem));
        let mut delivery = Self {
            incomplete: match section.required {
                true => Incomplete::Wait,
                false => Incomplete::Warn,
            },
            ..Self::default()
        };
        if let Some(pattern) = &section.files {
            match pattern.parse() {
                Ok(files) => delivery.files = files,
                Err(problem) => keep("files", problem),
            }
        }
        if let Some(name) = &section.ready {
            match marker(name) {
                Ok(ready) => delivery.ready = Some(ready),
                Err(problem) => keep("ready", problem),
            }
        }
        if let Some(name) = &section.incomplete {
            match incomplete(name) {
                Ok(incomplete) => delivery.incomplete = incomplete,
                Err(problem) => keep("incomplete", problem),
            }
        }
        if let Some(name) = &section.odd_days {
            match odd_days(name) {
                Ok(odd_days) => delivery.odd_days = odd_days,
                Err(problem) => keep("odd_days", problem),
            }
        }
        (delivery, problems)
    }
}

impl FromStr for NamePattern {
    type Err = Diagnostic;

    fn from_str(pattern: &str) -> Result<Self, Diagnostic> {
        let ending = pattern.strip_prefix('*');
        let ending = ending.filter(|ending| !ending.contains(['*', '?', '[', '{', '/']));
        match ending {
            Some(ending) => Ok(Self {
                ending: ending.to_owned(),
            }),
            None => Err(
                Diagnostic::new(format!("`{pattern}` does not say how names end"))
                    .help("give \"*\" for all files, or an ending such as \"*.parquet\""),
            ),
        }
    }
}

fn marker(name: &str) -> Result<String, Diagnostic> {
    match name.is_empty() || name.contains('/') {
        false => Ok(name.to_owned()),
        true => Err(Diagnostic::new(format!("`{name}` is not the name of a file"))
            .help("give the name of the file that a partition has once it is whole, such as \"_SUCCESS\"")),
    }
}

fn odd_days(name: &str) -> Result<OddDays, Diagnostic> {
    let known = ODD_DAYS.iter().find(|(known, _)| *known == name);
    known.map(|(_, odd_days)| *odd_days).ok_or_else(|| {
        let near = did_you_mean(name, ODD_DAYS.iter().map(|(known, _)| *known));
        Diagnostic::new(format!(
            "`{name}` does not say what to do with partitions of no day{near}"
        ))
        .help("give \"refuse\", to end with exit code 3, or \"skip\", to run without them")
    })
}

fn incomplete(name: &str) -> Result<Incomplete, Diagnostic> {
    let known = INCOMPLETE.iter().find(|(known, _)| *known == name);
    known.map(|(_, incomplete)| *incomplete).ok_or_else(|| {
        let near = did_you_mean(name, INCOMPLETE.iter().map(|(known, _)| *known));
        Diagnostic::new(format!("`{name}` does not say what to do with a day that is not whole{near}"))
            .help("give \"wait\", to end with exit code 4 until it is, or \"warn\", to run without what is missing")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_a_star_and_an_ending() {
        let matches = |pattern: &str, name: &str| {
            let pattern = pattern.parse::<NamePattern>();
            pattern.map(|pattern| pattern.matches(name)).ok()
        };
        assert_eq!(matches("*", "000001_0"), Some(true));
        assert_eq!(matches("*.parquet", "part-0.parquet"), Some(true));
        assert_eq!(matches("*.parquet", "part-0.PARQUET"), Some(false));
        for refused in [
            "",
            ".parquet",
            "*.par*",
            "part-*.parquet",
            "**",
            "*.{parq,pq}",
        ] {
            assert_eq!(matches(refused, "part-0.parquet"), None, "{refused}");
        }
    }
}
