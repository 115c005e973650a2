//! Section 3, purchases: the features over one user's counting orders.

use chrono::NaiveDate;

use super::history::Order;
use super::text::{Columns, money, money_or_null, or_null};
use super::windows::{Window, days_between};

/// "Counts and sums are 0 where there is nothing; days, maxima and ratios are NULL."
#[derive(Debug, Clone, Default)]
pub(crate) struct Purchases {
    pub(crate) orders_lifetime: i64,
    pub(crate) revenue_lifetime_cents: i64,
    pub(crate) first_order_day: Option<NaiveDate>,
    pub(crate) last_order_day: Option<NaiveDate>,
    pub(crate) largest_order_lifetime_cents: Option<i64>,
    pub(crate) orders_365d: i64,
    pub(crate) revenue_365d_cents: i64,
    pub(crate) orders_30d: i64,
    pub(crate) revenue_30d_cents: i64,
    pub(crate) discount_known_orders_365d: i64,
    pub(crate) discounted_orders_365d: i64,
    pub(crate) largest_order_1d_cents: Option<i64>,
    pub(crate) largest_order_before_today_cents: Option<i64>,
    pub(crate) recency_days: Option<i64>,
}

/// "Purchases, over counting orders only", from the user's orders up to D.
pub(crate) fn purchases(orders: &[&Order], snapshot_date: NaiveDate) -> Purchases {
    let counting: Vec<&Order> = orders
        .iter()
        .copied()
        .filter(|order| order.counts())
        .collect();
    let today = within(&counting, Window::last_days(1, snapshot_date));
    let before_today = within(&counting, Window::before_today(snapshot_date));
    let month = within(&counting, Window::last_days(30, snapshot_date));
    let year = within(&counting, Window::last_days(365, snapshot_date));
    let last_order_day = counting.iter().map(|order| order.day).max();
    Purchases {
        orders_lifetime: count(&counting),
        revenue_lifetime_cents: revenue_cents(&counting),
        first_order_day: counting.iter().map(|order| order.day).min(),
        last_order_day,
        largest_order_lifetime_cents: largest_cents(&counting),
        orders_365d: count(&year),
        revenue_365d_cents: revenue_cents(&year),
        orders_30d: count(&month),
        revenue_30d_cents: revenue_cents(&month),
        discount_known_orders_365d: discount_known(&year),
        discounted_orders_365d: discounted(&year),
        largest_order_1d_cents: largest_cents(&today),
        largest_order_before_today_cents: largest_cents(&before_today),
        recency_days: last_order_day.map(|day| days_between(day, snapshot_date)),
    }
}

fn within<'a>(orders: &[&'a Order], window: Window) -> Vec<&'a Order> {
    orders
        .iter()
        .copied()
        .filter(|order| window.contains(order.day))
        .collect()
}

fn count(orders: &[&Order]) -> i64 {
    orders.len() as i64
}

fn revenue_cents(orders: &[&Order]) -> i64 {
    orders.iter().map(|order| order.amount_cents).sum()
}

fn largest_cents(orders: &[&Order]) -> Option<i64> {
    orders.iter().map(|order| order.amount_cents).max()
}

/// "discount not NULL"
fn discount_known(orders: &[&Order]) -> i64 {
    let known = orders.iter().filter(|order| order.discount_cents.is_some());
    known.count() as i64
}

/// "discount > 0"
fn discounted(orders: &[&Order]) -> i64 {
    let positive = orders
        .iter()
        .filter(|order| order.discount_cents.is_some_and(|cents| cents > 0));
    positive.count() as i64
}

impl Purchases {
    pub(crate) fn columns(&self) -> Columns {
        vec![
            ("orders_lifetime", self.orders_lifetime.to_string()),
            ("revenue_lifetime", money(self.revenue_lifetime_cents)),
            ("first_order_day", or_null(self.first_order_day)),
            ("last_order_day", or_null(self.last_order_day)),
            (
                "largest_order_lifetime",
                money_or_null(self.largest_order_lifetime_cents),
            ),
            ("orders_365d", self.orders_365d.to_string()),
            ("revenue_365d", money(self.revenue_365d_cents)),
            ("orders_30d", self.orders_30d.to_string()),
            ("revenue_30d", money(self.revenue_30d_cents)),
            (
                "discount_known_orders_365d",
                self.discount_known_orders_365d.to_string(),
            ),
            (
                "discounted_orders_365d",
                self.discounted_orders_365d.to_string(),
            ),
            (
                "largest_order_1d",
                money_or_null(self.largest_order_1d_cents),
            ),
            (
                "largest_order_before_today",
                money_or_null(self.largest_order_before_today_cents),
            ),
            ("recency_days", or_null(self.recency_days)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, order, snapshot_date};

    fn purchases_of(orders: &[Order]) -> Purchases {
        let orders: Vec<&Order> = orders.iter().collect();
        purchases(&orders, snapshot_date())
    }

    #[test]
    fn orders_fall_out_of_a_window_the_day_it_ends() {
        let features = purchases_of(&[
            order("u", 29, 1_00),
            order("u", 30, 10_00),
            order("u", 364, 100_00),
            order("u", 365, 1000_00),
        ]);

        assert_eq!(features.orders_30d, 1);
        assert_eq!(features.revenue_30d_cents, 1_00);
        assert_eq!(features.orders_365d, 3);
        assert_eq!(features.revenue_365d_cents, 111_00);
        assert_eq!(features.orders_lifetime, 4);
        assert_eq!(features.revenue_lifetime_cents, 1111_00);
        assert_eq!(features.largest_order_lifetime_cents, Some(1000_00));
        assert_eq!(features.first_order_day, Some(days_ago(365)));
        assert_eq!(features.last_order_day, Some(days_ago(29)));
        assert_eq!(features.recency_days, Some(29));
    }

    #[test]
    fn todays_largest_order_stands_apart_from_every_earlier_one() {
        let features = purchases_of(&[
            order("u", 0, 20_00),
            order("u", 0, 30_00),
            order("u", 1, 25_00),
        ]);

        assert_eq!(features.largest_order_1d_cents, Some(30_00));
        assert_eq!(features.largest_order_before_today_cents, Some(25_00));
        assert_eq!(features.recency_days, Some(0));
    }

    #[test]
    fn a_discount_of_zero_is_known_but_not_a_discount() {
        let with_discount = |discount_cents| Order {
            discount_cents,
            ..order("u", 10, 20_00)
        };

        let features = purchases_of(&[
            with_discount(None),
            with_discount(Some(0)),
            with_discount(Some(1)),
        ]);

        assert_eq!(features.discount_known_orders_365d, 2);
        assert_eq!(features.discounted_orders_365d, 1);
    }

    #[test]
    fn a_refunded_order_leaves_nothing() {
        let refunded = Order {
            status: "refunded".to_owned(),
            discount_cents: Some(1),
            ..order("u", 0, 20_00)
        };

        let features = purchases_of(&[refunded]);

        assert_eq!(features.columns(), Purchases::default().columns());
    }
}
