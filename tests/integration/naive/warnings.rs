//! Section 5, warnings: the booleans that ask somebody to act today.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::dimensions::Tier;
use super::features::Features;
use super::grace::TierState;
use super::lifetime_value::LifetimeValue;
use super::parameters::Parameters;
use super::ratio::Ratio;
use super::text::{Columns, or_null};
use super::windows::days_before;

/// A warning of a user, as published.
pub(crate) type Warning = &'static str;

/// The warnings with the names of their columns: `<warning>`, `<warning>_since`.
const COLUMNS: [[&str; 2]; 8] = [
    ["silent_warning", "silent_warning_since"],
    ["decline_warning", "decline_warning_since"],
    ["peak_order", "peak_order_since"],
    ["spend_warning", "spend_warning_since"],
    ["overdue_warning", "overdue_warning_since"],
    ["falling_warning", "falling_warning_since"],
    ["fatigue_warning", "fatigue_warning_since"],
    ["low_ltv_to_cac", "low_ltv_to_cac_since"],
];

/// The warnings that a user has, and "the snapshot date on which it was last raised".
#[derive(Debug, Clone, Default)]
pub(crate) struct Warnings(BTreeMap<Warning, NaiveDate>);

impl Warnings {
    /// A comparison with NULL is not true, so no warning is NULL. One that the previous snapshot has
    /// keeps its date.
    pub(crate) fn settle(
        is_raised: [(Warning, bool); COLUMNS.len()],
        previous: Option<&Self>,
        snapshot_date: NaiveDate,
    ) -> Self {
        let raised = is_raised.into_iter().filter(|(_, is_raised)| *is_raised);
        let dated = raised.map(|(warning, _)| {
            let before = previous.and_then(|previous| previous.since(warning));
            (warning, before.unwrap_or(snapshot_date))
        });
        Self(dated.collect())
    }

    /// None for a warning that is not raised.
    pub(crate) fn since(&self, warning: Warning) -> Option<NaiveDate> {
        self.0.get(warning).copied()
    }

    pub(crate) fn names() -> impl Iterator<Item = Warning> {
        COLUMNS.into_iter().map(|[name, _]| name)
    }

    pub(crate) fn columns(&self) -> Columns {
        let columns = COLUMNS.into_iter().flat_map(|[warning, since]| {
            let raised_since = self.since(warning);
            [
                (warning, raised_since.is_some().to_string()),
                (since, or_null(raised_since)),
            ]
        });
        columns.collect()
    }
}

/// "The shown value_tier is above the raw one."
pub(crate) fn falling_warning(value_tier: &TierState) -> bool {
    let dimension = value_tier.raw.dimension;
    dimension.rank(value_tier.shown) > dimension.rank(value_tier.raw.tier)
}

/// "lifecycle_stage in (new, active, loyal), opens_15d = 0, and either posts_prev_30d > 0 and
/// posts_30d <= `0.5` x posts_prev_30d, or posts_prev_30d = 0 and opens_30d > 0"
pub(crate) fn silent_warning(features: &Features, lifecycle_stage_raw: Tier) -> bool {
    let interactions = &features.interactions;
    matches!(lifecycle_stage_raw, "new" | "active" | "loyal")
        && interactions.opens_15d == 0
        && if interactions.posts_prev_30d > 0 {
            2 * interactions.posts_30d <= interactions.posts_prev_30d
        } else {
            interactions.opens_30d > 0
        }
}

/// "opens_d0 < opens_d1 < opens_d2 < opens_d3 and opens_d3 >= `3`"
pub(crate) fn decline_warning(features: &Features) -> bool {
    let interactions = &features.interactions;
    interactions.opens_d0 < interactions.opens_d1
        && interactions.opens_d1 < interactions.opens_d2
        && interactions.opens_d2 < interactions.opens_d3
        && interactions.opens_d3 >= 3
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

/// "raw value_tier high_value or high_potential, revenue_prev_60d > 0 and revenue_60d < `0.6` x
/// revenue_prev_60d"
pub(crate) fn spend_warning(features: &Features, value_tier_raw: Tier) -> bool {
    let purchases = &features.purchases;
    matches!(value_tier_raw, "high_value" | "high_potential")
        && purchases.revenue_prev_60d_cents > 0
        && 10 * purchases.revenue_60d_cents < 6 * purchases.revenue_prev_60d_cents
}

/// "orders_lifetime >= `3`, lifecycle_stage not churned, and recency_days > `2` x order_gap_days
/// (and > `7`)"
pub(crate) fn overdue_warning(features: &Features, lifecycle_stage_raw: Tier) -> bool {
    let purchases = &features.purchases;
    let gap_and_recency = purchases.order_gap_days.zip(purchases.recency_days);
    purchases.orders_lifetime >= 3
        && lifecycle_stage_raw != "churned"
        && gap_and_recency
            .is_some_and(|(gap, recency)| recency > 7 && Ratio::whole(recency) > gap.times(2))
}

/// "touches_30d >= `8`, and no order and no own event within 30 days"
pub(crate) fn fatigue_warning(features: &Features) -> bool {
    let is_inactive = features.inactivity_days.is_none_or(|days| days >= 30);
    features.interactions.touches_30d >= 8 && is_inactive
}

/// "ltv_to_cac < `1.5`, orders_lifetime >= 1 and first_order_day <= D - `90`"
pub(crate) fn low_ltv_to_cac(
    lifetime_value: &LifetimeValue,
    features: &Features,
    parameters: &Parameters,
) -> bool {
    let ninety_days_ago = days_before(features.snapshot_date, 90);
    let first_order_day = features.purchases.first_order_day;
    let ratio = lifetime_value.ltv_to_cac;
    ratio.is_some_and(|ratio| ratio < parameters.low_ltv_to_cac_below)
        && first_order_day.is_some_and(|day| day <= ninety_days_ago)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, snapshot_date};
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
    fn users_who_never_posted_fall_silent_by_their_opens() {
        let opening = |opens_15d, opens_30d| Features {
            interactions: Interactions {
                opens_15d,
                opens_30d,
                ..Interactions::default()
            },
            ..Features::default()
        };

        assert!(silent_warning(&opening(0, 1), "active"));
        assert!(!silent_warning(&opening(0, 0), "active"));
        assert!(!silent_warning(&opening(1, 2), "active"));
    }

    #[test]
    fn spend_below_six_tenths_warns_for_the_two_highest_tiers() {
        let spending = |revenue_60d_cents, revenue_prev_60d_cents| Features {
            purchases: Purchases {
                revenue_60d_cents,
                revenue_prev_60d_cents,
                ..Purchases::default()
            },
            ..Features::default()
        };

        assert!(spend_warning(&spending(59_99, 100_00), "high_value"));
        assert!(!spend_warning(&spending(60_00, 100_00), "high_value"));
        assert!(spend_warning(&spending(0, 1), "high_potential"));
        assert!(!spend_warning(&spending(0, 0), "high_potential"));
        assert!(!spend_warning(&spending(0, 1), "active"));
    }

    #[test]
    fn an_order_is_overdue_after_two_gaps_and_a_week() {
        let buying = |recency_days, orders_lifetime, days| Features {
            purchases: Purchases {
                orders_lifetime,
                recency_days: Some(recency_days),
                order_gap_days: Ratio::of(days, orders_lifetime - 1),
                ..Purchases::default()
            },
            ..Features::default()
        };

        assert!(overdue_warning(&buying(21, 3, 20), "loyal"));
        assert!(!overdue_warning(&buying(20, 3, 20), "loyal"));
        assert!(!overdue_warning(&buying(21, 3, 20), "churned"));
        assert!(!overdue_warning(&buying(21, 2, 10), "loyal"));
        assert!(overdue_warning(&buying(8, 3, 2), "loyal"));
        assert!(!overdue_warning(&buying(7, 3, 2), "loyal"));
    }

    #[test]
    fn eight_touches_without_any_activity_are_fatigue() {
        let touched = |touches_30d, inactivity_days| Features {
            inactivity_days,
            interactions: Interactions {
                touches_30d,
                ..Interactions::default()
            },
            ..Features::default()
        };

        assert!(fatigue_warning(&touched(8, None)));
        assert!(fatigue_warning(&touched(8, Some(30))));
        assert!(!fatigue_warning(&touched(8, Some(29))));
        assert!(!fatigue_warning(&touched(7, None)));
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
        assert!(!decline_warning(&opening(-1, 0, 1, 2)));
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
        let is_low = |revenue_lifetime_cents, acquisition_cost_cents, first_order_days| {
            let lifetime_value = LifetimeValue::of(revenue_lifetime_cents, acquisition_cost_cents);
            let features = Features {
                snapshot_date: snapshot_date(),
                purchases: Purchases {
                    first_order_day: Some(days_ago(first_order_days)),
                    ..Purchases::default()
                },
                ..Features::default()
            };
            low_ltv_to_cac(&lifetime_value, &features, &Parameters::default())
        };

        assert!(is_low(14_99, Some(10_00), 90));
        assert!(!is_low(14_99, Some(10_00), 89));
        assert!(!is_low(15_00, Some(10_00), 90));
        assert!(is_low(0, Some(1), 90));
        assert!(!is_low(0, None, 90));
        assert!(!is_low(0, Some(0), 90));
    }
}
