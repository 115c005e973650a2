//! A plan carried out, stage by stage:
//!
//! 1. [sources, tiles and features](super::features)
//! 2. [rejected rows](super::rejects) of the days read for tiles, counted and sampled
//! 3. cut points: found, calibrated on the first night, or given by hand
//! 4. tiers and [what is to be published](crate::pack::Shape); [drafts](super::snapshot) of every table,
//!    written aside, those of the [marts](super::marts) last
//! 5. [audits](super::auditing) over the drafts as they lie in storage
//! 6. publication: a new calibration is kept, the drafts are committed, `publications` last
//!
//! Before all of it, tables with commits that no publication names are put right, whatever the
//! date of these, and also when there is nothing else to do.
//!
//! Whatever fails before the first commit leaves readers' view as it was, and no drafts behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::datasource::MemTable;

use crate::audits::Cleared;
use crate::calibration::Calibration;
use crate::drafts::Draft;
use crate::engine::EngineError;
use crate::ground::{Folder, TableName};
use crate::job::{Job, Workspace};
use crate::migration::Moves;
use crate::models::Parameters;
use crate::pack::{Catalog, Project, Shape, column_comments, cut_points};
use crate::plan::{CalibrationPlan, Plan, PlannedAction, remarks_on};
use crate::publish::{
    self, ForeignCommit, Inspection, Publication, Publications, RunRecord, TableVersion, inspect,
    missing, published_snapshot,
};
use crate::tables::{ALERTS, DIM_TIER, TIER_SNAPSHOT};
use crate::tiers::Settling;

use super::alerts::{Alert, alerts_of};
use super::comparable::Scoring;
use super::context::{Run, open_session};
use super::error::NightError;
use super::features::Featured;
use super::marts::{self, register_before};
use super::old_records::forget_old_records;
use super::report::{Report, TableReport};
use super::snapshot::{Night, Specs, discard};
use super::stages::{Progress, Stages};
use super::status::Status;

/// Carries out a plan, and notes in `report` what it finds and does.
///
/// # Errors
/// Whatever keeps the date from being published; `report` then has what was found until then.
pub async fn execute(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    plan: &Plan,
    progress: Progress<'_>,
    report: &mut Report,
) -> Result<(), NightError> {
    let previous = plan.previous.as_ref();
    *report = Report {
        snapshot_date: Some(plan.snapshot_date.to_string()),
        previous_snapshot_date: previous.map(|previous| previous.snapshot_date.to_string()),
        output: Some(workspace.output.url_of(&workspace.output.path)),
        warnings: remarks_on(job, plan),
        held_in_tiles: plan.held_in_tiles(),
        ..Report::default()
    };
    for oddity in &plan.oddities {
        tracing::warn!("{oddity}");
    }
    for remark in plan.remarks_on_lost_files() {
        tracing::warn!("{remark}");
    }
    let found = &plan.inspection;
    let inspection = put_right(workspace, &plan.publications, found, report).await?;
    plan.check_history()?;
    if let PlannedAction::Nothing { run_id } = &plan.action {
        report.status = match report.repaired.is_empty() {
            true => Status::AlreadyPublished,
            false => Status::Repaired,
        };
        report.run_id = Some(run_id.clone());
        if let Some(published) = plan.publications.newest_for(plan.snapshot_date) {
            report.cutpoints_id = Some(published.cutpoints_id.clone());
            report.tables = table_reports(published);
        }
        report.count_traffic(workspace.traffic());
        return Ok(());
    }
    plan.check_files_needed()?;
    let session = open_session(job, workspace)?;
    let run = Run {
        job,
        project,
        workspace,
        plan,
        inspection: &inspection,
        session: &session,
    };
    let mut stages = Stages::new(progress);
    let published = Box::pin(run.publish(&mut stages, report)).await;
    report.seconds = stages.finish();
    report.count_traffic(workspace.traffic());
    published?;
    report.status = match plan.action {
        PlannedAction::Replace { .. } => Status::Replaced,
        PlannedAction::Publish | PlannedAction::Nothing { .. } => Status::Published,
    };
    Ok(())
}

/// Undoes commits that no publication names for a night that ends before it is planned, be it for
/// a day that is not ready: readers see no half of a publication meanwhile.
pub async fn put_right_unplanned(job: &Job, report: &mut Report) -> Result<(), NightError> {
    let workspace = Workspace::open(job)?;
    let publications = Publications::load(&workspace.output).await?;
    let found = inspect(&workspace.output, &publications).await?;
    put_right(&workspace, &publications, &found, report).await?;
    Ok(())
}

/// Undoes commits that no publication names, and notes the tables that had them.
async fn put_right(
    workspace: &Workspace,
    publications: &Publications,
    found: &Inspection,
    report: &mut Report,
) -> Result<Inspection, NightError> {
    if found.is_clean() {
        return Ok(found.clone());
    }
    let repaired = publish::repair(&workspace.output, publications).await?;
    report.repaired = found.unfinished().map(str::to_owned).collect();
    report.warnings.extend(told_of_repair(found));
    Ok(repaired)
}

/// What was put right: rows of runs that died, and what somebody else changed.
fn told_of_repair(found: &Inspection) -> Vec<String> {
    let left: Vec<&str> = found.left_by_runs().collect();
    let left = (!left.is_empty()).then(|| {
        format!(
            "removed rows that an earlier run left unpublished in {}",
            left.join(", ")
        )
    });
    let foreign = found.foreign().iter().map(told_of_foreign);
    left.into_iter().chain(foreign).collect()
}

fn told_of_foreign(commit: &ForeignCommit) -> String {
    let ForeignCommit {
        table,
        version,
        operation,
        made_at,
    } = commit;
    let operation = operation.as_deref().unwrap_or("commit");
    let made_at = made_at.map_or_else(String::new, |made_at| {
        format!(" at {}", made_at.format("%Y-%m-%d %H:%M:%S UTC"))
    });
    format!(
        "table `{table}` was changed by a commit that tierline did not make, version {version}, {operation}{made_at}: its rows are as published again; to take a date back, use `tierline withdraw`"
    )
}

/// What a night is about to publish.
struct Drafted {
    drafts: Vec<Draft>,
    moves: Moves,
    alerts: Vec<Alert>,
    remarks: Vec<String>,
}

/// The tiers of a night: what they are, and what made them.
struct Tiers<'a> {
    parameters: &'a Parameters,
    shape: &'a Shape,
    scoring: &'a Scoring,
}

impl Run<'_> {
    async fn publish(
        &self,
        stages: &mut Stages<'_>,
        report: &mut Report,
    ) -> Result<(), NightError> {
        let mut identity = self.identity();
        report.run_id = Some(identity.run_id.clone());
        stages.begin("sources");
        self.register_previous().await?;
        let Featured {
            mut catalog,
            scratch: _scratch,
            unreported,
        } = Box::pin(self.compute_features(stages, report)).await?;
        stages.begin("cut points");
        let calibration = self.calibration(&mut catalog).await?;
        let parameters = calibration.parameters(self.project.parameters.clone());
        stages.begin("drafts");
        catalog
            .register_models(&[Folder::Tiers], &parameters)
            .await?;
        let shape = Shape::read(&catalog, self.project, self.job, &parameters).await?;
        let scoring = Scoring::of(self, &shape.dimensions, &calibration);
        identity.tier_rules = Some(scoring.tier_rules());
        report.warnings.extend(scoring.told(self));
        let is_comparable = scoring.is_comparable_to_week_ago(self);
        let parameters = parameters.comparing_with_week_ago(is_comparable);
        let tiers = Tiers {
            parameters: &parameters,
            shape: &shape,
            scoring: &scoring,
        };
        let Drafted {
            drafts,
            moves,
            alerts,
            remarks,
        } = self.write_drafts(&catalog, &tiers, &identity).await?;
        report.warnings.extend(remarks);
        stages.begin("audits");
        let cleared = self
            .audit(
                &mut catalog,
                &parameters,
                &shape.dimensions,
                &scoring,
                drafts,
                &mut report.warnings,
            )
            .await?;
        stages.begin("publication");
        let cleared = self.keep_calibration(&calibration, cleared).await?;
        let cleared = self.keep_records(cleared).await?;
        report.cutpoints_id = Some(calibration.id);
        report.calibrated = self.plan.calibration == CalibrationPlan::Calibrate;
        report.kept_by_hand = matches!(self.plan.calibration, CalibrationPlan::Keep(_));
        let published = self.commit(cleared, identity).await?;
        if !unreported.is_empty() {
            self.forget_unreported(unreported).await;
        }
        report.moves = moves;
        report.alerts = alerts;
        report.tables = table_reports(&published);
        Ok(())
    }

    /// The snapshot that this night follows on, as `previous.tier_snapshot`.
    async fn register_previous(&self) -> Result<(), NightError> {
        let Some(previous) = &self.plan.previous else {
            return Ok(());
        };
        let runtime = self.session.runtime();
        let table = published_snapshot(&self.workspace.output, previous, &runtime).await?;
        let table = table.ok_or_else(|| missing(previous, TIER_SNAPSHOT.name))?;
        let name = TableName::new(Folder::Previous, TIER_SNAPSHOT.name);
        let registered = self.session.register(&name, Arc::new(table));
        Ok(registered.map_err(EngineError::during("reading the previous snapshot"))?)
    }

    /// The calibration that the night scores by: the kept one, or a new one that it is to keep.
    async fn calibration(&self, catalog: &mut Catalog<'_>) -> Result<Calibration, NightError> {
        let date = self.plan.snapshot_date;
        match &self.plan.calibration {
            CalibrationPlan::Use(calibration) => Ok(calibration.clone()),
            CalibrationPlan::Calibrate => {
                let users = cut_points::measure(catalog, self.project).await?;
                Ok(Calibration::computed(
                    self.plan.cutpoints_id.clone(),
                    date,
                    &users,
                )?)
            }
            CalibrationPlan::Keep(given) => {
                let users = cut_points::measure(catalog, self.project).await?;
                Ok(Calibration::by_hand(
                    self.plan.cutpoints_id.clone(),
                    date,
                    given,
                    &users,
                ))
            }
        }
    }

    /// Who the night is, in all that it publishes.
    pub(super) fn identity(&self) -> RunRecord {
        let plan = self.plan;
        let fingerprint = &plan.input_fingerprint;
        let previous = plan.previous.as_ref();
        RunRecord {
            snapshot_date: plan.snapshot_date,
            previous_snapshot_date: previous.map(|previous| previous.snapshot_date),
            previous_run_id: previous.map(|previous| previous.run_id.clone()),
            source_fingerprint: plan.source_fingerprint.to_string(),
            run_id: format!("{}-{}", plan.snapshot_date, fingerprint.short()),
            application: format!("tierline/{}", self.job.name),
            input_fingerprint: fingerprint.to_string(),
            sql_fingerprint: self.project.sql_fingerprint(),
            cutpoints_id: plan.cutpoints_id.clone(),
            rules_fingerprint: Some(plan.rules_fingerprint.to_string()),
            source_record: Some(plan.source_record(self.job).fingerprint().to_string()),
            source_files: Some(plan.source_files(self.job, &self.project.graph)),
            is_by_earlier_rules: plan.is_by_earlier_rules,
            left_alone: self.left_alone(),
            // Known once the tiers are planned.
            tier_rules: None,
        }
    }

    /// Writes the drafts of every table, and notes what is told of them. When either fails, no
    /// draft is left.
    async fn write_drafts(
        &self,
        catalog: &Catalog<'_>,
        tiers: &Tiers<'_>,
        identity: &RunRecord,
    ) -> Result<Drafted, NightError> {
        let mut drafts = Vec::new();
        let written = async {
            let (moves, remarks) = self
                .write_into(&mut drafts, catalog, tiers, identity)
                .await?;
            Ok((moves, self.alerts().await?, remarks))
        };
        match Box::pin(written).await {
            Ok((moves, alerts, remarks)) => Ok(Drafted {
                drafts,
                moves,
                alerts,
                remarks,
            }),
            Err(error) => {
                discard(&self.workspace.output, drafts).await;
                Err(error)
            }
        }
    }

    async fn write_into(
        &self,
        drafts: &mut Vec<Draft>,
        catalog: &Catalog<'_>,
        tiers: &Tiers<'_>,
        identity: &RunRecord,
    ) -> Result<(Moves, Vec<String>), NightError> {
        let Tiers {
            parameters,
            shape,
            scoring,
        } = *tiers;
        let raw = shape
            .raw_snapshot(catalog, self.project, self.job, parameters)
            .await?;
        let settling = Settling::new(&raw.schema, &shape.dimensions, self.plan.snapshot_date);
        let mut settling = settling.within(scoring.grace_limits(self));
        let comments = column_comments(self.project, &shape.dimensions);
        let specs = Specs::new(&settling.schema(), &shape.dim_tier.schema(), &comments)?;
        let raw = raw.with_origin(&identity.cutpoints_id, &identity.run_id);
        let raw = raw.map_err(EngineError::during("planning the snapshot"))?;
        let night = Night {
            session: self.session,
            output: &self.workspace.output,
            snapshot_date: self.plan.snapshot_date,
            previous_snapshot_date: identity.previous_snapshot_date,
            dimensions: &shape.dimensions,
        };
        let moves = Box::pin(night.write(raw, &mut settling, &specs, drafts)).await?;
        self.write_other_drafts(&night, &specs, drafts, &shape.dim_tier)
            .await?;
        register_before(self).await?;
        let mut remarks = settling.told();
        remarks.extend(marts::write(self, &night, catalog, parameters, drafts).await?);
        Ok((moves, remarks))
    }

    /// The alerts, from their draft; a pack may do without.
    async fn alerts(&self) -> Result<Vec<Alert>, NightError> {
        let model = TableName::new(Folder::Publish, ALERTS.name);
        if self.project.graph.model(&model).is_none() {
            return Ok(Vec::new());
        }
        let rows = self.session.rows(&model).await;
        let rows = rows.map_err(EngineError::during("reading alerts"))?;
        Ok(alerts_of(&rows).map_err(EngineError::during("reading alerts"))?)
    }

    /// `dim_tier`, and `tier_current` unless a later date is published already.
    async fn write_other_drafts(
        &self,
        night: &Night<'_>,
        specs: &Specs,
        drafts: &mut Vec<Draft>,
        dim_tier: &RecordBatch,
    ) -> Result<(), NightError> {
        if self.leaves_dim_tier() {
            let rows = MemTable::try_new(dim_tier.schema(), vec![vec![dim_tier.clone()]]);
            let name = TableName::new(Folder::Publish, DIM_TIER.name);
            rows.and_then(|rows| self.session.register(&name, Arc::new(rows)))
                .map_err(EngineError::during("reading dim_tier"))?;
        } else {
            night
                .write_rows(&specs.dim_tier, std::slice::from_ref(dim_tier), drafts)
                .await?;
        }
        let is_newest = self.plan.is_newest();
        let snapshot = drafts
            .iter()
            .find(|draft| draft.spec().name() == TIER_SNAPSHOT.name);
        if let Some(snapshot) = snapshot.filter(|_| is_newest) {
            let output = &self.workspace.output;
            let current = snapshot.copy_as(output, &specs.current).await?;
            drafts.push(current);
        }
        Ok(())
    }

    /// Keeps a new calibration for good; when that fails, no draft is left.
    async fn keep_calibration(
        &self,
        calibration: &Calibration,
        cleared: Cleared,
    ) -> Result<Cleared, NightError> {
        let Workspace { output, layout, .. } = self.workspace;
        match calibration.keep(output, layout).await {
            Ok(()) => Ok(cleared),
            Err(error) => {
                discard(output, cleared.into_drafts()).await;
                Err(error.into())
            }
        }
    }

    /// Keeps what the publication is to name: the rules, and the days of the sources. When that
    /// fails, no draft is left.
    async fn keep_records(&self, cleared: Cleared) -> Result<Cleared, NightError> {
        match Box::pin(
            self.plan
                .keep_records(self.job, self.project, self.workspace),
        )
        .await
        {
            Ok(()) => Ok(cleared),
            Err(error) => {
                discard(&self.workspace.output, cleared.into_drafts()).await;
                Err(error.into())
            }
        }
    }

    /// `dim_tier` keeps the rows that the newest date has, so that rules of an earlier time do not
    /// bring theirs back.
    fn leaves_dim_tier(&self) -> bool {
        self.plan.is_by_earlier_rules && !self.plan.is_newest()
    }

    /// Tables that the night leaves as they are, as the publication that it replaces recorded them.
    fn left_alone(&self) -> BTreeMap<String, TableVersion> {
        let replaced = self.plan.publications.newest_for(self.plan.snapshot_date);
        let tables = replaced
            .map(|replaced| &replaced.tables)
            .into_iter()
            .flatten();
        let tables = tables.filter(|(name, _)| self.leaves_dim_tier() && *name == DIM_TIER.name);
        tables
            .map(|(name, version)| (name.clone(), *version))
            .collect()
    }

    async fn commit(
        &self,
        cleared: Cleared,
        identity: RunRecord,
    ) -> Result<Publication, NightError> {
        let published = publish::publish(
            &self.workspace.output,
            (&self.plan.publications, self.inspection),
            cleared,
            identity,
            &self.plan.may_drop,
        )
        .await?;
        publish::write_checkpoints(&published.tables).await;
        forget_old_records(
            self.workspace,
            &self.plan.publications,
            &published.publication,
        )
        .await;
        Ok(published.publication)
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
