//! What follows from the facts.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::num::NonZeroUsize;

use chrono::{Days, NaiveDate};

use crate::ground::SnapshotDate;
use crate::inputs::{Manifest, SourceHistory};
use crate::job::{CalibrationChoice, Job};
use crate::pack::Project;
use crate::publish::Publications;

use super::action::LOST_FILES;
use super::deliveries::delivery_warnings;
use super::earlier::reads_earlier_actions;
use super::reach::Reach;
use super::scans::history_scans;
use super::{Affected, AffectedBy, Facts, Plan, PlannedAction, SourcePlan, rules};

/// Decides on a night. Nothing is read: the same facts give the same plan.
pub fn decide(job: &Job, project: &Project, mut facts: Facts) -> Plan {
    let by_rules = rules::fingerprint(job, project, &facts.history_starts);
    let mut action = facts.action(project, &by_rules);
    let reach = match facts.stored.take() {
        Some(stored) => Reach::of(&facts, stored, &action),
        None => Reach {
            history_starts: facts.history_starts.clone(),
            ..Reach::default()
        },
    };
    // From which day on models see history is part of what D is published from.
    let rules_fingerprint = rules::fingerprint(job, project, &reach.history_starts);
    if !matches!(action, PlannedAction::Nothing { .. }) {
        action = facts.action(project, &rules_fingerprint);
    }
    let cutpoints_id = facts.cutpoints_id();
    let models = project.graph.models().iter();
    let mut plan = Plan {
        job: job.name.clone(),
        snapshot_date: facts.snapshot_date,
        sources: facts.visible.values().map(source_plan).collect(),
        affected: affected_others(&facts, &action),
        input_fingerprint: facts.input_fingerprint(&rules_fingerprint, &cutpoints_id),
        gaps: gaps(&facts),
        previous: facts.previous().cloned(),
        later: later_files(&facts.visible, &facts.all_days),
        action,
        cutpoints_id,
        rules_fingerprint,
        tiles: reach.tiles,
        history_starts: reach.history_starts,
        scan_starts: reach.scan_starts,
        out_of_reach: reach.out_of_reach,
        models: models.map(|model| model.name.clone()).collect(),
        ranges: job.ranges.unwrap_or(NonZeroUsize::MIN),
        undivided: mem::take(&mut facts.undivided),
        tables: project.tables.clone(),
        reads_earlier_actions: reads_earlier_actions(project),
        history_scans: history_scans(project),
        manifests: manifests(&facts.visible),
        histories: facts.visible,
        known: facts.known,
        had: facts.had,
        accepted: facts.accepted,
        unread_rules: facts.unread_rules,
        is_by_earlier_rules: facts.is_by_earlier_rules,
        calibration: facts.calibration,
        is_pinned: matches!(job.calibration, CalibrationChoice::Pinned(_)),
        calibrations: facts.calibrations,
        source_fingerprint: facts.source_fingerprint,
        publications: facts.publications,
        inspection: facts.inspection,
        lost: facts.lost,
        delivery_warnings: Vec::new(),
        may_drop: facts.may_drop,
        is_followed: false,
    };
    plan.delivery_warnings = delivery_warnings(job, &plan);
    plan
}

/// The affected dates but D itself. Publishing D affects the next date after it, and every affected
/// date those that follow on it; not so one that is republished as it was.
fn affected_others(facts: &Facts, action: &PlannedAction) -> Vec<Affected> {
    let is_moving = match action {
        PlannedAction::Nothing { .. } => false,
        PlannedAction::Publish => true,
        PlannedAction::Replace { changed, .. } => changed[..] != [LOST_FILES],
    };
    let moving = is_moving.then_some(facts.snapshot_date);
    let known = facts.affected.iter();
    let first = known.clone();
    let first = first.filter(|affected| affected.by != AffectedBy::LostFiles);
    let first = first.map(|affected| affected.date).chain(moving).min();
    let mut others = following(&facts.publications, first);
    others.extend(known.map(|known| (known.date, known.by)));
    others.remove(&facts.snapshot_date);
    let others = others.into_iter();
    others.map(|(date, by)| Affected { date, by }).collect()
}

/// The published dates from `first` on: each follows on the one before it.
fn following(
    publications: &Publications,
    first: Option<SnapshotDate>,
) -> BTreeMap<SnapshotDate, AffectedBy> {
    let Some(first) = first else {
        return BTreeMap::new();
    };
    let dates = publications.dates();
    let later = dates.range(first..);
    let later = later.filter(|date| !publications.is_final(**date));
    later.map(|date| (*date, AffectedBy::Snapshot)).collect()
}

fn manifests(visible: &BTreeMap<String, SourceHistory>) -> BTreeMap<String, Manifest> {
    let visible = visible.iter();
    visible
        .map(|(name, history)| (name.clone(), history.manifest.clone()))
        .collect()
}

/// The first readable day after D of each source of which no visible file is left.
fn later_files(
    visible: &BTreeMap<String, SourceHistory>,
    all_days: &BTreeMap<String, SourceHistory>,
) -> BTreeMap<String, Manifest> {
    let bare = visible.iter();
    let bare =
        bare.filter(|(_, history)| history.manifest.files.is_empty() && !history.days.is_empty());
    let later = bare.filter_map(|(name, _)| {
        let manifest = &all_days.get(name)?.manifest;
        let day = manifest.files.first()?.day;
        Some((name.clone(), manifest.on(&BTreeSet::from([day]))))
    });
    later.collect()
}

fn source_plan(history: &SourceHistory) -> SourcePlan {
    let manifest = &history.manifest;
    let days = manifest.days();
    SourcePlan {
        name: manifest.source.clone(),
        files: manifest.files.len(),
        days: days.len(),
        bytes: manifest.size_bytes(),
        span: days.first().copied().zip(days.last().copied()),
        delta_version: manifest.delta_version,
    }
}

/// The days after the previous snapshot and before D, as far as they can be published.
fn gaps(facts: &Facts) -> Vec<NaiveDate> {
    let Some(previous) = facts.previous() else {
        return Vec::new();
    };
    let is_final = |day: &NaiveDate| facts.publications.is_final(SnapshotDate::on(*day));
    let first = previous.snapshot_date.day() + Days::new(1);
    first
        .iter_days()
        .take_while(|day| *day < facts.snapshot_date.day())
        .filter(|day| !is_final(day))
        .collect()
}
