//! One small history for tests about running again, with six buyers to calibrate on.

use chrono::NaiveDate;

use super::expected::{NightRows, expected};
use crate::naive::calibration::calibrate;
use crate::naive::fixtures::{days_ago, event, order, snapshot_date, user};
use crate::naive::history::History;
use crate::naive::parameters::Rules;
use crate::naive::snapshot::{Snapshot, snapshot};

/// The newest night of the examples, D.
pub(crate) fn last_night() -> NaiveDate {
    snapshot_date()
}

/// The night before D.
pub(crate) fn night_before() -> NaiveDate {
    days_ago(1)
}

/// Buyers who differ in all three metrics, one of whom buys again on D; readers; a registration.
pub(crate) fn history() -> History {
    let mut history = History::default();
    for number in 1..=6 {
        for item in 0..number {
            let bought = order(&number.to_string(), 10 * number + item, 10_00 * number);
            history.orders.push(bought);
        }
    }
    history.orders.push(order("3", 0, 500_00));
    history.events = vec![
        event("1", 1, "click"),
        event("1", 1, "click"),
        event("1", 1, "like"),
        event("7", 20, "view"),
        event("8", 0, "share"),
    ];
    history.users = vec![user("9", 15, Some(10_00))];
    // Ids of orders are numbers, so that they can be BIGINT.
    for (number, order) in history.orders.iter_mut().enumerate() {
        order.order_id = number.to_string();
    }
    history
}

/// An old order of a user who was not there before, delivered late.
pub(crate) fn late() -> History {
    let mut late = order("11", 40, 77_00);
    late.order_id = "1000".to_owned();
    History {
        orders: vec![late],
        ..History::default()
    }
}

/// [`history`] and [`late`] together.
pub(crate) fn history_with_late() -> History {
    let mut history = history();
    history.orders.extend(late().orders);
    history
}

/// The default rules with the cut points of `first`, the night that calibrates, over `history`.
pub(crate) fn rules(first: NaiveDate) -> Rules {
    Rules::with_cut_points(calibrate(&history(), first).unwrap().cut_points)
}

/// What the last of some nights should hold, each night computed from the history it saw.
pub(crate) fn rows_of_last(nights: &[(NaiveDate, &History)], rules: &Rules) -> NightRows {
    let mut previous: Option<Snapshot> = None;
    let mut rows = None;
    for (night, history) in nights {
        let current = snapshot(history, *night, rules, previous.as_ref());
        rows = Some(expected(previous.as_ref(), &current));
        previous = Some(current);
    }
    rows.unwrap()
}
