//! The files of each source as fingerprints: what dates are compared by, and what a publication
//! says of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ground::{Fingerprint, SnapshotDate};
use crate::inputs::{KnownDays, SourceHistory};
use crate::models::Graph;
use crate::publish::Publication;

/// The files of each source up to each of `dates`, as fingerprints by source.
pub(super) fn fingerprints_by_source<'a>(
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

/// The days of each source.
pub(super) fn days_of_all(
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

/// The source files up to each of `dates`, as one fingerprint each, read by SQL or not: publications
/// recorded that before they recorded the files by source.
pub(super) fn source_fingerprints(
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
    pub(super) files: String,
    /// The first and the last of days one after another that tiles alone held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expired: Vec<[String; 2]>,
}

impl SourceFiles {
    pub(super) fn of(files: String, known: &KnownDays) -> Self {
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

/// The files of each source that a date was published from.
pub(crate) fn files_then(publication: &Publication) -> Option<BTreeMap<String, SourceFiles>> {
    serde_json::from_str(publication.source_files.as_ref()?).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::ground::fixtures::{assert_reads, path, versions};
    use crate::publish::Publications;
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
