//! Section 3, purchases: the features over one user's counting orders.

use chrono::NaiveDate;

use super::history::Order;
use super::ratio::Ratio;
use super::text::{Columns, money, money_or_null, or_null, ratio_or_null};
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
    pub(crate) orders_7d: i64,
    pub(crate) revenue_60d_cents: i64,
    pub(crate) revenue_prev_60d_cents: i64,
    /// In cents, half away from zero.
    pub(crate) average_order_value_365d_cents: Option<i64>,
    pub(crate) discount_known_orders_365d: i64,
    pub(crate) discounted_orders_365d: i64,
    pub(crate) discount_depth_365d: Option<Ratio>,
    pub(crate) largest_order_1d_cents: Option<i64>,
    pub(crate) largest_order_before_today_cents: Option<i64>,
    pub(crate) recency_days: Option<i64>,
    pub(crate) order_gap_days: Option<Ratio>,
    pub(crate) last_order_channel: Option<String>,
    pub(crate) last_order_category: Option<String>,
}

/// "Purchases, over counting orders only", from the user's orders up to D; revenue less refunds.
pub(crate) fn purchases(orders: &[&Order], snapshot_date: NaiveDate) -> Purchases {
    let counting: Vec<&Order> = orders
        .iter()
        .copied()
        .filter(|order| order.counts())
        .collect();
    let revenue_cents = |window: Option<Window>| {
        let all = orders.iter().copied();
        let within = all.filter(|order| window.is_none_or(|window| window.contains(order.day)));
        within.map(Order::revenue_cents).sum::<i64>()
    };
    let last_days = |days| Some(Window::last_days(days, snapshot_date));
    let today = within(&counting, Window::last_days(1, snapshot_date));
    let before_today = within(&counting, Window::before_today(snapshot_date));
    let month = within(&counting, Window::last_days(30, snapshot_date));
    let year = within(&counting, Window::last_days(365, snapshot_date));
    let first_order_day = counting.iter().map(|order| order.day).min();
    let last_order_day = counting.iter().map(|order| order.day).max();
    let newest = counting.iter().max_by_key(|order| order.age());
    let days = first_order_day.zip(last_order_day);
    let days = days.map(|(first, last)| days_between(first, last));
    Purchases {
        orders_lifetime: count(&counting),
        revenue_lifetime_cents: revenue_cents(None),
        first_order_day,
        last_order_day,
        largest_order_lifetime_cents: largest_cents(&counting),
        orders_365d: count(&year),
        revenue_365d_cents: revenue_cents(last_days(365)),
        orders_30d: count(&month),
        revenue_30d_cents: revenue_cents(last_days(30)),
        orders_7d: count(&within(&counting, Window::last_days(7, snapshot_date))),
        revenue_60d_cents: revenue_cents(last_days(60)),
        revenue_prev_60d_cents: revenue_cents(Some(Window::previous_days(60, snapshot_date))),
        average_order_value_365d_cents: rounded(revenue_cents(last_days(365)), count(&year)),
        discount_known_orders_365d: discount_known(&year),
        discounted_orders_365d: discounted(&year),
        discount_depth_365d: discount_depth(&year),
        largest_order_1d_cents: largest_cents(&today),
        largest_order_before_today_cents: largest_cents(&before_today),
        recency_days: last_order_day.map(|day| days_between(day, snapshot_date)),
        order_gap_days: days.and_then(|days| Ratio::of(days, count(&counting) - 1)),
        last_order_channel: newest.and_then(|order| order.channel.clone()),
        last_order_category: newest.and_then(|order| order.category.clone()),
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

/// "DECIMAL(18,2), half away from zero"
fn rounded(cents: i64, orders: i64) -> Option<i64> {
    let half_away = |magnitude: i64| (2 * magnitude + orders) / (2 * orders);
    (orders > 0).then(|| cents.signum() * half_away(cents.abs()))
}

/// "sum of discounts / (sum of discounts + revenue) over the orders with a known discount"
fn discount_depth(orders: &[&Order]) -> Option<Ratio> {
    let known = orders.iter();
    let known = known.filter_map(|order| Some((order.discount_cents?, order.amount_cents)));
    let (discounts, revenue) = known.fold((0, 0), |(discounts, revenue), (discount, amount)| {
        (discounts + discount, revenue + amount)
    });
    Ratio::of(discounts, discounts + revenue)
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
            ("orders_7d", self.orders_7d.to_string()),
            ("revenue_60d", money(self.revenue_60d_cents)),
            ("revenue_prev_60d", money(self.revenue_prev_60d_cents)),
            (
                "average_order_value_365d",
                money_or_null(self.average_order_value_365d_cents),
            ),
            (
                "discount_known_orders_365d",
                self.discount_known_orders_365d.to_string(),
            ),
            (
                "discounted_orders_365d",
                self.discounted_orders_365d.to_string(),
            ),
            (
                "discount_depth_365d",
                ratio_or_null(self.discount_depth_365d),
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
            ("order_gap_days", ratio_or_null(self.order_gap_days)),
            (
                "last_order_channel",
                or_null(self.last_order_channel.as_deref()),
            ),
            (
                "last_order_category",
                or_null(self.last_order_category.as_deref()),
            ),
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
    fn a_refund_is_subtracted_from_revenue_and_is_no_order() {
        let refund = |days, amount_cents| Order {
            status: "refund".to_owned(),
            ..order("u", days, amount_cents)
        };

        let features = purchases_of(&[
            order("u", 80, 50_00),
            order("u", 20, 30_01),
            refund(10, -20_00),
            refund(3, 5_00),
        ]);

        assert_eq!(features.orders_lifetime, 2);
        assert_eq!(features.revenue_lifetime_cents, 60_01);
        assert_eq!(features.revenue_60d_cents, 10_01);
        assert_eq!(features.revenue_prev_60d_cents, 50_00);
        assert_eq!(features.average_order_value_365d_cents, Some(30_01));
        assert_eq!(features.recency_days, Some(20));
        assert_eq!(features.order_gap_days, Ratio::of(60, 1));
    }

    #[test]
    fn depth_is_what_discounts_took_off_the_full_price() {
        let with_discount = |discount_cents, amount_cents| Order {
            discount_cents,
            ..order("u", 10, amount_cents)
        };

        let depth = |orders: &[Order]| purchases_of(orders).discount_depth_365d;

        assert_eq!(
            depth(&[
                with_discount(Some(20_00), 30_00),
                with_discount(Some(0), 50_00)
            ]),
            Ratio::of(1, 5)
        );
        assert_eq!(depth(&[with_discount(None, 50_00)]), None);
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
