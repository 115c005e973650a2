//! One night from its job to its report, for the commands that make nights.

use tracing::Instrument;
use tracing::field::Empty;

use crate::check;
use crate::ground::{Classified, FailureKind, SnapshotDate};
use crate::job::{Job, Workspace};
use crate::night::{self, NightError, Report};
use crate::pack::Project;
use crate::plan::{Circumstances, Facts, Plan, decide};

use super::lineage::Lineage;
use super::signals::or_ended;
use super::watched::Watched;
use super::{memory_guard, time_limit};

/// More days than a night reads after a month without nights.
const MANY_DAYS: usize = 31;

/// So many bytes take as long to read as a look at all SQL takes, half a second.
const MANY_BYTES: u64 = 16 << 20;

/// The job's places, once the rules of its pack are checked.
pub(super) async fn open(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Workspace, NightError> {
    let workspace = Workspace::open(job)?;
    Box::pin(check::check_rules(job, project, snapshot_date)).await?;
    Ok(workspace)
}

/// Everything up to the plan of a night.
pub(super) async fn prepare(
    job: &Job,
    snapshot_date: SnapshotDate,
    circumstances: Circumstances<'_>,
) -> Result<(Project, Workspace, Plan), NightError> {
    let project = Project::load(job)?;
    // What was published by rules of then is restated by them.
    if !circumstances.is_by_rules_of_then {
        check::reference_problems(job, &project).or_ok(())?;
    }
    let workspace = open(job, &project, snapshot_date).await?;
    let facts = Facts::gather(job, &project, &workspace, snapshot_date, circumstances);
    let mut plan = decide(job, &project, Box::pin(facts).await?);
    plan.is_followed = circumstances.is_followed;
    if !circumstances.is_by_rules_of_then && makes_tiles_of_much(&plan) {
        Box::pin(check::check_computable(job, &project, snapshot_date)).await?;
    }
    Ok((project, workspace, plan))
}

/// Whether the night makes tiles of so much history that all SQL is looked at first: an error in the model that
/// comes last would be told once they are made.
fn makes_tiles_of_much(plan: &Plan) -> bool {
    let (mut most_days, mut bytes) = (0, 0);
    for tiles in &plan.tiles {
        for manifest in plan.manifests.values() {
            let days = tiles.days_read(manifest);
            most_days = most_days.max(days.len());
            bytes += manifest.on(&days).size_bytes();
        }
    }
    most_days > MANY_DAYS && bytes >= MANY_BYTES
}

/// Plans and executes one night. What it finds is in `report`, whatever comes of it.
pub(super) async fn publish(
    job: &Job,
    snapshot_date: SnapshotDate,
    circumstances: Circumstances<'_>,
    progress: &(dyn Fn(&str) + Sync),
    report: &mut Report,
) -> Result<(), NightError> {
    let span = tracing::error_span!("night", %snapshot_date, run_id = Empty);
    publish_one(job, snapshot_date, circumstances, progress, report)
        .instrument(span)
        .await
}

async fn publish_one(
    job: &Job,
    snapshot_date: SnapshotDate,
    circumstances: Circumstances<'_>,
    progress: &(dyn Fn(&str) + Sync),
    report: &mut Report,
) -> Result<(), NightError> {
    *report = Report::of(snapshot_date);
    let _limit = job.time_limit.map(time_limit::begin);
    let _guard = memory_guard::begin(&job.engine);
    let watched = Watched::new(progress);
    let mut lineage = Lineage::begin(job, snapshot_date).await;
    let night = Night {
        job,
        snapshot_date,
        circumstances,
    };
    let done = Box::pin(night.publish(&watched, &mut lineage, report)).await;
    lineage.end(report, done.as_ref().err()).await;
    done
}

/// A night that is planned and carried out.
struct Night<'a> {
    job: &'a Job,
    snapshot_date: SnapshotDate,
    circumstances: Circumstances<'a>,
}

impl Night<'_> {
    async fn publish(
        self,
        watched: &Watched<'_>,
        lineage: &mut Lineage<'_>,
        report: &mut Report,
    ) -> Result<(), NightError> {
        let Self {
            job,
            snapshot_date,
            circumstances,
        } = self;
        watched.doing("listing sources, tables and tiles");
        let prepared = Box::pin(prepare(job, snapshot_date, circumstances)).await;
        let (project, workspace, plan) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let error = or_ended(error);
                if may_be_put_right(&error) {
                    put_right(job, report).await;
                }
                return Err(error);
            }
        };
        lineage.reads(&workspace, &plan);
        let stages = |stage: &str| watched.doing(stage);
        let night = night::run(job, &project, &workspace, &plan, &stages);
        let outcome = watched.over(&workspace, night).await;
        *report = outcome.report;
        outcome.result.map_err(or_ended)
    }
}

/// Whether tables can be put right all the same. Nothing is to be tried again where stores or this
/// machine are out of order or a signal came, nor where what is published itself ended it: that
/// would be said twice.
pub(super) fn may_be_put_right(error: &NightError) -> bool {
    let is_of_tables = matches!(error, NightError::Publish(_));
    match error.kind() {
        FailureKind::Unexpected | FailureKind::Ended(_) => false,
        _ => !is_of_tables,
    }
}

/// Undoes what runs left unpublished, for a night that comes no further. What it came to is not
/// what ended the night.
pub(super) async fn put_right(job: &Job, report: &mut Report) {
    if let Err(error) = Box::pin(night::put_right_unplanned(job, report)).await {
        tracing::warn!(%error, "cannot look for rows that a run left unpublished");
    }
}
