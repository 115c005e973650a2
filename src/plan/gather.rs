//! [Facts] are gathered: sources, publications, calibrations and tiles are listed, small records read.

use std::collections::BTreeMap;

use futures::future::join_all;

use crate::calibration::{Calibration, CalibrationError, KeptIds, fit_given};
use crate::ground::{Problems, SnapshotDate, counted};
use crate::inputs::{InputError, Manifest, Shortfalls, SourceHistory};
use crate::job::{CalibrationChoice, Job, Workspace};
use crate::pack::{Project, declared_metrics};
use crate::publish::{Publication, Publications, inspect, lost_files};
use crate::tiles::StoredTiles;

use super::affected::Found;
use super::calibration_plan::CalibrationPlan;
use super::circumstances::Circumstances;
use super::days_had::DaysHad;
use super::drop_columns::check_drops;
use super::error::{HistoryError, PlanError};
use super::facts::{Facts, StoredHistory};
use super::history::{histories, known_days, published_last};
use super::planned_action::PlannedAction;
use super::rollups::inputs_of_rollups;
use super::rules;
use super::scans::expired_scans;
use super::seen_then::{SeenThen, seen_then};
use super::source_files::files_read;
use super::undivided::undivided;

impl Facts {
    /// Lists the sources, reads the publications and calibrations, and lists the tiles.
    ///
    /// # Errors
    /// Stores that fail, records that cannot be read, required partitions that are missing.
    pub async fn gather(
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
            may_drop,
            needs_tiles,
            ..
        } = circumstances;
        let delivered = list_sources(job, workspace).await?;
        let publications = publications_of(job, workspace).await?;
        check_not_expired(&publications, snapshot_date)?;
        let inspection = inspect(&workspace.output, &publications).await?;
        let known = known_days(&publications, workspace, accepted).await?;
        let latest = publications.latest_date();
        let until = latest.map_or(snapshot_date, |latest| latest.max(snapshot_date));
        let all_days = histories(job, delivered, &known, until, accepted);
        let visible = up_to(&all_days, snapshot_date);
        check_ready(job, workspace, &visible, snapshot_date)?;
        let lost = lost_files(&workspace.output, &publications, &inspection).await?;
        let last = published_last(&publications, snapshot_date);
        let seen = match rules {
            Some(rules) => SeenThen::by(rules),
            None => seen_before(job, project, workspace, last, &visible).await?,
        };
        let found = Found {
            workspace,
            publications: &publications,
            histories: &all_days,
            known: &known,
            lost: &lost,
        };
        let affected = found.affected().await?;
        let calibrations = known_calibrations(job, workspace, &publications, snapshot_date).await?;
        let calibration =
            plan_calibration(job, project, workspace, &calibrations, snapshot_date).await?;
        check_drops(&workspace.output, &project.tables, may_drop).await?;
        let published = publications.newest_for(snapshot_date);
        let had = DaysHad::when_published(published, &visible, accepted, workspace).await?;
        let mut facts = Self {
            snapshot_date,
            source_fingerprint: files_read(&project.graph, &visible, snapshot_date),
            had,
            may_drop: may_drop.to_vec(),
            undivided: Vec::new(),
            stored: None,
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
        };
        if needs_tiles || facts.has_something_to_do(job, project) {
            facts.look_closer(job, project, workspace).await?;
        }
        Ok(facts)
    }

    /// What only a night that computes something has to know.
    async fn look_closer(
        &mut self,
        job: &Job,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<(), PlanError> {
        self.stored = Some(self.stored_history(job, project, workspace).await?);
        self.undivided = undivided(job, project, self.snapshot_date).await?;
        Ok(())
    }

    fn has_something_to_do(&self, job: &Job, project: &Project) -> bool {
        let rules = rules::fingerprint(job, project, &self.history_starts);
        !matches!(self.action(project, &rules), PlannedAction::Nothing { .. })
    }

    async fn stored_history(
        &self,
        job: &Job,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<StoredHistory, PlanError> {
        let Workspace { output, layout, .. } = workspace;
        let mut rollups = Vec::new();
        for inputs in inputs_of_rollups(job, project, self.snapshot_date).await? {
            let name = &inputs.definition.rollup.name;
            let tiles = StoredTiles::list(output, layout, name).await?;
            rollups.push((inputs, tiles));
        }
        let scans = expired_scans(job, project, &self.visible, self.snapshot_date).await?;
        Ok(StoredHistory { rollups, scans })
    }
}

/// How much of history models saw when the date before was published, as far as days of it have expired.
async fn seen_before(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    last: Option<&Publication>,
    visible: &BTreeMap<String, SourceHistory>,
) -> Result<SeenThen, PlanError> {
    let seen = seen_then(job, project, workspace, last).await?;
    Ok(seen.still_needed(visible))
}

/// Refuses to publish a date that would follow on other snapshots than it ought to.
fn check_not_expired(publications: &Publications, date: SnapshotDate) -> Result<(), HistoryError> {
    let until = publications.final_until().filter(|until| date <= *until);
    match (until, publications.newest_for(date)) {
        (Some(until), None) => Err(HistoryError::Expired { date, until }),
        _ => Ok(()),
    }
}

/// The days of each source up to a date.
fn up_to(
    all_days: &BTreeMap<String, SourceHistory>,
    date: SnapshotDate,
) -> BTreeMap<String, SourceHistory> {
    let histories = all_days.iter();
    histories
        .map(|(name, history)| (name.clone(), history.up_to(date)))
        .collect()
}

/// What every source delivers, days to come included. The sources are listed side by side.
pub(crate) async fn list_sources(
    job: &Job,
    workspace: &Workspace,
) -> Result<BTreeMap<String, Manifest>, PlanError> {
    let listed = job.sources.iter().map(|(name, source)| async move {
        let manifest = match workspace.sources.get(name) {
            Some(location) => {
                let listed = Manifest::list(name, location, &source.delivery).await?;
                listed.with_values_of(&source.columns)
            }
            None => Manifest::empty(name),
        };
        Ok::<_, PlanError>((name.clone(), manifest))
    });
    // Of several that fail, the first by name is told, whichever was quicker.
    join_all(listed).await.into_iter().collect()
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

/// The calibrations that are kept, and those by which something is published, unless the one to score
/// by is lost.
async fn known_calibrations(
    job: &Job,
    workspace: &Workspace,
    publications: &Publications,
    snapshot_date: SnapshotDate,
) -> Result<KeptIds, CalibrationError> {
    let kept = KeptIds::list(&workspace.output, &workspace.layout).await?;
    let published = publications.published();
    let known = kept.knowing(published.map(|one| one.cutpoints_id.as_str()));
    check_not_lost(job, workspace, &known, publications, snapshot_date)?;
    Ok(known)
}

/// Refuses to score by another calibration in the place of one whose record is gone.
fn check_not_lost(
    job: &Job,
    workspace: &Workspace,
    calibrations: &KeptIds,
    publications: &Publications,
    snapshot_date: SnapshotDate,
) -> Result<(), CalibrationError> {
    let is_chosen_by_date = job.calibration == CalibrationChoice::Newest;
    let lost = calibrations.lost_for(snapshot_date);
    let Some(id) = lost.filter(|_| is_chosen_by_date) else {
        return Ok(());
    };
    let published = publications.published();
    let mut dates = published.filter(|one| one.cutpoints_id == id);
    let first = dates
        .next()
        .map_or_else(String::new, |first| first.snapshot_date.to_string());
    let dates = match dates.count() {
        0 => format!("{first} was"),
        others => format!("{first} and {} were", counted(others, "later date")),
    };
    let path = workspace.layout.calibration(id);
    let path = workspace.output.url_of(&path);
    Err(CalibrationError::Lost { path, dates })
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

/// What is published, and in which tables of the job.
async fn publications_of(job: &Job, workspace: &Workspace) -> Result<Publications, PlanError> {
    let publications = Publications::load(&workspace.output).await?;
    Ok(publications.knowing(job.tables.keys()))
}

/// What becomes of the calibration that is found: cut points given by hand go before others.
async fn plan_calibration(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    kept: &KeptIds,
    snapshot_date: SnapshotDate,
) -> Result<CalibrationPlan, PlanError> {
    let found = find_calibration(job, workspace, kept, snapshot_date).await?;
    let CalibrationChoice::ByHand(given) = &job.calibration else {
        return Ok(found.map_or(CalibrationPlan::Calibrate, CalibrationPlan::Use));
    };
    let metrics = Box::pin(declared_metrics(job, project, snapshot_date)).await?;
    let given = fit_given(job, given, &metrics)?;
    let same = found.filter(|newest| newest.has_cuts(&given));
    Ok(same.map_or(CalibrationPlan::Keep(given), CalibrationPlan::Use))
}
