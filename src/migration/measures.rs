//! What matrices and summaries add up.

use datafusion::arrow::array::{Array, AsArray, Decimal128Array, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};
use datafusion::arrow::error::ArrowError;

use crate::tables::MEASURES;

use super::matrix::Sums;

/// The column of the snapshot with what a user spent, DECIMAL(p, 2): matrix and summary sum it.
pub const REVENUE: &str = MEASURES[0];

/// The column with how often a user ordered, BIGINT.
pub const ORDERS: &str = MEASURES[1];

/// The column with how often a user interacted, BIGINT.
pub const INTERACTIONS: &str = MEASURES[2];

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

    pub(super) fn of_user(&self, row: usize) -> Sums {
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
