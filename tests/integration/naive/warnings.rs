//! Section 5, warnings: the booleans that ask somebody to act today.

use super::dimensions::Tier;
use super::features::Features;
use super::lifetime_value::LifetimeValue;
use super::parameters::Parameters;
use super::text::Columns;

/// A comparison with NULL is not true, so no warning is NULL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Warnings {
    pub(crate) silent_warning: bool,
    pub(crate) decline_warning: bool,
    pub(crate) peak_order: bool,
    pub(crate) low_ltv_to_cac: bool,
}

/// "lifecycle_stage in (new, active, loyal), opens_15d = 0, posts_prev_30d > 0 and posts_30d <=
/// 0.5 x posts_prev_30d"
pub(crate) fn silent_warning(features: &Features, lifecycle_stage_raw: Tier) -> bool {
    let interactions = &features.interactions;
    matches!(lifecycle_stage_raw, "new" | "active" | "loyal")
        && interactions.opens_15d == 0
        && interactions.posts_prev_30d > 0
        && 2 * interactions.posts_30d <= interactions.posts_prev_30d
}

/// "opens_d0 < opens_d1 < opens_d2 < opens_d3"
pub(crate) fn decline_warning(features: &Features) -> bool {
    let interactions = &features.interactions;
    interactions.opens_d0 < interactions.opens_d1
        && interactions.opens_d1 < interactions.opens_d2
        && interactions.opens_d2 < interactions.opens_d3
}

/// "largest_order_1d > largest_order_before_today and the raw value_tier is high_value"
pub(crate) fn peak_order(features: &Features, value_tier_raw: Tier) -> bool {
    let today = features.purchases.largest_order_1d_cents;
    let before = features.purchases.largest_order_before_today_cents;
    let is_larger = match (today, before) {
        (Some(today), Some(before)) => today > before,
        _ => false,
    };
    is_larger && value_tier_raw == "high_value"
}

/// "ltv_to_cac < `1.5`"
pub(crate) fn low_ltv_to_cac(lifetime_value: &LifetimeValue, parameters: &Parameters) -> bool {
    lifetime_value
        .ltv_to_cac
        .is_some_and(|ratio| ratio < parameters.low_ltv_to_cac_below)
}

impl Warnings {
    pub(crate) fn columns(self) -> Columns {
        vec![
            ("silent_warning", self.silent_warning.to_string()),
            ("decline_warning", self.decline_warning.to_string()),
            ("peak_order", self.peak_order.to_string()),
            ("low_ltv_to_cac", self.low_ltv_to_cac.to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::interactions::Interactions;
    use crate::naive::purchases::Purchases;

    fn posting(posts_30d: i64, posts_prev_30d: i64, opens_15d: i64) -> Features {
        Features {
            interactions: Interactions {
                posts_30d,
                posts_prev_30d,
                opens_15d,
                ..Interactions::default()
            },
            ..Features::default()
        }
    }

    #[test]
    fn posts_falling_to_half_without_opens_warn_of_silence() {
        assert!(silent_warning(&posting(1, 2, 0), "loyal"));
        assert!(silent_warning(&posting(0, 1, 0), "new"));
        assert!(!silent_warning(&posting(2, 3, 0), "active"));
        assert!(!silent_warning(&posting(0, 0, 0), "active"));
        assert!(!silent_warning(&posting(1, 2, 1), "loyal"));
        assert!(!silent_warning(&posting(1, 2, 0), "silent"));
    }

    #[test]
    fn opens_must_fall_every_day_to_warn_of_decline() {
        let opening = |opens_d0, opens_d1, opens_d2, opens_d3| Features {
            interactions: Interactions {
                opens_d0,
                opens_d1,
                opens_d2,
                opens_d3,
                ..Interactions::default()
            },
            ..Features::default()
        };

        assert!(decline_warning(&opening(0, 1, 2, 3)));
        assert!(!decline_warning(&opening(0, 1, 1, 3)));
        assert!(!decline_warning(&opening(3, 2, 1, 0)));
    }

    #[test]
    fn a_peak_exceeds_every_earlier_order_of_a_user_of_high_value() {
        let ordering = |largest_order_1d_cents, largest_order_before_today_cents| Features {
            purchases: Purchases {
                largest_order_1d_cents,
                largest_order_before_today_cents,
                ..Purchases::default()
            },
            ..Features::default()
        };

        assert!(peak_order(&ordering(Some(11), Some(10)), "high_value"));
        assert!(!peak_order(&ordering(Some(10), Some(10)), "high_value"));
        assert!(!peak_order(&ordering(Some(11), Some(10)), "active"));
        assert!(!peak_order(&ordering(Some(11), None), "high_value"));
        assert!(!peak_order(&ordering(None, Some(10)), "high_value"));
    }

    #[test]
    fn a_lifetime_value_of_one_and_a_half_times_the_cost_is_enough() {
        let is_low = |revenue_lifetime_cents, acquisition_cost_cents| {
            let lifetime_value = LifetimeValue::of(revenue_lifetime_cents, acquisition_cost_cents);
            low_ltv_to_cac(&lifetime_value, &Parameters::default())
        };

        assert!(is_low(14_99, Some(10_00)));
        assert!(!is_low(15_00, Some(10_00)));
        assert!(is_low(0, Some(1)));
        assert!(!is_low(0, None));
        assert!(!is_low(0, Some(0)));
    }
}
