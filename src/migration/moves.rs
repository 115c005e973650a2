//! The rows of `tier_migration`, as they are collected from a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Int64Builder, RecordBatch, StringBuilder, UInt64Builder,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::direction::Direction;

/// Users who moved, by dimension or warning, and direction.
pub type Moves = BTreeMap<String, BTreeMap<String, i64>>;

/// A move of the user in one row of the batch.
pub(super) struct Move<'a> {
    pub row: usize,
    pub dimension: &'a str,
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub direction: Direction,
    /// For how many days `from` had been shown, where that is known.
    pub days: Option<i64>,
}

/// The moves of a batch, column by column.
#[derive(Default)]
pub(super) struct MoveColumns {
    rows: UInt64Builder,
    dimensions: StringBuilder,
    froms: StringBuilder,
    tos: StringBuilder,
    directions: StringBuilder,
    days: Int64Builder,
}

impl MoveColumns {
    pub(super) fn push(&mut self, of_user: &Move<'_>) {
        self.rows.append_value(of_user.row as u64);
        self.dimensions.append_value(of_user.dimension);
        self.froms.append_option(of_user.from);
        self.tos.append_option(of_user.to);
        self.directions.append_value(of_user.direction.as_str());
        self.days.append_option(of_user.days);
    }

    /// The rows of `tier_migration`, of users with these ids.
    pub(super) fn finish(
        mut self,
        schema: &SchemaRef,
        user_id: &ArrayRef,
        user_id_type: &DataType,
        previous_date: i32,
    ) -> Result<RecordBatch, ArrowError> {
        let users = take(user_id, &self.rows.finish(), None)?;
        let previous = Date32Array::from_value(previous_date, users.len());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(previous),
            cast(&users, user_id_type)?,
            Arc::new(self.dimensions.finish()),
            Arc::new(self.froms.finish()),
            Arc::new(self.tos.finish()),
            Arc::new(self.directions.finish()),
            Arc::new(self.days.finish()),
        ];
        RecordBatch::try_new(Arc::clone(schema), columns)
    }
}
