//! Stored tiles that no night reads any more.
//!
//! | tile | |
//! |---|---|
//! | its period has the same address today | stays |
//! | it holds a day that cannot be read from the sources any more | stays: it is all that is left of the day |
//! | made by other SQL, other reference files or other source files than those of today | unneeded |
//!
//! Whoever asks for an unneeded one all the same, such as a restatement by the rules of then, makes it
//! again from the sources.

use chrono::{DateTime, Utc};

use crate::ground::SnapshotDate;
use crate::job::{Job, Workspace};
use crate::pack::Project;
use crate::tiles::{Addresses, StoredTile};

use super::circumstances::Circumstances;
use super::error::PlanError;
use super::facts::Facts;
use super::history::check_doubts;

/// The tiles of one rollup that no night reads any more.
pub(crate) struct UnneededTiles {
    /// The rollup.
    pub rollup: String,
    /// Its tiles.
    pub tiles: Vec<StoredTile>,
}

impl Facts {
    /// The tiles that were written before a time and that no night reads any more, by the newest
    /// published date; none where nothing is published. None of a rollup that the SQL has no more.
    ///
    /// # Errors
    /// As [`Facts::gather`], and days that are gone while nobody has said that they may be.
    pub(crate) async fn unneeded_tiles(
        job: &Job,
        workspace: &Workspace,
        newest: Option<SnapshotDate>,
        until: DateTime<Utc>,
    ) -> Result<Vec<UnneededTiles>, PlanError> {
        let Some(newest) = newest else {
            return Ok(Vec::new());
        };
        let project = Project::load(job)?;
        let circumstances = Circumstances {
            needs_tiles: true,
            ..Circumstances::default()
        };
        let facts = Self::gather(job, &project, workspace, newest, circumstances);
        let facts = Box::pin(facts).await?;
        check_doubts(&facts.all_days)?;
        let stored = facts.stored.unwrap_or_default();
        let unneeded = stored.rollups.into_iter().map(|(inputs, stored)| {
            // Whatever has expired counts, given up or not.
            let days = inputs.source_days(&facts.visible, None, newest);
            let addresses = Addresses::new(&inputs.definition, days);
            let unneeded = stored.unneeded_by(&addresses);
            let tiles = unneeded.filter(|tile| tile.written < until);
            UnneededTiles {
                rollup: inputs.definition.rollup.name.clone(),
                tiles: tiles.cloned().collect(),
            }
        });
        Ok(unneeded.collect())
    }
}
