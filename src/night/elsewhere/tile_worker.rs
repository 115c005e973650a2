//! Tiles, made by a process that is told of them by a [task](TileTask).

use std::collections::BTreeMap;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result as EngineResult};

use crate::engine::EngineError;
use crate::ground::SqlSchema;
use crate::job::{Job, Workspace};
use crate::night::context::open_session;
use crate::night::error::NightError;
use crate::night::scratch::Scratch;
use crate::pack::{Catalog, Project};
use crate::tiles::{Address, DamagedTile, StoredTile, TileBuild, TileBuilder, TileFiles};

use super::source_files::register_sources;
use super::task::refused;
use super::tile_task::{TileName, TilePiece, TileTask};

/// What was being done when it failed.
const STAGE: &str = "making tiles";

/// Makes and stores some tiles, and returns their names in the order of the piece. `sources` are the columns of each
/// source, the day of its partitions last.
pub(super) async fn make(
    task: &TileTask,
    sources: Vec<(&str, SchemaRef)>,
    piece: TilePiece,
    (job, workspace): (&Job, &Workspace),
) -> Result<Vec<TileName>, NightError> {
    let engine = EngineError::during(STAGE);
    let project = Project::load(job)?;
    let session = open_session(job, workspace)?;
    let scratch = Scratch::open(&workspace.disk, job.engine.spill_folder.as_deref(), 1)
        .map_err(EngineError::during("opening a scratch folder"))?;
    let mut catalog = Catalog::open(&session, &project, task.snapshot_date).map_err(&engine)?;
    register_sources(&session, workspace, sources, piece.files).map_err(&engine)?;
    let staged = [SqlSchema::Staging, SqlSchema::Rollups];
    catalog
        .register_models(&staged, &project.parameters)
        .await?;
    let rollup = catalog.rollup(&task.rollup);
    let rollup = rollup.ok_or_else(|| refused("it has no such rollup"))?;
    let tile_builder = TileBuilder {
        session: &session,
        output: &workspace.output,
        layout: &workspace.layout,
        folder: scratch.folder(),
        threads: 1,
    };
    let stored = stored_among(&piece.builds, &piece.tiles).map_err(&engine)?;
    let mut files = TileFiles::new();
    let damaged = tile_builder.fetch(rollup, &stored, &mut files).await?;
    if let Some(DamagedTile { path, what, .. }) = damaged.first() {
        let told = format!("tile {path}: {what}; the next run makes it again");
        return Err(engine(DataFusionError::Execution(told)).into());
    }
    let source_bytes = BTreeMap::new();
    tile_builder
        .make(rollup, &piece.builds, &mut files, &source_bytes)
        .await?;
    let made = piece.builds.iter().map(|build| {
        let file = files.get(&build.address)?;
        Some(TileName::new(file.stored.as_ref()?, file.size_bytes))
    });
    let made = made.collect::<Option<_>>();
    made.ok_or_else(|| refused("a tile of it was not made"))
}

/// The tiles by address that some are merged from.
fn stored_among(
    builds: &[TileBuild],
    names: &[TileName],
) -> EngineResult<BTreeMap<Address, StoredTile>> {
    let mut by_address = BTreeMap::new();
    for name in names {
        let stored = name.stored()?;
        by_address.extend(stored.map(|tile| (tile.address.clone(), tile)));
    }
    let merged = builds.iter().flat_map(|build| &build.tiles);
    let stored = merged.map(|address| {
        let stored = by_address.get(&address.to_string()).cloned();
        let stored = stored.ok_or_else(|| {
            DataFusionError::Internal(format!("tile {address} is not among those of the piece"))
        });
        Ok((address.clone(), stored?))
    });
    stored.collect()
}
