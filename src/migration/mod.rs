//! Migration: who moved since the previous snapshot, the matrix of all moves, and what each tier
//! adds up to.
//!
//! Settled batches come in one by one; for each, the rows of `tier_migration` go out, and the
//! cells of `tier_migration_matrix` and `tier_summary` add up until [`Migration::matrix`] and
//! [`Migration::summary`] write them.

mod direction;
mod matrix;
mod moves;
mod summary;
mod warnings;

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::ground::SnapshotDate;
use crate::tables::{MEASURES, TIER_MIGRATION};
use crate::tiers::{Dimension, Dimensions, Settled, SettledDimension};

pub use direction::Direction;
pub use moves::Moves;

use matrix::{DimensionMatrix, Sums};
use moves::{Move, MoveColumns};

/// The column of the snapshot with what a user spent, DECIMAL(p, 2): matrix and summary sum it.
pub const REVENUE: &str = MEASURES[0];

/// The column with how often a user ordered, BIGINT.
pub const ORDERS: &str = MEASURES[1];

/// The column with how often a user interacted, BIGINT.
pub const INTERACTIONS: &str = MEASURES[2];

/// The moves of one night.
#[derive(Debug)]
pub struct Migration {
    snapshot_date: SnapshotDate,
    previous_snapshot_date: Option<SnapshotDate>,
    moves_schema: SchemaRef,
    user_id_type: DataType,
    dimensions: Vec<DimensionMoves>,
    /// How many users' warnings were raised and cleared.
    warned: Moves,
}

/// The moves in one dimension.
#[derive(Debug)]
struct DimensionMoves {
    dimension: Dimension,
    matrix: DimensionMatrix,
    /// Whether the previous snapshot has the dimension. Where it does not, nobody moved.
    is_in_previous: bool,
}

/// What is summed of each user of a batch.
#[derive(Debug)]
pub struct Measures {
    revenue: Decimal128Array,
    orders: Int64Array,
    interactions: Int64Array,
}

impl Measures {
    /// Today's, from a batch of the snapshot.
    ///
    /// # Errors
    /// Arrow's, when a column is missing or of another type.
    pub fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let number = |name: &str| {
            let column = batch.column(batch.schema_ref().index_of(name)?);
            column
                .as_primitive_opt::<Int64Type>()
                .cloned()
                .ok_or_else(|| ArrowError::SchemaError(format!("{name} is not a BIGINT")))
        };
        Ok(Self {
            revenue: revenue(batch, REVENUE)?,
            orders: number(ORDERS)?,
            interactions: number(INTERACTIONS)?,
        })
    }

    /// Of users who are gone: the revenue that the previous snapshot had.
    ///
    /// # Errors
    /// Arrow's, when the column is missing or of another type.
    pub fn of_gone(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let nothing = Int64Array::from_value(0, batch.num_rows());
        Ok(Self {
            revenue: revenue(batch, REVENUE)?,
            orders: nothing.clone(),
            interactions: nothing,
        })
    }

    fn of_user(&self, row: usize) -> Sums {
        let number = |numbers: &Int64Array| match numbers.is_valid(row) {
            true => numbers.value(row),
            false => 0,
        };
        Sums {
            users: 1,
            revenue: match self.revenue.is_valid(row) {
                true => self.revenue.value(row),
                false => 0,
            },
            orders: number(&self.orders),
            interactions: number(&self.interactions),
        }
    }
}

fn revenue(batch: &RecordBatch, name: &str) -> Result<Decimal128Array, ArrowError> {
    let column = batch.column(batch.schema_ref().index_of(name)?);
    column
        .as_primitive_opt::<Decimal128Type>()
        .cloned()
        .ok_or_else(|| ArrowError::SchemaError(format!("{name} is not a DECIMAL")))
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
        let of_dimension = |dimension: &Dimension| DimensionMoves {
            dimension: dimension.clone(),
            matrix: DimensionMatrix::new(dimension),
            is_in_previous: false,
        };
        Self {
            snapshot_date,
            previous_snapshot_date,
            moves_schema: TIER_MIGRATION.schema(user_id),
            user_id_type: user_id.clone(),
            dimensions: dimensions.iter().map(of_dimension).collect(),
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
        for (moves, settled) in self.dimensions.iter_mut().zip(&settled.dimensions) {
            moves.is_in_previous |= settled.is_in_previous;
            count(&mut moves.matrix, settled, measures);
        }
        let Some(previous_date) = self.previous_snapshot_date else {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.moves_schema)));
        };
        let today = self.snapshot_date.days_since_epoch();
        let mut moves = MoveColumns::default();
        let dimensions = self.dimensions.iter().zip(&settled.dimensions);
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

    /// How many users moved, and which way; of warnings, how many were raised and cleared.
    pub fn moves(&self) -> Moves {
        let mut moves = self.warned.clone();
        for of_dimension in self.dimensions.iter().filter(|moves| moves.is_in_previous) {
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

    /// The rows of `tier_migration_matrix`, in the order of dimensions and tiers; none of dimensions
    /// that the previous snapshot does not have.
    ///
    /// # Errors
    /// A sum of revenue with more than 38 digits.
    pub fn matrix(&self) -> Result<RecordBatch, ArrowError> {
        let matrices = self
            .dimensions
            .iter()
            .filter(|moves| moves.is_in_previous)
            .map(|moves| moves.matrix.rows(&moves.dimension.name))
            .collect::<Result<Vec<_>, _>>()?;
        concat_batches(&matrix::schema(), &matrices)
    }

    /// The rows of `tier_summary`, in the order of dimensions and tiers.
    ///
    /// # Errors
    /// A sum of revenue with more than 38 digits.
    pub fn summary(&self) -> Result<RecordBatch, ArrowError> {
        let summary = |moves: &DimensionMoves| {
            summary::rows(&moves.dimension.name, &moves.matrix, moves.is_in_previous)
        };
        let summaries = self.dimensions.iter().map(summary);
        let summaries = summaries.collect::<Result<Vec<_>, _>>()?;
        concat_batches(&summary::schema(), &summaries)
    }
}

fn count(matrix: &mut DimensionMatrix, settled: &SettledDimension, measures: &Measures) {
    matrix.know(&settled.values);
    for (row, (from, to)) in settled.from.iter().zip(&settled.to).enumerate() {
        matrix.add(from, to, measures.of_user(row));
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
