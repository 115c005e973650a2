//! What the users of ranges are computed from.
//!
//! | part | what it is |
//! |---|---|
//! | tiles | the stored ones that windows are merged from, each known to be whole |
//! | `dim_tier`, calibration, limits of grace and hold | as the driver read or made them |
//! | snapshots | the files of the previous one, and of those a week and four weeks ago |
//!
//! No row of a source is read. SQL is planned anew by whoever computes a range, for that range alone. The driver hands
//! over only what it has [planned](crate::engine::PlannedRows) itself without a node that needs the users of other
//! ranges.

use std::collections::BTreeMap;

use datafusion::error::{DataFusionError, Result as EngineResult};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::calibration::Calibration;
use crate::engine::{EngineError, ShippedRows};
use crate::ground::SnapshotDate;
use crate::migration::Period;
use crate::night::context::Run;
use crate::night::earlier::earlier_publications;
use crate::night::error::NightError;
use crate::night::tiers::Tiers;
use crate::pack::Catalog;
use crate::publish::{Publication, SnapshotFiles, missing, snapshot_files};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::DelayLimits;
use crate::tiles::{TileFile, TileObject, TileRows};

/// What the driver was doing when it failed.
const STAGE: &str = "handing ranges of users over";

/// What the ranges of a night are computed from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RangeTask {
    pub snapshot_date: SnapshotDate,
    pub previous_snapshot_date: Option<SnapshotDate>,
    pub run_id: String,
    pub calibration: Calibration,
    pub is_comparable_to_week_ago: bool,
    pub limits: DelayLimits,
    /// What windows are merged from, by rollup.
    pub tiles: BTreeMap<String, Vec<TaskTiles>>,
    pub dim_tier: ShippedRows,
    pub own_warnings: Vec<String>,
    pub previous: Option<TaskSnapshot>,
    pub earlier: Vec<(Period, TaskSnapshot)>,
}

/// Tiles that lie in the same windows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskTiles {
    pub windows: Vec<String>,
    pub tiles: Vec<TileObject>,
}

/// The files of a published snapshot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskSnapshot {
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
        let scenario = &run.scenario;
        let engine = EngineError::during(STAGE);
        let mut earlier = Vec::new();
        for (period, publication) in earlier_publications(run.plan) {
            earlier.push((period, snapshot(run, publication).await?));
        }
        Ok(Self {
            snapshot_date: scenario.date,
            previous_snapshot_date: scenario.previous.map(|previous| previous.snapshot_date),
            run_id: run_id.to_owned(),
            calibration: tiers.calibration.clone(),
            is_comparable_to_week_ago: tiers.scoring.is_comparable_to_week_ago(run),
            limits: tiers.scoring.delay_limits(run),
            tiles: tiles_of(catalog).map_err(&engine)?,
            dim_tier: ShippedRows(tiers.shape.dim_tier.clone()),
            own_warnings: tiers.shape.own_warnings.clone(),
            previous: match scenario.previous {
                Some(previous) => Some(snapshot(run, previous).await?),
                None => None,
            },
            earlier,
        })
    }
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
