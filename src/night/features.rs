//! The first stages of a night: everything up to the features, which the calibration and the
//! tiers read.
//!
//! 1. [sources](super::sources): registered, and compared with what staging reads
//! 2. [tiles](super::tiling): fetched or made, for the windows to read
//! 3. features: planned for [ranges](UserRanges) of users; those that several models read are
//!    computed once

use std::sync::Arc;

use datafusion::error::Result as EngineResult;
use datafusion::prelude::DataFrame;
use sysinfo::System;

use crate::engine::{EngineError, Session};
use crate::ground::{SqlSchema, TableName};
use crate::pack::{Catalog, Project};
use crate::tiles::{TileError, UserRanges};

use super::context::Run;
#[cfg(feature = "cluster")]
use super::elsewhere::tiles::TilesElsewhere;
use super::error::NightError;
use super::report::Report;
use super::scratch::{Scratch, is_worth_keeping};
use super::sources::{Footers, SourceColumns};
use super::stages::Stages;
use super::tiling::Tiling;
use super::unreported::Unreported;

/// The features of D, ready to be read.
pub(crate) struct Featured<'a> {
    /// Everything up to the metrics.
    pub catalog: Catalog<'a>,
    /// Where the rows lie that the catalog reads, for as long as this is kept.
    pub scratch: Scratch,
    /// What is kept about rows until D is published.
    pub unreported: Unreported,
}

impl Run<'_> {
    /// The first stages: everything up to the features, which the calibration and the tiers read.
    pub(crate) async fn compute_features(
        &self,
        previous: Option<&DataFrame>,
        stages: &mut Stages<'_>,
        report: &mut Report,
    ) -> Result<Featured<'_>, NightError> {
        let files = self.read_sources(report).await?;
        let catalog = self.stage(&files, &SourceColumns::new(), previous).await?;
        // Before the tiles are kept: no later night reads these days again.
        stages.begin("rejected rows");
        let unreported = self.count_rejects(&catalog, report).await?;
        stages.begin("tiles");
        let scratch = Scratch::open(
            &self.workspace.disk,
            self.job.engine.spill_folder.as_deref(),
            self.job.engine.threads.get(),
        )
        .map_err(EngineError::during("opening a scratch folder"))?;
        let detail = |detail: &str| stages.detail(detail);
        let tiling = Tiling {
            progress: &detail,
            session: self.session,
            workspace: self.workspace,
            plan: self.plan,
            folder: scratch.folder(),
            threads: self.job.engine.threads.get(),
            #[cfg(feature = "cluster")]
            elsewhere: TilesElsewhere::of(self),
        };
        let tiled = self.tiled(&files, previous, catalog, &tiling, report);
        let mut catalog = Box::pin(tiled).await?;
        let ranges = self.ranges(&catalog);
        let ranges = ranges.map_err(EngineError::during("cutting users into ranges"))?;
        tracing::debug!(ranges = ranges.count(), "users are cut");
        catalog.set_ranges(ranges);
        stages.begin("features");
        let downstream = [SqlSchema::Features, SqlSchema::Calibration];
        catalog
            .register_models(&downstream, &self.scenario.project.parameters)
            .await?;
        if !self.hands_ranges_over() {
            let project = self.scenario.project;
            let all = |_: &TableName| true;
            keep_shared_features(self.session, project, &catalog, &scratch, all).await?;
        }
        Ok(Featured {
            catalog,
            scratch,
            unreported,
        })
    }

    /// The ranges that the users of the tiles are cut into: as many as the job says, or one.
    fn ranges(&self, catalog: &Catalog<'_>) -> EngineResult<UserRanges> {
        let wanted = self.plan.ranges.get();
        let count = wanted.min(ranges_open(catalog.tiles().count()));
        if count < wanted {
            tracing::warn!(
                "{count} ranges of users in place of {wanted}: more would need more open files"
            );
        }
        UserRanges::cut(catalog.tiles(), count)
    }

    /// The catalog with tiles for the windows. IDs that are numbers in the files of tonight and
    /// texts in tiles of other days are texts: then staging is planned again.
    async fn tiled<'a>(
        &'a self,
        files: &Footers<'_>,
        previous: Option<&DataFrame>,
        mut catalog: Catalog<'a>,
        tiling: &Tiling<'_>,
        report: &mut Report,
    ) -> Result<Catalog<'a>, NightError> {
        let mut texts = SourceColumns::new();
        loop {
            let unfit = match tiling.provide(&mut catalog, report).await {
                Ok(()) => return Ok(catalog),
                Err(NightError::Tile(error @ TileError::Texts { .. })) => error,
                Err(error) => return Err(error),
            };
            let found = self.numbers_behind(&catalog, &unfit, &texts);
            let found = found.map_err(EngineError::during("looking for ids"))?;
            if found.is_empty() {
                return Err(unfit.into());
            }
            for (source, columns) in found {
                texts.entry(source).or_default().extend(columns);
            }
            catalog = self.stage(files, &texts, previous).await?;
        }
    }
}

/// Features that several models read are computed once, as far as they are wanted.
pub(super) async fn keep_shared_features(
    session: &Session,
    project: &Project,
    catalog: &Catalog<'_>,
    scratch: &Scratch,
    is_wanted: impl Fn(&TableName) -> bool,
) -> Result<(), NightError> {
    let engine = EngineError::during("computing features");
    let readers = project.graph.reader_counts();
    for model in project.graph.in_schema(SqlSchema::Features) {
        let is_shared = readers.get(&model.name).is_some_and(|readers| *readers > 1);
        if !is_shared || !is_wanted(&model.name) {
            continue;
        }
        let rows = catalog.table(&model.name).await.map_err(&engine)?;
        let optimized = session.optimized(rows.logical_plan());
        if is_worth_keeping(&optimized.map_err(&engine)?).map_err(&engine)? {
            let kept = scratch
                .keep(&model.name.name, rows, catalog.ranges())
                .await
                .map_err(&engine)?;
            session
                .register(&model.name, Arc::new(kept))
                .map_err(&engine)?;
        }
    }
    Ok(())
}

/// Files that a process may have open where the system does not say.
const OPEN_FILES: usize = 1024;

/// How many ranges may have so many tiles open at once, each of which is a file: half of what this process may
/// open is left to others.
fn ranges_open(tiles: usize) -> usize {
    let files = System::open_files_limit().unwrap_or(OPEN_FILES);
    (files / 2 / tiles.max(1)).max(1)
}
