//! What is odd about the sources' files, in words: told as warnings of a plan and of its run.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::config::job::{Job, Source};
use crate::inputs::schema::FileSchema;
use crate::inputs::{Left, Manifest, Names, span_of, twins};

use super::Plan;

/// What the listings show: writes that have not finished, markers that are missing, and files
/// that are not read.
pub(super) fn oddities(job: &Job, plan: &Plan) -> Vec<String> {
    let oddities = plan.manifests.iter().flat_map(|(name, manifest)| {
        let source = &job.sources[name];
        [
            unfinished(manifest),
            writing(manifest),
            abandoned(manifest),
            skipped(manifest),
            unmarked(plan, source, manifest),
            unread(source, manifest),
            strays(manifest),
            odd(manifest),
        ]
    });
    oddities.flatten().collect()
}

fn unfinished(manifest: &Manifest) -> Option<String> {
    let left = &manifest.aside.unfinished;
    let span = span_of(&days(left))?;
    let text = format!(
        "a write to source `{}` has not finished for {span}, so that rows may be missing: {}",
        manifest.source,
        Names(&newest_first(left))
    );
    Some(text)
}

fn writing(manifest: &Manifest) -> Option<String> {
    let names: Vec<&str> = manifest.aside.writing.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "a write to source `{}` is newer than all of its files and has not finished, so that rows may be missing: {}",
            manifest.source,
            Names(&names)
        )
    })
}

fn abandoned(manifest: &Manifest) -> Option<String> {
    let names: Vec<&str> = manifest
        .aside
        .abandoned
        .iter()
        .map(String::as_str)
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "a write to source `{}` has left files of no day behind; if no writer is at work, remove them: {}",
            manifest.source,
            Names(&names)
        )
    })
}

fn skipped(manifest: &Manifest) -> Option<String> {
    let names: Vec<&str> = manifest.aside.skipped.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} files of source `{}` are in partitions whose value is no day and are left out: {}",
            names.len(),
            manifest.source,
            Names(&names)
        )
    })
}

/// Days since the previous snapshot, and since the source has markers at all.
fn unmarked(plan: &Plan, source: &Source, manifest: &Manifest) -> Option<String> {
    let marker = source.delivery.ready.as_ref()?;
    let without = days(&manifest.aside.unmarked);
    let delivered = manifest.days();
    let first_marked = *delivered.difference(&without).next()?;
    let previous = plan.previous.as_ref();
    let previous = previous.map(|previous| previous.snapshot_date.day());
    let recent: BTreeSet<NaiveDate> = without
        .into_iter()
        .filter(|day| *day > first_marked && previous.is_none_or(|previous| *day > previous))
        .collect();
    let span = span_of(&recent)?;
    let source = &manifest.source;
    Some(format!("source `{source}` has no {marker} for {span}"))
}

fn unread(source: &Source, manifest: &Manifest) -> Option<String> {
    let left = &manifest.aside.unread;
    let span = span_of(&days(left))?;
    Some(format!(
        "{} files of source `{}` are not read, as their names do not match {}: {} ({span})",
        left.len(),
        manifest.source,
        source.delivery.files,
        Names(&newest_first(left)),
    ))
}

fn strays(manifest: &Manifest) -> Option<String> {
    let names: Vec<&str> = manifest.aside.strays.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} files of source `{}` are in no partition and are not read: {}",
            names.len(),
            manifest.source,
            Names(&names)
        )
    })
}

fn odd(manifest: &Manifest) -> Option<String> {
    let names: Vec<&str> = manifest.aside.odd.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{} names in source `{}` cannot be read, and what has them is left out; rename or remove it: {}",
            names.len(),
            manifest.source,
            Names(&names)
        )
    })
}

fn days(left: &[Left]) -> BTreeSet<NaiveDate> {
    left.iter().map(|left| left.day).collect()
}

fn newest_first(left: &[Left]) -> Vec<&str> {
    let mut left: Vec<&Left> = left.iter().collect();
    left.sort_by(|a, b| (b.day, &a.path).cmp(&(a.day, &b.path)));
    left.into_iter().map(|left| left.path.as_str()).collect()
}

/// Files that are there twice, in the days whose files a night opens.
pub(super) fn doubled(source: &str, files: &[FileSchema]) -> Vec<String> {
    let twins = twins(files).into_iter();
    let doubled = twins.map(|twins| {
        format!(
            "source `{source}` has the same file twice on {}, and its rows count twice: {} and {}",
            twins.day, twins.first, twins.second
        )
    });
    doubled.collect()
}
