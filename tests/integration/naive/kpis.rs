//! `kpi_daily`: one number per metric and night.
//!
//! Tiers are the shown ones, and a quotient whose denominator is 0 is NULL.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::calibration::{Calibration, UsersPerScore};
use super::dimensions::Dimension;
use super::history::{History, Order};
use super::ratio::Ratio;
use super::scores::Scores;
use super::snapshot::{Snapshot, SnapshotRow};
use super::text::{Columns, number, or_null};
use super::windows::{Window, days_before, days_between};

/// The snapshots published so far, and the history they were made from.
pub(crate) struct Published<'a> {
    pub(crate) history: &'a History,
    pub(crate) snapshots: &'a BTreeMap<NaiveDate, Snapshot>,
    /// That of the cut points, unless they were given without users.
    pub(crate) calibration: Option<&'a Calibration>,
}

#[derive(Debug, Clone)]
pub(crate) struct Kpi {
    pub(crate) metric: &'static str,
    pub(crate) value: Option<f64>,
    pub(crate) previous_value: Option<f64>,
}

/// The KPIs of a published date; "previous_value is the previous snapshot's".
pub(crate) fn kpi_daily(published: &Published<'_>, snapshot_date: NaiveDate) -> Vec<Kpi> {
    let previous_snapshot_date = published.snapshots[&snapshot_date].previous_snapshot_date;
    let previous_values = previous_snapshot_date
        .map(|previous| kpi_values(published, previous))
        .unwrap_or_default();
    kpi_values(published, snapshot_date)
        .into_iter()
        .map(|(metric, value)| Kpi {
            metric,
            value,
            previous_value: previous_values.get(metric).copied().flatten(),
        })
        .collect()
}

/// Every metric of a published date.
pub(crate) fn kpi_values(
    published: &Published<'_>,
    snapshot_date: NaiveDate,
) -> BTreeMap<&'static str, Option<f64>> {
    let current = &published.snapshots[&snapshot_date];
    let previous = current
        .previous_snapshot_date
        .map(|date| &published.snapshots[&date]);
    let week_ago = published.snapshots.get(&days_before(snapshot_date, 7));
    let users = sum(current, |_| 1);
    let buyers = sum(current, |row| i64::from(is_buyer(row)));
    BTreeMap::from([
        (
            "orders_d0",
            Some(orders_d0(published.history, snapshot_date, |_| 1)),
        ),
        (
            "counting_orders_d0",
            Some(orders_d0(published.history, snapshot_date, |order| {
                i64::from(order.counts())
            })),
        ),
        (
            "revenue_d0",
            Some(
                orders_d0(published.history, snapshot_date, |order| {
                    order.revenue_cents()
                }) / 100.0,
            ),
        ),
        (
            "events_d0",
            Some(events_d0(published.history, snapshot_date)),
        ),
        ("users_total", Some(users as f64)),
        ("buyers_total", Some(buyers as f64)),
        ("first_order_conversion_rate", quotient(buyers, users)),
        (
            "registration_conversion_30d",
            registration_conversion_30d(current),
        ),
        (
            "repurchase_interval_days",
            repurchase_interval_days(current),
        ),
        ("average_order_value_30d", average_order_value_30d(current)),
        (
            "aov_volatility_30d",
            aov_volatility_30d(published.history, snapshot_date),
        ),
        ("high_value_user_share", high_value_user_share(current)),
        (
            "high_value_revenue_share",
            high_value_revenue_share(current),
        ),
        (
            "repurchase_rate_365d",
            quotient(
                users_with(current, |row| row.features.purchases.orders_365d >= 2),
                users_with(current, |row| row.features.purchases.orders_365d >= 1),
            ),
        ),
        (
            "high_value_buyer_share",
            quotient(users_with(current, is_high_value), buyers),
        ),
        ("top_fifth_revenue_share", top_fifth_revenue_share(current)),
        (
            "falling_high_value_users",
            Some(users_with(current, is_falling) as f64),
        ),
        (
            "falling_high_value_revenue_365d",
            Some(falling_revenue_cents(current) as f64 / 100.0),
        ),
        ("score_drift", score_drift(published.calibration, current)),
        (
            "touches_30d_per_user",
            quotient(touches_30d(current), users),
        ),
        (
            "fatigued_user_share",
            quotient(
                users_with(current, |row| {
                    row.warnings.since("fatigue_warning").is_some()
                }),
                users,
            ),
        ),
        (
            "unsubscribe_rate_30d",
            quotient(unsubscribes_30d(current), touches_30d(current)),
        ),
        (
            "complaints_usual",
            Some(complaints_prev_28d(current) as f64 / 28.0),
        ),
        (
            "high_value_weekly_outflow_users",
            high_value_weekly_outflow(week_ago, current).map(|(lower, _)| lower as f64),
        ),
        (
            "high_value_weekly_outflow_rate",
            high_value_weekly_outflow(week_ago, current)
                .and_then(|(lower, then)| quotient(lower, then)),
        ),
        ("reactivation_rate", reactivation_rate(previous, current)),
        ("shown_not_raw_share", shown_not_raw_share(current)),
        ("complaints_d0", Some(complaints_d0(current) as f64)),
        ("complaints_change_rate", complaints_change_rate(current)),
        ("ltv_to_cac", ltv_to_cac(current)),
    ])
}

/// A sum over the orders of a day.
fn orders_d0(history: &History, day: NaiveDate, value: fn(&Order) -> i64) -> f64 {
    let of_day = history.orders.iter().filter(|order| order.day == day);
    of_day.map(value).sum::<i64>() as f64
}

fn events_d0(history: &History, day: NaiveDate) -> f64 {
    history
        .events
        .iter()
        .filter(|event| event.day == day)
        .count() as f64
}

fn users_with(current: &Snapshot, wanted: impl Fn(&SnapshotRow) -> bool) -> i64 {
    sum(current, |row| i64::from(wanted(row)))
}

/// "shown high_value, raw lower"
fn is_falling(row: &SnapshotRow) -> bool {
    is_high_value(row) && row.tier_states[&Dimension::ValueTier].raw.tier != "high_value"
}

fn falling_revenue_cents(current: &Snapshot) -> i64 {
    let falling = current.rows.values().filter(|row| is_falling(row));
    falling
        .map(|row| row.features.purchases.revenue_365d_cents)
        .sum()
}

fn touches_30d(current: &Snapshot) -> i64 {
    sum(current, |row| row.features.interactions.touches_30d)
}

fn unsubscribes_30d(current: &Snapshot) -> i64 {
    sum(current, |row| row.features.interactions.unsubscribes_30d)
}

fn complaints_prev_28d(current: &Snapshot) -> i64 {
    sum(current, |row| row.features.interactions.complaints_prev_28d)
}

/// "of revenue_365d, the fifth of buyers with most of it; ties in"
fn top_fifth_revenue_share(current: &Snapshot) -> Option<f64> {
    let buyers = current.rows.values().filter(|row| is_buyer(row));
    let mut revenues: Vec<i64> = buyers
        .map(|row| row.features.purchases.revenue_365d_cents)
        .collect();
    revenues.sort_unstable_by(|left, right| right.cmp(left));
    let fifth = revenues.len().div_ceil(5);
    let least = *revenues.get(fifth.checked_sub(1)?)?;
    let top = revenues.iter().filter(|cents| **cents >= least).sum();
    let all = sum(current, |row| row.features.purchases.revenue_365d_cents);
    quotient(top, all)
}

/// One of a user's scores.
type Metric = fn(Scores) -> i64;

/// "the largest difference, over the scores 1 to 5 of R, F and M, between today's share of scored
/// users and the calibration's", both of the users that a calibration counts.
fn score_drift(calibration: Option<&Calibration>, current: &Snapshot) -> Option<f64> {
    let calibration = calibration?;
    let counted = |row: &SnapshotRow| row.features.purchases.orders_365d >= 1;
    let UsersPerScore {
        r_score,
        f_score,
        m_score,
    } = &calibration.users_per_score;
    let metrics = [
        (r_score, (|scores| scores.r_score) as Metric),
        (f_score, |scores| scores.f_score),
        (m_score, |scores| scores.m_score),
    ];
    let mut differences = Vec::new();
    for (then, metric) in metrics {
        for (score, users) in (1..).zip(then) {
            let now = users_with(current, |row| {
                counted(row) && row.scores.map(metric) == Some(score)
            });
            let now = quotient(now, users_with(current, counted))?;
            let then = quotient(*users as i64, calibration.population as i64)?;
            differences.push((now - then).abs());
        }
    }
    differences.into_iter().reduce(f64::max)
}

/// "of the users registered on D-59 to D-30, those whose first order came within 30 days"
fn registration_conversion_30d(current: &Snapshot) -> Option<f64> {
    let registered = |row: &SnapshotRow| {
        let days = row.features.days_since_registration();
        days.is_some_and(|days| (30..=59).contains(&days))
    };
    let converted = |row: &SnapshotRow| {
        let days = row.features.registered_day;
        let days = days.zip(row.features.purchases.first_order_day);
        registered(row) && days.is_some_and(|(from, to)| days_between(from, to) <= 30)
    };
    quotient(
        users_with(current, converted),
        users_with(current, registered),
    )
}

fn is_buyer(row: &SnapshotRow) -> bool {
    row.features.purchases.orders_lifetime >= 1
}

fn is_high_value(row: &SnapshotRow) -> bool {
    row.shown(Dimension::ValueTier) == "high_value"
}

/// "mean over users with two or more orders of (last - first order day) / (orders - 1)"
fn repurchase_interval_days(current: &Snapshot) -> Option<f64> {
    let mut intervals = Vec::new();
    for row in current.rows.values() {
        let purchases = &row.features.purchases;
        let days = purchases.first_order_day.zip(purchases.last_order_day);
        if let Some((first, last)) = days
            && purchases.orders_lifetime >= 2
        {
            let gaps = purchases.orders_lifetime - 1;
            intervals.push(days_between(first, last) as f64 / gaps as f64);
        }
    }
    mean(&intervals)
}

fn average_order_value_30d(current: &Snapshot) -> Option<f64> {
    let revenue_cents = sum(current, |row| row.features.purchases.revenue_30d_cents);
    let orders = sum(current, |row| row.features.purchases.orders_30d);
    quotient(revenue_cents, 100 * orders)
}

/// "population standard deviation / mean of the daily average order value over the days with
/// orders"
fn aov_volatility_30d(history: &History, snapshot_date: NaiveDate) -> Option<f64> {
    let window = Window::last_days(30, snapshot_date);
    let mut cents_by_day: BTreeMap<NaiveDate, Vec<i64>> = BTreeMap::new();
    for order in &history.orders {
        if order.counts() && window.contains(order.day) {
            let cents = order.amount_cents;
            cents_by_day.entry(order.day).or_default().push(cents);
        }
    }
    // The averages are those of the page to six digits after the point.
    let in_millionths = |cents: &Vec<i64>| {
        let sum = cents.iter().sum::<i64>() as f64;
        (sum * 10_000.0 / cents.len() as f64).round()
    };
    let daily_averages: Vec<f64> = cents_by_day.values().map(in_millionths).collect();
    let mean = mean(&daily_averages).filter(|mean| *mean > 0.0)?;
    Some(population_standard_deviation(&daily_averages)? / mean)
}

fn high_value_user_share(current: &Snapshot) -> Option<f64> {
    let high_value = sum(current, |row| i64::from(is_high_value(row)));
    quotient(high_value, sum(current, |_| 1))
}

fn high_value_revenue_share(current: &Snapshot) -> Option<f64> {
    let revenue_cents = |row: &SnapshotRow| row.features.purchases.revenue_365d_cents;
    let of_high_value = sum(current, |row| {
        if is_high_value(row) {
            revenue_cents(row)
        } else {
            0
        }
    });
    quotient(of_high_value, sum(current, revenue_cents))
}

/// "in the highest-ranked value_tier seven days ago, and lower or gone today / in it then"; "NULL
/// unless D - 7 is published".
fn high_value_weekly_outflow(
    week_ago: Option<&Snapshot>,
    current: &Snapshot,
) -> Option<(i64, i64)> {
    let week_ago = week_ago?;
    let high_value_then = sum(week_ago, |row| i64::from(is_high_value(row)));
    let lower_now = sum(week_ago, |row| {
        let now = current.rows.get(&row.user_id);
        let is_lower_now = now.is_none_or(|now| !is_high_value(now));
        i64::from(is_high_value(row) && is_lower_now)
    });
    (high_value_then > 0).then_some((lower_now, high_value_then))
}

/// "lifecycle silent or churned before, now new, active or loyal / silent or churned before"
fn reactivation_rate(previous: Option<&Snapshot>, current: &Snapshot) -> Option<f64> {
    let previous = previous?;
    let was_away =
        |row: &SnapshotRow| matches!(row.shown(Dimension::LifecycleStage), "silent" | "churned");
    let is_back = |row: &SnapshotRow| {
        matches!(
            row.shown(Dimension::LifecycleStage),
            "new" | "active" | "loyal"
        )
    };
    let away_before = sum(previous, |row| i64::from(was_away(row)));
    let back_now = sum(previous, |row| {
        let now = current.rows.get(&row.user_id);
        i64::from(was_away(row) && now.is_some_and(is_back))
    });
    quotient(back_now, away_before)
}

/// "users whose shown value_tier differs from the raw one"
fn shown_not_raw_share(current: &Snapshot) -> Option<f64> {
    let shown_not_raw = sum(current, |row| {
        let state = &row.tier_states[&Dimension::ValueTier];
        i64::from(state.shown != state.raw.tier)
    });
    quotient(shown_not_raw, sum(current, |_| 1))
}

fn complaints_d0(current: &Snapshot) -> i64 {
    sum(current, |row| row.features.interactions.complaints_d0)
}

/// "(d0 - d1) / d1 over all users, NULL when d1 is 0"
fn complaints_change_rate(current: &Snapshot) -> Option<f64> {
    let d0 = complaints_d0(current);
    let d1 = sum(current, |row| row.features.interactions.complaints_d1);
    quotient(d0 - d1, d1)
}

/// "sum / sum over users with a positive cost"
fn ltv_to_cac(current: &Snapshot) -> Option<f64> {
    let cost_cents = |row: &SnapshotRow| row.features.acquisition_cost_cents.unwrap_or(0).max(0);
    let ltv_cents = |row: &SnapshotRow| {
        if cost_cents(row) > 0 {
            row.lifetime_value.ltv_historical_cents
        } else {
            0
        }
    };
    quotient(sum(current, ltv_cents), sum(current, cost_cents))
}

fn sum(snapshot: &Snapshot, value: impl Fn(&SnapshotRow) -> i64) -> i64 {
    snapshot.rows.values().map(value).sum()
}

fn quotient(numerator: i64, denominator: i64) -> Option<f64> {
    Ratio::of(numerator, denominator).map(Ratio::as_f64)
}

/// None of no values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// None of no values.
pub(crate) fn population_standard_deviation(values: &[f64]) -> Option<f64> {
    let mean_value = mean(values)?;
    let squares: Vec<f64> = values
        .iter()
        .map(|value| (value - mean_value).powi(2))
        .collect();
    mean(&squares).map(f64::sqrt)
}

impl Kpi {
    pub(crate) fn columns(&self) -> Columns {
        vec![
            ("metric", self.metric.to_owned()),
            ("value", or_null(self.value.map(number))),
            ("previous_value", or_null(self.previous_value.map(number))),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, order, rules, snapshot_date, user};
    use crate::naive::snapshot::snapshots;

    /// The KPIs of the last of the nights, as "value previous_value" by metric.
    fn told(history: &History, nights: &[i64]) -> BTreeMap<&'static str, String> {
        let nights: Vec<NaiveDate> = nights.iter().map(|days| days_ago(*days)).collect();
        let snapshots = snapshots(history, &nights, &rules());
        let published = Published {
            history,
            snapshots: &snapshots,
            calibration: None,
        };
        kpi_daily(&published, snapshot_date())
            .into_iter()
            .map(|kpi| {
                let texts: Vec<String> = kpi.columns().into_iter().map(|(_, text)| text).collect();
                (kpi.metric, texts[1..].join(" "))
            })
            .collect()
    }

    /// "a" buys 10.00 on three days 10 days apart, the last today, "b" 40.00 once yesterday;
    /// the day averages are 10, 40, 10, 10 with mean 17.50 and deviation 12.990381. "c" only
    /// opens. The night before had neither today's order nor today's complaints.
    #[test]
    fn purchases_and_complaints_of_two_nights() {
        let history = History {
            orders: vec![
                order("a", 20, 10_00),
                order("a", 10, 10_00),
                order("a", 0, 10_00),
                order("b", 1, 40_00),
            ],
            events: vec![
                event("c", 5, "open"),
                event("c", 1, "complaint"),
                event("c", 1, "complaint"),
                event("c", 0, "complaint"),
                event("a", 0, "complaint"),
                event("b", 0, "complaint"),
            ],
            users: vec![
                user("a", 30, Some(10_00)),
                user("b", 30, Some(0)),
                user("c", 30, Some(5_00)),
            ],
        };

        let told = told(&history, &[1, 0]);

        let expected = [
            ("users_total", "3.000000 3.000000"),
            ("buyers_total", "2.000000 2.000000"),
            ("first_order_conversion_rate", "0.666667 0.666667"),
            ("repurchase_interval_days", "10.000000 10.000000"),
            ("average_order_value_30d", "17.500000 20.000000"),
            ("aov_volatility_30d", "0.742307 0.707107"),
            ("orders_d0", "1.000000 1.000000"),
            ("counting_orders_d0", "1.000000 1.000000"),
            ("revenue_d0", "10.000000 40.000000"),
            ("events_d0", "3.000000 2.000000"),
            ("complaints_d0", "3.000000 2.000000"),
            ("complaints_change_rate", "0.500000 NULL"),
            ("ltv_to_cac", "2.000000 1.333333"),
            ("shown_not_raw_share", "0.000000 0.000000"),
            ("reactivation_rate", "NULL NULL"),
        ];
        for (metric, text) in expected {
            assert_eq!(told[metric], text, "{metric}");
        }
    }

    /// Four orders score F 5 and 400.00 scores M 4, so with R 4 the total is 13 and with R 3 it
    /// is 12. "falls" has recency 30 on D - 8 and 31 on D - 7, where its seven days of grace
    /// begin; on D they are over. "stays" has recency 20 on D.
    fn one_of_two_falls() -> History {
        let mut history = History::default();
        for (falls_days, stays_days) in [(38, 20), (39, 21), (40, 22), (41, 23)] {
            history.orders.push(order("falls", falls_days, 100_00));
            history.orders.push(order("stays", stays_days, 100_00));
        }
        history
    }

    #[test]
    fn high_value_users_flow_out_once_grace_is_over() {
        let told = told(&one_of_two_falls(), &[8, 7, 6, 0]);

        assert_eq!(told["high_value_user_share"], "0.500000 1.000000");
        assert_eq!(told["high_value_revenue_share"], "0.500000 1.000000");
        assert_eq!(told["high_value_weekly_outflow_rate"], "0.500000 NULL");
    }

    #[test]
    fn the_outflow_rate_needs_the_date_seven_days_before() {
        let told = told(&one_of_two_falls(), &[8, 6, 0]);
        assert_eq!(told["high_value_weekly_outflow_rate"], "NULL NULL");
    }

    /// Of four users at the calibration one scored R 1 and three R 5; today all do.
    #[test]
    fn drift_is_the_largest_difference_of_a_share_of_scored_users() {
        let history = History {
            orders: vec![order("u", 0, 10_00), order("gone", 400, 10_00)],
            ..History::default()
        };
        let night = days_ago(0);
        let snapshots = snapshots(&history, &[night], &rules());
        let calibration = Calibration {
            snapshot_date: night,
            population: 4,
            cut_points: rules().cut_points,
            users_per_score: UsersPerScore {
                r_score: [1, 0, 0, 0, 3],
                f_score: [0, 4, 0, 0, 0],
                m_score: [4, 0, 0, 0, 0],
            },
        };
        let published = Published {
            history: &history,
            snapshots: &snapshots,
            calibration: Some(&calibration),
        };
        assert_eq!(kpi_values(&published, night)["score_drift"], Some(0.25));
    }

    /// Both users are churned the night before; "back" opens on D.
    #[test]
    fn a_churned_user_who_is_active_again_is_reactivated() {
        let history = History {
            orders: vec![order("back", 100, 10_00), order("gone", 100, 10_00)],
            events: vec![event("back", 0, "open")],
            users: Vec::new(),
        };
        let told = told(&history, &[1, 0]);
        assert_eq!(told["reactivation_rate"], "0.500000 NULL");
    }

    /// 10.00 thirty-one days ago: total 7 the night before and 6 on D, still shown as active.
    #[test]
    fn a_tier_held_by_grace_differs_from_the_raw_one() {
        let history = History {
            orders: vec![order("u", 31, 10_00), order("v", 31, 10_00)],
            events: vec![event("w", 3, "open"), event("x", 3, "open")],
            users: Vec::new(),
        };
        let told = told(&history, &[1, 0]);
        assert_eq!(told["shown_not_raw_share"], "0.500000 0.000000");
    }
}
