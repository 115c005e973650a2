//! Alerts: a KPI exactly at its limit raises none, one past it does.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{by, events, job_over, of_orders, orders, published, run_all};
use crate::naive::fixtures::{days_ago, order, snapshot_date, user};
use crate::naive::history::{History, Order};
use crate::nights::job::Nights;

const OUTFLOW: &str = "high_value_weekly_outflow_rate";

/// The values of the alerts of a night.
async fn alerts(nights: &Nights, night: NaiveDate) -> BTreeMap<String, String> {
    let rows = published(nights, night, "alerts").await;
    let values = by("alert", &rows, "value").into_iter();
    values
        .map(|(alert, value)| (alert.to_owned(), value.to_owned()))
        .collect()
}

/// One user of high value (four orders on D, R 5 + F 5 + M 3) who cost something, one of high
/// potential (R 5 + F 2 + M 3) who paid the rest, 18 buyers who paid nothing, and complaints: 4 a
/// day are usual.
struct Figures {
    order_cents: i64,
    cost_cents: i64,
    rest_cents: i64,
    complaints_d0: usize,
}

impl Figures {
    fn history(&self) -> History {
        let mut history = of_orders(orders(4, "high value", 0, self.order_cents));
        history.orders.push(order("rest", 0, self.rest_cents));
        let others = (0..18).map(|number| order(&format!("other {number}"), 0, 0));
        history.orders.extend(others);
        history.users = vec![user("high value", 0, Some(self.cost_cents))];
        history.events = [
            events(self.complaints_d0, "complains", 0, "complaint"),
            events(112, "complains", 28, "complaint"),
            events(100, "complains", 29, "complaint"),
        ]
        .concat();
        history
    }
}

/// 30.00 of 100.00 are 0.3; 10 complaints are 4 and 3 x 2; 30.00 for 20.00 are 1.5; one buyer of 20
/// is 0.05.
#[tokio::test]
async fn kpis_at_their_limits_raise_nothing() {
    let figures = Figures {
        order_cents: 7_50,
        cost_cents: 20_00,
        rest_cents: 70_00,
        complaints_d0: 10,
    };

    let nights = job_over(&figures.history());

    assert_eq!(alerts(&nights, snapshot_date()).await, BTreeMap::new());
}

/// 32.16 of 107.20 are 0.3 and 32.16 for 21.44 are 1.5, but neither quotient is when the amounts
/// are floating-point numbers before they are divided.
#[tokio::test]
async fn kpis_of_odd_cents_at_their_limits_raise_nothing() {
    let figures = Figures {
        order_cents: 8_04,
        cost_cents: 21_44,
        rest_cents: 75_04,
        complaints_d0: 10,
    };

    let nights = job_over(&figures.history());

    assert_eq!(alerts(&nights, snapshot_date()).await, BTreeMap::new());
}

/// A cent or a complaint more than the limits.
const PAST_THE_LIMITS: Figures = Figures {
    order_cents: 7_50,
    cost_cents: 20_01,
    rest_cents: 70_01,
    complaints_d0: 11,
};

#[tokio::test]
async fn kpis_past_their_limits_raise_an_alert_each() {
    let nights = job_over(&PAST_THE_LIMITS.history());

    let expected = [
        ("complaints_d0", "11.000000"),
        ("high_value_revenue_share", "0.299970"),
        ("ltv_to_cac", "1.499250"),
    ];
    assert_eq!(
        alerts(&nights, snapshot_date()).await,
        expected
            .map(|(alert, value)| (alert.to_owned(), value.to_owned()))
            .into()
    );
}

/// Whoever reads the log of the night sees them, the critical ones first.
#[tokio::test]
async fn a_run_tells_its_alerts() {
    let report = job_over(&PAST_THE_LIMITS.history())
        .run(snapshot_date())
        .await;

    let report = report.unwrap();
    let told = report.alerts.iter();
    let told = told.map(|alert| (&*alert.severity, &*alert.alert, alert.side()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("critical", "complaints_d0", "above"),
            ("warning", "high_value_revenue_share", "below"),
            ("warning", "ltv_to_cac", "below"),
        ]
    );
    let text = report.to_string();
    assert!(
        text.contains(
            "critical alert: complaints_d0 is 11, above 10; There were far more complaints"
        ),
        "{text}"
    );
}

/// Nine complaints are too few, however few are usual, and a night without revenue or costs has no
/// shares.
#[tokio::test]
async fn kpis_that_are_not_known_raise_nothing() {
    let history = History {
        events: events(9, "complains", 0, "complaint"),
        ..History::default()
    };

    let nights = job_over(&history);

    assert_eq!(alerts(&nights, snapshot_date()).await, BTreeMap::new());
}

/// A job without grace, so that users fall when their recency does.
fn job_without_grace(history: &History, parameters: &str) -> Nights {
    let mut nights = job_over(history);
    nights.sections = format!("[grace_days]\nvalue_tier = 0\n{parameters}");
    nights
}

/// Four users of high value on D - 21, who each bought four times, and fall when that is more than
/// 30 days ago. With one date to compare with:
///
/// | night | falls | rate | mean of the past | alert |
/// |---|---|---|---|---|
/// | D - 14 | 2 of 4 | 0.5 | | |
/// | D - 7 | 1 of 2 | 0.5 | 0.5 | no |
/// | D | 1 of 1 | 1 | 0.5 | yes |
#[tokio::test]
async fn outflow_equal_to_its_limit_raises_nothing() {
    let history = of_orders(
        [
            orders(4, "first", 45, 100_00),
            orders(4, "second", 45, 100_00),
            orders(4, "third", 38, 100_00),
            orders(4, "fourth", 31, 100_00),
        ]
        .concat(),
    );
    let nights = job_without_grace(
        &history,
        "[params]\noutflow_min_dates = 1\noutflow_min_users = 1\n",
    );
    run_all(&nights, [21, 14].map(days_ago)).await;

    let at_the_limit = alerts(&nights, days_ago(7)).await;
    let past_it = alerts(&nights, snapshot_date()).await;

    assert_eq!(at_the_limit.get(OUTFLOW), None);
    assert_eq!(past_it[OUTFLOW], "1.000000");
}

/// An order of 100.00 every week, the last one so many days ago: of high value until it is more
/// than 30 days old.
fn weekly(user_id: &str, last: i64) -> impl Iterator<Item = Order> {
    let weeks = (0..13).map(move |week| last + 7 * week);
    weeks.map(|days| order(user_id, days, 100_00))
}

/// Snapshots of every seventh day: on D - 49 to D - 14 the rate is 0, on D - 7 one of four users
/// falls, on D one of the three who are left. On D - 7 six dates are known, one too few. On D the
/// seven rates have a mean of 0.25 / 7 and a deviation of 0.25 x sqrt(6) / 7, so the limit is
/// 0.298160, and 1/3 is more.
#[tokio::test]
async fn outflow_is_judged_from_seven_dates_on() {
    let history = of_orders(
        [
            ("on D - 7", 38),
            ("on D", 31),
            ("stays", 2),
            ("stays too", 2),
        ]
        .into_iter()
        .flat_map(|(user_id, last)| weekly(user_id, last)),
    );
    let mut nights = job_without_grace(&history, "[params]\noutflow_min_users = 1\n");
    run_all(&nights, (2..=8).rev().map(|weeks| days_ago(7 * weeks))).await;

    let with_six_dates = published(&nights, days_ago(7), "alerts").await;
    let with_seven = published(&nights, snapshot_date(), "alerts").await;

    assert!(!by("alert", &with_six_dates, "value").contains_key(OUTFLOW));
    assert_eq!(by("alert", &with_seven, "value")[OUTFLOW], "0.333333");
    assert_eq!(by("alert", &with_seven, "threshold")[OUTFLOW], "0.298160");

    // One user is too few to wake anybody, unless the job says so.
    nights.sections = "[grace_days]\nvalue_tier = 0\n".to_owned();
    nights.run(snapshot_date()).await.unwrap();
    let by_default = published(&nights, snapshot_date(), "alerts").await;
    assert!(!by("alert", &by_default, "value").contains_key(OUTFLOW));
}
