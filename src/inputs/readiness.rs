//! Whether a day of a source is there and whole.
//!
//! | what it lacks | what follows |
//! |---|---|
//! | files | the night waits where the source is required |
//! | the end of a write to it, its marker, rows | the night waits, or warns, as `incomplete` of the source says |
//!
//! How many rows there are is known when footers are read; the rest is known from the listing.

use chrono::NaiveDate;

use crate::ground::{Diagnostic, Problems, SnapshotDate};
use crate::job::{Incomplete, PARTITION_KEY, Source};
use crate::storage::{Location, UnreadableReason};

use super::aside::{NAMES_MAY_NOT, Names, paths_on};
use super::schema::FileSchema;
use super::{InputError, Manifest, Shortfall, Shortfalls};

impl Shortfalls {
    /// Ends a night that lacks anything.
    ///
    /// # Errors
    /// Everything that it lacks.
    pub fn or_ready(self, day: SnapshotDate) -> Result<(), InputError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(InputError::NotReady {
                shortfalls: self,
                day,
            }),
        }
    }
}

impl Manifest {
    /// What `day` lacks, as far as the listing shows, and the job does not put up with.
    pub fn shortfalls(
        &self,
        declared: &Source,
        location: &Location,
        day: NaiveDate,
    ) -> Vec<Shortfall> {
        let has_files = self.files.iter().any(|file| file.day == day);
        if declared.required && !has_files {
            return vec![self.missing(declared, location, day)];
        }
        if declared.delivery.incomplete == Incomplete::Warn {
            return Vec::new();
        }
        let unfinished = paths_on(&self.aside.unfinished, day);
        let unfinished = (!unfinished.is_empty()).then(|| {
            Shortfall::Incomplete(format!(
                "a write to source `{}` has not finished: {}",
                self.source,
                Names(&unfinished)
            ))
        });
        let writing: Vec<&str> = self.aside.writing.iter().map(String::as_str).collect();
        let writing = (!writing.is_empty()).then(|| {
            Shortfall::Incomplete(format!(
                "a write to source `{}` is newer than all of its files and has not finished: {}",
                self.source,
                Names(&writing)
            ))
        });
        let of_day = self.files.iter().filter(|file| file.day == day);
        let empty = of_day.filter(|file| file.object.size == 0);
        let empty: Vec<String> = empty
            .map(|file| location.url_of(&file.object.location))
            .collect();
        let names: Vec<&str> = empty.iter().map(String::as_str).collect();
        let empty = (!empty.is_empty()).then(|| {
            Shortfall::Incomplete(format!(
                "source `{}` has files without a byte, as while they are written: {}",
                self.source,
                Names(&names)
            ))
        });
        let unmarked = paths_on(&self.aside.unmarked, day);
        let unmarked = declared.delivery.ready.as_ref().zip(unmarked.first());
        let unmarked = unmarked.map(|(marker, partition)| {
            let partition = location.path.clone().join(*partition);
            Shortfall::Incomplete(format!(
                "source `{}` has no {marker} in {}",
                self.source,
                location.url_of(&partition)
            ))
        });
        let found = [unfinished, writing, empty, unmarked];
        found.into_iter().flatten().collect()
    }

    /// Refuses what may be data and cannot be read, unless it may be there another time.
    ///
    /// # Errors
    /// The first of each kind by name.
    pub fn check_names(&self, location: &Location) -> Result<(), Problems> {
        let kinds = [
            UnreadableReason::Name,
            UnreadableReason::Circle,
            UnreadableReason::NoFile,
        ];
        let found = kinds.into_iter().filter_map(|reason| {
            let names = self.unreadable_names(reason, location)?;
            let (what, help) = match reason {
                UnreadableReason::Name => (
                    "a file with a name that cannot be read",
                    format!("rename it, or remove it if it is no data: {NAMES_MAY_NOT}"),
                ),
                UnreadableReason::Circle => (
                    "a link that leads in a circle",
                    "remove it, or let it lead to files or a folder that it does not lie in"
                        .to_owned(),
                ),
                UnreadableReason::LinkToNothing | UnreadableReason::NoFile => (
                    "a pipe, a socket or a device where a file or a folder is to be",
                    "remove it, or put the file there itself".to_owned(),
                ),
            };
            let message = format!("source `{}` has {what}: {names}", self.source);
            Some(Diagnostic::new(message).help(help))
        });
        Problems(found.collect()).or_ok(())
    }

    /// Links that may lead to data, and lead nowhere just now.
    ///
    /// # Errors
    /// The first of them by name.
    pub fn check_links(&self, location: &Location) -> Result<(), InputError> {
        match self.unreadable_names(UnreadableReason::LinkToNothing, location) {
            Some(links) => Err(InputError::LinkToNothing {
                source_name: self.source.clone(),
                links,
            }),
            None => Ok(()),
        }
    }

    fn unreadable_names(&self, reason: UnreadableReason, location: &Location) -> Option<String> {
        let unreadable = self.aside.unreadable.iter();
        let mut of_kind = unreadable.filter(|object| object.reason == reason);
        let first = &of_kind.next()?.path;
        let first = format!("{}/{first}", location.url_of(&location.path));
        Some(match of_kind.count() {
            0 => first,
            others => format!("{first}, and {others} more"),
        })
    }

    fn missing(&self, declared: &Source, location: &Location, day: NaiveDate) -> Shortfall {
        let partition = location.path.clone().join(format!("{PARTITION_KEY}={day}"));
        let mut text = format!(
            "source `{}` has no files in {}",
            self.source,
            location.url_of(&partition)
        );
        let unread = paths_on(&self.aside.unread, day);
        if !unread.is_empty() {
            text += &format!(
                " that are read: names must match {}, unlike {}",
                declared.delivery.files,
                Names(&unread)
            );
        }
        let unfinished = paths_on(&self.aside.unfinished, day);
        if !unfinished.is_empty() {
            text += &format!(", where a write has not finished: {}", Names(&unfinished));
        }
        Shortfall::Missing(text)
    }
}

/// Why `day` is not whole when its files, of which these are all, have no rows.
pub fn without_rows(source: &str, files: &[FileSchema], day: NaiveDate) -> Option<String> {
    let mut of_day = files.iter().filter(|file| file.day == day).peekable();
    let first = of_day.peek()?.url.clone();
    let rows: u64 = of_day.map(|file| file.rows).sum();
    (rows == 0).then(|| format!("source `{source}` has files without rows only, such as {first}"))
}
