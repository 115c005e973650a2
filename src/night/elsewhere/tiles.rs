//! Tiles that a cluster makes in place of this machine, where there are many: on a first night, and after the SQL or
//! the files of many days have changed.
//!
//! 1. Days come first, in runs that are worth a query each; then tiles of two days, of four, and so on, which are
//!    merged from them. Each round is one task, whose pieces are made side by side.
//! 2. What was made is in the store, under its address. The rest is planned anew from there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::cluster::{Cluster, ClusterError};
use crate::engine::EngineError;
use crate::night::context::Run;
use crate::night::error::NightError;
use crate::plan::RollupTiles;
use crate::tiles::{TileBuild, first_parts};

use super::hand_over::hand_over;
use super::source_files::shipped;
use super::task::{Task, TaskJob, Work};
use super::tile_task::{TileName, TilePiece, TileTask};

/// A cluster that makes tiles.
pub(in crate::night) struct TilesElsewhere<'a> {
    cluster: Cluster,
    run: &'a Run<'a>,
}

impl<'a> TilesElsewhere<'a> {
    /// The cluster of a job, where it has one.
    pub(in crate::night) fn of(run: &'a Run<'a>) -> Option<Self> {
        let cluster = run.job.cluster.as_ref()?;
        Some(Self {
            cluster: Cluster::at(cluster, run.job.certificates.as_ref()),
            run,
        })
    }

    /// Has the missing tiles of a rollup made, and returns the plan of what is stored then. `source_bytes` are those
    /// of each day's files. None where there is no more than one query to be made: that is for this machine.
    ///
    /// # Errors
    /// A cluster that does not make them, signals, and rows that no tile can be made of.
    pub(in crate::night) async fn make(
        &self,
        tiles: &RollupTiles,
        source_bytes: &BTreeMap<NaiveDate, u64>,
    ) -> Result<Option<RollupTiles>, NightError> {
        let mut parts = first_parts(&tiles.plan.builds, source_bytes);
        if parts.len() < 2 {
            return Ok(None);
        }
        let rollup = &tiles.plan.rollup;
        let task = Task {
            job: TaskJob::of(self.run, true).await?,
            work: Work::Tiles(TileTask {
                rollup: rollup.name.clone(),
                snapshot_date: self.run.scenario.date,
            }),
        };
        let work = format!("making tiles of `{rollup}`");
        let mut planned = tiles.clone();
        while !parts.is_empty() {
            let pieces = parts.iter().map(|builds| self.piece(&planned, builds));
            let pieces: Vec<TilePiece> = pieces.collect();
            let mut made = Vec::new();
            let names: Vec<Vec<TileName>> = hand_over(&self.cluster, &task, &pieces, &work).await?;
            for name in names.iter().flatten() {
                made.extend(name.stored().map_err(EngineError::during(&work))?);
            }
            let left = planned.plan.builds.len();
            planned = planned.with(made);
            if planned.plan.builds.len() >= left {
                let answer = "tiles were made that nobody asked for";
                return Err(ClusterError::Answer(answer.to_owned()).into());
            }
            parts = first_parts(&planned.plan.builds, source_bytes);
        }
        Ok(Some(planned))
    }

    /// What some tiles are made from.
    fn piece(&self, tiles: &RollupTiles, builds: &[&TileBuild]) -> TilePiece {
        let merged: BTreeSet<_> = builds.iter().flat_map(|build| &build.tiles).collect();
        let stored = merged
            .iter()
            .filter_map(|address| tiles.plan.reused.get(*address));
        let manifests = self.run.plan.manifests.iter();
        let files = manifests.map(|(name, manifest)| {
            let days = tiles.days_read_for(builds, manifest);
            (name.clone(), shipped(self.run, manifest, &days))
        });
        TilePiece {
            builds: builds.iter().map(|build| (*build).clone()).collect(),
            tiles: stored.map(TileName::from).collect(),
            files: files.collect(),
        }
    }
}
