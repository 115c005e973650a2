//! Rows of the migration matrix as flows.

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::error::ArrowError;

use crate::engine::texts;
use crate::migration::Direction;
use crate::tiers::Dimension;

use super::amounts::Amounts;
use super::dimension::Flow;

/// The columns from_tier, to_tier, users and revenue_365d.
pub(super) struct FlowRows {
    from: StringArray,
    to: StringArray,
    amounts: Amounts,
}

impl FlowRows {
    pub(super) fn of(rows: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            from: texts(rows, "from_tier")?,
            to: texts(rows, "to_tier")?,
            amounts: Amounts::of(rows)?,
        })
    }

    /// The users of a row, which is about this dimension.
    pub(super) fn flow(&self, dimension: &Dimension, row: usize) -> Flow {
        let side = |tiers: &StringArray| tiers.is_valid(row).then(|| tiers.value(row).to_owned());
        let (from, to) = (side(&self.from), side(&self.to));
        let (users, revenue_cents) = self.amounts.at(row);
        Flow {
            direction: Direction::of(dimension, from.as_deref(), to.as_deref()),
            from,
            to,
            users,
            revenue_cents,
        }
    }
}
