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
use crate::tiers::{Dimensions, Settled, Settling};
use crate::tiles::USER_ID;

use super::earlier::{EarlierRows, EarlierSnapshot};
use super::error::NightError;
use super::settled::{STAGE, SettledRange, SettledStream, SettledUsers};

/// The users of a range, and where they go.
pub(super) struct UsersOfRange {
    pub rows: SettledRange,
    pub earlier: Vec<EarlierRows>,
    pub dimensions: Dimensions,
    pub migration: Migration,
    pub snapshot: DraftWriter,
    pub moves: DraftWriter,
    pub output: Location,
    /// Whether a range has failed, so that no other need go on.
    pub has_failed: Arc<AtomicBool>,
}

/// Where they go, and what is counted on the way.
struct Writing {
    snapshot: BackgroundWriter,
    moves: DraftWriter,
    migration: Migration,
    has_failed: Arc<AtomicBool>,
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
    pub(super) async fn write(self) -> Result<Option<WrittenUsers>, NightError> {
        let Self {
            rows,
            earlier,
            dimensions,
            migration,
            snapshot,
            moves,
            output,
            has_failed,
        } = self;
        let mut writing = Writing {
            snapshot: BackgroundWriter::start(snapshot),
            moves,
            migration,
            has_failed,
        };
        let written = async {
            if writing.is_given_up() {
                return Ok(None);
            }
            let range = rows.range.clone();
            let mut rows = rows.stream().await?;
            let mut opened = Vec::new();
            for earlier in earlier {
                opened.push(earlier.open(&range, &dimensions).await?);
            }
            let matrices = writing.write(&mut rows, opened).await?;
            Ok(matrices.map(|matrices| (matrices, rows.into_settling())))
        };
        let written = Box::pin(written).await;
        let Writing {
            snapshot,
            moves,
            migration,
            ..
        } = writing;
        let (earlier, settling) = match written {
            Ok(Some(written)) => written,
            given_up => {
                snapshot.abandon().await;
                moves.abandon().await;
                return given_up.map(|_| None);
            }
        };
        let snapshot = match snapshot.finish().await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                moves.abandon().await;
                return Err(error.into());
            }
        };
        match moves.finish().await {
            Ok(moves) => Ok(Some(WrittenUsers {
                snapshot,
                moves,
                migration,
                earlier,
                settling,
            })),
            Err(error) => {
                discard(&output, vec![snapshot]).await;
                Err(error.into())
            }
        }
    }
}

impl Writing {
    fn is_given_up(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Writes today's users, and the moves of today's and of the previous snapshot's. Returns the matrices
    /// since earlier snapshots; none when another range has failed.
    async fn write(
        &mut self,
        rows: &mut SettledStream,
        mut earlier: Vec<EarlierSnapshot>,
    ) -> Result<Option<Vec<Matrices>>, NightError> {
        while let Some(SettledUsers { today, gone }) = rows.next().await? {
            if self.is_given_up() {
                return Ok(None);
            }
            if let Some(today) = &today
                && !self.snapshot.write(today.rows.clone()).await
            {
                // Completing the draft says why.
                return Ok(Some(Vec::new()));
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
                for earlier in &mut earlier {
                    earlier.observe(rows, today).await?;
                }
            }
        }
        let mut matrices = Vec::new();
        for earlier in earlier {
            matrices.push(earlier.finish(rows).await?);
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
