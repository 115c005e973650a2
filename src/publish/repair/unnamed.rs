//! Which commits of a table no publication names.
//!
//! The newest version that publications record is there, and those above it are nobody's unless a
//! repair has dealt with them. Below it there are none but after crashes of old releases.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::publish::log_entry::{LogEntry, RUN_ID};
use crate::publish::place::Place;
use crate::publish::publications::{Publication, Publications};
use crate::publish::{PublishError, TableVersion};
use crate::storage::Location;

use super::harmless::is_harmless;

/// Where an entry says which publication it restored.
pub(super) const RESTORED: &str = "restoredPublication";

/// A commit to a published table that tierline did not make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignCommit {
    /// The table.
    pub table: String,
    /// The version that it made.
    pub version: i64,
    /// What it says it did, such as `DELETE`.
    pub operation: Option<String>,
    /// When, as it says.
    pub made_at: Option<DateTime<Utc>>,
}

/// The log of one table, as far as it matters here.
pub(super) struct Log<'a> {
    pub(super) table: &'a str,
    /// The newest version; none when the table is not there.
    pub(super) newest: Option<i64>,
    /// The last version that publications record; none when they record none.
    pub(super) recorded: Option<i64>,
    /// The entries that no publication names and no repair has dealt with.
    pub(super) unfinished: Vec<LogEntry>,
}

impl<'a> Log<'a> {
    pub(super) async fn read(
        output: &Location,
        table: &'a str,
        publications: &Publications,
    ) -> Result<Self, PublishError> {
        let place = Place::of(output, table);
        let accounts = Accounts::of(table, publications);
        let last = accounts.last_recorded();
        let (known, next) = futures::join!(
            place.log_entry(last.unwrap_or_default()),
            place.log_entry(last.unwrap_or_default() + 1),
        );
        if let (None, Some(publication)) = (known?, accounts.last_publication()) {
            return Err(PublishError::Missing {
                table: table.to_owned(),
                date: publication.snapshot_date,
                version: last.unwrap_or_default(),
            });
        }
        // Nothing is at version 1 where nothing is at version 0.
        let mut later = Vec::new();
        let mut next = next?;
        while let Some(entry) = next {
            next = place.log_entry(entry.version + 1).await?;
            later.push(entry);
        }
        let newest = later.last().map(|entry| entry.version).or(last);
        let mut unfinished = match later.iter().rposition(|entry| accounts.is_settled(entry)) {
            Some(settled) => later.split_off(settled + 1),
            None => {
                let mut holes = accounts.read_holes(&place).await?;
                holes.append(&mut later);
                holes
            }
        };
        unfinished.sort_by_key(|entry| entry.version);
        Ok(Self {
            table,
            newest,
            recorded: last,
            unfinished: without_harmless(output, table, unfinished).await?,
        })
    }

    /// Those of the unfinished commits that tierline did not make.
    pub(super) fn foreign(&self) -> impl Iterator<Item = ForeignCommit> {
        let foreign = self.unfinished.iter().filter(|entry| is_foreign(entry));
        foreign.map(|entry| {
            let info = entry.commit_info();
            let operation = info.and_then(|info| info["operation"].as_str());
            ForeignCommit {
                table: self.table.to_owned(),
                version: entry.version,
                operation: operation.map(str::to_owned),
                made_at: entry.made_at(),
            }
        })
    }

    /// Whether a run of tierline left some of them.
    pub(super) fn has_own(&self) -> bool {
        !self.unfinished.iter().all(is_foreign)
    }
}

/// The commits that matter, of those that no publication names.
async fn without_harmless(
    output: &Location,
    table: &str,
    unfinished: Vec<LogEntry>,
) -> Result<Vec<LogEntry>, PublishError> {
    let mut left = Vec::new();
    for entry in unfinished {
        if !is_foreign(&entry) || !is_harmless(output, table, &entry).await? {
            left.push(entry);
        }
    }
    Ok(left)
}

/// Every commit of tierline says which run made it, or which publication it restored.
fn is_foreign(entry: &LogEntry) -> bool {
    let says = |key: &str| {
        entry
            .commit_info()
            .is_some_and(|info| info.get(key).is_some())
    };
    !says(RUN_ID) && !says(RESTORED)
}

/// Which versions of a table publications account for.
pub(super) struct Accounts<'a> {
    /// The publications that wrote the table, in order; not those that left it as it was before.
    recorded: Vec<(&'a Publication, TableVersion)>,
}

impl<'a> Accounts<'a> {
    pub(super) fn of(table: &str, publications: &'a Publications) -> Self {
        let mut recorded: Vec<(&Publication, TableVersion)> = Vec::new();
        for publication in publications.all() {
            let Some(found) = publication.tables.get(table) else {
                continue;
            };
            let last = recorded.last().map(|(_, last)| last.version);
            if last.is_none_or(|last| last < found.version) {
                recorded.push((publication, *found));
            }
        }
        Self { recorded }
    }

    pub(super) fn last_publication(&self) -> Option<&'a Publication> {
        self.recorded.last().map(|(publication, _)| *publication)
    }

    /// The version that the last publication wrote, or found.
    pub(super) fn last_recorded(&self) -> Option<i64> {
        self.recorded.last().map(|(_, recorded)| recorded.version)
    }

    /// Whether an entry is a repair, and no later publication wrote an earlier version.
    fn is_settled(&self, entry: &LogEntry) -> bool {
        let Some(restored) = restored_publication(entry) else {
            return false;
        };
        let mut later = self.recorded.iter();
        !later.any(|(publication, recorded)| {
            publication.sequence > restored && recorded.version < entry.version
        })
    }

    /// The entries below the last recorded version that nobody accounts for, the newest first,
    /// down to a repair or a harmless commit. There are none but after crashes.
    async fn read_holes(&self, place: &Place) -> Result<Vec<LogEntry>, PublishError> {
        let recorded = self.recorded.iter().map(|(_, recorded)| recorded.version);
        let recorded: BTreeSet<i64> = recorded.collect();
        let last = recorded.last().copied().unwrap_or_default();
        let holes = (1..last)
            .rev()
            .filter(|version| !recorded.contains(version));
        let mut entries = Vec::new();
        for version in holes {
            // A publication that changed nothing records the version of a repair as its own.
            if let Some(above) = place.log_entry(version + 1).await?
                && self.is_settled(&above)
            {
                break;
            }
            let Some(entry) = place.log_entry(version).await? else {
                break;
            };
            // A run that published above a harmless commit had looked at all that is below it.
            if self.is_settled(&entry) || (is_foreign(&entry) && entry.claims_same_rows()) {
                break;
            }
            entries.push(entry);
        }
        Ok(entries)
    }
}

/// The sequence of the last publication that an entry restored; none when it is no repair.
pub(in crate::publish) fn restored_publication(entry: &LogEntry) -> Option<i64> {
    entry.commit_info()?[RESTORED].as_i64()
}
