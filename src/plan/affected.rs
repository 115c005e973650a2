//! Published dates that would come out otherwise today: late data has changed their source files,
//! or the snapshot that they follow on was republished. Files that have expired are no change.
//! So do dates count of which somebody has removed published files. Dates that are
//! [final](Publications::is_final) are never affected.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ground::{Fingerprint, SnapshotDate};
use crate::inputs::{KnownDays, SourceHistory, SourceRecord};
use crate::job::Workspace;
use crate::publish::{LostFiles, Publication, Publications};

use super::error::{HistoryError, PlanError};
use super::rules::Rules;
use super::source_files::{
    SourceFiles, days_of_all, files_then, fingerprints_by_source, source_fingerprints,
};

/// A published date that no longer is what its inputs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affected {
    /// The published date.
    pub date: SnapshotDate,
    /// The first reason that was found.
    pub by: AffectedBy,
}

/// What changed under a published date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffectedBy {
    /// Files of its days were added, replaced or removed.
    Files,
    /// The snapshot before it was republished or withdrawn, or is another.
    Snapshot,
    /// Published files of its own are gone. They are made again as they were, so that dates which
    /// follow on it stay as they are.
    LostFiles,
    /// It is the newest date since a later one was withdrawn, and was published without the tables that
    /// keep the newest date alone.
    BecameNewest,
}

/// What is found of the sources, which published dates are compared with.
pub(crate) struct Found<'a> {
    pub workspace: &'a Workspace,
    pub publications: &'a Publications,
    pub histories: &'a BTreeMap<String, SourceHistory>,
    pub known: &'a SourceRecord,
    /// Published files that are gone.
    pub lost: &'a [LostFiles],
}

impl Found<'_> {
    /// The published dates that are affected, in order.
    ///
    /// # Errors
    /// Records of rules that cannot be read.
    pub(crate) async fn affected(&self) -> Result<Vec<Affected>, PlanError> {
        let dates = self.publications.dates();
        let files = self.files_now(&dates);
        let fingerprints = source_fingerprints(self.histories, &dates);
        let mut by_rules: BTreeMap<String, BTreeMap<SnapshotDate, Fingerprint>> = BTreeMap::new();
        let mut affected = Vec::new();
        for publication in dates
            .iter()
            .filter_map(|date| self.publications.newest_for(*date))
        {
            let date = publication.snapshot_date;
            if self.publications.is_final(date) {
                continue;
            }
            let mut has_same_files = match files_then(publication) {
                Some(then) => are_as_then(&then, &files[&date]),
                None => fingerprints[&date].as_str() == publication.source_fingerprint,
            };
            // Which sources the date knew its rules say, where an older tierline published it.
            if let Some(rules) = &publication.rules_fingerprint
                && !has_same_files
                && publication.source_files.is_none()
            {
                if !by_rules.contains_key(rules) {
                    let of_then = match self.source_fingerprints_by(rules, &dates).await {
                        // Nobody knows whether the date has changed: restating it says more.
                        Err(PlanError::History(HistoryError::Rules { .. })) => BTreeMap::new(),
                        of_then => of_then?,
                    };
                    by_rules.insert(rules.clone(), of_then);
                }
                let of_then = by_rules[rules].get(&date);
                has_same_files =
                    of_then.is_some_and(|files| files.as_str() == publication.source_fingerprint);
            }
            let by = if !has_same_files {
                AffectedBy::Files
            } else if follows_on_another(publication, self.publications) {
                AffectedBy::Snapshot
            } else if self.lost.iter().any(|lost| lost.date == date) {
                AffectedBy::LostFiles
            } else if became_newest(publication, self.publications) {
                AffectedBy::BecameNewest
            } else {
                continue;
            };
            affected.push(Affected { date, by });
        }
        Ok(affected)
    }

    /// The files of every source as they are found, or as they were known of those that are
    /// delivered no more.
    fn files_now(
        &self,
        dates: &BTreeSet<SnapshotDate>,
    ) -> BTreeMap<SnapshotDate, BTreeMap<String, String>> {
        let is_delivered = |name: &String| self.workspace.sources.contains_key(name);
        let found = days_of_all(self.histories).filter(|(name, _)| is_delivered(name));
        let known = self.known.0.iter().filter(|(name, _)| !is_delivered(name));
        fingerprints_by_source(known.chain(found), dates)
    }

    /// The fingerprints of the sources that some rules knew: one that was declared since says
    /// nothing of dates that were published without it.
    async fn source_fingerprints_by(
        &self,
        rules: &str,
        dates: &BTreeSet<SnapshotDate>,
    ) -> Result<BTreeMap<SnapshotDate, Fingerprint>, PlanError> {
        let rules = Rules::read(self.workspace, rules).await?;
        let histories = rules.sources().map(|(name, was_delivered)| {
            let delivered = self.histories.get(name);
            let delivered = delivered.filter(|_| self.workspace.sources.contains_key(name));
            let history = match (was_delivered, delivered) {
                (false, _) => SourceHistory::held(name, &KnownDays::new()),
                (true, Some(history)) => history.clone(),
                (true, None) => SourceHistory::held(name, &self.known.days_of(name)),
            };
            (name.clone(), history)
        });
        Ok(source_fingerprints(&histories.collect(), dates))
    }
}

/// Whether the sources that a date was published from are as they were then. One that was declared
/// since says nothing of it.
fn are_as_then(then: &BTreeMap<String, SourceFiles>, now: &BTreeMap<String, String>) -> bool {
    let mut then = then.iter();
    then.all(|(source, then)| now.get(source) == Some(&then.files))
}

/// Whether a date is the newest, and was not when it was published.
pub(crate) fn became_newest(publication: &Publication, publications: &Publications) -> bool {
    publications.latest_date() == Some(publication.snapshot_date) && !publication.was_newest()
}

fn follows_on_another(publication: &Publication, publications: &Publications) -> bool {
    let previous = publications.previous_to(publication.snapshot_date);
    previous.map(|previous| &previous.run_id) != publication.previous_run_id.as_ref()
}

impl fmt::Display for AffectedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Files => "source files of these days or earlier ones have changed",
            Self::Snapshot => "an earlier snapshot is republished or withdrawn",
            Self::LostFiles => "published data files are missing",
            Self::BecameNewest => "the newest date now, published without the tables of the newest",
        })
    }
}
