//! Published dates that would come out otherwise today: late data has changed their source files,
//! or the snapshot that they follow on was republished. Files that have expired are no change.
//! So do dates count of which somebody has removed published files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ground::{Fingerprint, SnapshotDate};
use crate::inputs::{KnownDays, SourceHistory, SourceRecord};
use crate::job::{Job, Workspace};
use crate::models::Graph;
use crate::publish::{LostFiles, Publication, Publications};

use super::Plan;
use super::error::{HistoryError, PlanError};
use super::rules::Rules;

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
    /// The snapshot before it was republished or withdrawn, or is another.
    Snapshot,
    /// Published files of its own are gone. They are made again as they were, so that dates which
    /// follow on it stay as they are.
    LostFiles,
}

/// The files of each source up to each of `dates`, as fingerprints by source.
fn fingerprints_by_source<'a>(
    sources: impl IntoIterator<Item = (&'a String, &'a KnownDays)>,
    dates: &BTreeSet<SnapshotDate>,
) -> BTreeMap<SnapshotDate, BTreeMap<String, String>> {
    let mut by_date: BTreeMap<SnapshotDate, BTreeMap<String, String>> =
        dates.iter().map(|date| (*date, BTreeMap::new())).collect();
    for (source, days) in sources {
        let mut days = days.iter().peekable();
        let mut so_far = Fingerprint::builder().part("source", source);
        for (date, sources) in &mut by_date {
            while let Some((day, known)) = days.next_if(|(day, _)| **day <= date.day()) {
                so_far = so_far.part(&day.to_string(), known.fingerprint.as_str());
            }
            let fingerprint = so_far.clone().finish().to_string();
            sources.insert(source.clone(), fingerprint);
        }
    }
    by_date
}

fn days_of_all(
    histories: &BTreeMap<String, SourceHistory>,
) -> impl Iterator<Item = (&String, &KnownDays)> {
    let histories = histories.iter();
    histories.map(|(source, history)| (source, &history.days))
}

/// The files up to a date of all sources that SQL reads, as one fingerprint.
pub(super) fn files_read(
    graph: &Graph,
    histories: &BTreeMap<String, SourceHistory>,
    date: SnapshotDate,
) -> Fingerprint {
    let read = days_of_all(histories).filter(|(name, _)| graph.reads_source(name));
    let fingerprint = in_one(read, &BTreeSet::from([date])).remove(&date);
    fingerprint.unwrap_or_else(|| Fingerprint::of(""))
}

/// The source files up to each of `dates`, as one fingerprint each: so they were told apart before
/// publications told them by source, read by SQL or not.
fn source_fingerprints(
    histories: &BTreeMap<String, SourceHistory>,
    dates: &BTreeSet<SnapshotDate>,
) -> BTreeMap<SnapshotDate, Fingerprint> {
    in_one(days_of_all(histories), dates)
}

fn in_one<'a>(
    sources: impl IntoIterator<Item = (&'a String, &'a KnownDays)>,
    dates: &BTreeSet<SnapshotDate>,
) -> BTreeMap<SnapshotDate, Fingerprint> {
    let by_source = fingerprints_by_source(sources, dates);
    let whole = |sources: BTreeMap<String, String>| {
        let fingerprints = sources.into_values();
        Fingerprint::builder()
            .parts("source", fingerprints)
            .finish()
    };
    by_source
        .into_iter()
        .map(|(date, sources)| (date, whole(sources)))
        .collect()
}

/// What a publication says of a source, in the column `source_files`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SourceFiles {
    /// Its files as a fingerprint.
    files: String,
    /// The first and the last of days one after another that tiles alone held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expired: Vec<[String; 2]>,
}

impl SourceFiles {
    fn of(files: String, known: &KnownDays) -> Self {
        let mut expired: Vec<[String; 2]> = Vec::new();
        let mut goes_on = false;
        for (day, known) in known {
            match expired.last_mut().filter(|_| goes_on && known.is_expired) {
                Some(span) => span[1] = day.to_string(),
                None if known.is_expired => expired.push([day.to_string(), day.to_string()]),
                None => {}
            }
            goes_on = known.is_expired;
        }
        Self { files, expired }
    }

    /// Whether tiles alone held a day then.
    pub(super) fn had_expired(&self, day: NaiveDate) -> bool {
        let day = day.to_string();
        let mut spans = self.expired.iter();
        spans.any(|[from, until]| *from <= day && day <= *until)
    }
}

impl Plan {
    /// The files of each source that SQL reads and that is delivered, or held in tiles, as
    /// fingerprints, and its expired days: what the publication of D says of them.
    pub(crate) fn source_files(&self, job: &Job, graph: &Graph) -> String {
        let date = self.snapshot_date;
        let known = days_of_all(&self.histories).filter(|(name, _)| {
            let source = job.sources.get(*name);
            let is_there = source.is_some_and(|source| source.is_held || source.url.is_some());
            is_there && graph.reads_source(name)
        });
        let files = fingerprints_by_source(known, &BTreeSet::from([date])).remove(&date);
        let files = files.unwrap_or_default().into_iter();
        let files: BTreeMap<String, SourceFiles> = files
            .map(|(source, files)| {
                let days = &self.histories[&source].days;
                let of_source = SourceFiles::of(files, days);
                (source, of_source)
            })
            .collect();
        serde_json::json!(files).to_string()
    }
}

/// What is found of the sources, for published dates to be held against.
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

/// The files of each source that a date was published from.
pub(crate) fn files_then(publication: &Publication) -> Option<BTreeMap<String, SourceFiles>> {
    serde_json::from_str(publication.source_files.as_ref()?).ok()
}

/// Whether the sources that a date was published from are as they were then. One that was declared
/// since says nothing of it.
fn are_as_then(then: &BTreeMap<String, SourceFiles>, now: &BTreeMap<String, String>) -> bool {
    let mut then = then.iter();
    then.all(|(source, then)| now.get(source) == Some(&then.files))
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
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ground::fixtures::{assert_reads, path, versions};
    use crate::storage::{RetryPolicy, Stores};

    #[tokio::test]
    async fn source_files_of_every_form_are_read() {
        for version in versions("publications") {
            let folder = path(&format!("publications/{version}"));
            let output = Stores::new(RetryPolicy::default())
                .open(folder.to_str().unwrap(), Path::new(""))
                .unwrap();
            let publications = Publications::load(&output).await.unwrap();
            let rows = publications.all().iter().map(|row| {
                let sources = files_then(row)?.into_iter();
                let sources = sources.map(|(source, then)| {
                    let SourceFiles { files, expired } = then;
                    (
                        source,
                        serde_json::json!({"files": files, "expired": expired}),
                    )
                });
                Some(sources.collect::<BTreeMap<_, _>>())
            });
            let rows: Vec<_> = rows.collect();
            let reading = serde_json::json!(rows);
            assert_reads("publications", &format!("{version}.source-files"), &reading);
        }
    }

    #[test]
    fn expired_days_are_told_by_their_ends() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let of = |expired: &[[&str; 2]]| SourceFiles {
            files: "f00d".to_owned(),
            expired: expired.iter().map(|span| span.map(str::to_owned)).collect(),
        };
        let files = of(&[["2026-07-01", "2026-07-03"], ["2026-07-09", "2026-07-09"]]);
        for (text, had_expired) in [
            ("2026-06-30", false),
            ("2026-07-01", true),
            ("2026-07-03", true),
            ("2026-07-04", false),
            ("2026-07-09", true),
        ] {
            assert_eq!(files.had_expired(day(text)), had_expired, "{text}");
        }
        let written = serde_json::json!(files).to_string();
        assert_eq!(
            serde_json::from_str::<SourceFiles>(&written).unwrap(),
            files
        );
    }
}
