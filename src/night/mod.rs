//! A night: a [plan](crate::plan) carried out, stage by stage.
//!
//! | stage | what it does |
//! |---|---|
//! | [repair] | tables that are not as the publications say are put right, whatever comes after |
//! | [sources] | the visible files become tables; staging is planned over them |
//! | [rejects] | rows that staging leaves out are counted and sampled, before their tiles are kept |
//! | [tiling] | stored tiles are fetched, missing ones made |
//! | [features] | features are planned; those that several models read are computed once |
//! | [tiers] | cut points: kept, computed on the first night, or given by hand; the tier models under them |
//! | [rescoring] | after a recalibration: whom the cut points alone move |
//! | [settled] | today's users against the previous snapshot, in ranges of users |
//! | [users_of_range] | each range written, and counted against snapshots of a week and four weeks ago, [earlier] ones |
//! | `elsewhere` | with a cluster: what others do of the above, many tiles and all ranges |
//! | [drafting] | every table is written aside, the [marts] last |
//! | [auditing] | audits over the drafts as they lie in storage |
//! | [publication] | calibration and records are kept, the drafts are committed, `publications` last |
//!
//! What is computed is one value, a [scenario]. Whatever fails before the first commit leaves
//! readers' view as it was, and no drafts behind; so does a [signal](crate::ground::Interruption), which
//! waits once a commit may have been made.

mod alerts;
mod auditing;
mod comparable;
mod context;
mod drafting;
mod earlier;
#[cfg(feature = "cluster")]
mod elsewhere;
mod error;
mod features;
mod marts;
mod old_records;
mod previous_join;
mod publication;
mod quarantine;
mod reject_sample;
mod rejects;
mod repair;
mod report;
mod rescoring;
mod row_remarks;
mod scenario;
mod scratch;
mod settled;
mod snapshot;
mod sources;
mod stages;
mod status;
mod tiers;
mod tiling;
mod times_outside;
mod unreported;
mod users_of_range;
mod volumes;

use std::collections::BTreeMap;

use crate::engine::caught;
use crate::ground::interruption;
use crate::job::{Job, Workspace};
use crate::pack::Project;
use crate::plan::{CalibrationPlan, Plan, PlannedAction, remarks_on};
use crate::publish::{Publication, keep_views};
use crate::storage::claim_output;

use self::drafting::Drafted;

pub use alerts::Alert;
pub(crate) use alerts::alerts_of;
pub(crate) use context::{Run, open_session};
#[cfg(feature = "cluster")]
pub use elsewhere::refused_work::RefusedWork;
#[cfg(feature = "cluster")]
pub(crate) use elsewhere::worker::work_off;
pub use error::NightError;
pub(crate) use features::Featured;
pub use repair::put_right_unplanned;
pub use report::{Failure, ReadersSee, Report, RowCount, TableReport};
pub(crate) use report::{ReasonCount, by_reason};
pub(crate) use rescoring::{Comparison, compare};
pub use rescoring::{ValueChange, ValueFlow};
pub(crate) use scenario::Scenario;
pub(crate) use snapshot::Specs;
pub use sources::{InputsTried, try_inputs};
pub use stages::Progress;
pub(crate) use stages::Stages;
pub use status::Status;

/// What came of a night.
#[derive(Debug)]
pub struct Outcome {
    /// What it found and did, until it ended.
    pub report: Report,
    /// Whatever kept the date from being published.
    pub result: Result<(), NightError>,
}

/// Carries out a plan.
pub async fn run(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    plan: &Plan,
    progress: Progress<'_>,
) -> Outcome {
    let mut report = begin(job, workspace, plan);
    let done = carry_out(job, project, workspace, plan, progress, &mut report);
    let result = Box::pin(done).await;
    report.count_traffic(workspace.traffic());
    Outcome { report, result }
}

/// The report of a night that has not begun, with what the plan has to say.
fn begin(job: &Job, workspace: &Workspace, plan: &Plan) -> Report {
    for warning in &plan.delivery_warnings {
        tracing::warn!("{warning}");
    }
    for remark in plan.remarks_on_published() {
        tracing::warn!("{remark}");
    }
    let previous = plan.previous.as_ref();
    Report {
        snapshot_date: Some(plan.snapshot_date.to_string()),
        previous_snapshot_date: previous.map(|previous| previous.snapshot_date.to_string()),
        output: Some(workspace.output.url_of(&workspace.output.path)),
        warnings: remarks_on(job, plan),
        held_in_tiles: plan.held_in_tiles(),
        readers_see: ReadersSee::newest_of(&plan.publications),
        ..Report::default()
    }
}

async fn carry_out(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    plan: &Plan,
    progress: Progress<'_>,
    report: &mut Report,
) -> Result<(), NightError> {
    claim_output(&workspace.output, &job.name).await?;
    let found = &plan.inspection;
    let inspection = repair::put_right(workspace, &plan.publications, found, report).await?;
    plan.check_history()?;
    if let PlannedAction::Nothing { run_id } = &plan.action {
        keep_views(&workspace.output, &plan.publications).await;
        report_nothing_new(report, plan, run_id);
        return Ok(());
    }
    plan.check_files_needed()?;
    let session = open_session(job, workspace)?;
    let run = Run {
        job,
        workspace,
        plan,
        scenario: Scenario::of(plan, project),
        inspection: &inspection,
        session: &session,
        writes_tables: true,
    };
    let mut stages = Stages::new(progress);
    let published = caught(Box::pin(run.publish(&mut stages, report))).await;
    report.stage = stages.current().map(str::to_owned);
    report.seconds = stages.finish();
    published??;
    report.status = match plan.action {
        PlannedAction::Replace { .. } => Status::Replaced,
        PlannedAction::Publish | PlannedAction::Nothing { .. } => Status::Published,
    };
    Ok(())
}

/// Notes what is published of a date already.
fn report_nothing_new(report: &mut Report, plan: &Plan, run_id: &str) {
    report.status = match report.repaired.is_empty() {
        true => Status::AlreadyPublished,
        false => Status::Repaired,
    };
    report.run_id = Some(run_id.to_owned());
    if let Some(published) = plan.publications.newest_for(plan.snapshot_date) {
        report.cutpoints_id = Some(published.cutpoints_id.clone());
        report.tables = table_reports(published);
    }
}

impl Run<'_> {
    /// The stages up to the publication.
    async fn publish(
        &self,
        stages: &mut Stages<'_>,
        report: &mut Report,
    ) -> Result<(), NightError> {
        let mut record = self.record();
        tracing::Span::current().record("run_id", record.run_id.as_str());
        report.run_id = Some(record.run_id.clone());
        stages.begin("sources");
        let previous = self.previous_snapshot().await?;
        let Featured {
            mut catalog,
            scratch: _scratch,
            unreported,
        } = Box::pin(self.compute_features(previous.as_ref(), stages, report)).await?;
        stages.begin("cut points");
        let calibration = self.calibration(&mut catalog).await?;
        stages.begin("drafts");
        let tiers = self.tiers(&mut catalog, calibration).await?;
        record.tier_rules = Some(tiers.scoring.tier_rules());
        report.warnings.extend(tiers.scoring.remarks(self));
        let moved = self.moves_by_cut_points(&mut catalog, &tiers.calibration);
        report.warnings.extend(Box::pin(moved).await?);
        let Drafted {
            drafts,
            moves,
            alerts,
            remarks,
        } = self
            .write_drafts(&catalog, &tiers, previous.as_ref(), &record)
            .await?;
        report.warnings.extend(remarks);
        stages.begin("audits");
        let warnings = &mut report.warnings;
        let cleared = self.audit(&mut catalog, &tiers, drafts, warnings).await?;
        stages.begin("publication");
        let _held_off = interruption().held_off();
        let cleared = self.keep_records(&tiers.calibration, cleared).await?;
        let cut_points = self.scenario.cut_points;
        report.calibrated = *cut_points == CalibrationPlan::Calibrate;
        if report.calibrated {
            let metrics = tiers.calibration.metrics.iter();
            let metrics = metrics.map(|points| points.metric.as_str());
            let short = self.plan.short_history(metrics);
            report.warnings.extend(short.map(|short| short.to_string()));
        }
        report.cutpoints_id = Some(tiers.calibration.id);
        report.kept_by_hand = matches!(cut_points, CalibrationPlan::Keep(_));
        let published = self.commit(cleared, record).await?;
        if !unreported.is_empty() {
            self.forget_unreported(unreported).await;
        }
        report.moves = moves;
        report.alerts = alerts;
        report.tables = table_reports(&published);
        report.readers_see(&published);
        Ok(())
    }
}

fn table_reports(publication: &Publication) -> BTreeMap<String, TableReport> {
    let tables = publication.tables.iter().map(|(name, table)| {
        let report = TableReport {
            rows: table.rows,
            version: table.version,
        };
        (name.clone(), report)
    });
    tables.collect()
}
