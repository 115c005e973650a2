//! Section 2: the rows of the three sources, and what of them a snapshot date may see.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// One row of `orders`; `day` is the business day of `ordered_at`.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) user_id: String,
    pub(crate) day: NaiveDate,
    /// In the job's timezone.
    pub(crate) time: NaiveTime,
    pub(crate) amount_cents: i64,
    pub(crate) status: String,
    pub(crate) discount_cents: Option<i64>,
    pub(crate) channel: Option<String>,
    pub(crate) category: Option<String>,
}

impl Order {
    /// "by ordered_at, then order_id": ids are numbers, or texts of the same length.
    pub(crate) fn age(&self) -> (NaiveDateTime, usize, &str) {
        let at = self.day.and_time(self.time);
        (at, self.order_id.len(), &self.order_id)
    }

    /// "An order counts when status is 'paid' or 'completed'."
    pub(crate) fn counts(&self) -> bool {
        self.status == "paid" || self.status == "completed"
    }

    /// "A refund is a row whose status is 'refund' or 'refunded' with a negative amount."
    pub(crate) fn is_refund(&self) -> bool {
        (self.status == "refund" || self.status == "refunded") && self.amount_cents < 0
    }

    /// What the order adds to revenue: "subtracted from revenue, and is no order".
    pub(crate) fn revenue_cents(&self) -> i64 {
        if self.counts() || self.is_refund() {
            self.amount_cents
        } else {
            0
        }
    }
}

/// One row of `engagement`; `day` is the business day of `occurred_at`.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) user_id: String,
    pub(crate) day: NaiveDate,
    /// In the job's timezone.
    pub(crate) time: NaiveTime,
    pub(crate) event_type: String,
    pub(crate) content_id: Option<String>,
}

impl Event {
    /// In the job's timezone.
    pub(crate) fn at(&self) -> NaiveDateTime {
        self.day.and_time(self.time)
    }
}

/// One row of `users`; `day` is its partition, and the business day of `registered_at`.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) user_id: String,
    pub(crate) day: NaiveDate,
    pub(crate) acquisition_cost_cents: Option<i64>,
}

/// Everything in storage, the days after any snapshot date included.
///
/// Ids are text whatever their type in storage: only equality of ids matters here.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) orders: Vec<Order>,
    pub(crate) events: Vec<Event>,
    pub(crate) users: Vec<User>,
}

/// The rows of one user that a snapshot date may see.
#[derive(Debug, Default)]
pub(crate) struct UserHistory<'a> {
    pub(crate) orders: Vec<&'a Order>,
    pub(crate) events: Vec<&'a Event>,
    pub(crate) user: Option<&'a User>,
}

impl History {
    /// "The users of a snapshot are all ids seen in orders (counting or not), in engagement, or
    /// in users, on or before D", each with its rows up to D.
    pub(crate) fn visible_on(&self, snapshot_date: NaiveDate) -> BTreeMap<&str, UserHistory<'_>> {
        let mut by_user: BTreeMap<&str, UserHistory<'_>> = BTreeMap::new();
        for order in self.orders.iter().filter(|row| row.day <= snapshot_date) {
            by_user
                .entry(&order.user_id)
                .or_default()
                .orders
                .push(order);
        }
        for event in self.events.iter().filter(|row| row.day <= snapshot_date) {
            by_user
                .entry(&event.user_id)
                .or_default()
                .events
                .push(event);
        }
        for user in self.users.iter().filter(|row| row.day <= snapshot_date) {
            // The row of the newest partition; of several in it the largest.
            let known = &mut by_user.entry(&user.user_id).or_default().user;
            let order = |user: &User| (user.day, user.acquisition_cost_cents);
            *known = (*known)
                .into_iter()
                .chain([user])
                .max_by_key(|user| order(user));
        }
        by_user
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{event, order, snapshot_date, user};

    #[test]
    fn users_come_from_every_source_and_never_from_after_the_date() {
        let refunded = Order {
            status: "refunded".to_owned(),
            ..order("refunded only", 0, 10_00)
        };
        let history = History {
            orders: vec![refunded, order("orders tomorrow", -1, 10_00)],
            events: vec![event("reads", 5, "view"), event("opens later", -2, "open")],
            users: vec![user("registered", 0, None), user("tomorrow", -1, None)],
        };

        let ids: Vec<&str> = history.visible_on(snapshot_date()).into_keys().collect();

        assert_eq!(ids, ["reads", "refunded only", "registered"]);
    }

    #[test]
    fn only_paid_and_completed_orders_count() {
        let counting: Vec<&str> = ["paid", "completed", "refunded", "cancelled", "Paid"]
            .into_iter()
            .filter(|status| {
                let status = (*status).to_owned();
                Order {
                    status,
                    ..order("u", 0, 10_00)
                }
                .counts()
            })
            .collect();

        assert_eq!(counting, ["paid", "completed"]);
    }
}
