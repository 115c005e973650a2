//! Rows for hand-computed examples, placed by how many days before one snapshot date they lie.

use chrono::{NaiveDate, NaiveTime};

use super::calibration::CutPoints;
use super::history::{Event, Order, User};
use super::parameters::Rules;
use super::windows::days_before;

/// When orders are made, and events that say nothing else.
pub(crate) const NOON: NaiveTime = NaiveTime::from_hms_opt(12, 0, 0).unwrap();

/// The snapshot date D of every example.
pub(crate) fn snapshot_date() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()
}

/// D - `days`; a negative number is a day after D.
pub(crate) fn days_ago(days: i64) -> NaiveDate {
    days_before(snapshot_date(), days)
}

/// A paid order whose discount is not known.
pub(crate) fn order(user_id: &str, days: i64, amount_cents: i64) -> Order {
    Order {
        order_id: format!("{user_id}-{days}-{amount_cents}"),
        user_id: user_id.to_owned(),
        day: days_ago(days),
        time: NOON,
        amount_cents,
        status: "paid".to_owned(),
        discount_cents: None,
        channel: None,
        category: None,
    }
}

/// At noon, about no content.
pub(crate) fn event(user_id: &str, days: i64, event_type: &str) -> Event {
    Event {
        user_id: user_id.to_owned(),
        day: days_ago(days),
        time: NOON,
        event_type: event_type.to_owned(),
        content_id: None,
    }
}

pub(crate) fn user(user_id: &str, days: i64, acquisition_cost_cents: Option<i64>) -> User {
    User {
        user_id: user_id.to_owned(),
        day: days_ago(days),
        acquisition_cost_cents,
    }
}

/// Cut points that a handful of rows can pass one by one.
pub(crate) fn hand_given_cut_points() -> CutPoints {
    CutPoints {
        recency_days: [7, 30, 60, 90],
        orders_365d: [0, 1, 2, 3],
        revenue_365d_cents: [10_00, 25_00, 100_00, 50_000_00],
    }
}

/// The default rules over [`hand_given_cut_points`].
pub(crate) fn rules() -> Rules {
    Rules::with_cut_points(hand_given_cut_points())
}
