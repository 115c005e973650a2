//! The tiles of a night: fetched, made, and laid out for the windows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::NaiveDate;
use datafusion::prelude::SessionContext;
use object_store::ObjectStoreExt;

use crate::ground::TableName;
use crate::models::Graph;
use crate::tiles::{Rollup, TileError, TileRows, Workshop};

use super::history::refuse;
use super::{Catalog, Plan, Report, RollupTiles, RunError, Workspace};

/// What the tiles of a night are made with.
pub(super) struct Tiling<'a> {
    pub context: &'a SessionContext,
    pub workspace: &'a Workspace,
    pub plan: &'a Plan,
    pub folder: &'a Path,
    pub threads: usize,
}

/// The rows of one rollup, and what they came from.
struct Provided {
    tiles: RollupTiles,
    rows: Vec<TileRows>,
    warnings: Vec<String>,
}

impl Tiling<'_> {
    /// Gives every rollup of the plan its rows, and says which tiles they came from.
    pub(super) async fn provide(
        &self,
        catalog: &mut Catalog<'_>,
        report: &mut Report,
    ) -> Result<Vec<RollupTiles>, RunError> {
        let mut provided = Vec::new();
        for planned in &self.plan.tiles {
            let Some(rollup) = catalog.rollup(&planned.plan.rollup.name).cloned() else {
                continue;
            };
            let Provided {
                tiles,
                rows,
                warnings,
            } = self.provide_one(&rollup, planned).await?;
            report.tiles_built += tiles.plan.builds.len() as u64;
            report.tiles_reused += tiles.plan.reused.len() as u64;
            report.warnings.extend(warnings);
            catalog.set_tiles(&tiles.plan.rollup.name, rows);
            provided.push(tiles);
        }
        Ok(provided)
    }

    /// The rows of one rollup. A damaged tile is removed and made anew.
    async fn provide_one(
        &self,
        rollup: &Rollup,
        planned: &RollupTiles,
    ) -> Result<Provided, RunError> {
        let mut tiles = planned.clone();
        let mut warnings = Vec::new();
        loop {
            match self.rows_of(rollup, &tiles).await {
                Ok(rows) => {
                    return Ok(Provided {
                        tiles,
                        rows,
                        warnings,
                    });
                }
                Err(TileError::Damaged {
                    address,
                    path,
                    what,
                }) => {
                    let without = tiles.without(&address);
                    // It may be whole in a copy, and is all that is left of its days.
                    if let Some(missing) = without.out_of_reach() {
                        tracing::warn!(path, what, "a tile is damaged and cannot be made anew");
                        if self.plan.accepted.shorter_history {
                            self.remove(&tiles, &address).await;
                        }
                        refuse(&[missing])?;
                    }
                    tracing::warn!(path, what, "a tile is made anew");
                    warnings.push(format!("tile {path} was made anew: {what}"));
                    self.remove(&tiles, &address).await;
                    tiles = without;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn rows_of(
        &self,
        rollup: &Rollup,
        tiles: &RollupTiles,
    ) -> Result<Vec<TileRows>, TileError> {
        let workshop = Workshop {
            context: self.context,
            output: &self.workspace.output,
            layout: &self.workspace.layout,
            folder: self.folder,
            threads: self.threads,
        };
        let mut files = workshop.fetch(rollup, &tiles.plan).await?;
        let bytes = self.source_bytes(tiles);
        workshop
            .make(rollup, &tiles.plan, &mut files, &bytes)
            .await?;
        Ok(workshop.lay_out(&tiles.plan, &files))
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
