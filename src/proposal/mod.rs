//! New cut points as of a date, compared with those that a run of the date scores by.
//!
//! 1. [`propose`]: sources, tiles and features as a night computes them, without a publication;
//!    the new cut points over the scored users.
//! 2. [`compare`]: the tier models under the old cut points and under the new ones, and how
//!    many users have which value under which.
//! 3. [`Proposal::keep`]: the new cut points kept for good, when they are wanted.

use serde::Serialize;

use crate::calibration::{Calibration, CutPoints, Histograms};
use crate::ground::SnapshotDate;
use crate::job::{CalibrationChoice, Job, Workspace};
use crate::night::{
    Comparison, Featured, NightError, Progress, ReasonCount, Report, RowCount, Run, Scenario,
    Stages, ValueChange, by_reason, compare, open_session,
};
use crate::pack::{Project, cut_points};
use crate::plan::{CalibrationPlan, Circumstances, Facts, Plan, ShortHistory, decide};
use crate::storage::claim_output;

/// New cut points and what they would change.
#[derive(Debug, Clone, Serialize)]
pub struct Proposal {
    /// The snapshot date whose users were measured.
    pub snapshot_date: String,
    /// How many users are scored.
    pub population: u64,
    /// The cut points that a run of the date scores by.
    pub old: Old,
    /// The id that the new cut points have or would get.
    pub new_id: String,
    /// The calibration that has the new cut points already.
    pub same_as: Option<String>,
    /// Old and new cut points of each metric.
    pub metrics: Vec<MetricChange>,
    /// The scores, as far as there are old ones.
    pub scores: Vec<ValueChange>,
    /// The dimensions that cut points have a part in, whether somebody changes or nobody does;
    /// none without old cut points.
    pub dimensions: Vec<ValueChange>,
    /// The dimensions that cut points have no part in; none without old cut points.
    pub other_dimensions: Vec<String>,
    /// Which runs score by the new cut points once they are kept.
    #[serde(rename = "takers")]
    pub applies_to: AppliesTo,
    /// What is worth a look.
    pub warnings: Vec<String>,
    #[serde(skip)]
    new: Calibration,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricChange {
    /// The old cut points with the users of today.
    pub old: Option<CutPoints>,
    /// The new cut points, with the users of today.
    pub new: CutPoints,
}

/// The cut points that a run of the date scores by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Old {
    /// There are none: a run would calibrate.
    None,
    /// A calibration that is kept.
    Kept {
        /// Its id.
        id: String,
    },
    /// Those of the job file, which no run has kept yet.
    ByHand,
}

/// Which runs score by the new cut points once they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum AppliesTo {
    /// Runs of the date and of later ones.
    Runs {
        /// The first later date that has a calibration of its own.
        until: Option<String>,
        /// The dates that are published by other cut points and would be scored by the new ones
        /// when they are run again.
        published_dates: Vec<String>,
        /// How many dates between the first and the last of them are not published.
        unpublished_between: u64,
    },
    /// Nobody: the job pins another calibration.
    NobodyWhilePinned {
        /// The id it pins.
        id: String,
    },
    /// Nobody: the job gives its cut points by hand.
    NobodyWhileByHand,
}

impl Proposal {
    /// Whether runs would score by the same cut points anyway, or could.
    pub fn is_nothing_new(&self) -> bool {
        let is_same = |metric: &MetricChange| {
            let old = metric.old.as_ref();
            old.is_some_and(|old| old.cuts == metric.new.cuts)
        };
        self.same_as.is_some() || self.metrics.iter().all(is_same)
    }

    /// Keeps the new cut points for good.
    ///
    /// # Errors
    /// A store that fails, and another calibration that took the id in the meantime.
    pub async fn keep(&self, job: &Job, workspace: &Workspace) -> Result<(), NightError> {
        claim_output(&workspace.output, &job.name).await?;
        let kept = self.new.keep(&workspace.output, &workspace.layout).await;
        Ok(kept?)
    }
}

/// Computes new cut points as of a date, published or not, and compares.
///
/// # Errors
/// Whatever keeps the features of the date from being computed, and metrics that cannot be cut.
pub async fn propose(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    date: SnapshotDate,
    progress: Progress<'_>,
) -> Result<Proposal, NightError> {
    let circumstances = Circumstances {
        needs_tiles: true,
        ..Circumstances::default()
    };
    let facts = Facts::gather(job, project, workspace, date, circumstances);
    let plan = decide(job, project, Box::pin(facts).await?);
    plan.check_history()?;
    let session = open_session(job, workspace)?;
    let run = Run {
        job,
        workspace,
        plan: &plan,
        scenario: Scenario {
            previous: None,
            ..Scenario::of(&plan, project)
        },
        inspection: &plan.inspection,
        session: &session,
        writes_tables: false,
    };
    Box::pin(propose_in(&run, &mut Stages::new(progress))).await
}

async fn propose_in(run: &Run<'_>, stages: &mut Stages<'_>) -> Result<Proposal, NightError> {
    let plan = run.plan;
    let date = plan.snapshot_date;
    stages.begin("sources");
    let mut report = Report::default();
    let featured = Box::pin(run.compute_features(None, stages, &mut report)).await?;
    let Featured {
        mut catalog,
        scratch: _scratch,
        // The night that is to come reports it.
        unreported: _,
    } = featured;
    report.warnings.extend(left_out(&report.rejected));
    stages.begin("cut points");
    let users = cut_points::measure(&mut catalog, run.scenario.project).await?;
    let short = plan.short_history(users.metrics());
    report
        .warnings
        .extend(short.as_ref().map(ShortHistory::to_string));
    let full_from = short.map(|short| short.full_from);
    let id = plan.calibrations.next(date);
    let new = Calibration::computed(id, date, &users, full_from)?;
    let old = old_calibration(plan, &users);
    stages.begin("tiers");
    let metrics = metric_changes(old.as_ref(), &new, &users);
    let comparison = match &old {
        Some(old) if metrics.iter().all(|metric| metric.old.is_some()) => {
            let published = plan.publications.newest_for(date);
            let published = published.or(plan.previous.as_ref());
            Box::pin(compare(run, &mut catalog, [old, &new], published)).await?
        }
        _ => Comparison::default(),
    };
    if let Some(old) = &old {
        report.warnings.extend(uncut(&old.id, &metrics));
    }
    Ok(Proposal {
        snapshot_date: date.to_string(),
        population: users.population(),
        same_as: same_calibration(run, &new).await?,
        old: old_source(plan),
        new_id: new.id.clone(),
        metrics,
        scores: comparison.scores,
        dimensions: comparison.dimensions,
        other_dimensions: comparison.other_dimensions,
        applies_to: applies_to(run.job, plan, date),
        warnings: report.warnings,
        new,
    })
}

/// Rejected rows as warnings.
fn left_out(rejected: &[RowCount]) -> Vec<String> {
    let counts = by_reason(rejected).into_iter();
    let told = counts.map(|count| {
        let ReasonCount {
            source,
            reason,
            rows,
            ..
        } = count;
        format!(
            "{source}: rows left out: {rows} {reason}, on {}",
            count.days()
        )
    });
    told.collect()
}

/// The calibration that a run of the date would score by; none when it would calibrate.
fn old_calibration(plan: &Plan, users: &Histograms) -> Option<Calibration> {
    let date = plan.snapshot_date;
    match &plan.calibration {
        CalibrationPlan::Use(calibration) => Some(calibration.clone()),
        CalibrationPlan::Calibrate => None,
        CalibrationPlan::Keep(given) => {
            let id = plan.calibrations.next(date);
            Some(Calibration::by_hand(id, date, given, users))
        }
    }
}

fn old_source(plan: &Plan) -> Old {
    match &plan.calibration {
        CalibrationPlan::Use(calibration) => Old::Kept {
            id: calibration.id.clone(),
        },
        CalibrationPlan::Calibrate => Old::None,
        CalibrationPlan::Keep(_) => Old::ByHand,
    }
}

/// The calibration that runs would take anyway, pinned or newest, when its cut points are the new
/// ones.
async fn same_calibration(run: &Run<'_>, new: &Calibration) -> Result<Option<String>, NightError> {
    let cuts = new.cuts();
    if let CalibrationPlan::Use(old) = &run.plan.calibration
        && old.has_cuts(&cuts)
    {
        return Ok(Some(old.id.clone()));
    }
    let Some(newest) = run.plan.calibrations.newest(run.plan.snapshot_date) else {
        return Ok(None);
    };
    let Workspace { output, layout, .. } = run.workspace;
    let newest = Calibration::read(output, layout, newest).await?;
    Ok(newest.has_cuts(&cuts).then_some(newest.id))
}

fn metric_changes(
    old: Option<&Calibration>,
    new: &Calibration,
    users: &Histograms,
) -> Vec<MetricChange> {
    let old = old.map_or_else(Vec::new, |old| users.counted(&old.cuts()));
    let change = |new: &CutPoints| MetricChange {
        old: old.iter().find(|old| old.metric == new.metric).cloned(),
        new: new.clone(),
    };
    new.metrics.iter().map(change).collect()
}

/// Says that tiers cannot be compared, where metrics have come since the old calibration.
fn uncut(old_id: &str, metrics: &[MetricChange]) -> Option<String> {
    let uncut = metrics.iter().filter(|metric| metric.old.is_none());
    let names: Vec<&str> = uncut.map(|metric| metric.new.metric.as_str()).collect();
    (!names.is_empty()).then(|| {
        let names = names.join("`, `");
        format!("{old_id} has no cut points of `{names}`, so no tier can be compared")
    })
}

/// Which runs score by the new cut points. A later calibration goes before them on its date and after.
fn applies_to(job: &Job, plan: &Plan, date: SnapshotDate) -> AppliesTo {
    match &job.calibration {
        CalibrationChoice::Pinned(id) => AppliesTo::NobodyWhilePinned { id: id.clone() },
        CalibrationChoice::ByHand(_) => AppliesTo::NobodyWhileByHand,
        CalibrationChoice::Newest => {
            let until = plan.calibrations.next_date(date);
            let published = plan.publications.dates();
            let taking = published
                .range(date..)
                .take_while(|date| until.is_none_or(|until| **date < until));
            let taking: Vec<SnapshotDate> = taking.copied().collect();
            AppliesTo::Runs {
                until: until.map(|until| until.to_string()),
                published_dates: taking.iter().map(SnapshotDate::to_string).collect(),
                unpublished_between: unpublished_between(&taking),
            }
        }
    }
}

/// How many dates between the first and the last of `published`, all that there are in order, are
/// missing.
fn unpublished_between(published: &[SnapshotDate]) -> u64 {
    let steps = published.iter().zip(published.iter().skip(1));
    let missing = steps.map(|(date, next)| {
        let days = next.days_since_epoch().abs_diff(date.days_since_epoch());
        u64::from(days.saturating_sub(1))
    });
    missing.sum()
}
