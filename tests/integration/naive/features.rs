//! Section 3: the features of every user of a snapshot date.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::event_types::EventTypes;
use super::history::{History, UserHistory};
use super::interactions::{Interactions, interactions};
use super::purchases::{Purchases, purchases};
use super::text::{Columns, or_null};
use super::windows::days_between;

/// All that is counted about one user up to the snapshot date.
#[derive(Debug, Clone, Default)]
pub(crate) struct Features {
    pub(crate) snapshot_date: NaiveDate,
    pub(crate) purchases: Purchases,
    pub(crate) interactions: Interactions,
    /// From the user's own events; touches do not count.
    pub(crate) inactivity_days: Option<i64>,
    pub(crate) acquisition_cost_cents: Option<i64>,
    pub(crate) registered_day: Option<NaiveDate>,
}

/// The features of the users of a snapshot date, by user id.
pub(crate) fn features(
    history: &History,
    event_types: &EventTypes,
    snapshot_date: NaiveDate,
) -> BTreeMap<String, Features> {
    let visible = history.visible_on(snapshot_date);
    visible
        .into_iter()
        .map(|(user_id, user_history)| {
            let features = features_of_user(&user_history, event_types, snapshot_date);
            (user_id.to_owned(), features)
        })
        .collect()
}

fn features_of_user(
    user_history: &UserHistory<'_>,
    event_types: &EventTypes,
    snapshot_date: NaiveDate,
) -> Features {
    let purchases = purchases(&user_history.orders, snapshot_date);
    let interactions = interactions(&user_history.events, event_types, snapshot_date);
    let last_seen_day = purchases.last_order_day.max(interactions.last_event_day);
    Features {
        snapshot_date,
        purchases,
        interactions,
        inactivity_days: last_seen_day.map(|day| days_between(day, snapshot_date)),
        acquisition_cost_cents: user_history
            .user
            .and_then(|user| user.acquisition_cost_cents),
        registered_day: user_history.user.map(|user| user.day),
    }
}

impl Features {
    /// "D - registered_day"
    pub(crate) fn days_since_registration(&self) -> Option<i64> {
        self.registered_day
            .map(|day| days_between(day, self.snapshot_date))
    }

    pub(crate) fn columns(&self) -> Columns {
        let mut columns = self.purchases.columns();
        columns.extend(self.interactions.columns());
        columns.push(("inactivity_days", or_null(self.inactivity_days)));
        columns.push(("registered_day", or_null(self.registered_day)));
        columns.push((
            "days_since_registration",
            or_null(self.days_since_registration()),
        ));
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{event, order, snapshot_date, user};
    use crate::naive::history::Order;

    fn inactivity_days(history: &History) -> Option<i64> {
        features(history, &EventTypes::defaults(), snapshot_date())["u"].inactivity_days
    }

    #[test]
    fn inactivity_runs_from_the_later_of_order_and_event() {
        let history = History {
            orders: vec![order("u", 9, 10_00)],
            events: vec![event("u", 4, "open")],
            users: vec![user("u", 0, None)],
        };
        assert_eq!(inactivity_days(&history), Some(4));
    }

    #[test]
    fn inactivity_runs_from_the_one_that_exists() {
        let history = History {
            orders: vec![order("u", 9, 10_00)],
            ..History::default()
        };
        assert_eq!(inactivity_days(&history), Some(9));
    }

    #[test]
    fn a_user_with_neither_order_nor_event_has_no_inactivity() {
        let refunded = Order {
            status: "refunded".to_owned(),
            ..order("u", 3, 10_00)
        };
        let history = History {
            orders: vec![refunded],
            users: vec![user("u", 0, None)],
            ..History::default()
        };
        assert_eq!(inactivity_days(&history), None);
    }
}
