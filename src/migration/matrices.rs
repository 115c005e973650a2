//! The matrices of one period: for each dimension, what users add up to by where they were in an
//! earlier snapshot and where they are today.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use crate::ground::SnapshotDate;
use crate::tiers::{Dimension, Dimensions, SettledDimension};

use super::matrix::{self, DimensionMatrix};
use super::measures::Measures;
use super::period::Period;

/// The matrices of one period.
#[derive(Debug)]
pub struct Matrices {
    period: Period,
    /// That of the earlier snapshot; none where there is none.
    earlier_date: Option<SnapshotDate>,
    pub(super) dimensions: Vec<DimensionMoves>,
}

/// The matrix of one dimension.
#[derive(Debug)]
pub(super) struct DimensionMoves {
    pub dimension: Dimension,
    pub matrix: DimensionMatrix,
    /// Whether the earlier snapshot has the dimension. Where it does not, nobody moved.
    pub is_in_previous: bool,
}

/// What was counted of some users, without what it was counted by.
#[derive(Debug, Serialize, Deserialize)]
pub struct MatrixCounts(Vec<(DimensionMatrix, bool)>);

impl Matrices {
    /// Empty ones.
    pub fn new(
        period: Period,
        earlier_date: Option<SnapshotDate>,
        dimensions: &Dimensions,
    ) -> Self {
        let of_dimension = |dimension: &Dimension| DimensionMoves {
            dimension: dimension.clone(),
            matrix: DimensionMatrix::new(dimension),
            is_in_previous: false,
        };
        Self {
            period,
            earlier_date,
            dimensions: dimensions.iter().map(of_dimension).collect(),
        }
    }

    /// Counts the users of a batch.
    pub fn count(&mut self, measures: &Measures, settled: &[SettledDimension]) {
        for (moves, settled) in self.dimensions.iter_mut().zip(settled) {
            moves.is_in_previous |= settled.is_in_previous;
            let matrix = &mut moves.matrix;
            matrix.know(&settled.values);
            for (row, (from, to)) in settled.from.iter().zip(&settled.to).enumerate() {
                matrix.add(from, to, measures.of_user(row));
            }
        }
    }

    /// Adds those of other users.
    pub fn add(&mut self, others: &Self) {
        self.add_counts(&others.counts());
    }

    /// What was counted, to be [added](Self::add_counts) elsewhere.
    pub fn counts(&self) -> MatrixCounts {
        let moves = self.dimensions.iter();
        let counts = moves.map(|moves| (moves.matrix.clone(), moves.is_in_previous));
        MatrixCounts(counts.collect())
    }

    /// Adds what was counted elsewhere, by the same dimensions.
    pub fn add_counts(&mut self, counts: &MatrixCounts) {
        for (moves, (matrix, is_in_previous)) in self.dimensions.iter_mut().zip(&counts.0) {
            moves.is_in_previous |= is_in_previous;
            moves.matrix.add_all(matrix);
        }
    }

    /// Their rows of `tier_migration_matrix`, in the order of dimensions and tiers; none of
    /// dimensions that the earlier snapshot does not have.
    pub(super) fn rows(&self) -> Result<RecordBatch, ArrowError> {
        let schema = matrix::schema();
        let Some(date) = self.earlier_date else {
            return Ok(RecordBatch::new_empty(schema));
        };
        let known = self.dimensions.iter().filter(|moves| moves.is_in_previous);
        let rows = known.map(|moves| {
            let name = &moves.dimension.name;
            moves
                .matrix
                .rows(self.period, date.days_since_epoch(), name)
        });
        concat_batches(&schema, &rows.collect::<Result<Vec<_>, _>>()?)
    }
}
