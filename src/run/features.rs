//! The first stages of a night: everything up to the features, which the calibration and the
//! tiers read.
//!
//! 1. [sources](super::sources): registered, and held against what staging reads
//! 2. [tiles](super::tiling): fetched or made, for the windows to read
//! 3. features: planned; those that several models read are computed once

use std::sync::Arc;

use crate::ground::Folder;

use super::catalog::register;
use super::context::Run;
use super::scratch::{Scratch, is_worth_keeping};
use super::stages::Stages;
use super::tiling::Tiling;
use super::{Catalog, Report, RollupTiles, RunError};

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
    /// The first stages: everything up to the features, which the calibration and the tiers read.
    pub(super) async fn compute_features(
        &self,
        stages: &mut Stages<'_>,
        report: &mut Report,
    ) -> Result<Featured<'_>, RunError> {
        let sources = self.register_sources(report).await?;
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
}
