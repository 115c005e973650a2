//! Windows and business days.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use tierline::ground::SnapshotDate;

use super::{column, delivery, job_over, of_orders, snapshot, snapshot_of};
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order};
use crate::naive::history::Order;
use crate::nights::job::Nights;
use crate::nights::lake::Delivery;
use crate::nights::tables::{self, Row};
use crate::support::command::Tierline;

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

/// An order of 10.00 whose day is also the user's id.
fn order_on(day: NaiveDate) -> Order {
    Order {
        day,
        ..order(&day.to_string(), 0, 10_00)
    }
}

/// The window of N days ends with D, so its first day is D - (N - 1).
#[tokio::test]
async fn window_ends_with_the_snapshot_date() {
    let history = of_orders(["0", "29", "30", "364", "365"].map(|days| {
        let days_before = days.parse().unwrap();
        order(days, days_before, 10_00)
    }));

    let rows = snapshot_of(&history).await;

    let ages = ["0", "29", "30", "364", "365"];
    assert_eq!(
        column(&rows, "recency_days"),
        ages.map(|age| (age, age)).into()
    );
    let counts = |of_each: [&'static str; 5]| BTreeMap::from_iter(ages.into_iter().zip(of_each));
    assert_eq!(
        column(&rows, "orders_30d"),
        counts(["1", "1", "0", "0", "0"])
    );
    assert_eq!(
        column(&rows, "orders_365d"),
        counts(["1", "1", "1", "1", "0"])
    );
    assert_eq!(
        column(&rows, "orders_lifetime"),
        counts(["1", "1", "1", "1", "1"])
    );
}

/// Three orders on D, of 5.00, 20.00 and 7.50: the third makes a user of one day loyal, who
/// would be new with two.
#[tokio::test]
async fn three_orders_of_one_day_are_three_orders() {
    let history = of_orders([
        order("three", 0, 5_00),
        order("three", 0, 20_00),
        order("three", 0, 7_50),
        order("two", 0, 5_00),
        order("two", 0, 5_00),
    ]);

    let rows = snapshot_of(&history).await;

    let users = |three, two| BTreeMap::from([("three", three), ("two", two)]);
    assert_eq!(column(&rows, "orders_30d"), users("3", "2"));
    assert_eq!(column(&rows, "revenue_30d"), users("32.50", "10.00"));
    assert_eq!(column(&rows, "largest_order_1d"), users("20.00", "5.00"));
    assert_eq!(
        column(&rows, "largest_order_before_today"),
        users("NULL", "NULL")
    );
    assert_eq!(column(&rows, "lifecycle_stage"), users("loyal", "new"));
    assert_eq!(column(&rows, "customer_layer"), users("mature", "growth"));
}

/// An order of noon on D - 1 that lies in the partition of D is an order of D. Who delivers a day
/// says which business day it is.
#[tokio::test]
async fn business_day_of_a_row_is_its_partition() {
    let nights = Nights::over(&of_orders([]), &delivery());
    nights.calibrate_by_hand(days_ago(1000), &hand_given_cut_points());
    let one_day_late = Delivery {
        days_late: 1,
        ..delivery()
    };
    nights.deliver(&of_orders([order("buyer", 1, 10_00)]), &one_day_late);

    let rows = snapshot(&nights, days_ago(0)).await;

    assert_eq!(column(&rows, "recency_days"), [("buyer", "0")].into());
    let last_order_day = days_ago(0).to_string();
    assert_eq!(
        column(&rows, "last_order_day"),
        [("buyer", &*last_order_day)].into()
    );
}

/// On 2026-10-25 clocks in Berlin go back: the day begins at 22:00 UTC, two hours ahead of it, and
/// ends at 23:00 UTC, one hour ahead.
#[test]
fn day_of_25_hours_ends_with_its_last_hour() {
    let snapshot_date =
        |instant| SnapshotDate::from_as_of(instant, chrono_tz::Europe::Berlin).unwrap();
    for (instant, expected) in [
        ("2026-10-24T21:59:59Z", date(2026, 10, 23)),
        ("2026-10-24T22:00:00Z", date(2026, 10, 24)),
        // 02:30 comes twice.
        ("2026-10-25T02:30:00+02:00", date(2026, 10, 24)),
        ("2026-10-25T02:30:00+01:00", date(2026, 10, 24)),
        ("2026-10-25T22:59:59Z", date(2026, 10, 24)),
        ("2026-10-25T23:00:00Z", date(2026, 10, 25)),
        ("2026-10-26", date(2026, 10, 25)),
    ] {
        assert_eq!(snapshot_date(instant).day(), expected, "{instant}");
    }
}

/// On 2026-03-29 they go forward: the day begins at 23:00 UTC and ends at 22:00 UTC.
#[test]
fn day_of_23_hours_ends_with_its_last_hour() {
    let snapshot_date =
        |instant| SnapshotDate::from_as_of(instant, chrono_tz::Europe::Berlin).unwrap();
    for (instant, expected) in [
        ("2026-03-28T22:59:59Z", date(2026, 3, 27)),
        ("2026-03-28T23:00:00Z", date(2026, 3, 28)),
        ("2026-03-29T21:59:59Z", date(2026, 3, 28)),
        ("2026-03-29T22:00:00Z", date(2026, 3, 29)),
        ("2026-03-30", date(2026, 3, 29)),
    ] {
        assert_eq!(snapshot_date(instant).day(), expected, "{instant}");
    }
}

/// Calls `tierline run` with the job as it would be in Berlin, and reads the snapshot of the date
/// it chose.
async fn snapshot_in_berlin(nights: &Nights, as_of: &str, expected: NaiveDate) -> Vec<Row> {
    let job = nights.job_file();
    let in_berlin = nights.job_text().replace("\"UTC\"", "\"Europe/Berlin\"");
    std::fs::write(&job, in_berlin).unwrap();
    let call = Tierline::new().args(["run", job.to_str().unwrap(), "--as-of", as_of]);
    let finished = call.run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    tables::rows(&nights.output(), expected, "tier_snapshot").await
}

/// Orders of the day before, of the day itself and of the day after it: differences are of dates,
/// so an hour more or less makes no difference.
#[tokio::test]
async fn days_around_a_clock_change_are_whole_days() {
    let days = [
        date(2026, 3, 28),
        date(2026, 3, 29),
        date(2026, 10, 24),
        date(2026, 10, 25),
    ];
    let nights = job_over(&of_orders(days.map(order_on)));

    let spring = snapshot_in_berlin(&nights, "2026-03-29T22:00:00Z", days[1]).await;
    let autumn = snapshot_in_berlin(&nights, "2026-10-25T23:00:00Z", days[3]).await;

    assert_eq!(
        column(&spring, "recency_days"),
        [("2026-03-28", "1"), ("2026-03-29", "0")].into()
    );
    // 28 March to 25 October: 3 + 30 + 31 + 30 + 31 + 31 + 30 + 25 days.
    assert_eq!(
        column(&autumn, "recency_days"),
        [
            ("2026-03-28", "211"),
            ("2026-03-29", "210"),
            ("2026-10-24", "1"),
            ("2026-10-25", "0")
        ]
        .into()
    );
}

#[tokio::test]
async fn leap_day_is_a_night_like_any_other() {
    let (leap_day, before) = (date(2028, 2, 29), date(2028, 2, 28));
    let nights = job_over(&of_orders([before, leap_day].map(order_on)));
    let job = nights.job_file();
    let call = Tierline::new().args(["run", job.to_str().unwrap(), "--date", "2028-02-29"]);

    let finished = call.run();

    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let rows = tables::rows(&nights.output(), leap_day, "tier_snapshot").await;
    assert_eq!(
        column(&rows, "recency_days"),
        [("2028-02-28", "1"), ("2028-02-29", "0")].into()
    );
}

/// A leap day is one of the N days. Of 30 days up to 29 March 2028, 29 February is the first
/// (D - 29); of 365 days up to 27 February 2029 it is so again (D - 364).
#[tokio::test]
async fn leap_day_is_counted_in_windows() {
    let days = [date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)];
    let nights = job_over(&of_orders(days.map(order_on)));

    let month_later = snapshot(&nights, date(2028, 3, 29)).await;
    let year_later = snapshot(&nights, date(2029, 2, 27)).await;

    let in_window = BTreeMap::from([
        ("2028-02-28", "0"),
        ("2028-02-29", "1"),
        ("2028-03-01", "1"),
    ]);
    assert_eq!(column(&month_later, "orders_30d"), in_window);
    assert_eq!(column(&year_later, "orders_365d"), in_window);
    assert_eq!(
        column(&month_later, "recency_days"),
        [
            ("2028-02-28", "30"),
            ("2028-02-29", "29"),
            ("2028-03-01", "28")
        ]
        .into()
    );
}
