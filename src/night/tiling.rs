//! The tiles of a night: fetched, made, and laid out for the windows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use object_store::ObjectStoreExt;

use crate::engine::Session;
use crate::ground::{TableName, counted};
use crate::job::Workspace;
use crate::models::Graph;
use crate::pack::Catalog;
use crate::plan::{Plan, RollupTiles, refuse};
use crate::tiles::{DamagedTile, Rollup, TileBuilder, TileFiles, TileRows};

#[cfg(feature = "cluster")]
use super::elsewhere::tiles::TilesElsewhere;
use super::error::NightError;
use super::report::Report;
use super::stages::Progress;

/// What the tiles of a night are made with.
pub(super) struct Tiling<'a> {
    pub session: &'a Session,
    pub workspace: &'a Workspace,
    pub plan: &'a Plan,
    pub folder: &'a Path,
    pub threads: usize,
    /// Hears how far the tiles have come.
    pub progress: Progress<'a>,
    /// Who makes tiles in place of this machine where there are many; none where nobody does.
    #[cfg(feature = "cluster")]
    pub elsewhere: Option<TilesElsewhere<'a>>,
}

/// The rows of one rollup, and what they came from.
struct Provided {
    rows: Vec<TileRows>,
    /// How many tiles were there, and how many were made.
    reused: usize,
    built: usize,
    warnings: Vec<String>,
}

impl Tiling<'_> {
    /// Gives every rollup of the plan its rows.
    pub(super) async fn provide(
        &self,
        catalog: &mut Catalog<'_>,
        report: &mut Report,
    ) -> Result<(), NightError> {
        let (mut built, mut reused) = (0, 0);
        let mut remarks = Vec::new();
        let rollups = self.plan.tiles.len();
        for (index, planned) in self.plan.tiles.iter().enumerate() {
            let name = &planned.plan.rollup.name;
            let made = self.to_make(planned);
            let number = index + 1;
            (self.progress)(&format!("{name}, {number} of {rollups}, {made}"));
            let Some(rollup) = catalog.rollup(name).cloned() else {
                continue;
            };
            let provided = self.provide_one(&rollup, planned).await?;
            remarks.extend(provided.warnings);
            catalog.set_tiles(name, provided.rows);
            built += provided.built as u64;
            reused += provided.reused as u64;
        }
        report.tiles_built += built;
        report.tiles_reused += reused;
        report.warnings.extend(remarks);
        Ok(())
    }

    /// How much there is to do for a rollup.
    fn to_make(&self, tiles: &RollupTiles) -> String {
        let (mut files, mut bytes) = (0, 0);
        for manifest in self.plan.manifests.values() {
            let read = manifest.on(&tiles.days_read(manifest));
            files += read.files.len();
            bytes += read.size_bytes();
        }
        let made = counted(tiles.plan.builds.len(), "tile");
        let (files, megabytes) = (counted(files, "file"), bytes as f64 / 1e6);
        format!("{made} to make from {files}, {megabytes:.1} MB")
    }

    /// The rows of one rollup. Damaged tiles are removed and made again.
    async fn provide_one(
        &self,
        rollup: &Rollup,
        planned: &RollupTiles,
    ) -> Result<Provided, NightError> {
        let tile_builder = self.tile_builder();
        let (mut tiles, mut files) = (planned.clone(), TileFiles::new());
        let mut warnings = Vec::new();
        // What others have made is looked at like everything that was there before.
        let mut count_before_others = None;
        loop {
            let stored = &tiles.plan.reused;
            let damaged = tile_builder.fetch(rollup, stored, &mut files).await?;
            if !damaged.is_empty() {
                tiles = self.without(tiles, &damaged).await?;
                warnings.extend(damaged.into_iter().map(|DamagedTile { path, what, .. }| {
                    format!("tile {path} was made again: {what}")
                }));
                continue;
            }
            let Some(made) = self.made_by_others(&tiles).await? else {
                break;
            };
            count_before_others.get_or_insert(counts(&tiles));
            tiles = made;
        }
        let (built, reused) = count_before_others.unwrap_or_else(|| counts(&tiles));
        let (plan, bytes) = (&tiles.plan, self.source_bytes(&tiles));
        tile_builder
            .make(rollup, &plan.builds, &mut files, &bytes)
            .await?;
        Ok(Provided {
            rows: tile_builder.lay_out(plan, &files),
            built,
            reused,
            warnings,
        })
    }

    /// The plan of a rollup once others have made its tiles; none where this machine makes them.
    #[cfg(feature = "cluster")]
    async fn made_by_others(&self, tiles: &RollupTiles) -> Result<Option<RollupTiles>, NightError> {
        match &self.elsewhere {
            Some(elsewhere) => elsewhere.make(tiles, &self.source_bytes(tiles)).await,
            None => Ok(None),
        }
    }

    #[cfg(not(feature = "cluster"))]
    async fn made_by_others(&self, _: &RollupTiles) -> Result<Option<RollupTiles>, NightError> {
        Ok(None)
    }

    /// Plans again without the tiles that are damaged, and removes them.
    ///
    /// # Errors
    /// Days of which nothing else is left: such a tile may be whole in a copy.
    async fn without(
        &self,
        tiles: RollupTiles,
        damaged: &[DamagedTile],
    ) -> Result<RollupTiles, NightError> {
        let addresses = damaged.iter().map(|tile| &tile.address);
        let without = addresses.fold(tiles.clone(), |tiles, address| tiles.without(address));
        let missing = without.out_of_reach();
        for DamagedTile {
            address,
            path,
            what,
        } in damaged
        {
            match missing {
                Some(_) => tracing::warn!(path, what, "a tile is damaged and cannot be made again"),
                None => tracing::warn!(path, what, "a tile is made again"),
            }
            if missing.is_none() || self.plan.accepted.shorter_history {
                self.remove(&tiles, address).await;
            }
        }
        if let Some(missing) = missing {
            refuse(&[missing])?;
        }
        Ok(without)
    }

    fn tile_builder(&self) -> TileBuilder<'_> {
        TileBuilder {
            session: self.session,
            output: &self.workspace.output,
            layout: &self.workspace.layout,
            folder: self.folder,
            threads: self.threads,
        }
    }

    /// Bytes of each day's files.
    fn source_bytes(&self, tiles: &RollupTiles) -> BTreeMap<NaiveDate, u64> {
        let mut bytes = BTreeMap::new();
        let sources = tiles.inputs.by_day.iter();
        for manifest in sources.filter_map(|source| self.plan.manifests.get(source)) {
            for file in &manifest.files {
                *bytes.entry(file.day).or_insert(0) += file.object.size;
            }
        }
        bytes
    }

    async fn remove(&self, tiles: &RollupTiles, address: &crate::tiles::Address) {
        let Some(stored) = tiles.plan.reused.get(address) else {
            return;
        };
        let removed = self.workspace.output.store.delete(&stored.path).await;
        if let Err(error) = removed {
            tracing::warn!(%error, "a damaged tile is left");
        }
    }
}

/// How many tiles are to be made, and how many are there.
fn counts(tiles: &RollupTiles) -> (usize, usize) {
    (tiles.plan.builds.len(), tiles.plan.reused.len())
}

/// The days on which a staging table was read to make tiles; none when its rows do not all pass
/// through tiles, so that nobody knows which were new.
pub(super) fn days_read(
    graph: &Graph,
    staging: &TableName,
    tiles: &[RollupTiles],
) -> Option<BTreeSet<NaiveDate>> {
    let reads_it = |rollup: &TableName| {
        let model = graph.model(rollup);
        model.is_some_and(|model| model.reads.iter().any(|read| read.table == *staging))
    };
    let of_staging: Vec<&RollupTiles> = tiles
        .iter()
        .filter(|tiles| reads_it(&tiles.plan.rollup))
        .collect();
    if of_staging.is_empty()
        || of_staging
            .iter()
            .any(|tiles| !tiles.inputs.whole.is_empty())
    {
        return None;
    }
    let days = of_staging.iter().flat_map(|tiles| tiles.plan.source_days());
    Some(days.collect())
}
