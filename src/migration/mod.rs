//! Migration: who moved since the previous snapshot, the matrices of all moves since then and since
//! earlier snapshots, and what each tier adds up to.
//!
//! Settled batches come in one by one; for each, the rows of `tier_migration` go out, and the
//! cells of `tier_migration_matrix` and `tier_summary` add up until [`Migration::matrix`] and
//! [`Migration::summary`] write them.

mod direction;
mod matrices;
mod matrix;
mod measures;
mod moves;
mod period;
mod summary;
mod warnings;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::ground::SnapshotDate;
use crate::tables::TIER_MIGRATION;
use crate::tiers::{Dimension, Dimensions, Settled, SettledDimension};

pub use direction::Direction;
pub use matrices::{Matrices, MatrixCounts};
pub use measures::{INTERACTIONS, Measures, ORDERS, REVENUE};
pub use moves::Moves;
pub use period::Period;

use matrices::DimensionMoves;
use moves::{Move, MoveColumns};

/// The moves of one night.
#[derive(Debug)]
pub struct Migration {
    snapshot_date: SnapshotDate,
    previous_snapshot_date: Option<SnapshotDate>,
    moves_schema: SchemaRef,
    user_id_type: DataType,
    night: Matrices,
    /// How many users' warnings were raised and cleared.
    warned: Moves,
}

/// What was counted of some users, without what it was counted by.
#[derive(Debug, Serialize, Deserialize)]
pub struct MigrationCounts {
    night: MatrixCounts,
    warned: Moves,
}

impl Migration {
    /// To a snapshot from the one before, if there is one, of users whose ids have the type
    /// `user_id`.
    pub fn new(
        previous_snapshot_date: Option<SnapshotDate>,
        snapshot_date: SnapshotDate,
        dimensions: &Dimensions,
        user_id: &DataType,
    ) -> Self {
        Self {
            snapshot_date,
            previous_snapshot_date,
            moves_schema: TIER_MIGRATION.schema(user_id),
            user_id_type: user_id.clone(),
            night: Matrices::new(Period::Night, previous_snapshot_date, dimensions),
            warned: Moves::new(),
        }
    }

    /// Counts a batch and returns its rows of `tier_migration`. Nobody moves in dimensions and
    /// warnings that the previous snapshot does not have.
    ///
    /// # Errors
    /// Arrow's, when a column is of another type: a bug.
    pub fn observe(
        &mut self,
        user_id: &ArrayRef,
        measures: &Measures,
        settled: &Settled,
    ) -> Result<RecordBatch, ArrowError> {
        self.night.count(measures, &settled.dimensions);
        let Some(previous_date) = self.previous_snapshot_date else {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.moves_schema)));
        };
        let today = self.snapshot_date.days_since_epoch();
        let mut moves = MoveColumns::default();
        let dimensions = self.night.dimensions.iter().zip(&settled.dimensions);
        for (of_dimension, settled) in dimensions.filter(|(_, now)| now.is_in_previous) {
            push_moves(&mut moves, &of_dimension.dimension, settled, today);
        }
        for settled in settled.warnings.iter().filter(|now| now.is_in_previous) {
            warnings::push_moves(&mut moves, &mut self.warned, settled, today);
        }
        let previous_date = previous_date.days_since_epoch();
        moves.finish(
            &self.moves_schema,
            user_id,
            &self.user_id_type,
            previous_date,
        )
    }

    /// Adds what was counted of other users.
    pub fn add(&mut self, others: &Self) {
        self.add_counts(&others.counts());
    }

    /// What was counted, to be [added](Self::add_counts) elsewhere.
    pub fn counts(&self) -> MigrationCounts {
        MigrationCounts {
            night: self.night.counts(),
            warned: self.warned.clone(),
        }
    }

    /// Adds what was counted elsewhere, by the same dimensions.
    pub fn add_counts(&mut self, counts: &MigrationCounts) {
        self.night.add_counts(&counts.night);
        for (warning, directions) in &counts.warned {
            let own = self.warned.entry(warning.clone()).or_default();
            for (direction, users) in directions {
                *own.entry(direction.clone()).or_default() += users;
            }
        }
    }

    /// How many users moved, and which way; of warnings, how many were raised and cleared.
    pub fn moves(&self) -> Moves {
        let mut moves = self.warned.clone();
        for of_dimension in self
            .night
            .dimensions
            .iter()
            .filter(|moves| moves.is_in_previous)
        {
            let dimension = &of_dimension.dimension;
            for (from, to, sums) in of_dimension.matrix.numbered() {
                if let Some(direction) = Direction::of_numbers(dimension, from, to) {
                    let directions = moves.entry(dimension.name.clone()).or_default();
                    *directions.entry(direction.as_str().to_owned()).or_default() += sums.users;
                }
            }
        }
        moves
    }

    /// The rows of `tier_migration_matrix`: those of the night, then those since `earlier` snapshots.
    ///
    /// # Errors
    /// A sum of revenue with more than 38 digits.
    pub fn matrix(&self, earlier: &[Matrices]) -> Result<RecordBatch, ArrowError> {
        let all = std::iter::once(&self.night).chain(earlier);
        let rows = all.map(Matrices::rows).collect::<Result<Vec<_>, _>>()?;
        concat_batches(&matrix::schema(), &rows)
    }

    /// The rows of `tier_summary`, in the order of dimensions and tiers.
    ///
    /// # Errors
    /// A sum of revenue with more than 38 digits.
    pub fn summary(&self) -> Result<RecordBatch, ArrowError> {
        let summary = |moves: &DimensionMoves| {
            summary::rows(&moves.dimension.name, &moves.matrix, moves.is_in_previous)
        };
        let summaries = self.night.dimensions.iter().map(summary);
        let summaries = summaries.collect::<Result<Vec<_>, _>>()?;
        concat_batches(&summary::schema(), &summaries)
    }
}

/// The moves of the users whose value changed.
fn push_moves(
    moves: &mut MoveColumns,
    dimension: &Dimension,
    settled: &SettledDimension,
    today: i32,
) {
    let value = |number: usize| settled.values.value(number);
    for (row, (from, to)) in settled.from.iter().zip(&settled.to).enumerate() {
        if from == to {
            continue;
        }
        let [was, is] = [from, to].map(|number| number.map(|number| number as usize));
        let Some(direction) = Direction::of_numbers(dimension, was, is) else {
            continue;
        };
        let since = settled
            .from_since
            .is_valid(row)
            .then(|| settled.from_since.value(row));
        moves.push(&Move {
            row,
            dimension: &dimension.name,
            from: was.map(value),
            to: is.map(value),
            direction,
            days: since.map(|since| i64::from(today - since)),
        });
    }
}
