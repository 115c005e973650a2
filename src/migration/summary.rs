//! `tier_summary`: each tier's users and what they add up to, and who came and went.

use std::sync::Arc;

use datafusion::arrow::array::{
    Decimal128Builder, Float64Builder, Int64Builder, RecordBatch, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::matrix::{DimensionMatrix, Sums, ValueCounts};
use crate::tables::{REVENUE_TYPE, TIER_SUMMARY};

/// Hundredths of a unit of money.
const CENTS: f64 = 100.0;

/// The rows of one dimension. Without a previous snapshot nobody has moved.
pub(super) fn rows(
    dimension: &str,
    matrix: &DimensionMatrix,
    has_previous: bool,
) -> Result<RecordBatch, ArrowError> {
    let total = matrix.total();
    let mut columns = Columns::new()?;
    for counts in matrix.counts_by_value() {
        columns.append(dimension, &counts, total, has_previous);
    }
    columns.finish()
}

/// The columns besides the date; none is a user's id.
pub(super) fn schema() -> SchemaRef {
    TIER_SUMMARY.schema(&DataType::Null)
}

struct Columns {
    dimension: StringBuilder,
    tier: StringBuilder,
    users: Int64Builder,
    share: Float64Builder,
    revenue: Decimal128Builder,
    revenue_share: Float64Builder,
    orders: Int64Builder,
    average_order_value: Float64Builder,
    average_interactions: Float64Builder,
    entered: Int64Builder,
    left: Int64Builder,
    net_change: Int64Builder,
}

impl Columns {
    fn new() -> Result<Self, ArrowError> {
        Ok(Self {
            dimension: StringBuilder::new(),
            tier: StringBuilder::new(),
            users: Int64Builder::new(),
            share: Float64Builder::new(),
            revenue: Decimal128Builder::new().with_data_type(REVENUE_TYPE),
            revenue_share: Float64Builder::new(),
            orders: Int64Builder::new(),
            average_order_value: Float64Builder::new(),
            average_interactions: Float64Builder::new(),
            entered: Int64Builder::new(),
            left: Int64Builder::new(),
            net_change: Int64Builder::new(),
        })
    }

    fn append(&mut self, dimension: &str, counts: &ValueCounts, total: Sums, has_previous: bool) {
        let ValueCounts { value, today, .. } = counts;
        let (entered, left) = match has_previous {
            true => (counts.entered, counts.left),
            false => (0, 0),
        };
        let (users, orders) = (today.users as f64, today.orders as f64);
        let revenue = today.revenue as f64;
        self.dimension.append_value(dimension);
        self.tier.append_value(value);
        self.users.append_value(today.users);
        self.share
            .append_option(quotient(users, total.users as f64));
        self.revenue.append_value(today.revenue);
        self.revenue_share
            .append_option(quotient(revenue, total.revenue as f64));
        self.orders.append_value(today.orders);
        self.average_order_value
            .append_option(quotient(revenue, CENTS * orders));
        self.average_interactions
            .append_option(quotient(today.interactions as f64, users));
        self.entered.append_value(entered);
        self.left.append_value(left);
        self.net_change.append_value(entered - left);
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(
            schema(),
            vec![
                Arc::new(self.dimension.finish()),
                Arc::new(self.tier.finish()),
                Arc::new(self.users.finish()),
                Arc::new(self.share.finish()),
                Arc::new(self.revenue.finish()),
                Arc::new(self.revenue_share.finish()),
                Arc::new(self.orders.finish()),
                Arc::new(self.average_order_value.finish()),
                Arc::new(self.average_interactions.finish()),
                Arc::new(self.entered.finish()),
                Arc::new(self.left.finish()),
                Arc::new(self.net_change.finish()),
            ],
        )
    }
}

/// None, as NULL, unless the denominator is positive.
fn quotient(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}
