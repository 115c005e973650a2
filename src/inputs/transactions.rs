//! Transactions that Databricks has begun in the folder of a day and not committed.
//!
//! | in the folder of a day | the transaction |
//! |---|---|
//! | `_started_7`, `_committed_7` | is done |
//! | `_started_7`, and files named `part-0-tid-7-..` | is at work, or failed and left its files |
//! | `_started_7`, and nothing that was committed later | is at work |
//! | `_started_7`, and `_committed_8` later | was given up |

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use object_store::ObjectMeta;

use crate::job::day_of_partition;
use crate::storage::Location;

use super::aside::Left;

const STARTED: &str = "_started_";
const COMMITTED: &str = "_committed_";

/// The transactions of a source, by the folder that they write to.
#[derive(Debug, Default)]
pub(super) struct Transactions(BTreeMap<String, InFolder>);

#[derive(Debug, Default)]
struct InFolder {
    day: Option<NaiveDate>,
    started: BTreeMap<String, DateTime<Utc>>,
    committed: BTreeSet<String>,
    last_commit: Option<DateTime<Utc>>,
    /// The transactions that files are named after.
    of_files: BTreeSet<String>,
}

impl Transactions {
    /// The transactions among the objects of a source.
    pub(super) fn among(objects: &[ObjectMeta], location: &Location) -> Self {
        let mut found = Self::default();
        for object in objects {
            let parts = object.location.prefix_match(&location.path);
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
            if let Some((name, folders)) = parts.split_last() {
                found.note(name, folders, object.last_modified);
            }
        }
        found
    }

    fn note(&mut self, name: &str, folders: &[&str], written: DateTime<Utc>) {
        let started = name.strip_prefix(STARTED);
        let committed = name.strip_prefix(COMMITTED);
        let of_file = name
            .split_once("-tid-")
            .and_then(|(_, rest)| rest.split_once('-'));
        if started.or(committed).is_none() && of_file.is_none() {
            return;
        }
        let folder = self.0.entry(folders.join("/")).or_default();
        folder.day = folders
            .iter()
            .rev()
            .find_map(|folder| day_of_partition(folder));
        if let Some(transaction) = started {
            folder.started.insert(transaction.to_owned(), written);
        }
        if let Some(transaction) = committed {
            folder.committed.insert(transaction.to_owned());
            folder.last_commit = folder.last_commit.max(Some(written));
        }
        folder
            .of_files
            .extend(of_file.map(|(transaction, _)| transaction.to_owned()));
    }

    /// The marks of those that have not finished, each of its day.
    pub(super) fn unfinished(&self) -> Vec<Left> {
        let folders = self.0.iter();
        let unfinished = folders.flat_map(|(path, folder)| {
            let started = folder.started.iter();
            let open = started.filter(|(transaction, begun)| folder.is_open(transaction, **begun));
            open.filter_map(move |(transaction, _)| {
                Some(Left {
                    day: folder.day?,
                    path: format!("{path}/{STARTED}{transaction}"),
                })
            })
        });
        unfinished.collect()
    }
}

impl InFolder {
    fn is_open(&self, transaction: &str, begun: DateTime<Utc>) -> bool {
        let is_newest = self.last_commit.is_none_or(|commit| commit <= begun);
        !self.committed.contains(transaction) && (is_newest || self.of_files.contains(transaction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is unfinished among these files, each written a second after the one before.
    fn unfinished(files: &[&str]) -> Vec<String> {
        let mut transactions = Transactions::default();
        for (second, path) in (0..).zip(files) {
            let parts: Vec<&str> = path.split('/').collect();
            let (name, folders) = parts.split_last().unwrap();
            let written = DateTime::from_timestamp(second, 0).unwrap();
            transactions.note(name, folders, written);
        }
        let left = transactions.unfinished().into_iter();
        left.map(|left| left.path).collect()
    }

    #[test]
    fn a_transaction_is_done_when_it_is_committed_or_given_up() {
        let started = "dt=2026-11-20/_started_7";
        let file = "dt=2026-11-20/part-00000-tid-7-c3f2-1-c000.snappy.parquet";
        let open = [started.to_owned()];
        assert_eq!(unfinished(&[started]), open);
        assert_eq!(unfinished(&[started, file]), open);
        assert!(unfinished(&[started, file, "dt=2026-11-20/_committed_7"]).is_empty());
        assert!(unfinished(&[started, "dt=2026-11-20/_committed_8"]).is_empty());
        assert_eq!(
            unfinished(&[started, file, "dt=2026-11-20/_committed_8"]),
            open
        );
        assert_eq!(unfinished(&["dt=2026-11-20/_committed_6", started]), open);
        assert_eq!(unfinished(&[started, "dt=2026-11-21/_committed_7"]), open);
        assert!(unfinished(&["_started_7"]).is_empty());
    }
}
