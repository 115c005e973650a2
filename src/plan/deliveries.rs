//! What is worth a warning about the sources' files, in words, for a plan and its run.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::ground::{counted, verb_for};
use crate::inputs::schema::FileSchema;
use crate::inputs::{Left, Manifest, Names, span_of, twins};
use crate::job::{Job, Source};
use crate::storage::UnreadableReason;

use super::Plan;

/// What the listings show: writes that have not finished, markers that are missing, and files
/// that are not read.
pub(super) fn delivery_warnings(job: &Job, plan: &Plan) -> Vec<String> {
    let all = plan.manifests.iter().flat_map(|(name, manifest)| {
        let source = &job.sources[name];
        let warnings = [
            unfinished(manifest),
            writing(manifest),
            abandoned(manifest),
            skipped(manifest),
            unmarked(plan, source, manifest),
            unread(source, manifest),
            strays(manifest),
        ];
        warnings.into_iter().flatten().chain(ignored(manifest))
    });
    all.collect()
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
    let verb = verb_for(names.len(), "is", "are");
    (!names.is_empty()).then(|| {
        format!(
            "{} of source `{}` {verb} in partitions whose value is not a day and {verb} left out: {}",
            counted(names.len(), "file"),
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
        "{} of source `{}` {} not read, as {} not match {}: {} ({span})",
        counted(left.len(), "file"),
        manifest.source,
        verb_for(left.len(), "is", "are"),
        verb_for(left.len(), "its name does", "their names do"),
        source.delivery.files,
        Names(&newest_first(left)),
    ))
}

fn strays(manifest: &Manifest) -> Option<String> {
    let names: Vec<&str> = manifest.aside.strays.iter().map(String::as_str).collect();
    let verb = verb_for(names.len(), "is", "are");
    (!names.is_empty()).then(|| {
        format!(
            "{} of source `{}` {verb} in no partition and {verb} not read: {}",
            counted(names.len(), "file"),
            manifest.source,
            Names(&names)
        )
    })
}

/// What cannot be read and is nobody's data, one text for each reason.
fn ignored(manifest: &Manifest) -> Vec<String> {
    let ignored = &manifest.aside.ignored;
    let reasons: BTreeSet<UnreadableReason> = ignored.iter().map(|object| object.reason).collect();
    let texts = reasons.into_iter().map(|reason| {
        let of_reason = ignored.iter().filter(|object| object.reason == reason);
        let names: Vec<&str> = of_reason.map(|object| object.path.as_str()).collect();
        ignored_for(reason, &manifest.source, &names)
    });
    texts.collect()
}

fn ignored_for(reason: UnreadableReason, source: &str, names: &[&str]) -> String {
    let count = names.len();
    let of = |noun| counted(count, noun);
    let verb = |of_one: &'static str, of_many: &'static str| verb_for(count, of_one, of_many);
    let names = Names(names);
    match reason {
        UnreadableReason::Name => format!(
            "{} in source `{source}` cannot be read, and what has {} is left out; rename or remove it: {names}",
            of("name"),
            verb("it", "them"),
        ),
        UnreadableReason::Circle => format!(
            "{} in source `{source}` {} in a circle and {} left out; remove {}: {names}",
            of("link"),
            verb("leads", "lead"),
            verb("is", "are"),
            verb("it", "them"),
        ),
        UnreadableReason::LinkToNothing => format!(
            "{} in source `{source}` {} nowhere and {} left out; remove {}, or restore the files: {names}",
            of("link"),
            verb("leads", "lead"),
            verb("is", "are"),
            verb("it", "them"),
        ),
        UnreadableReason::NoFile => format!(
            "{} in source `{source}` {} left out; remove {}: {names}",
            match count {
                1 => "1 pipe, socket or device".to_owned(),
                _ => format!("{count} pipes, sockets or devices"),
            },
            verb("is", "are"),
            verb("it", "them"),
        ),
    }
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
pub(crate) fn doubled(source: &str, files: &[FileSchema]) -> Vec<String> {
    let twins = twins(files).into_iter();
    let doubled = twins.map(|twins| {
        format!(
            "source `{source}` has the same file twice on {}, and its rows count twice: {} and {}",
            twins.day, twins.first, twins.second
        )
    });
    doubled.collect()
}
