//! What a night can still see of the history of its sources.
//!
//! 1. [`known_days`]: what earlier runs knew, from the records of the publications.
//! 2. [`histories`]: what is stored compared with that. Days that a retention rule has removed stay as they
//!    were known, so that their tiles are found and published dates are not taken for changed.
//! 3. [`Plan::check_history`]: a night that would publish less than was known is refused, unless
//!    somebody has [accepted](Accepted) that.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::ground::{SnapshotDate, TableName};
use crate::inputs::{
    Doubt, KnownDays, Manifest, Names, Retention, SourceHistory, SourceRecord, UnreadFiles,
};
use crate::job::{Job, Workspace};
use crate::models::Graph;
use crate::pack::Project;
use crate::publish::{Publication, Publications};

use super::Plan;
use super::circumstances::Accepted;
use super::error::{HistoryError, PlanError};
use super::out_of_reach::{refuse, span};
use super::rollups::RollupTiles;
use super::rules::Rules;
use super::source_files::{SourceFiles, days_of_all, fingerprints_by_source};

/// The expired days of a source up to some date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldInTiles {
    /// The source's name.
    pub source: String,
    /// The first such day, as YYYY-MM-DD.
    pub from: String,
    /// The last one, as YYYY-MM-DD.
    pub until: String,
    /// How many there are.
    pub days: usize,
}

impl HeldInTiles {
    fn of(source: &str, history: &SourceHistory) -> Option<Self> {
        let expired = history.expired();
        Some(Self {
            source: source.to_owned(),
            from: expired.first()?.to_string(),
            until: expired.last()?.to_string(),
            days: expired.len(),
        })
    }
}

impl fmt::Display for HeldInTiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            source,
            from,
            until,
            days,
        } = self;
        let days = match days {
            1 => format!("1 day, {until}, is"),
            days => format!("{days} days, {from} to {until}, are"),
        };
        write!(
            formatter,
            "{source}: {days} held in tiles alone, since the raw files have expired"
        )
    }
}

/// Everything that runs have known of the days of the sources.
pub(crate) async fn known_days(
    publications: &Publications,
    workspace: &Workspace,
    accepted: Accepted,
) -> Result<SourceRecord, PlanError> {
    let Workspace { output, layout, .. } = workspace;
    let mut known = SourceRecord::default();
    for publication in publications.not_overtaken() {
        let name = publication.source_record();
        let date = publication.snapshot_date;
        match SourceRecord::read(output, layout, name).await? {
            Some(record) => known.overlay(record, date),
            // An older tierline kept none.
            None if publication.rules_fingerprint.is_none() || accepted.shorter_history => {}
            None => {
                let path = output.url_of(&layout.source_record(name));
                return Err(HistoryError::RecordGone { path, date }.into());
            }
        }
    }
    Ok(known)
}

/// Each source of a job as it is delivered, compared with what is known. Days after `until` are no
/// measure of how old others are.
///
/// Whoever accepts removed days answers what a night has asked. Days that look as if they expire
/// are not asked about, and are taken for removed only when nothing else was.
pub(crate) fn histories(
    job: &Job,
    delivered: BTreeMap<String, Manifest>,
    known: &SourceRecord,
    until: SnapshotDate,
    accepted: Accepted,
) -> BTreeMap<String, SourceHistory> {
    if accepted.removed_days {
        let asked = histories(job, delivered.clone(), known, until, Accepted::default());
        // What a withdrawn date knew of later days nobody asks about.
        let mut doubts = asked.values().flat_map(|history| {
            let doubts = history.doubts.range(..=until.day());
            doubts.map(|(_, doubt)| doubt)
        });
        if doubts.any(|doubt| doubt.is_asked()) {
            return asked;
        }
    }
    let histories = delivered.into_iter().map(|(name, manifest)| {
        let source = &job.sources[&name];
        let retention = Retention {
            keeps_days: source.keeps_days,
            until,
            is_removal_accepted: accepted.removed_days,
        };
        let history = if source.is_held {
            SourceHistory::held(&name, &known.days_of(&name))
        } else if source.url.is_some() {
            SourceHistory::of(manifest, &known.days_of(&name), &retention)
        } else {
            SourceHistory::of(manifest, &KnownDays::new(), &retention)
        };
        (name, history)
    });
    histories.collect()
}

/// What the publication of a night puts on record: its sources as it saw them, and those that the
/// job has no more as they were known.
pub(super) fn record_of(
    job: &Job,
    histories: &BTreeMap<String, SourceHistory>,
    known: &SourceRecord,
    snapshot_date: SnapshotDate,
) -> SourceRecord {
    let is_seen = |name: &String| {
        let source = job.sources.get(name);
        source.is_some_and(|source| source.is_held || source.url.is_some())
    };
    let seen = histories.iter().filter(|(name, _)| is_seen(name));
    let seen = seen.map(|(name, history)| (name.clone(), history.days.clone()));
    let others = known.0.iter().filter(|(name, _)| !is_seen(name));
    let others = others.map(|(name, days)| {
        let until = days.range(..=snapshot_date.day());
        let days = until.map(|(day, known)| (*day, known.clone()));
        (name.clone(), days.collect())
    });
    SourceRecord(others.chain(seen).collect())
}

/// The publication that a date follows as to how much of history it sees: its own, or else that of
/// the date before it. What was given up for a later date is not for this one.
pub(super) fn published_last(
    publications: &Publications,
    date: SnapshotDate,
) -> Option<&Publication> {
    let published = publications.newest_for(date);
    published.or_else(|| publications.previous_to(date))
}

/// What is doubtful about the days of each source, and what else than a confirmation helps.
fn doubts(histories: &BTreeMap<String, SourceHistory>) -> impl Iterator<Item = [String; 2]> {
    let kinds = [Doubt::Vanished, Doubt::LostFiles, Doubt::Replaced];
    let found = histories.iter().flat_map(move |(source, history)| {
        let found = kinds.map(|doubt| (source, doubt, history, history.days_of(doubt)));
        found.into_iter().filter(|(.., days)| !days.is_empty())
    });
    found.map(|(source, doubt, history, days)| {
        let files = files_on(history, &days);
        let days = span(&days);
        let keeps = "say how long raw files are kept in the job file, such as keeps = \"400 days\" in the source's section";
        match doubt {
            Doubt::Vanished => [
                format!("source `{source}` lacks {days}, which earlier runs have read"),
                format!("restore them, {keeps}"),
            ],
            Doubt::LostFiles => [
                format!(
                    "source `{source}` has lost files of {days}, the oldest it has, and nobody knows whether these have expired"
                ),
                format!("restore them, {keeps}"),
            ],
            Doubt::Replaced | Doubt::Rewritten | Doubt::Reduced => [
                format!(
                    "source `{source}` has other files of {days} than earlier runs have read, the oldest it has: {}; they are late rows of what has expired, or all of it rewritten",
                    Names(&files)
                ),
                "remove them if it has expired, restore what it had".to_owned(),
            ],
        }
    })
}

/// The files of some days, by their paths.
fn files_on<'a>(history: &'a SourceHistory, days: &BTreeSet<NaiveDate>) -> Vec<&'a str> {
    let files = history.manifest.files.iter();
    let files = files.filter(|file| days.contains(&file.day));
    files.map(|file| file.object.location.as_ref()).collect()
}

/// Refuses to take days that are gone for removed.
pub(crate) fn check_doubts(
    histories: &BTreeMap<String, SourceHistory>,
) -> Result<(), HistoryError> {
    let found: Vec<String> = doubts(histories).map(|doubt| doubt.join("; ")).collect();
    match found.is_empty() {
        true => Ok(()),
        false => Err(HistoryError::Doubtful {
            days: found.join("; "),
        }),
    }
}

/// Files that are not read, since tiles have the rows of their days, or of the days after them.
fn unread(source: &str, history: &SourceHistory, what: UnreadFiles) -> Option<String> {
    let unread = history.unread.iter();
    let unread = unread.filter(|(_, unread)| unread.what == what);
    let days: BTreeSet<NaiveDate> = unread.clone().map(|(day, _)| *day).collect();
    let names: Vec<&str> = unread
        .flat_map(|(_, unread)| unread.names.iter().map(String::as_str))
        .collect();
    let (days, names) = ((!days.is_empty()).then(|| span(&days))?, Names(&names));
    Some(match what {
        UnreadFiles::Rest => format!(
            "source `{source}` has lost files of {days}, as days that expire do: their tiles are used, and what is left is not read: {names}; where files were removed on purpose, say so once with --accept-removed-days"
        ),
        UnreadFiles::Others => format!(
            "source `{source}` has files of {days}, which have expired: their tiles are used, and the files are not read: {names}; restore all files of a day to have them read"
        ),
        UnreadFiles::OfNewDays => format!(
            "source `{source}` has files of {days}, which no run has read, and days after them have expired: the files are not read: {names}; remove them, or restore the files of the days that have expired"
        ),
    })
}

/// Days of a table that are made of other files than before, at the age at which they expire.
fn rewritten(source: &str, history: &SourceHistory) -> Option<String> {
    let days = history.days_of(Doubt::Rewritten);
    (!days.is_empty()).then(|| {
        format!(
            "source `{source}` has other files of {} than earlier runs have read, as old as its days that have expired: {}; their rows are taken as they are now",
            span(&days),
            Names(&files_on(history, &days))
        )
    })
}

/// Days that have lost files at an age at which none expire.
fn reduced(source: &str, history: &SourceHistory) -> Option<String> {
    let days = history.days_of(Doubt::Reduced);
    (!days.is_empty()).then(|| {
        format!(
            "source `{source}` has lost files of {} and got none in their place: the rows of these are gone; restore the files unless they were removed on purpose",
            span(&days)
        )
    })
}

impl Plan {
    /// Refuses a night that would publish less than was known.
    ///
    /// # Errors
    /// Days that vanished, and rows of expired days that no tile gives.
    pub fn check_history(&self) -> Result<(), HistoryError> {
        if !self.accepted.removed_days {
            check_doubts(&self.histories)?;
        }
        refuse(&self.out_of_reach)
    }

    /// Keeps the rules and the days of the sources, which the publication of D names. Rules that an
    /// earlier publication names are there already, unless they are lost.
    ///
    /// # Errors
    /// Stores that fail.
    pub(crate) async fn keep_records(
        &self,
        job: &Job,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<(), PlanError> {
        let rules = Rules::of(job, project, self.history_starts.clone());
        let name = self.rules_fingerprint.as_str();
        rules.keep(workspace, name).await?;
        let Workspace { output, layout, .. } = workspace;
        self.source_record(job).keep(output, layout).await?;
        Ok(())
    }

    /// What the publication of D puts on record of the days of the sources.
    pub(crate) fn source_record(&self, job: &Job) -> SourceRecord {
        record_of(job, &self.histories, &self.known, self.snapshot_date)
    }

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

    /// Which days tiles alone hold, by source.
    pub fn held_in_tiles(&self) -> Vec<HeldInTiles> {
        let histories = self.histories.iter();
        histories
            .filter_map(|(source, history)| HeldInTiles::of(source, history))
            .collect()
    }

    /// Stored tiles of D's rollups that hold days which no raw file gives any more, and their
    /// bytes: whoever deletes old tiles must leave these alone.
    pub fn irreplaceable_tiles(&self) -> (BTreeSet<object_store::path::Path>, u64) {
        let tiles = self.tiles.iter().flat_map(RollupTiles::irreplaceable);
        tiles.fold((BTreeSet::new(), 0), |(mut paths, bytes), tile| {
            paths.insert(tile.path.clone());
            (paths, bytes + tile.size_bytes)
        })
    }

    /// What is worth a look in the history of the sources. Doubts are reported by the refusal, unless
    /// somebody has settled them.
    pub(super) fn remarks_on_history(&self) -> Vec<String> {
        let doubts = doubts(&self.histories).filter(|_| self.accepted.removed_days);
        let doubts = doubts.map(|[doubt, _]| format!("{doubt}; what is missing counts as removed"));
        let unread = self.histories.iter().flat_map(|(source, history)| {
            let found = [
                unread(source, history, UnreadFiles::Rest),
                unread(source, history, UnreadFiles::Others),
                unread(source, history, UnreadFiles::OfNewDays),
                rewritten(source, history),
                reduced(source, history),
            ];
            found.into_iter().flatten()
        });
        let starts = self.history_starts.iter();
        let starts = starts.map(|(model, day)| self.remark_on_start(model, *day));
        let rules = self.unread_rules.iter().cloned();
        doubts.chain(unread).chain(starts).chain(rules).collect()
    }

    /// What was given up of history. What a feature lacks that reads staging has grown since.
    fn remark_on_start(&self, model: &TableName, given_up: NaiveDate) -> String {
        let reads_staging = self.history_scans.contains(model);
        let start = match reads_staging {
            true => self.scan_starts.get(model).copied(),
            false => Some(given_up),
        };
        let before = start.map_or_else(String::new, |start| format!(" before {start}"));
        format!("`{model}` knows nothing of expired days{before}: they were given up")
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;
    use crate::ground::SourceFile;
    use crate::inputs::{InputFile, PathValues};

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 7, number).unwrap()
    }

    /// Orders of days of July, by the names of their files.
    fn orders(files: &[(u32, &str)]) -> Manifest {
        let files = files.iter().map(|(number, name)| InputFile {
            day: day(*number),
            object: ObjectMeta {
                location: Path::from(format!("dt={}/{name}", day(*number))),
                last_modified: chrono::DateTime::UNIX_EPOCH,
                size: 1,
                e_tag: Some("1".to_owned()),
                version: None,
            },
            values: PathValues::default(),
            is_on_disk: false,
        });
        Manifest {
            source: "orders".to_owned(),
            files: files.collect(),
            ..Manifest::default()
        }
    }

    /// The flag was of no use for days about to expire as long as anything later was gone.
    #[test]
    fn what_is_gone_after_the_last_published_date_is_no_question_to_answer() {
        let text = "version = 1\ntimezone = \"UTC\"\noutput = \"out\"\n\
             [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n";
        let file = SourceFile::new("job.toml", text.to_owned());
        let job = Job::parse(&file, "job", PathBuf::new()).unwrap();
        let all = [(1, "a"), (2, "b"), (2, "c"), (3, "d"), (9, "by mistake")];
        let known = |files| BTreeMap::from([("orders".to_owned(), files)]);
        let until = |number| SnapshotDate::on(day(number));
        let of = |files: &[(u32, &str)], before: KnownDays, last, accepted| {
            let known_before = SourceRecord(known(before));
            let delivered = BTreeMap::from([("orders".to_owned(), orders(files))]);
            histories(&job, delivered, &known_before, until(last), accepted).remove("orders")
        };
        let none = Accepted::default();
        let expired = of(&all[1..], orders(&all).known_days(), 3, none).unwrap();
        // A file of the day that is next, and the day of a date that was withdrawn.
        let left = [all[2], all[3]];
        let accepted = Accepted {
            removed_days: true,
            ..none
        };
        for (last, is_answered) in [(3, true), (9, false)] {
            let history = of(&left, expired.days.clone(), last, accepted).unwrap();
            assert_eq!(history.unread.is_empty(), is_answered, "{history:?}");
        }
    }
}
