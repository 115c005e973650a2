//! The sources: what a listing shows, and what is known of days that are gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use indicatif::HumanBytes;

use crate::ground::{SnapshotDate, counted, verb_for};
use crate::inputs::{InputError, Manifest, SourceRecord, span_of};
use crate::job::{Job, Source, Workspace};
use crate::plan::{Accepted, check_doubts, histories, known_days};
use crate::publish::Publications;
use crate::storage::Location;

use super::finding::Findings;
use super::output_store::examine_pinned_reads;

/// Looks at every source that is delivered. The newest day up to `last_ended` that all required ones
/// have; none where one has none.
pub(super) async fn examine(
    job: &Job,
    workspace: &Workspace,
    published: Option<&Publications>,
    last_ended: SnapshotDate,
    findings: &mut Findings<'_>,
) -> Option<SnapshotDate> {
    let known = match published {
        Some(publications) => known(publications, workspace, findings).await,
        None => SourceRecord::default(),
    };
    let mut newest = Some(last_ended);
    for (name, source) in &job.sources {
        let Some(location) = workspace.sources.get(name) else {
            continue;
        };
        findings.begin(format!("source {name} {}", location.url_of(&location.path)));
        let delivered = match list(name, source, location).await {
            Ok(delivered) => delivered,
            Err(error) => {
                findings.failed("listing", &error);
                newest = newest.filter(|_| !source.required);
                continue;
            }
        };
        let days = delivered.days();
        examine_days(source, &delivered, &days, findings);
        if let Some(file) = delivered.files.last() {
            examine_pinned_reads(location, &file.object.location, findings).await;
        }
        if source.required {
            let until = days.range(..=last_ended.day()).next_back();
            let until = until.map(|day| SnapshotDate::on(*day));
            newest = newest.and_then(|newest| Some(newest.min(until?)));
        }
        let delivered = BTreeMap::from([(name.clone(), delivered)]);
        examine_retention(job, delivered, &known, last_ended, findings);
    }
    newest
}

async fn known(
    publications: &Publications,
    workspace: &Workspace,
    findings: &mut Findings<'_>,
) -> SourceRecord {
    match known_days(publications, workspace, Accepted::default()).await {
        Ok(known) => known,
        Err(error) => {
            findings.begin("sources");
            findings.failed("records", &error);
            SourceRecord::default()
        }
    }
}

async fn list(name: &str, source: &Source, location: &Location) -> Result<Manifest, InputError> {
    let delivered = Manifest::list(name, location, &source.delivery).await?;
    delivered
        .check_names(location)
        .map_err(InputError::Refused)?;
    delivered.check_links(location)?;
    Ok(delivered)
}

fn examine_days(
    source: &Source,
    delivered: &Manifest,
    days: &BTreeSet<NaiveDate>,
    findings: &mut Findings<'_>,
) {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        let remedy = "check `url` of the source, and the permission to list it";
        return match source.required {
            true => findings.fail("days", "no files in dt=YYYY-MM-DD folders", Some(remedy)),
            false => findings.pass("days", "no files, and none are required"),
        };
    };
    let found = format!(
        "{}, {}, of {} from {first} to {last}",
        counted(delivered.files.len(), "file"),
        HumanBytes(delivered.size_bytes()),
        counted(days.len(), "day"),
    );
    findings.pass("days", found);
    let missing: BTreeSet<NaiveDate> = first
        .iter_days()
        .take_while(|day| day < last)
        .filter(|day| !days.contains(day))
        .collect();
    // What is not required need not come every day.
    if let Some(span) = span_of(&missing).filter(|_| source.required) {
        findings.warn(
            "missing days",
            format!("no files for {span}"),
            Some("deliver them if the source had rows then: a night that lacks its own day ends with exit code 4"),
        );
    }
}

/// The days that runs have read and that are gone, against what the job says of it.
fn examine_retention(
    job: &Job,
    delivered: BTreeMap<String, Manifest>,
    known: &SourceRecord,
    until: SnapshotDate,
    findings: &mut Findings<'_>,
) {
    let histories = histories(job, delivered, known, until, Accepted::default());
    if let Err(error) = check_doubts(&histories) {
        findings.failed("retention", &error);
    }
    for history in histories.values() {
        let expired = history.expired();
        if let Some(span) = span_of(&expired) {
            let have = verb_for(expired.len(), "has", "have");
            let found = format!("{span} {have} expired: keep the tiles, they alone hold the rows");
            findings.pass("retention", found);
        }
    }
}
