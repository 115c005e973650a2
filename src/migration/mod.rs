//! Migration: who moved since the previous snapshot, and the matrix of all moves.
//!
//! Settled batches come in one by one; for each, the rows of `tier_migration` go out, and the
//! cells of `tier_migration_matrix` add up until [`Migration::matrix`] writes them.

mod direction;
mod matrix;

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Builder, RecordBatch,
    StringBuilder, UInt64Builder,
};
use datafusion::arrow::compute::{concat_batches, take};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use crate::ground::SnapshotDate;
use crate::tiers::{Dimension, Dimensions, SettledDimension};

pub use direction::Direction;
pub use matrix::REVENUE_TYPE;

use matrix::DimensionMatrix;

/// The column of the snapshot that the matrix sums.
pub const REVENUE: &str = "revenue_365d";

/// The moves of one night.
#[derive(Debug)]
pub struct Migration {
    snapshot_date: SnapshotDate,
    previous_snapshot_date: SnapshotDate,
    moves_schema: SchemaRef,
    dimensions: Vec<(Dimension, DimensionMatrix)>,
}

impl Migration {
    /// Between two snapshots of users whose ids have the type `user_id`.
    pub fn between(
        previous_snapshot_date: SnapshotDate,
        snapshot_date: SnapshotDate,
        dimensions: &Dimensions,
        user_id: &DataType,
    ) -> Self {
        let with_matrix =
            |dimension: &Dimension| (dimension.clone(), DimensionMatrix::new(dimension));
        Self {
            snapshot_date,
            previous_snapshot_date,
            moves_schema: moves_schema(user_id),
            dimensions: dimensions.iter().map(with_matrix).collect(),
        }
    }

    /// Counts a batch into the matrix and returns its rows of `tier_migration`. `revenue` is
    /// today's, or the previous one's for users who are gone. Dimensions that the previous snapshot
    /// does not have are left out.
    ///
    /// # Errors
    /// Arrow's, when a column is of another type: a bug.
    pub fn observe(
        &mut self,
        user_id: &ArrayRef,
        revenue: &ArrayRef,
        settled: &[SettledDimension],
    ) -> Result<RecordBatch, ArrowError> {
        let revenue = revenue
            .as_primitive_opt::<Decimal128Type>()
            .ok_or_else(|| ArrowError::SchemaError(format!("{REVENUE} is not a DECIMAL")))?;
        let mut moves = Vec::new();
        let dimensions = self.dimensions.iter_mut().zip(settled);
        for ((dimension, matrix), settled) in dimensions.filter(|(_, now)| now.is_in_previous) {
            count(matrix, settled, revenue);
            let columns = moves_of(dimension, settled, user_id, self.snapshot_date.day())?;
            let previous = Date32Array::from_value(
                self.previous_snapshot_date.days_since_epoch(),
                columns[0].len(),
            );
            let columns = std::iter::once(Arc::new(previous) as ArrayRef).chain(columns);
            moves.push(RecordBatch::try_new(
                Arc::clone(&self.moves_schema),
                columns.collect(),
            )?);
        }
        concat_batches(&self.moves_schema, &moves)
    }

    /// The rows of `tier_migration_matrix`, in the order of dimensions and tiers.
    ///
    /// # Errors
    /// A sum of revenue with more than 38 digits.
    pub fn matrix(&self) -> Result<RecordBatch, ArrowError> {
        let matrices = self
            .dimensions
            .iter()
            .map(|(dimension, matrix)| matrix.rows(&dimension.name))
            .collect::<Result<Vec<_>, _>>()?;
        concat_batches(&matrix::schema(), &matrices)
    }
}

/// The columns of `tier_migration` besides its date.
pub fn moves_schema(user_id: &DataType) -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        Field::new("previous_snapshot_date", DataType::Date32, true),
        Field::new("user_id", user_id.clone(), true),
        text("dimension", true),
        text("from_tier", true),
        text("to_tier", true),
        text("direction", true),
        Field::new("days_in_previous_tier", DataType::Int64, true),
    ]))
}

/// The columns of `tier_migration_matrix` besides its date.
pub fn matrix_schema() -> SchemaRef {
    matrix::schema()
}

fn count(matrix: &mut DimensionMatrix, settled: &SettledDimension, revenue: &Decimal128Array) {
    for row in 0..settled.to.len() {
        let from = settled.from.is_valid(row).then(|| settled.from.value(row));
        let to = settled.to.is_valid(row).then(|| settled.to.value(row));
        let amount = if revenue.is_valid(row) {
            revenue.value(row)
        } else {
            0
        };
        matrix.add(from, to, amount);
    }
}

/// The columns user_id to days_in_previous_tier of the users whose value changed.
fn moves_of(
    dimension: &Dimension,
    settled: &SettledDimension,
    user_id: &ArrayRef,
    today: NaiveDate,
) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut rows = UInt64Builder::new();
    let (mut names, mut froms, mut tos) = (
        StringBuilder::new(),
        StringBuilder::new(),
        StringBuilder::new(),
    );
    let mut directions = StringBuilder::new();
    let mut days = Int64Builder::new();
    for row in 0..settled.to.len() {
        let from = settled.from.is_valid(row).then(|| settled.from.value(row));
        let to = settled.to.is_valid(row).then(|| settled.to.value(row));
        let Some(direction) = Direction::of(dimension, from, to) else {
            continue;
        };
        rows.append_value(row as u64);
        names.append_value(&dimension.name);
        froms.append_option(from);
        tos.append_option(to);
        directions.append_value(direction.as_str());
        let since = settled
            .from_since
            .is_valid(row)
            .then(|| settled.from_since.value(row));
        days.append_option(since.map(|since| i64::from(today.to_epoch_days() - since)));
    }
    Ok(vec![
        take(user_id, &rows.finish(), None)?,
        Arc::new(names.finish()),
        Arc::new(froms.finish()),
        Arc::new(tos.finish()),
        Arc::new(directions.finish()),
        Arc::new(days.finish()),
    ])
}
