//! `lifecycle_stage`: where a user is between first seen and gone.

use super::Tier;
use crate::naive::features::Features;
use crate::naive::parameters::Parameters;
use crate::naive::ratio::Ratio;
use crate::naive::windows::Window;

pub(super) const BY_RANK: [Tier; 6] = ["churned", "silent", "prospect", "new", "active", "loyal"];

/// "First match wins, top to bottom."
pub(super) fn assign(features: &Features, parameters: &Parameters) -> Tier {
    if features.purchases.orders_lifetime == 0 {
        "prospect"
    } else if is_new(features, parameters) {
        "new"
    } else if is_churned(features, parameters) {
        "churned"
    } else if is_loyal(features, parameters) {
        "loyal"
    } else if is_active(features, parameters) {
        "active"
    } else {
        "silent"
    }
}

/// "first_order_day in the `30`-day window and orders_lifetime < `3`"
fn is_new(features: &Features, parameters: &Parameters) -> bool {
    let window = Window::last_days(
        parameters.new_first_order_window_days,
        features.snapshot_date,
    );
    let first_order_day = features.purchases.first_order_day;
    first_order_day.is_some_and(|day| window.contains(day))
        && features.purchases.orders_lifetime < parameters.new_orders_below
}

/// "greatest(`60`, least(`180`, `3` x order_gap_days)), 60 without a gap"
fn churned_after_days(features: &Features, parameters: &Parameters) -> Ratio {
    let gap = features.purchases.order_gap_days;
    let by_rhythm = gap.map_or(Ratio::whole(0), |gap| gap.times(parameters.churned_gaps));
    let by_rhythm = by_rhythm.min(Ratio::whole(parameters.churned_days_most));
    by_rhythm.max(Ratio::whole(parameters.churned_days))
}

/// "no order and no own event within `churned_after` days"
fn is_churned(features: &Features, parameters: &Parameters) -> bool {
    let churned_after = churned_after_days(features, parameters);
    let inactivity_days = features.inactivity_days;
    inactivity_days.is_some_and(|days| Ratio::whole(days) >= churned_after)
}

/// "orders_lifetime >= `3` and an order within greatest(`90`, churned_after) days"
fn is_loyal(features: &Features, parameters: &Parameters) -> bool {
    let within = Ratio::whole(parameters.loyal_recency_days);
    let within = within.max(churned_after_days(features, parameters));
    let recency_days = features.purchases.recency_days;
    features.purchases.orders_lifetime >= parameters.loyal_orders
        && recency_days.is_some_and(|days| Ratio::whole(days) < within)
}

/// "an order or own event within `30` days"
fn is_active(features: &Features, parameters: &Parameters) -> bool {
    features
        .inactivity_days
        .is_some_and(|days| days < parameters.active_inactivity_days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::event_types::EventTypes;
    use crate::naive::features::features;
    use crate::naive::fixtures::{event, order, snapshot_date};
    use crate::naive::history::History;

    /// The stage of a user with one order on each of `order_days` and an open on each of
    /// `open_days`, all counted in days before D.
    fn stage(order_days: &[i64], open_days: &[i64]) -> Tier {
        let order_days = order_days.iter();
        let open_days = open_days.iter();
        let history = History {
            orders: order_days.map(|days| order("u", *days, 10_00)).collect(),
            events: open_days.map(|days| event("u", *days, "open")).collect(),
            users: Vec::new(),
        };
        let features = features(&history, &EventTypes::defaults(), snapshot_date());
        assign(&features["u"], &Parameters::default())
    }

    #[test]
    fn a_user_without_orders_is_a_prospect_however_long_silent() {
        assert_eq!(stage(&[], &[400]), "prospect");
    }

    #[test]
    fn a_first_order_is_new_for_thirty_days_and_two_orders() {
        assert_eq!(stage(&[29], &[]), "new");
        assert_eq!(stage(&[30], &[]), "silent");
        assert_eq!(stage(&[29, 5], &[]), "new");
        assert_eq!(stage(&[29, 5, 5], &[]), "loyal");
    }

    #[test]
    fn sixty_days_without_activity_are_churn_even_for_a_loyal_user() {
        assert_eq!(stage(&[70, 65, 60], &[]), "churned");
        assert_eq!(stage(&[70, 65, 59], &[]), "loyal");
    }

    /// Gaps of 40 days make it 120 days, gaps of 100 days 180 at most.
    #[test]
    fn whoever_buys_seldom_is_given_up_later() {
        assert_eq!(stage(&[199, 159, 119], &[]), "loyal");
        assert_eq!(stage(&[200, 160, 120], &[]), "churned");
        assert_eq!(stage(&[379, 279, 179], &[]), "loyal");
        assert_eq!(stage(&[380, 280, 180], &[]), "churned");
    }

    #[test]
    fn loyalty_holds_for_ninety_days_after_the_last_order_while_the_user_is_seen() {
        assert_eq!(stage(&[100, 100, 89], &[10]), "loyal");
        assert_eq!(stage(&[100, 100, 90], &[10]), "active");
    }

    #[test]
    fn between_active_and_churned_lies_silence() {
        assert_eq!(stage(&[100], &[29]), "active");
        assert_eq!(stage(&[100], &[30]), "silent");
        assert_eq!(stage(&[100], &[59]), "silent");
        assert_eq!(stage(&[100], &[60]), "churned");
    }
}
