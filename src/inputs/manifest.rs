//! The manifest of a source: its files by day, from one LIST, and by the log where it has one.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::ground::SnapshotDate;
use crate::job::Column;

use super::{Aside, DayFiles, InputFile, KnownDay, KnownDays};

/// The files of one source, sorted by day and key.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// The source's name.
    pub source: String,
    /// The files.
    pub files: Vec<InputFile>,
    /// What it has besides them.
    pub aside: Aside,
    /// The version of the Delta table that the source is; none for a folder of files.
    pub delta_version: Option<u64>,
}

impl Manifest {
    /// The files of some days.
    #[must_use]
    pub fn on(&self, days: &BTreeSet<NaiveDate>) -> Self {
        let files = self.files.iter().filter(|file| days.contains(&file.day));
        Self {
            files: files.cloned().collect(),
            ..self.clone()
        }
    }

    /// The files of a day.
    #[cfg(feature = "cluster")]
    pub(crate) fn files_on(&self, day: NaiveDate) -> &[InputFile] {
        let first = self.files.partition_point(|file| file.day < day);
        let end = self.files.partition_point(|file| file.day <= day);
        &self.files[first..end]
    }

    /// The files of all other days.
    #[must_use]
    pub fn without(self, days: &BTreeSet<NaiveDate>) -> Self {
        let files = self.files.into_iter();
        let files = files.filter(|file| !days.contains(&file.day));
        Self {
            files: files.collect(),
            ..self
        }
    }

    /// A source that is not delivered.
    pub fn empty(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            ..Self::default()
        }
    }

    /// The days that have files.
    pub fn days(&self) -> BTreeSet<NaiveDate> {
        self.files.iter().map(|file| file.day).collect()
    }

    /// The bytes of all files.
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.object.size).sum()
    }

    /// What is visible on D: what is of D and of the days before it.
    #[must_use]
    pub fn up_to(&self, snapshot_date: SnapshotDate) -> Self {
        let visible = self.files.iter();
        let visible = visible.take_while(|file| file.day <= snapshot_date.day());
        let newest = self.files.last();
        let has_later = newest.is_some_and(|file| file.day > snapshot_date.day());
        Self {
            source: self.source.clone(),
            files: visible.cloned().collect(),
            aside: self.aside.up_to(snapshot_date.day(), has_later),
            delta_version: self.delta_version,
        }
    }

    /// Leaves of the files' paths what declared columns can be.
    #[must_use]
    pub fn with_values_of(mut self, declared: &[Column]) -> Self {
        for file in &mut self.files {
            file.values.keep_declared(declared);
        }
        self
    }

    /// Each day as a record keeps it.
    pub fn known_days(&self) -> KnownDays {
        let days = self.files.chunk_by(|left, right| left.day == right.day);
        let days = days.map(|files| (files[0].day, KnownDay::stored(DayFiles::of(files))));
        days.collect()
    }
}
