//! What lies next to the files of a source and is not read: reported, never skipped silently.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;

use crate::storage::UnreadableReason;

/// How many names a message gives before it counts the others.
const NAMES_TOLD: usize = 10;

/// What names of files and folders may not be.
pub(super) const NAMES_MAY_NOT: &str = "names may not have control characters, bytes that are not UTF-8, or parts such as a//b and a/../b";

/// What a source has besides the files that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Aside {
    /// What writers have not finished, at work or dead.
    pub unfinished: Vec<Left>,
    /// What a write to the whole source has not put into a partition yet, by its paths below the
    /// source: newer than every file that is visible.
    pub writing: Vec<String>,
    /// The same of writes that were given up: newer files have come since.
    pub abandoned: Vec<String>,
    /// Files whose names the job does not read.
    pub unread: Vec<Left>,
    /// Partitions without the file that the job says marks them as whole.
    pub unmarked: Vec<Left>,
    /// Files in partitions of no day that the job skips, by their paths below the source.
    pub skipped: Vec<String>,
    /// Files in no partition, by their paths below the source.
    pub strays: Vec<String>,
    /// What may be data and cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// What cannot be read in no day's partition, or with a name that the job does not read.
    pub ignored: Vec<Unreadable>,
}

/// An object that nobody can read: a name that the store's client cannot represent, or a link
/// that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The business day; none when it may be of any day.
    pub day: Option<NaiveDate>,
    /// Its path below the source.
    pub path: String,
    /// Why nobody can.
    pub reason: UnreadableReason,
}

/// An object of a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Left {
    /// The business day of its partition.
    pub day: NaiveDate,
    /// Its path below the source.
    pub path: String,
}

impl Aside {
    /// What is visible on a day: what is of it or of days before it. Of a write to the whole source
    /// nobody knows which days it is of; those that `has_later` files have come after are not.
    pub(super) fn up_to(&self, day: NaiveDate, has_later: bool) -> Self {
        let until = |left: &[Left]| {
            let visible = left.iter().filter(|left| left.day <= day);
            visible.cloned().collect()
        };
        Self {
            unfinished: until(&self.unfinished),
            unread: until(&self.unread),
            unmarked: until(&self.unmarked),
            unreadable: self
                .unreadable
                .iter()
                .filter(|object| object.day.is_none_or(|of| of <= day))
                .cloned()
                .collect(),
            ignored: self.ignored.clone(),
            strays: self.strays.clone(),
            skipped: self.skipped.clone(),
            writing: match has_later {
                true => Vec::new(),
                false => self.writing.clone(),
            },
            abandoned: match has_later {
                true => [self.abandoned.as_slice(), &self.writing].concat(),
                false => self.abandoned.clone(),
            },
        }
    }
}

/// The paths of a day.
pub fn paths_on(left: &[Left], day: NaiveDate) -> Vec<&str> {
    let of_day = left.iter().filter(|left| left.day == day);
    of_day.map(|left| left.path.as_str()).collect()
}

/// Names in a message: the first few, and how many more there are.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a>(pub &'a [&'a str]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(names) = self;
        let told = &names[..names.len().min(NAMES_TOLD)];
        formatter.write_str(&told.join(", "))?;
        match names.len() - told.len() {
            0 => Ok(()),
            more => write!(formatter, " and {more} more"),
        }
    }
}

/// Days in a message: the day, or how many from which to which.
pub fn span_of(days: &BTreeSet<NaiveDate>) -> Option<String> {
    let (first, last) = (days.first()?, days.last()?);
    Some(match days.len() {
        1 => first.to_string(),
        count => format!("{count} days, {first} to {last}"),
    })
}
