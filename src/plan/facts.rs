//! What a plan is decided from: listings and small records, read before anything is concluded.

use std::collections::BTreeMap;

use crate::calibration::{Calibration, CalibrationError, KeptIds, fit_given};
use crate::ground::{Problems, SnapshotDate};
use crate::inputs::{InputError, Manifest, Shortfalls, SourceHistory, SourceRecord};
use crate::job::{CalibrationChoice, Job, Workspace};
use crate::pack::{Project, declared_metrics};
use crate::publish::{Inspection, LostFiles, Publications, inspect, lost_files};

use super::affected::{Affected, Found};
use super::error::PlanError;
use super::history::{
    Accepted, SeenThen, histories, known_days, published_last, seen_then, still_needed,
};
use super::rules::HistoryStarts;
use super::{CalibrationPlan, Circumstances};

/// The state of sources and output when the plan is made.
pub(super) struct Facts {
    /// The days of each source, those after D too.
    pub(super) all_days: BTreeMap<String, SourceHistory>,
    /// The days of each source up to D.
    pub(super) visible: BTreeMap<String, SourceHistory>,
    /// What earlier runs have known of all days.
    pub(super) known: SourceRecord,
    /// Everything published so far.
    pub(super) publications: Publications,
    /// Whether the tables are as the publications say.
    pub(super) inspection: Inspection,
    /// Published files that are gone.
    pub(super) lost: Vec<LostFiles>,
    /// What may be done about history that is gone.
    pub(super) accepted: Accepted,
    /// From which day on models see expired days.
    pub(super) history_starts: HistoryStarts,
    /// Why the record of the rules that D follows on cannot be read, where it cannot.
    pub(super) unread_rules: Option<String>,
    /// Published dates whose files are others today.
    pub(super) affected: Vec<Affected>,
    /// The calibrations kept so far.
    pub(super) calibrations: KeptIds,
    /// Where the cut points come from.
    pub(super) calibration: CalibrationPlan,
    /// Whether the rules are those that D was published by.
    pub(super) is_by_earlier_rules: bool,
}

impl Facts {
    /// Reads them; a day that is not ready ends it early.
    pub(super) async fn gather(
        job: &Job,
        project: &Project,
        workspace: &Workspace,
        snapshot_date: SnapshotDate,
        circumstances: Circumstances<'_>,
    ) -> Result<Self, PlanError> {
        let Circumstances {
            accepted,
            rules,
            is_by_rules_of_then,
        } = circumstances;
        let delivered = list_sources(job, workspace).await?;
        let publications = Publications::load(&workspace.output).await?;
        let inspection = inspect(&workspace.output, &publications).await?;
        let known = known_days(&publications, workspace, accepted).await?;
        let latest = publications.latest_date();
        let until = latest.map_or(snapshot_date, |latest| latest.max(snapshot_date));
        let all_days = histories(job, delivered, &known, until, accepted);
        let visible: BTreeMap<String, SourceHistory> = all_days
            .iter()
            .map(|(name, history)| (name.clone(), history.up_to(snapshot_date)))
            .collect();
        check_ready(job, workspace, &visible, snapshot_date)?;
        let lost = lost_files(&workspace.output, &publications, &inspection).await?;
        let seen = match rules {
            Some(rules) => SeenThen {
                starts: rules.history_starts.clone(),
                unread: None,
            },
            None => {
                let last = published_last(&publications, snapshot_date);
                let seen = seen_then(job, project, workspace, last).await?;
                SeenThen {
                    starts: still_needed(seen.starts, &visible),
                    ..seen
                }
            }
        };
        let found = Found {
            workspace,
            publications: &publications,
            histories: &all_days,
            known: &known,
            lost: &lost,
        };
        let affected = found.affected().await?;
        let calibrations = KeptIds::list(&workspace.output, &workspace.layout).await?;
        let found = find_calibration(job, workspace, &calibrations, snapshot_date).await?;
        let calibration = plan_calibration(job, project, found, snapshot_date).await?;
        Ok(Self {
            all_days,
            visible,
            known,
            publications,
            inspection,
            lost,
            accepted,
            history_starts: seen.starts,
            unread_rules: seen.unread,
            affected,
            calibrations,
            calibration,
            is_by_earlier_rules: is_by_rules_of_then,
        })
    }
}

/// What every source delivers, days to come included.
pub(crate) async fn list_sources(
    job: &Job,
    workspace: &Workspace,
) -> Result<BTreeMap<String, Manifest>, PlanError> {
    let mut manifests = BTreeMap::new();
    for (name, source) in &job.sources {
        let manifest = match workspace.sources.get(name) {
            Some(location) => {
                let listed = Manifest::list(name, location, &source.delivery).await?;
                listed.with_values_of(&source.columns)
            }
            None => Manifest::empty(name),
        };
        manifests.insert(name.clone(), manifest);
    }
    Ok(manifests)
}

/// Every source must be delivered on day D as the job requires.
fn check_ready(
    job: &Job,
    workspace: &Workspace,
    histories: &BTreeMap<String, SourceHistory>,
    snapshot_date: SnapshotDate,
) -> Result<(), InputError> {
    let mut problems = Problems::default();
    for (name, history) in histories {
        if let Some(location) = workspace.sources.get(name) {
            let checked = history.manifest.check_names(location);
            problems.extend(checked.err().unwrap_or_default());
        }
    }
    problems.or_ok(()).map_err(InputError::Refused)?;
    for (name, history) in histories {
        if let Some(location) = workspace.sources.get(name) {
            history.manifest.check_links(location)?;
        }
    }
    let sources = job.sources.iter();
    let shortfalls = sources.filter_map(|(name, source)| {
        let location = workspace.sources.get(name)?;
        let history = histories.get(name)?;
        let day = snapshot_date.day();
        // A day that tiles hold is as good as one with files.
        let is_expired = history.days.get(&day).is_some_and(|known| known.is_expired);
        (!is_expired).then(|| history.manifest.shortfalls(source, location, day))
    });
    Shortfalls(shortfalls.flatten().collect()).or_ready(snapshot_date)
}

/// The calibration that the job pins, or else the newest as of D. A date before every calibration
/// takes the earliest, so that it is not scored on a scale of its own.
async fn find_calibration(
    job: &Job,
    workspace: &Workspace,
    kept: &KeptIds,
    snapshot_date: SnapshotDate,
) -> Result<Option<Calibration>, CalibrationError> {
    let id = match &job.calibration {
        CalibrationChoice::Pinned(id) => Some(kept.pinned(id)?),
        CalibrationChoice::Newest | CalibrationChoice::ByHand(_) => {
            kept.newest(snapshot_date).or(kept.earliest())
        }
    };
    match id {
        Some(id) => {
            let found = Calibration::read(&workspace.output, &workspace.layout, id).await?;
            Ok(Some(found))
        }
        None => Ok(None),
    }
}

/// What becomes of the calibration that was found: cut points given by hand go before others.
async fn plan_calibration(
    job: &Job,
    project: &Project,
    found: Option<Calibration>,
    snapshot_date: SnapshotDate,
) -> Result<CalibrationPlan, PlanError> {
    let CalibrationChoice::ByHand(given) = &job.calibration else {
        return Ok(found.map_or(CalibrationPlan::Calibrate, CalibrationPlan::Use));
    };
    let metrics = Box::pin(declared_metrics(job, project, snapshot_date)).await?;
    let given = fit_given(job, given, &metrics)?;
    let same = found.filter(|newest| newest.has_cuts(&given));
    Ok(same.map_or(CalibrationPlan::Keep(given), CalibrationPlan::Use))
}
