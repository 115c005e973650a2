//! `lifecycle_stage`: where a user is between first seen and gone.

use super::Tier;
use crate::naive::features::Features;
use crate::naive::parameters::Parameters;
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

/// "inactivity_days > `60`"
fn is_churned(features: &Features, parameters: &Parameters) -> bool {
    features
        .inactivity_days
        .is_some_and(|days| days > parameters.churned_inactivity_days_above)
}

/// "orders_lifetime >= `3` and recency_days <= `90`"
fn is_loyal(features: &Features, parameters: &Parameters) -> bool {
    let recency_days = features.purchases.recency_days;
    features.purchases.orders_lifetime >= parameters.loyal_orders
        && recency_days.is_some_and(|days| days <= parameters.loyal_recency_days)
}

/// "inactivity_days <= `30`"
fn is_active(features: &Features, parameters: &Parameters) -> bool {
    features
        .inactivity_days
        .is_some_and(|days| days <= parameters.active_inactivity_days)
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
        assert_eq!(stage(&[30], &[]), "active");
        assert_eq!(stage(&[29, 5], &[]), "new");
        assert_eq!(stage(&[29, 5, 5], &[]), "loyal");
    }

    #[test]
    fn inactivity_of_more_than_sixty_days_is_churn_even_for_a_loyal_user() {
        assert_eq!(stage(&[70, 65, 61], &[]), "churned");
        assert_eq!(stage(&[70, 65, 60], &[]), "loyal");
    }

    #[test]
    fn loyalty_holds_for_ninety_days_after_the_last_order_while_the_user_is_seen() {
        assert_eq!(stage(&[100, 100, 90], &[10]), "loyal");
        assert_eq!(stage(&[100, 100, 91], &[10]), "active");
    }

    #[test]
    fn between_active_and_churned_lies_silence() {
        assert_eq!(stage(&[100], &[30]), "active");
        assert_eq!(stage(&[100], &[31]), "silent");
        assert_eq!(stage(&[100], &[60]), "silent");
        assert_eq!(stage(&[100], &[61]), "churned");
    }
}
