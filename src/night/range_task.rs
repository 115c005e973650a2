//! What the users of a range are computed from, as one text that another process can do the same with.
//!
//! | part | what it is |
//! |---|---|
//! | rules | SQL, reference files, parameters and settings, as [kept](Rules) below the output; no credentials, no URLs of sources |
//! | columns of the sources | as the driver found them in the files; no row of them is read |
//! | tiles | the stored ones that windows are merged from, each known to be whole |
//! | `dim_tier`, calibration, limits of grace and hold | as the driver read or made them |
//! | snapshots | the files of the previous one, and of those a week and four weeks ago |
//!
//! SQL is planned anew by whoever computes a range, for that range alone. The driver hands over only what it
//! has [planned](crate::engine::PlannedRows) itself without a node that needs the users of other ranges.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result as EngineResult};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::engine::{EngineError, ShippedRows};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::migration::Period;
use crate::pack::Catalog;
use crate::plan::Rules;
use crate::publish::{Publication, SnapshotFiles, missing, snapshot_files};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::DelayLimits;
use crate::tiles::{TileFile, TileObject, TileRows, UserRange};

use super::context::Run;
use super::earlier::earlier_publications;
use super::error::NightError;
use super::tiers::Tiers;

/// The tierline that makes tasks, and carries out none of another.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the driver was doing when it failed.
const STAGE: &str = "handing ranges of users over";

/// The ranges of a night.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RangeTask {
    /// The tierline that made it: no other carries it out.
    pub version: String,
    pub job: String,
    pub timezone: String,
    /// The output as the job names it, and the folder that paths start from.
    pub output: String,
    pub base: PathBuf,
    /// How long requests to its store are retried, and how long one may take, in seconds.
    pub retry_seconds: u64,
    pub request_seconds: u64,
    pub rules: String,
    pub snapshot_date: SnapshotDate,
    pub previous_snapshot_date: Option<SnapshotDate>,
    pub run_id: String,
    pub calibration: Calibration,
    pub is_comparable_to_week_ago: bool,
    pub limits: DelayLimits,
    /// The columns of each source.
    pub sources: BTreeMap<String, ShippedRows>,
    /// What windows are merged from, by rollup.
    pub tiles: BTreeMap<String, Vec<TaskTiles>>,
    pub dim_tier: ShippedRows,
    pub own_warnings: Vec<String>,
    pub previous: Option<TaskSnapshot>,
    pub earlier: Vec<(Period, TaskSnapshot)>,
    pub ranges: Vec<UserRange>,
}

/// Tiles that lie in the same windows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskTiles {
    pub windows: Vec<String>,
    pub tiles: Vec<TileObject>,
}

/// The files of a published snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TaskSnapshot {
    date: SnapshotDate,
    files: Vec<(String, u64)>,
    columns: ShippedRows,
    is_in_order: bool,
}

impl RangeTask {
    /// What the ranges of a night are computed from, by the run of an id.
    pub(super) async fn of(
        run: &Run<'_>,
        catalog: &Catalog<'_>,
        tiers: &Tiers,
        run_id: &str,
    ) -> Result<Self, NightError> {
        let Run { job, plan, .. } = run;
        let scenario = &run.scenario;
        let engine = EngineError::during(STAGE);
        let rules = Rules::of(job, scenario.project, plan.history_starts.clone()).to_text();
        let rules = rules.map_err(|error| engine(unwritten(&error)))?;
        let base = std::path::absolute(&job.base);
        let base = base.map_err(|error| engine(error.into()))?;
        let mut earlier = Vec::new();
        for (period, publication) in earlier_publications(plan) {
            earlier.push((period, snapshot(run, publication).await?));
        }
        Ok(Self {
            version: VERSION.to_owned(),
            job: job.name.clone(),
            timezone: job.timezone.name().to_owned(),
            output: job.output.clone(),
            base,
            retry_seconds: job.retry_policy.retry.as_secs(),
            request_seconds: job.retry_policy.request.as_secs(),
            rules,
            snapshot_date: scenario.date,
            previous_snapshot_date: scenario.previous.map(|previous| previous.snapshot_date),
            run_id: run_id.to_owned(),
            calibration: tiers.calibration.clone(),
            is_comparable_to_week_ago: tiers.scoring.is_comparable_to_week_ago(run),
            limits: tiers.scoring.delay_limits(run),
            sources: columns_of_sources(run).await?,
            tiles: tiles_of(catalog).map_err(&engine)?,
            dim_tier: ShippedRows(tiers.shape.dim_tier.clone()),
            own_warnings: tiers.shape.own_warnings.clone(),
            previous: match scenario.previous {
                Some(previous) => Some(snapshot(run, previous).await?),
                None => None,
            },
            earlier,
            ranges: catalog.ranges().iter().collect(),
        })
    }
}

/// The error for what cannot be written as text: a bug.
pub(super) fn unwritten(error: &serde_json::Error) -> DataFusionError {
    DataFusionError::Internal(error.to_string())
}

async fn snapshot(run: &Run<'_>, publication: &Publication) -> Result<TaskSnapshot, NightError> {
    let output = &run.workspace.output;
    let found = snapshot_files(output, publication, &run.session.runtime()).await?;
    let found = found.ok_or_else(|| missing(publication, TIER_SNAPSHOT.name))?;
    let files = found.files.into_iter();
    Ok(TaskSnapshot {
        date: found.date,
        files: files.map(|(path, size)| (path.to_string(), size)).collect(),
        columns: ShippedRows::columns(found.columns),
        is_in_order: found.is_in_order,
    })
}

impl TaskSnapshot {
    /// The files.
    ///
    /// # Errors
    /// Keys that no store has.
    pub(super) fn files(&self) -> EngineResult<SnapshotFiles> {
        let parsed = |(path, size): &(String, u64)| {
            let path = Path::parse(path).map_err(object_store::Error::from)?;
            Ok((path, *size))
        };
        let files = self.files.iter().map(parsed);
        Ok(SnapshotFiles {
            date: self.date,
            files: files.collect::<EngineResult<_>>()?,
            columns: self.columns.0.schema(),
            is_in_order: self.is_in_order,
        })
    }

    /// The date that its rows are of.
    pub(super) fn date(&self) -> SnapshotDate {
        self.date
    }
}

async fn columns_of_sources(run: &Run<'_>) -> Result<BTreeMap<String, ShippedRows>, NightError> {
    let engine = EngineError::during(STAGE);
    let mut sources = BTreeMap::new();
    for name in run.plan.manifests.keys() {
        let table = TableName::new(SqlSchema::Sources, name);
        let rows = run.session.table(&table).await.map_err(&engine)?;
        let columns = Arc::clone(rows.schema().inner());
        sources.insert(name.clone(), ShippedRows::columns(columns));
    }
    Ok(sources)
}

/// What windows are merged from.
///
/// # Errors
/// A tile that is not in the store: a bug.
fn tiles_of(catalog: &Catalog<'_>) -> EngineResult<BTreeMap<String, Vec<TaskTiles>>> {
    let not_stored = || DataFusionError::Internal("a tile is not in the store".to_owned());
    let object = |tile: &TileFile| TileObject::of(tile).ok_or_else(not_stored);
    let laid_out = |rows: &TileRows| {
        Ok(TaskTiles {
            windows: rows.windows.iter().map(ToString::to_string).collect(),
            tiles: rows.tiles.iter().map(object).collect::<EngineResult<_>>()?,
        })
    };
    let rollups = catalog.tiles_by_rollup().map(|(rollup, rows)| {
        let rows = rows.iter().map(laid_out).collect::<EngineResult<_>>()?;
        Ok((rollup.clone(), rows))
    });
    rollups.collect()
}
