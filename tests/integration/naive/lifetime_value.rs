//! Section 5, lifetime value: what a user has brought against what the user cost.

use super::ratio::Ratio;
use super::text::{Columns, money, money_or_null, ratio_or_null};

#[derive(Debug, Clone, Copy)]
pub(crate) struct LifetimeValue {
    pub(crate) acquisition_cost_cents: Option<i64>,
    pub(crate) ltv_historical_cents: i64,
    pub(crate) ltv_to_cac: Option<Ratio>,
}

impl LifetimeValue {
    /// "`ltv_historical` = revenue_lifetime; `ltv_to_cac` = ltv_historical / acquisition_cost,
    /// NULL without a positive cost."
    pub(crate) fn of(revenue_lifetime_cents: i64, acquisition_cost_cents: Option<i64>) -> Self {
        Self {
            acquisition_cost_cents,
            ltv_historical_cents: revenue_lifetime_cents,
            ltv_to_cac: acquisition_cost_cents
                .and_then(|cost_cents| Ratio::of(revenue_lifetime_cents, cost_cents)),
        }
    }

    pub(crate) fn columns(self) -> Columns {
        vec![
            (
                "acquisition_cost",
                money_or_null(self.acquisition_cost_cents),
            ),
            ("ltv_historical", money(self.ltv_historical_cents)),
            ("ltv_to_cac", ratio_or_null(self.ltv_to_cac)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_needs_a_positive_cost() {
        let columns = LifetimeValue::of(10_00, Some(3_00)).columns();
        let expected = [
            ("acquisition_cost", "3.00"),
            ("ltv_historical", "10.00"),
            ("ltv_to_cac", "3.333333"),
        ];
        assert_eq!(
            columns,
            expected.map(|(column, text)| (column, text.to_owned()))
        );

        assert_eq!(LifetimeValue::of(10_00, Some(0)).ltv_to_cac, None);
        assert_eq!(LifetimeValue::of(10_00, None).ltv_to_cac, None);
    }
}
