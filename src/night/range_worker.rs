//! The users of one range, computed and written by a process that is told of them by a [task](RangeTask).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use datafusion::error::DataFusionError;
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tracing::Instrument;

use crate::drafts::DraftWriter;
use crate::engine::{EngineError, EngineLimits, Session, caught, empty};
use crate::ground::{Diagnostic, Problems, SourceFile, SqlSchema, TableName};
use crate::job::{Job, Workspace};
use crate::migration::Migration;
use crate::pack::{Catalog, Project, Shape, column_comments};
use crate::plan::Rules;
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::Dimensions;
use crate::tiles::{TileRows, USER_ID, UnknownWindow, UserRange, UserRanges};

use super::context::open_session;
use super::earlier::{EarlierRows, columns_counted};
use super::error::NightError;
use super::features::keep_shared_features;
use super::range_outcome::RangeOutcome;
use super::range_task::{RangeTask, TaskSnapshot, TaskTiles, VERSION, unwritten};
use super::scratch::Scratch;
use super::settled::{SettledRange, SettledRows, Settlement};
use super::snapshot::{Specs, plain_type};
use super::users_of_range::{UsersOfRange, WrittenUsers};

/// What was being done when it failed.
const STAGE: &str = "computing a range of users";

/// Tiles that are brought here side by side.
const TILES_AT_ONCE: usize = 8;

/// Computes and writes the users of a range. `limits` is what it may use, and `is_given_up` whether nobody waits
/// for it any more.
///
/// # Errors
/// What is worth another try, here or by another process.
pub(crate) async fn work_off(
    task: &[u8],
    range: usize,
    limits: &EngineLimits,
    is_given_up: Arc<AtomicBool>,
) -> Result<Vec<u8>, NightError> {
    let engine = EngineError::during(STAGE);
    let unreadable =
        |error: serde_json::Error| engine(DataFusionError::Execution(error.to_string()));
    let Made { version } = serde_json::from_slice(task).map_err(unreadable)?;
    check_version(&version)?;
    let task: RangeTask = serde_json::from_slice(task).map_err(unreadable)?;
    let job = job_of(&task, limits)?;
    // Another process may have other variables.
    let workspace = Workspace::open(&job)?;
    let span = tracing::error_span!("range", snapshot_date = %task.snapshot_date, run_id = task.run_id, range);
    let written = Box::pin(write(task, range, (&job, &workspace), is_given_up));
    let written = caught(written.instrument(span));
    let written = match written.await {
        Ok(written) => written,
        Err(panicked) => Err(panicked.into()),
    };
    let outcome = RangeOutcome::of(written)?;
    let outcome = serde_json::to_vec(&outcome);
    Ok(outcome.map_err(|error| engine(unwritten(&error)))?)
}

/// What every task of any version says.
#[derive(Deserialize)]
struct Made {
    version: String,
}

/// A task of another version is left to other executors: one of them may be of that.
fn check_version(made: &str) -> Result<(), NightError> {
    if made == VERSION {
        return Ok(());
    }
    let told = format!(
        "the night is of tierline {made}, and this executor of {VERSION}; let scheduler, executors and nights be of one version"
    );
    Err(EngineError::during(STAGE)(DataFusionError::Execution(told)).into())
}

async fn write(
    task: RangeTask,
    range: usize,
    (job, workspace): (&Job, &Workspace),
    is_given_up: Arc<AtomicBool>,
) -> Result<WrittenUsers, NightError> {
    let range = task.ranges.get(range).cloned();
    let range = range.ok_or_else(|| refused("it has no such range"))?;
    let project = Project::load(job)?;
    let session = open_session(job, workspace)?;
    let worker = Worker {
        task,
        range,
        job,
        project: &project,
        workspace,
        session: &session,
        is_given_up,
    };
    Box::pin(worker.write()).await
}

/// The job of a task: where it writes, and by which rules.
fn job_of(task: &RangeTask, limits: &EngineLimits) -> Result<Job, NightError> {
    // No row of a source is read.
    let source = |_| toml::Table::from_iter([("url".to_owned(), "nowhere".into())]);
    let sources = task.sources.keys();
    let sources = sources.map(|name| (name.clone(), source(name).into()));
    let storage = [
        ("retry_seconds", task.retry_seconds),
        ("request_seconds", task.request_seconds),
    ];
    let storage = storage.map(|(key, seconds)| (key.to_owned(), seconds.cast_signed().into()));
    let keys = [
        ("version", 1.into()),
        ("name", task.job.clone().into()),
        ("timezone", task.timezone.clone().into()),
        ("output", task.output.clone().into()),
        ("sources", toml::Table::from_iter(sources).into()),
        ("storage", toml::Table::from_iter(storage).into()),
    ];
    let file = keys.map(|(key, value): (_, toml::Value)| (key.to_owned(), value));
    let file = toml::Table::from_iter(file).to_string();
    let file = SourceFile::new("task of a cluster", file);
    let job = Job {
        engine: limits.clone(),
        sources: BTreeMap::new(),
        ..Job::parse(&file, &task.job, task.base.clone())?
    };
    let rules = Rules::of_text(&task.rules).map_err(|reason| refused(&reason))?;
    Ok(rules.job(&job, &task.calibration.id))
}

/// The error for a task that this process does not understand.
fn refused(reason: &str) -> NightError {
    let message = format!("cannot compute a range of users for somebody else: {reason}");
    Problems(vec![Diagnostic::new(message)]).into()
}

struct Worker<'a> {
    task: RangeTask,
    range: UserRange,
    job: &'a Job,
    project: &'a Project,
    workspace: &'a Workspace,
    session: &'a Session,
    is_given_up: Arc<AtomicBool>,
}

impl Worker<'_> {
    async fn write(self) -> Result<WrittenUsers, NightError> {
        let Self {
            task,
            job,
            project,
            workspace,
            ..
        } = &self;
        let output = &workspace.output;
        let scratch = Scratch::open(
            &workspace.disk,
            job.engine.spill_folder.as_deref(),
            job.engine.threads.get(),
        )
        .map_err(EngineError::during("opening a scratch folder"))?;
        let mut catalog = self.catalog(&scratch).await?;
        let parameters = task.calibration.parameters(project.parameters.clone());
        catalog
            .register_models(&[SqlSchema::Tiers], &parameters)
            .await?;
        let parameters = parameters.comparing_with_week_ago(task.is_comparable_to_week_ago);
        let dim_tier = task.dim_tier.0.clone();
        let shape = Shape::of_rows(dim_tier, task.own_warnings.clone(), project, job)?;
        let previous = match &task.previous {
            Some(previous) => Some(self.rows_of(previous)?),
            None => None,
        };
        let settlement = Settlement {
            project,
            job,
            date: task.snapshot_date,
            parameters: &parameters,
            shape: &shape,
            limits: task.limits.clone(),
            cutpoints_id: &task.calibration.id,
            run_id: &task.run_id,
        };
        let rows = settlement.rows(&catalog, previous.as_ref()).await?;
        let comments = column_comments(project, &shape);
        let specs = Specs::new(&rows.schema(), &shape.dim_tier.schema(), &comments)?;
        let user_id = plain_type(&rows.schema(), USER_ID);
        let migration = Migration::new(
            task.previous_snapshot_date,
            task.snapshot_date,
            &shape.dimensions,
            &user_id,
        );
        let open = |spec| DraftWriter::open_beside(1, output, spec, task.snapshot_date);
        let users = UsersOfRange {
            rows: only_range(rows).await?,
            earlier: self.earlier(&shape.dimensions)?,
            dimensions: shape.dimensions.clone(),
            migration,
            snapshot: open(&specs.snapshot)?,
            moves: open(&specs.migration)?,
            output: output.clone(),
            has_failed: Arc::clone(&self.is_given_up),
        };
        let written = Box::pin(users.write()).await?;
        written.ok_or_else(|| refused("it was given up"))
    }

    /// The features of the range: staging is planned over no rows, windows over the tiles.
    async fn catalog(&self, scratch: &Scratch) -> Result<Catalog<'_>, NightError> {
        let engine = EngineError::during(STAGE);
        let Self {
            task,
            project,
            session,
            ..
        } = self;
        let mut catalog = Catalog::open(session, project, task.snapshot_date).map_err(&engine)?;
        for (name, columns) in &task.sources {
            let table = TableName::new(SqlSchema::Sources, name);
            let registered = session.register(&table, empty(columns.0.schema()));
            registered.map_err(&engine)?;
        }
        let staged = [SqlSchema::Staging, SqlSchema::Rollups];
        catalog
            .register_models(&staged, &project.parameters)
            .await?;
        for (rollup, tiles) in &task.tiles {
            let mut rows = Vec::new();
            for tiles in tiles {
                rows.push(self.tiles(tiles, scratch.folder()).await?);
            }
            catalog.set_tiles(rollup, rows);
        }
        catalog.set_ranges(UserRanges::only(self.range.clone()));
        let features = [SqlSchema::Features, SqlSchema::Calibration];
        catalog
            .register_models(&features, &project.parameters)
            .await?;
        // Marts and the calibration are not computed here.
        let snapshot = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
        let read = project.graph.upstream(&snapshot);
        let is_read = |model: &TableName| read.contains(model);
        keep_shared_features(session, project, &catalog, scratch, is_read).await?;
        Ok(catalog)
    }

    /// The pages of tiles that have users of the range.
    async fn tiles(&self, of_task: &TaskTiles, folder: &Path) -> Result<TileRows, NightError> {
        let windows = of_task.windows.iter().map(|window| window.parse());
        let windows = windows.collect::<Result<_, _>>();
        let output = &self.workspace.output;
        let fetched = of_task
            .tiles
            .iter()
            .map(|tile| tile.fetch(output, folder, &self.range));
        let fetched = stream::iter(fetched).buffered(TILES_AT_ONCE);
        Ok(TileRows {
            windows: windows.map_err(|error: UnknownWindow| refused(&error.to_string()))?,
            tiles: fetched.try_collect().await?,
        })
    }

    fn rows_of(&self, snapshot: &TaskSnapshot) -> Result<DataFrame, EngineError> {
        let engine = EngineError::during("reading the previous snapshot");
        let rows = snapshot.files().map_err(&engine)?;
        let rows = rows.rows(&self.workspace.output);
        self.session.read(Arc::new(rows)).map_err(&engine)
    }

    fn earlier(&self, dimensions: &Dimensions) -> Result<Vec<EarlierRows>, EngineError> {
        let earlier = self.task.earlier.iter().map(|(period, snapshot)| {
            let rows = columns_counted(self.rows_of(snapshot)?, dimensions);
            let rows = rows.map_err(EngineError::during(STAGE))?;
            Ok(EarlierRows::new(*period, snapshot.date(), rows))
        });
        earlier.collect()
    }
}

/// The one range that there is.
async fn only_range(rows: SettledRows) -> Result<SettledRange, NightError> {
    let mut ranges = rows.in_ranges().await?.into_iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) => Ok(range),
        _ => Err(refused("it is not one range")),
    }
}
