//! The users of one range, computed and written by a process that is told of them by a [task](RangeTask).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::prelude::DataFrame;
use futures::{StreamExt, TryStreamExt, stream};

use crate::drafts::DraftWriter;
use crate::engine::{EngineError, Session, empty};
use crate::ground::{SqlSchema, TableName};
use crate::job::{Job, Workspace};
use crate::migration::Migration;
use crate::night::context::open_session;
use crate::night::earlier::{EarlierRows, columns_counted};
use crate::night::error::NightError;
use crate::night::features::keep_shared_features;
use crate::night::scratch::Scratch;
use crate::night::settled::{SettledRange, SettledRows, Settlement};
use crate::night::snapshot::{Specs, plain_type};
use crate::night::users_of_range::{UsersOfRange, WrittenUsers};
use crate::pack::{Catalog, Project, Shape, column_comments};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::Dimensions;
use crate::tiles::{TileRows, USER_ID, UnknownWindow, UserRange, UserRanges};

use super::range_files::RangeFiles;
use super::range_task::{RangeTask, TaskSnapshot, TaskTiles};
use super::task::refused;

/// What was being done when it failed.
const STAGE: &str = "computing a range of users";

/// Tiles that are brought here side by side.
const TILES_AT_ONCE: usize = 8;

/// Computes and writes the users of a range, until `is_given_up` says that nobody waits for it any more.
pub(super) async fn write(
    task: &RangeTask,
    sources: Vec<(&str, SchemaRef)>,
    range: UserRange,
    (job, workspace): (&Job, &Workspace),
    is_given_up: Arc<AtomicBool>,
) -> Result<RangeFiles, NightError> {
    let project = Project::load(job)?;
    let session = open_session(job, workspace)?;
    let worker = Worker {
        task,
        sources,
        range,
        job,
        project: &project,
        workspace,
        session: &session,
        is_given_up,
    };
    let written = Box::pin(worker.write()).await?;
    Ok(RangeFiles::of(written))
}

struct Worker<'a> {
    task: &'a RangeTask,
    /// The columns of each source.
    sources: Vec<(&'a str, SchemaRef)>,
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
        for (name, columns) in &self.sources {
            let table = TableName::new(SqlSchema::Sources, *name);
            let registered = session.register(&table, empty(Arc::clone(columns)));
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
