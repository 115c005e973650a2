//! Users and what they spent, as the tables with sums have them.

use datafusion::arrow::array::{Array, Decimal128Array, Int64Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use serde::Serializer;

use crate::engine::{decimals, integers};
use crate::ground::ExactNumber;
use crate::migration::REVENUE;
use crate::tables::REVENUE_TYPE;

/// The columns users and revenue_365d.
pub(super) struct Amounts {
    users: Int64Array,
    revenue: Decimal128Array,
}

impl Amounts {
    pub(super) fn of(rows: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            users: integers(rows, "users")?,
            revenue: decimals(rows, REVENUE, &REVENUE_TYPE)?,
        })
    }

    /// Users and revenue of a row; without revenue, none.
    pub(super) fn at(&self, row: usize) -> (i64, i128) {
        let has_revenue = self.revenue.is_valid(row);
        let revenue = has_revenue.then(|| self.revenue.value(row));
        (self.users.value(row), revenue.unwrap_or_default())
    }
}

/// Hundredths as a text such as `1234.50`, which every reader takes exactly.
pub(crate) fn as_money<S: Serializer>(cents: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&ExactNumber {
        unscaled: *cents,
        scale: 2,
    })
}
