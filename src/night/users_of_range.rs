//! The users of a range, written in one pass over them.
//!
//! 1. Each batch is written to the snapshot, and its moves to the migration.
//! 2. Users of the previous snapshot who are gone today go to the migration as they are met.
//! 3. Today's users are counted against [earlier](super::earlier) snapshots as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::error::ArrowError;

use crate::drafts::{BackgroundWriter, Draft, DraftWriter, discard};
use crate::engine::EngineError;
use crate::migration::{Matrices, Measures, Migration};
use crate::storage::Location;
use crate::tiers::{Settled, Settling};
use crate::tiles::USER_ID;

use super::earlier::EarlierSnapshot;
use super::error::NightError;
use super::settled::{STAGE, SettledStream, SettledUsers};

/// The users of a range on their way, and where they go.
pub(super) struct UsersOfRange {
    pub rows: SettledStream,
    pub earlier: Vec<EarlierSnapshot>,
    pub migration: Migration,
    pub moves: DraftWriter,
    pub output: Location,
    /// Whether a range has failed, so that no other need go on.
    pub has_failed: Arc<AtomicBool>,
}

/// Users who are written, and what was counted of them.
pub(super) struct WrittenUsers {
    pub snapshot: Draft,
    pub moves: Draft,
    pub migration: Migration,
    /// Since earlier snapshots.
    pub earlier: Vec<Matrices>,
    pub settling: Settling,
}

impl WrittenUsers {
    /// Adds those of the next range.
    pub(super) fn add(&mut self, next: Self) {
        self.snapshot.add(next.snapshot);
        self.moves.add(next.moves);
        self.migration.add(&next.migration);
        for (earlier, next) in self.earlier.iter_mut().zip(&next.earlier) {
            earlier.add(next);
        }
        self.settling.add(&next.settling);
    }
}

impl UsersOfRange {
    /// Writes them; none when another range has failed. Then, and when this one fails, nothing is left.
    pub(super) async fn write(
        mut self,
        snapshot: DraftWriter,
    ) -> Result<Option<WrittenUsers>, NightError> {
        let snapshot = BackgroundWriter::start(snapshot);
        let earlier = match self.write_rows(&snapshot).await {
            Ok(Some(earlier)) => earlier,
            given_up => {
                self.has_failed.store(true, Ordering::Relaxed);
                snapshot.abandon().await;
                self.moves.abandon().await;
                return given_up.map(|_| None);
            }
        };
        let snapshot = match snapshot.finish().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                self.has_failed.store(true, Ordering::Relaxed);
                self.moves.abandon().await;
                return Err(error.into());
            }
        };
        let moves = match self.moves.finish().await {
            Ok(moves) => moves,
            Err(error) => {
                self.has_failed.store(true, Ordering::Relaxed);
                discard(&self.output, vec![snapshot]).await;
                return Err(error.into());
            }
        };
        Ok(Some(WrittenUsers {
            snapshot,
            moves,
            migration: self.migration,
            earlier,
            settling: self.rows.into_settling(),
        }))
    }

    /// Writes today's users, and the moves of today's and of the previous snapshot's. Returns the matrices
    /// since earlier snapshots; none when another range has failed.
    async fn write_rows(
        &mut self,
        snapshot: &BackgroundWriter,
    ) -> Result<Option<Vec<Matrices>>, NightError> {
        while let Some(SettledUsers { today, gone }) = self.rows.next().await? {
            if self.has_failed.load(Ordering::Relaxed) {
                return Ok(None);
            }
            if let Some(today) = &today
                && !snapshot.write(today.rows.clone()).await
            {
                // Completing the draft says why.
                break;
            }
            for gone in &gone {
                let observed = observe_gone(&mut self.migration, gone);
                let observed =
                    observed.map_err(EngineError::during("counting users who are gone"))?;
                self.moves.write(&observed).await?;
            }
            if let Some(today) = &today {
                let observed = observe(&mut self.migration, today);
                let observed = observed.map_err(EngineError::during(STAGE))?;
                self.moves.write(&observed).await?;
                for earlier in &mut self.earlier {
                    earlier.observe(&mut self.rows, today).await?;
                }
            }
        }
        let mut matrices = Vec::new();
        for earlier in std::mem::take(&mut self.earlier) {
            matrices.push(earlier.finish(&mut self.rows).await?);
        }
        Ok(Some(matrices))
    }
}

/// Counts a batch of today's rows into the migration.
fn observe(migration: &mut Migration, settled: &Settled) -> Result<RecordBatch, ArrowError> {
    let measures = Measures::of(&settled.rows)?;
    let user_id = column(&settled.rows, USER_ID)?;
    migration.observe(user_id, &measures, settled)
}

/// Counts users who were in the previous snapshot and are absent from today's.
fn observe_gone(migration: &mut Migration, gone: &Settled) -> Result<RecordBatch, ArrowError> {
    let measures = Measures::of_gone(&gone.rows)?;
    let user_id = column(&gone.rows, USER_ID)?;
    migration.observe(user_id, &measures, gone)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    Ok(batch.column(batch.schema_ref().index_of(name)?))
}
