//! Published dates that would come out otherwise today: late data has changed their source files,
//! or the snapshot that they follow on was published anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;

use crate::ground::{Fingerprint, SnapshotDate};
use crate::inputs::Manifest;
use crate::publish::{Publication, Publications};

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
    /// The snapshot before it was published anew, or is another.
    Snapshot,
}

/// The source files up to each of `dates`, as one fingerprint each.
pub(super) fn source_fingerprints(
    manifests: &BTreeMap<String, Manifest>,
    dates: &BTreeSet<SnapshotDate>,
) -> BTreeMap<SnapshotDate, Fingerprint> {
    let mut by_date: BTreeMap<SnapshotDate, Vec<String>> =
        dates.iter().map(|date| (*date, Vec::new())).collect();
    for (source, manifest) in manifests {
        let days: BTreeMap<NaiveDate, Fingerprint> = manifest.day_fingerprints();
        let mut days = days.iter().peekable();
        let mut so_far = Fingerprint::builder().part("source", source);
        for (date, sources) in &mut by_date {
            while let Some((day, files)) = days.next_if(|(day, _)| **day <= date.day()) {
                so_far = so_far.part(&day.to_string(), files.as_str());
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

/// The published dates that are affected, in order.
pub(super) fn affected(
    publications: &Publications,
    fingerprints: &BTreeMap<SnapshotDate, Fingerprint>,
) -> Vec<Affected> {
    let dates = publications.dates();
    let published = dates
        .iter()
        .filter_map(|date| publications.newest_for(*date));
    let affected = published.filter_map(|publication| {
        let date = publication.snapshot_date;
        let files = fingerprints.get(&date)?;
        let by = if files.as_str() != publication.source_fingerprint {
            AffectedBy::Files
        } else if follows_on_another(publication, publications) {
            AffectedBy::Snapshot
        } else {
            return None;
        };
        Some(Affected { date, by })
    });
    affected.collect()
}

fn follows_on_another(publication: &Publication, publications: &Publications) -> bool {
    let previous = publications.previous_to(publication.snapshot_date);
    previous.map(|previous| &previous.run_id) != publication.previous_run_id.as_ref()
}

impl fmt::Display for AffectedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Files => "source files of these days or earlier ones have changed",
            Self::Snapshot => "an earlier snapshot is published anew",
        })
    }
}
