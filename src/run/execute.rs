//! A plan carried out, stage by stage:
//!
//! 1. sources: footers of the files to open are read, schemas checked, scans registered
//! 2. tiles: fetched or made; rejected rows of the days read for them are counted and sampled
//! 3. features
//! 4. cut points: found, calibrated on the first night, or given by hand
//! 5. tiers and the raw snapshot; drafts of every table, written aside
//! 6. audits over the drafts as they lie in storage
//! 7. publication, `publications` last
//!
//! Whatever fails before stage 7 leaves readers' view as it was, and no drafts behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::OptimizerRule;
use datafusion::prelude::{DataFrame, SessionContext};

use crate::audits::{self, Audit, Cleared, Verdict, built_in};
use crate::config::job::Job;
use crate::config::session;
use crate::drafts::Draft;
use crate::ground::{Diagnostic, Folder, Problems, TableName};
use crate::inputs::{InputError, ParquetFiles, schema};
use crate::migration;
use crate::models::Parameters;
use crate::publish::{self, Publication, RunRecord};
use crate::tiers::calibration::Calibration;
use crate::tiers::{Dimensions, Settling, warnings};
use crate::tiles::{DAY, FuseFullJoins, USER_ID, any_of};

use super::catalog::{all_rows_of, empty, register};
use super::check::required;
use super::marts::{self, register_before};
use super::own_dimensions;
use super::project::keep_all;
use super::published::{missing, published_snapshot};
use super::rejects::{self, Findings};
use super::report::{ALREADY_PUBLISHED, Moves, TableReport};
use super::scratch::{Scratch, is_worth_keeping};
use super::snapshot::{Night, Specs, discard, with_origin};
use super::tiling::{Tiling, days_read};
use super::{
    CalibrationPlan, Catalog, Plan, PlannedAction, Project, Report, RollupTiles, RunError,
    Workspace, cut_points,
};

/// Hears which stage has begun.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

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
) -> Result<(), RunError> {
    let previous = plan.previous.as_ref();
    *report = Report {
        snapshot_date: Some(plan.snapshot_date.to_string()),
        previous_snapshot_date: previous.map(|previous| previous.snapshot_date.to_string()),
        output: Some(workspace.output.url_of(&workspace.output.path)),
        warnings: plan_warnings(plan),
        ..Report::default()
    };
    if let PlannedAction::Nothing { run_id } = &plan.action {
        report.status = ALREADY_PUBLISHED.to_owned();
        report.run_id = Some(run_id.clone());
        if let Some(published) = plan.publications.newest_for(plan.snapshot_date) {
            report.cutpoints_id = Some(published.cutpoints_id.clone());
            report.tables = table_reports(published);
        }
        report.count_traffic(workspace.traffic());
        return Ok(());
    }
    let context = open_session(job, workspace)?;
    let run = Run {
        job,
        project,
        workspace,
        plan,
        context: &context,
    };
    let mut stages = Stages::new(progress);
    let published = Box::pin(run.publish(&mut stages, report)).await;
    report.seconds = stages.finish();
    report.count_traffic(workspace.traffic());
    published?;
    report.status = match plan.action {
        PlannedAction::Replace { .. } => "replaced".to_owned(),
        PlannedAction::Repair { .. } => "repaired".to_owned(),
        PlannedAction::Publish | PlannedAction::Nothing { .. } => "published".to_owned(),
    };
    Ok(())
}

/// A session over the places of a job, which knows how the windows of tiles are joined.
pub(super) fn open_session(job: &Job, workspace: &Workspace) -> Result<SessionContext, RunError> {
    let fusing: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(FuseFullJoins);
    session::open(&job.engine, workspace.locations(), [fusing])
        .map_err(RunError::engine("opening a session"))
}

/// Times the stages and tells them on.
pub(super) struct Stages<'a> {
    progress: Progress<'a>,
    current: Option<(&'static str, Instant)>,
    seconds: BTreeMap<String, f64>,
}

impl<'a> Stages<'a> {
    pub(super) fn new(progress: Progress<'a>) -> Self {
        Self {
            progress,
            current: None,
            seconds: BTreeMap::new(),
        }
    }

    pub(super) fn begin(&mut self, stage: &'static str) {
        self.end_current();
        (self.progress)(stage);
        tracing::info!(stage, "stage begins");
        self.current = Some((stage, Instant::now()));
    }

    fn end_current(&mut self) {
        if let Some((stage, began)) = self.current.take() {
            self.seconds
                .insert(stage.to_owned(), began.elapsed().as_secs_f64());
        }
    }

    fn finish(mut self) -> BTreeMap<String, f64> {
        self.end_current();
        self.seconds
    }
}

/// One run, with everything it works on.
pub(super) struct Run<'a> {
    pub job: &'a Job,
    pub project: &'a Project,
    pub workspace: &'a Workspace,
    pub plan: &'a Plan,
    pub context: &'a SessionContext,
}

/// What a night is about to publish.
struct Drafted {
    drafts: Vec<Draft>,
    moves: Moves,
}

/// The features of D, ready to be read.
pub(super) struct Featured<'a> {
    /// Everything up to the metrics.
    pub catalog: Catalog<'a>,
    /// Where the rows lie that the catalog reads, for as long as this is kept.
    pub scratch: Scratch,
    /// What the rollups were made from.
    pub tiles: Vec<RollupTiles>,
}

impl Run<'_> {
    async fn publish(&self, stages: &mut Stages<'_>, report: &mut Report) -> Result<(), RunError> {
        stages.begin("sources");
        self.register_previous().await?;
        let Featured {
            mut catalog,
            scratch: _scratch,
            tiles,
        } = Box::pin(self.compute_features(stages, report)).await?;
        stages.begin("cut points");
        let calibration = cut_points::calibration(&mut catalog, self.project, self.plan).await?;
        let parameters = calibration.parameters(self.project.parameters.clone());
        let identity = self.identity(&calibration);
        report.run_id = Some(identity.run_id.clone());
        stages.begin("rejected rows");
        self.count_rejects(&catalog, &tiles, &identity.run_id, report)
            .await?;
        stages.begin("drafts");
        catalog
            .register_models(&[Folder::Tiers], &parameters)
            .await?;
        let dimensions = dimensions(&catalog, self.project, self.job, &parameters).await?;
        let Drafted { drafts, moves } = self
            .write_drafts(&catalog, &parameters, &dimensions, &identity)
            .await?;
        stages.begin("audits");
        let cleared = self
            .audit(&mut catalog, &parameters, &dimensions, drafts)
            .await?;
        stages.begin("publication");
        let cleared = self.keep_calibration(&calibration, cleared).await?;
        report.cutpoints_id = Some(calibration.id);
        report.calibrated = self.plan.calibration == CalibrationPlan::Calibrate;
        report.kept_by_hand = matches!(self.plan.calibration, CalibrationPlan::Keep(_));
        let published = self.commit(cleared, identity).await?;
        report.moves = moves;
        report.tables = table_reports(&published);
        Ok(())
    }

    /// The first stages: everything up to the features, which the calibration and the tiers read.
    pub(super) async fn compute_features(
        &self,
        stages: &mut Stages<'_>,
        report: &mut Report,
    ) -> Result<Featured<'_>, RunError> {
        let sources = self.register_sources().await?;
        let mut catalog = Catalog::open(self.context, self.project, self.plan.snapshot_date)
            .map_err(RunError::engine("reading references"))?;
        catalog
            .register_models(
                &[Folder::Staging, Folder::Rollups],
                &self.project.parameters,
            )
            .await?;
        self.check_sources(&catalog, &sources).await?;
        stages.begin("tiles");
        let scratch = Scratch::open(&self.workspace.disk, self.job.engine.spill_folder.as_ref())
            .map_err(|error| RunError::engine("opening a scratch folder")(error.into()))?;
        let tiling = Tiling {
            context: self.context,
            workspace: self.workspace,
            plan: self.plan,
            folder: scratch.folder(),
            threads: self.job.engine.threads.get(),
        };
        let tiles = tiling.provide(&mut catalog, report).await?;
        stages.begin("features");
        let downstream = [Folder::Features, Folder::Calibration];
        catalog
            .register_models(&downstream, &self.project.parameters)
            .await?;
        self.keep_shared_features(&catalog, &scratch).await?;
        Ok(Featured {
            catalog,
            scratch,
            tiles,
        })
    }

    /// Reads the footers of the files to open and registers each source with the declared
    /// columns.
    async fn register_sources(&self) -> Result<BTreeMap<String, schema::SourceSchema>, RunError> {
        let runtime = self.context.runtime_env();
        let mut files = BTreeMap::new();
        for (name, manifest) in &self.plan.manifests {
            let read = match self.workspace.sources.get(name) {
                Some(location) => {
                    let days = self.plan.days_opened(self.project, name);
                    schema::read(&manifest.on(&days), location, &runtime).await?
                }
                None => Vec::new(),
            };
            files.insert(name, read);
        }
        let mut problems = Problems::default();
        let id_type = self.user_id_type(&files);
        let mut resolved = BTreeMap::new();
        for (name, files) in &files {
            let declared = &self.job.sources[*name].columns;
            if let Some(source) = keep_all(
                &mut problems,
                schema::resolve(name, declared, files, &id_type),
            ) {
                resolved.insert((*name).clone(), source);
            }
        }
        problems.extend(user_ids_agree(&resolved));
        problems.or_ok(()).map_err(InputError::Refused)?;
        for (name, source) in &resolved {
            self.register_source(name, source)
                .map_err(RunError::engine("registering sources"))?;
        }
        Ok(resolved)
    }

    /// The type of user ids: as in the first source that has files.
    fn user_id_type(&self, files: &BTreeMap<&String, Vec<schema::FileSchema>>) -> DataType {
        let first = files.iter().find_map(|(name, files)| {
            let declared = &self.job.sources[*name].columns;
            let source = schema::resolve(name, declared, files.get(..1)?, &DataType::Int64).ok()?;
            source.type_of(USER_ID).cloned()
        });
        first.unwrap_or(DataType::Int64)
    }

    fn register_source(
        &self,
        name: &str,
        source: &schema::SourceSchema,
    ) -> datafusion::error::Result<()> {
        let table = TableName::new(Folder::Sources, name);
        let partition = Arc::new(Field::new(DAY, DataType::Date32, false));
        let manifest = &self.plan.manifests[name];
        let Some(location) = self.workspace.sources.get(name) else {
            let fields = source.columns.fields().iter().cloned().chain([partition]);
            return register(
                self.context,
                &table,
                empty(Arc::new(Schema::new(fields.collect::<Vec<_>>()))),
            );
        };
        let files = manifest.files.iter().map(|file| {
            let day = ScalarValue::Date32(Some(file.day.to_epoch_days()));
            (file.object.clone(), day)
        });
        let scan = ParquetFiles::partitioned(
            location.root.clone(),
            files.collect(),
            Arc::clone(&source.columns),
            partition,
        );
        register(self.context, &table, Arc::new(scan))
    }

    /// The snapshot that this night follows on, as `previous.tier_snapshot`.
    async fn register_previous(&self) -> Result<(), RunError> {
        let Some(previous) = &self.plan.previous else {
            return Ok(());
        };
        let table = published_snapshot(&self.workspace.output, previous).await?;
        let table = table.ok_or_else(|| missing(previous, "tier_snapshot"))?;
        let name = TableName::new(Folder::Previous, "tier_snapshot");
        register(self.context, &name, Arc::new(table))
            .map_err(RunError::engine("reading the previous snapshot"))
    }

    /// Refuses files that lack what staging SQL reads.
    async fn check_sources(
        &self,
        catalog: &Catalog<'_>,
        sources: &BTreeMap<String, schema::SourceSchema>,
    ) -> Result<(), RunError> {
        let engine = RunError::engine("checking sources");
        let mut problems = Problems::default();
        for model in self.project.graph.in_folder(Folder::Staging) {
            let rows = catalog
                .table(&all_rows_of(&model.name))
                .await
                .map_err(&engine)?;
            let optimized = rows.into_optimized_plan().map_err(&engine)?;
            for (source, used) in columns_scanned(&optimized).map_err(&engine)? {
                if let Some(schema) = sources.get(&source) {
                    keep_all(&mut problems, schema.require(&used, &model.file.name));
                }
            }
        }
        Ok(problems.or_ok(()).map_err(InputError::Refused)?)
    }

    /// Features that several models read are computed once.
    async fn keep_shared_features(
        &self,
        catalog: &Catalog<'_>,
        scratch: &Scratch,
    ) -> Result<(), RunError> {
        let engine = RunError::engine("computing features");
        let readers = self.project.graph.reader_counts();
        for model in self.project.graph.in_folder(Folder::Features) {
            let rows = catalog.table(&model.name).await.map_err(&engine)?;
            let is_shared = readers.get(&model.name).is_some_and(|readers| *readers > 1);
            let optimized = self.context.state().optimize(rows.logical_plan());
            let is_costly = is_worth_keeping(&optimized.map_err(&engine)?).map_err(&engine)?;
            if is_shared && is_costly {
                let kept = scratch
                    .keep(&model.name.name, rows)
                    .await
                    .map_err(&engine)?;
                register(self.context, &model.name, Arc::new(kept)).map_err(&engine)?;
            }
        }
        Ok(())
    }

    fn identity(&self, calibration: &Calibration) -> RunRecord {
        let fingerprint = self
            .plan
            .input_fingerprint(self.job, self.project, &calibration.id);
        RunRecord {
            snapshot_date: self.plan.snapshot_date,
            previous_snapshot_date: self
                .plan
                .previous
                .as_ref()
                .map(|previous| previous.snapshot_date),
            previous_run_id: self
                .plan
                .previous
                .as_ref()
                .map(|previous| previous.run_id.clone()),
            source_fingerprint: self.plan.source_fingerprint.to_string(),
            run_id: format!("{}-{}", self.plan.snapshot_date, fingerprint.short()),
            application: format!("tierline/{}", self.job.name),
            input_fingerprint: fingerprint.to_string(),
            sql_fingerprint: self.project.fingerprint.to_string(),
            cutpoints_id: calibration.id.clone(),
        }
    }

    async fn count_rejects(
        &self,
        catalog: &Catalog<'_>,
        tiles: &[RollupTiles],
        run_id: &str,
        report: &mut Report,
    ) -> Result<(), RunError> {
        let engine = RunError::engine("counting rejected rows");
        for model in self.project.graph.in_folder(Folder::Staging) {
            let read = days_read(&self.project.graph, &model.name, tiles);
            let days = read.as_ref().and_then(any_of);
            if read.is_some() && days.is_none() {
                continue;
            }
            let Findings { rejected, warnings } =
                rejects::find(catalog, &model.name, days.as_ref())
                    .await
                    .map_err(&engine)?;
            if !rejected.is_empty() {
                let path = self.workspace.layout.quarantine(&model.name.name, run_id);
                let sample = rejects::sample(catalog, &model.name, days.as_ref())
                    .await
                    .map_err(&engine)?;
                write_sample(&self.workspace.output, &path, sample).await?;
            }
            report.rejected.extend(rejected);
            report.warnings.extend(warnings.into_iter().map(|count| {
                format!(
                    "{}: {} ({} rows on {})",
                    count.source, count.reason, count.rows, count.day
                )
            }));
        }
        Ok(())
    }

    /// Writes the drafts of every table, and counts the moves in them. When either fails, no
    /// draft is left.
    async fn write_drafts(
        &self,
        catalog: &Catalog<'_>,
        parameters: &Parameters,
        dimensions: &Dimensions,
        identity: &RunRecord,
    ) -> Result<Drafted, RunError> {
        let mut drafts = Vec::new();
        let written = async {
            self.write_into(&mut drafts, catalog, parameters, dimensions, identity)
                .await?;
            let moves = self.count_moves().await;
            moves.map_err(RunError::engine("counting moves"))
        };
        match Box::pin(written).await {
            Ok(moves) => Ok(Drafted { drafts, moves }),
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
        parameters: &Parameters,
        dimensions: &Dimensions,
        identity: &RunRecord,
    ) -> Result<(), RunError> {
        let engine = RunError::engine("planning the snapshot");
        let raw = raw_snapshot(catalog, self.project, self.job, parameters).await?;
        let raw = with_origin(raw, &identity.cutpoints_id, &identity.run_id).map_err(&engine)?;
        let raw_schema =
            raw_snapshot_schema(catalog, self.project, self.job, parameters, dimensions).await?;
        let mut settling = Settling::new(&raw_schema, dimensions, self.plan.snapshot_date);
        let dim_tier = dim_tier_rows(catalog, self.project, self.job, parameters).await?;
        let comments = column_comments(self.project, dimensions);
        let specs = Specs::new(&settling.schema(), &dim_tier.schema(), &comments)?;
        let night = Night {
            context: self.context,
            output: &self.workspace.output,
            snapshot_date: self.plan.snapshot_date,
            previous_snapshot_date: identity.previous_snapshot_date,
            dimensions,
        };
        Box::pin(night.write(raw, &mut settling, &specs, drafts)).await?;
        self.write_other_drafts(&night, &specs, drafts, dim_tier)
            .await?;
        register_before(self.context, &self.workspace.output, self.plan).await?;
        marts::write(&night, catalog, self.project, parameters, drafts).await
    }

    /// `dim_tier`, and `tier_current` unless a later date is published already.
    async fn write_other_drafts(
        &self,
        night: &Night<'_>,
        specs: &Specs,
        drafts: &mut Vec<Draft>,
        dim_tier: RecordBatch,
    ) -> Result<(), RunError> {
        night
            .write_rows(&specs.dim_tier, &[dim_tier], drafts)
            .await?;
        let is_newest = self.plan.is_newest();
        let snapshot = drafts
            .iter()
            .find(|draft| draft.spec().name() == "tier_snapshot");
        if let Some(snapshot) = snapshot.filter(|_| is_newest) {
            let output = &self.workspace.output;
            let current = snapshot.copy_as(output, &specs.current).await?;
            drafts.push(current);
        }
        Ok(())
    }

    async fn audit(
        &self,
        catalog: &mut Catalog<'_>,
        parameters: &Parameters,
        dimensions: &Dimensions,
        drafts: Vec<Draft>,
    ) -> Result<Cleared, RunError> {
        let output = &self.workspace.output;
        let audits = match self.plan_audits(catalog, parameters, dimensions).await {
            Ok(audits) => audits,
            Err(error) => {
                discard(output, drafts).await;
                return Err(error);
            }
        };
        match audits::run(self.context, audits, drafts).await {
            Ok(Verdict::Cleared(cleared)) => Ok(cleared),
            Ok(Verdict::Blocked(blocked, drafts)) => {
                discard(output, drafts).await;
                Err(blocked.into())
            }
            Err((source, drafts)) => {
                discard(output, drafts).await;
                Err(RunError::engine("auditing")(*source))
            }
        }
    }

    async fn plan_audits(
        &self,
        catalog: &mut Catalog<'_>,
        parameters: &Parameters,
        dimensions: &Dimensions,
    ) -> Result<Vec<Audit>, RunError> {
        let has_previous = self.plan.previous.is_some();
        self.count_users_by_tier(dimensions)
            .await
            .map_err(RunError::engine("counting users for audits"))?;
        let mut audits = Vec::new();
        for built_in in built_in::audits(&self.job.guards, has_previous) {
            let planned = self.context.sql(&built_in.sql).await;
            audits.push(Audit {
                name: built_in.name.to_owned(),
                help: built_in.help.to_owned(),
                plan: planned
                    .map_err(RunError::engine("planning audits"))?
                    .into_unoptimized_plan(),
            });
        }
        for model in self.project.graph.in_folder(Folder::Audits) {
            audits.push(Audit {
                name: model.name.name.clone(),
                help: format!("the query is {}", model.file.name),
                plan: catalog.plan(model, parameters).await?,
            });
        }
        Ok(audits)
    }

    /// Counts the users of each tier, today and before, for all audits that ask.
    async fn count_users_by_tier(&self, dimensions: &Dimensions) -> datafusion::error::Result<()> {
        let counted = self.context.sql(&built_in::counted(dimensions)).await?;
        let name = TableName::new(Folder::Audits, built_in::COUNTED);
        register(self.context, &name, counted.cache().await?.into_view())
    }

    /// Moves by dimension and direction, from the draft.
    async fn count_moves(&self) -> datafusion::error::Result<Moves> {
        let counted = self
            .context
            .sql(
                "SELECT dimension, direction, COUNT(*) AS users FROM publish.tier_migration
                 GROUP BY dimension, direction",
            )
            .await?;
        let mut moves = Moves::new();
        for batch in counted.collect().await? {
            let dimensions = cast(batch.column(0), &DataType::Utf8)?;
            let directions = cast(batch.column(1), &DataType::Utf8)?;
            let users = batch.column(2).as_primitive::<Int64Type>();
            for row in 0..users.len() {
                let dimension = dimensions.as_string::<i32>().value(row).to_owned();
                let direction = directions.as_string::<i32>().value(row).to_owned();
                moves
                    .entry(dimension)
                    .or_default()
                    .insert(direction, users.value(row));
            }
        }
        Ok(moves)
    }

    /// Keeps a new calibration for good; when that fails, no draft is left.
    async fn keep_calibration(
        &self,
        calibration: &Calibration,
        cleared: Cleared,
    ) -> Result<Cleared, RunError> {
        let Workspace { output, layout, .. } = self.workspace;
        match calibration.keep(output, layout).await {
            Ok(()) => Ok(cleared),
            Err(error) => {
                discard(output, cleared.into_drafts()).await;
                Err(error.into())
            }
        }
    }

    async fn commit(&self, cleared: Cleared, identity: RunRecord) -> Result<Publication, RunError> {
        let published = publish::publish(
            &self.workspace.output,
            &self.plan.publications,
            cleared,
            identity,
            &self.plan.may_drop,
        )
        .await?;
        for table in published
            .tables
            .iter()
            .filter(|table| table.is_checkpoint_due())
        {
            if let Err(error) = table.checkpoint().await {
                tracing::warn!(table.name = table.name(), %error, "no checkpoint; the table is published all the same");
            }
        }
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

/// The dimensions: the rows of `dim_tier`, with the job's grace.
pub(super) async fn dimensions(
    catalog: &Catalog<'_>,
    project: &Project,
    job: &Job,
    parameters: &Parameters,
) -> Result<Dimensions, RunError> {
    let rows = dim_tier_rows(catalog, project, job, parameters).await?;
    Ok(Dimensions::read(&rows, job)?)
}

/// The rows of `dim_tier`, whose order is that of dimensions and tiers everywhere.
async fn dim_tier_rows(
    catalog: &Catalog<'_>,
    project: &Project,
    job: &Job,
    parameters: &Parameters,
) -> Result<RecordBatch, RunError> {
    let engine = RunError::engine("reading dim_tier");
    let plan = catalog
        .plan(required(project, "dim_tier")?, parameters)
        .await?;
    let schema = Arc::new(plan.schema().as_arrow().clone());
    let rows = catalog
        .context
        .execute_logical_plan(plan)
        .await
        .map_err(&engine)?;
    // One partition after the other: collected together, the parts of a UNION ALL come in the
    // order in which they happen to be done.
    let partitions = rows.collect_partitioned().await.map_err(&engine)?;
    let batches: Vec<RecordBatch> = partitions.into_iter().flatten().collect();
    let rows = concat_batches(&schema, &batches).map_err(|error| engine(error.into()))?;
    own_dimensions::with_rows(rows, job)
}

/// The rows of the snapshot before they are settled.
async fn raw_snapshot(
    catalog: &Catalog<'_>,
    project: &Project,
    job: &Job,
    parameters: &Parameters,
) -> Result<DataFrame, RunError> {
    let model = required(project, "tier_snapshot")?;
    let plan = catalog.plan(model, parameters).await?;
    let rows = DataFrame::new(catalog.context.state(), plan);
    Box::pin(own_dimensions::with_columns(rows, catalog, project, job)).await
}

/// The columns of the raw snapshot, with those that tell its origin.
///
/// # Errors
/// A snapshot without a dimension that `dim_tier` lists, or without what tierline itself reads.
pub(super) async fn raw_snapshot_schema(
    catalog: &Catalog<'_>,
    project: &Project,
    job: &Job,
    parameters: &Parameters,
    dimensions: &Dimensions,
) -> Result<Schema, RunError> {
    let model = required(project, "tier_snapshot")?;
    let rows = raw_snapshot(catalog, project, job, parameters).await?;
    let schema = rows.schema().as_arrow();
    let mut problems = Problems::default();
    for dimension in dimensions.iter() {
        if schema.field_with_name(&dimension.name).is_err() {
            let message = format!(
                "`{}` has no column `{}`, which dim_tier lists as a dimension",
                model.name, dimension.name
            );
            problems.push(
                Diagnostic::at(&model.file, model.head(), message)
                    .help("select the column there, or take the dimension out of dim_tier"),
            );
        }
    }
    if schema.field_with_name(USER_ID).is_err() {
        problems.push(Diagnostic::at(
            &model.file,
            model.head(),
            format!("`{}` has no column `{USER_ID}`", model.name),
        ));
    }
    let listed = dim_tier_rows(catalog, project, job, parameters).await?;
    let listed = warnings(&listed).map_err(RunError::arrow("reading dim_tier"))?;
    for warning in listed {
        let found = schema.field_with_name(&warning).map(Field::data_type);
        if !matches!(found, Ok(DataType::Boolean)) {
            let message = format!(
                "`{}` needs a column `{warning}` of type BOOLEAN, which dim_tier lists as a warning",
                model.name
            );
            problems.push(
                Diagnostic::at(&model.file, model.head(), message)
                    .help("select the column there, or take the warning out of dim_tier"),
            );
        }
    }
    let is_money: fn(&DataType) -> bool = |found| matches!(found, DataType::Decimal128(_, 2));
    let is_count: fn(&DataType) -> bool = |found| *found == DataType::Int64;
    for (column, sql_type, fits) in [
        (migration::REVENUE, "DECIMAL(18,2)", is_money),
        (migration::ORDERS, "BIGINT", is_count),
        (migration::INTERACTIONS, "BIGINT", is_count),
    ] {
        let found = schema.field_with_name(column).map(Field::data_type);
        if !found.is_ok_and(fits) {
            let message = format!(
                "`{}` needs a column `{column}` of type {sql_type}",
                model.name
            );
            problems.push(
                Diagnostic::at(&model.file, model.head(), message)
                    .help("the migration matrix and the summary sum it"),
            );
        }
    }
    problems.or_ok(())?;
    let origin = ["cutpoints_id", "run_id"].map(|name| Field::new(name, DataType::Utf8, true));
    let fields = schema.fields().iter().map(|field| field.as_ref().clone());
    Ok(Schema::new(fields.chain(origin).collect::<Vec<_>>()))
}

/// What the columns of the snapshot mean: the pack's own comments, the later folder's winning,
/// and those of the columns that settling adds.
fn column_comments(project: &Project, dimensions: &Dimensions) -> BTreeMap<String, String> {
    let mut comments = BTreeMap::new();
    for folder in [Folder::Features, Folder::Tiers, Folder::Publish] {
        for model in project.graph.in_folder(folder) {
            comments.extend(model.column_comments());
        }
    }
    comments.extend(dimensions.iter().flat_map(Settling::column_comments));
    for (column, comment) in [
        (
            "snapshot_date",
            "the last business day that the row knows of",
        ),
        ("user_id", "the user"),
        (
            "cutpoints_id",
            "the calibration whose cut points the scores come from",
        ),
        ("run_id", "the run that published the row"),
    ] {
        comments.insert(column.to_owned(), comment.to_owned());
    }
    comments
}

/// The source columns that an optimized plan reads, by source.
fn columns_scanned(
    plan: &LogicalPlan,
) -> datafusion::error::Result<BTreeMap<String, BTreeSet<String>>> {
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    let mut scanned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.schema() == Some(Folder::Sources.as_str())
        {
            let columns = scan
                .projected_schema
                .fields()
                .iter()
                .map(|field| field.name().clone());
            let in_filters = scan.filters.iter().flat_map(|filter| {
                filter
                    .column_refs()
                    .into_iter()
                    .map(|column| column.name.clone())
                    .collect::<Vec<_>>()
            });
            let entry = scanned
                .entry(scan.table_name.table().to_owned())
                .or_default();
            entry.extend(columns.chain(in_filters));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scanned)
}

/// User ids must have one type in all sources that have them.
fn user_ids_agree(sources: &BTreeMap<String, schema::SourceSchema>) -> Problems {
    let mut problems = Problems::default();
    let typed: Vec<(&String, &DataType)> = sources
        .iter()
        .filter_map(|(name, source)| Some((name, source.type_of(USER_ID)?)))
        .collect();
    if let Some((first, first_type)) = typed.first() {
        for (name, data_type) in &typed[1..] {
            if data_type != first_type {
                let message = format!(
                    "user_id is {} in source `{first}` and {} in source `{name}`",
                    id_name(first_type),
                    id_name(data_type)
                );
                problems.push(Diagnostic::new(message).help("deliver one type in all sources"));
            }
        }
    }
    problems
}

fn id_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Int64 => "BIGINT",
        _ => "VARCHAR",
    }
}

/// Keeps a sample of rejected rows below the output.
async fn write_sample(
    output: &crate::config::storage::Location,
    path: &object_store::path::Path,
    sample: DataFrame,
) -> Result<(), RunError> {
    use object_store::ObjectStoreExt;
    const STAGE: &str = "keeping a sample of rejected rows";
    let schema = Arc::new(sample.schema().as_arrow().clone());
    let batches = sample.collect().await.map_err(RunError::engine(STAGE))?;
    let encode = || -> datafusion::error::Result<Vec<u8>> {
        let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), schema, None)?;
        for batch in &batches {
            writer.write(batch)?;
        }
        Ok(writer.into_inner()?)
    };
    let bytes = encode().map_err(RunError::engine(STAGE))?;
    let put = output.store.put(path, bytes.into()).await;
    put.map_err(|error| output.failure("write", path, error))?;
    Ok(())
}

fn plan_warnings(plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    if let (Some(first), Some(last)) = (plan.gaps.first(), plan.gaps.last()) {
        warnings.push(format!(
            "{} days before this one were never published: {first} to {last}",
            plan.gaps.len()
        ));
    }
    if let Some(first) = plan.affected.first() {
        warnings.push(format!(
            "published dates to restate: {}, from {} on; `tierline backfill --affected` does so",
            plan.affected.len(),
            first.date
        ));
    }
    warnings
}
