//! Published dates that would come out otherwise today: late data has changed their source files,
//! or the snapshot that they follow on was published anew. Files that have expired are no change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ground::{Fingerprint, SnapshotDate};
use crate::inputs::{KnownDays, SourceHistory, SourceRecord};
use crate::publish::{Publication, Publications};

use super::history::HistoryError;
use super::rules::Rules;
use super::{RunError, Workspace};

/// A published date that no longer is what its inputs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affected {
    /// The date.
    pub date: SnapshotDate,
    /// Why.
    pub by: AffectedBy,
}

/// What changed under a published date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffectedBy {
    /// Files of its days were added, replaced or removed.
    Files,
    /// The snapshot before it was published anew or withdrawn, or is another.
    Snapshot,
}

/// The source files up to each of `dates`, as one fingerprint each.
pub(super) fn source_fingerprints(
    histories: &BTreeMap<String, SourceHistory>,
    dates: &BTreeSet<SnapshotDate>,
) -> BTreeMap<SnapshotDate, Fingerprint> {
    let mut by_date: BTreeMap<SnapshotDate, Vec<String>> =
        dates.iter().map(|date| (*date, Vec::new())).collect();
    for (source, history) in histories {
        let mut days = history.days.iter().peekable();
        let mut so_far = Fingerprint::builder().part("source", source);
        for (date, sources) in &mut by_date {
            while let Some((day, known)) = days.next_if(|(day, _)| **day <= date.day()) {
                so_far = so_far.part(&day.to_string(), known.fingerprint.as_str());
            }
            sources.push(so_far.clone().finish().to_string());
        }
    }
    let whole = |sources: Vec<String>| Fingerprint::builder().parts("source", sources).finish();
    by_date
        .into_iter()
        .map(|(date, sources)| (date, whole(sources)))
        .collect()
}

/// What is found of the sources, for published dates to be held against.
pub(super) struct Found<'a> {
    pub workspace: &'a Workspace,
    pub publications: &'a Publications,
    pub histories: &'a BTreeMap<String, SourceHistory>,
    pub known: &'a SourceRecord,
}

impl Found<'_> {
    /// The published dates that are affected, in order.
    ///
    /// # Errors
    /// Records of rules that cannot be read.
    pub(super) async fn affected(&self) -> Result<Vec<Affected>, RunError> {
        let dates = self.publications.dates();
        let fingerprints = source_fingerprints(self.histories, &dates);
        let mut by_rules: BTreeMap<String, BTreeMap<SnapshotDate, Fingerprint>> = BTreeMap::new();
        let mut affected = Vec::new();
        for publication in dates
            .iter()
            .filter_map(|date| self.publications.newest_for(*date))
        {
            let date = publication.snapshot_date;
            let mut has_same_files = fingerprints[&date].as_str() == publication.source_fingerprint;
            if let Some(rules) = &publication.rules_fingerprint
                && !has_same_files
            {
                if !by_rules.contains_key(rules) {
                    let of_then = match self.source_fingerprints_by(rules, &dates).await {
                        // Nobody knows whether the date has changed: restating it says more.
                        Err(RunError::History(HistoryError::Rules { .. })) => BTreeMap::new(),
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
            } else {
                continue;
            };
            affected.push(Affected { date, by });
        }
        Ok(affected)
    }

    /// The fingerprints of the sources that some rules knew: one that was declared since says
    /// nothing of dates that were published without it.
    async fn source_fingerprints_by(
        &self,
        rules: &str,
        dates: &BTreeSet<SnapshotDate>,
    ) -> Result<BTreeMap<SnapshotDate, Fingerprint>, RunError> {
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

fn follows_on_another(publication: &Publication, publications: &Publications) -> bool {
    let previous = publications.previous_to(publication.snapshot_date);
    previous.map(|previous| &previous.run_id) != publication.previous_run_id.as_ref()
}

impl fmt::Display for AffectedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Files => "source files of these days or earlier ones have changed",
            Self::Snapshot => "an earlier snapshot is published anew or withdrawn",
        })
    }
}
