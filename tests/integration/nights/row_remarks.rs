//! What a night says of rows that are kept or left out, in few lines however many there are.

use super::job::Nights;
use super::lake::{Delivery, Ids};
use crate::naive::calibration::CutPoints;
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order, snapshot_date, user};
use crate::naive::history::History;
use crate::nights::tables;

fn job(history: &History, delivery: Delivery) -> Nights {
    let nights = Nights::over(history, &delivery);
    let cut_points: CutPoints = hand_given_cut_points();
    nights.calibrate_by_hand(days_ago(1000), &cut_points);
    nights
}

fn texts() -> Delivery {
    Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    }
}

/// The warnings of D that are about a source.
async fn told(nights: &Nights, source: &str) -> Vec<String> {
    let report = nights.run(snapshot_date()).await.unwrap();
    let told = report.warnings.into_iter();
    told.filter(|warning| warning.starts_with(source)).collect()
}

#[tokio::test]
async fn statuses_that_nobody_listed_are_named_in_one_line() {
    let mut history = History {
        orders: vec![order("a", 0, 10_00); 6],
        ..History::default()
    };
    let statuses = [
        "paid",
        "PAID",
        "PAID",
        "shipped\u{1b}[2J",
        "cancelled",
        "refunded",
    ];
    for (order, status) in history.orders.iter_mut().zip(statuses) {
        order.status = status.to_owned();
    }
    assert_eq!(
        told(&job(&history, texts()), "orders").await,
        [
            "orders: unknown statuses count as no order: PAID, shipped\\u{1b}[2J (3 rows on 2026-11-20)"
        ]
    );
}

/// One event each of many types that have an id in them.
#[tokio::test]
async fn event_types_that_nobody_listed_are_ten_names_and_a_count() {
    let types = 0..3_000;
    let history = History {
        events: types
            .map(|id| event("a", 0, &format!("view-{id}")))
            .collect(),
        ..History::default()
    };
    let told = told(&job(&history, texts()), "engagement").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].ends_with("view-1005 and 2990 more (3000 rows on 2026-11-20)"),
        "{told:?}"
    );
}

/// Whoever has no id is nobody, be the id NULL, empty or a guest's.
#[tokio::test]
async fn empty_ids_and_guests_are_no_users() {
    let history = History {
        orders: vec![
            order("a", 0, 10_00),
            order("", 0, 10_00),
            order("guest", 0, 10_00),
        ],
        events: vec![
            event(" ", 0, "open"),
            event("0", 0, "open"),
            event("a", 0, "open"),
        ],
        users: vec![user("", 0, None), user("a", 0, None)],
    };
    let mut nights = job(&history, texts());
    nights.sections = "[params]\nguest_ids = [\"guest\", 0]\n".to_owned();
    let report = nights.run(snapshot_date()).await.unwrap();
    let rejected = report.rejected.iter();
    let rejected = rejected.map(|count| (&*count.source, &*count.reason, count.rows));
    assert_eq!(
        rejected.collect::<Vec<_>>(),
        [
            ("engagement", "null_user_id", 2),
            ("orders", "null_user_id", 2),
            ("users", "null_user_id", 1)
        ]
    );
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
    let users: Vec<&str> = rows.iter().map(|row| &*row["user_id"]).collect();
    assert_eq!(users, ["a"]);
}

/// Ids that are numbers have no empty text, and may be a guest's all the same.
#[tokio::test]
async fn guests_with_numbers_are_no_users() {
    let mut history = History {
        orders: vec![order("7", 0, 10_00), order("0", 0, 10_00)],
        ..History::default()
    };
    for (id, order) in (1..).zip(&mut history.orders) {
        order.order_id = format!("{id}");
    }
    let mut nights = job(&history, Delivery::default());
    nights.sections = "[params]\nguest_ids = [0]\n".to_owned();
    nights.run(snapshot_date()).await.unwrap();
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["user_id"], "7");
}

fn three_days() -> History {
    History {
        orders: vec![order("a", 4, 10_00), order("a", 3, 10_00)],
        events: vec![event("a", 3, "open")],
        users: vec![user("a", 3, None)],
    }
}

/// Rows a day late are usual; two days late are not, and say from when to when they are.
#[tokio::test]
async fn times_of_quite_another_day_are_told_with_their_span() {
    let late = |days_late| Delivery {
        days_late,
        ..texts()
    };
    let nights = job(&three_days(), late(1));
    assert_eq!(told(&nights, "orders").await, [""; 0]);

    let nights = job(&three_days(), late(2));
    let report = nights.run(snapshot_date()).await.unwrap();
    let mut told = report.warnings;
    told.retain(|warning| warning.contains("outside"));
    assert_eq!(
        told,
        [
            "engagement: 1 row has a time in occurred_at that is more than a day outside the day of the partition, from 2026-11-17 12:00:00 UTC to 2026-11-17 12:00:00 UTC, in partitions of 2026-11-19; they count on the day of their partition",
            "orders: 2 rows have a time in ordered_at that is more than a day outside the day of the partition, from 2026-11-16 12:00:00 UTC to 2026-11-17 12:00:00 UTC, in partitions of 2 days, 2026-11-18 to 2026-11-19; they count on the day of their partition"
        ]
    );
}
