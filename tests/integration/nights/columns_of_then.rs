//! Dates that are restated by the rules of then, in tables whose columns are others by now: a grace
//! or a dimension is gone since, or has come. Each test compares with a job that had the late
//! order from the first.

use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::{Row, newest_rows, of_any_run};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order};
use crate::naive::history::History;
use crate::support::command::{Finished, Tierline};

/// Every table that knows dimensions.
const TABLES: [&str; 4] = [
    "tier_snapshot",
    "tier_migration",
    "tier_migration_matrix",
    "tier_summary",
];

const WITH_GRACE: &str = "[grace_days]\nvalue_tier = 7\ninteraction_depth = 2\n";

/// A dimension of the pack.
const WITH_HABIT: &[Edit] = &[
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    value_engagement.value_engagement,\n",
        to: "    value_engagement.value_engagement,
    CASE WHEN users.orders_365d > 1 THEN 'repeat' ELSE 'once' END AS purchase_habit,\n",
    },
    Edit {
        file: "reference/dim_tier.csv",
        from: "rfm_class,important_value",
        to: "purchase_habit,repeat,1,Repeat,Repeat,More.,x
purchase_habit,once,0,Once,Once,Again.,x
rfm_class,important_value",
    },
];

/// User 5 is no longer deep on D - 2, user 6 buys again on D - 1.
fn history() -> History {
    let mut history = History::default();
    history
        .orders
        .extend((0..6).map(|days| order("1", days, 40_00)));
    history.orders.push(order("3", 20, 500_00));
    history
        .orders
        .extend([20, 1].map(|days| order("6", days, 60_00)));
    history
        .events
        .extend(["click", "like", "vote"].map(|kind| event("5", 9, kind)));
    numbered(history, 1_000)
}

/// An order of D - 4 that comes late.
fn late() -> History {
    let history = History {
        orders: vec![order("3", 4, 30_00)],
        ..History::default()
    };
    numbered(history, 9_000)
}

fn numbered(mut history: History, first: usize) -> History {
    for (number, order) in (first..).zip(&mut history.orders) {
        order.order_id = number.to_string();
    }
    history
}

fn job() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.calibrate_by_hand(days_ago(30), &hand_given_cut_points());
    nights
}

fn deliver_late(nights: &Nights) {
    let delivery = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &delivery);
}

/// A job that has the late order from the first, and one that restates for it after the nights.
async fn restated(mut nights: impl AsyncFnMut(Nights) -> Nights) -> [Nights; 2] {
    let first = job();
    deliver_late(&first);
    let first = nights(first).await;
    let later = nights(job()).await;
    deliver_late(&later);
    [first, later]
}

async fn publish(nights: &Nights, days: impl IntoIterator<Item = i64>) {
    for days in days {
        assert_eq!(nights.status_of(days_ago(days)).await, "published");
    }
}

fn call(nights: &Nights, arguments: &[&str]) -> Finished {
    let job = nights.job_file();
    let command = [arguments[0], job.to_str().unwrap()];
    Tierline::new().args(command).args(&arguments[1..]).run()
}

/// Publishes a date without columns that the dates before it had.
fn publish_without(nights: &Nights, days: i64, columns: &[&str]) {
    let tables = ["tier_snapshot", "tier_current"];
    let of_table = |table: &str| {
        let columns = columns.iter();
        columns
            .map(|column| format!("{table}.{column}"))
            .collect::<Vec<_>>()
    };
    let drops = tables.map(of_table).concat().join(",");
    let date = days_ago(days).to_string();
    let dropped = call(nights, &["run", "--date", &date, "--drop-columns", &drops]);
    assert_eq!(dropped.exit_code, 0, "{dropped:?}");
}

/// Restates what the late order affects: so many dates.
fn restate(nights: &Nights, dates: usize) {
    let restated = call(nights, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    let replaced = restated.stdout.matches("replaced").count();
    assert_eq!(replaced, dates, "{restated:?}");
}

async fn found(nights: &Nights, table: &str, days: i64) -> Vec<Row> {
    of_any_run(newest_rows(&nights.output(), days_ago(days), table).await)
}

async fn assert_same(nights: &Nights, other: &Nights, days: impl IntoIterator<Item = i64>) {
    for days in days {
        for table in TABLES {
            let (found, expected) = (
                found(nights, table, days).await,
                found(other, table, days).await,
            );
            assert_same_rows(&format!("{table} of {}", days_ago(days)), &found, &expected);
        }
    }
}

/// The value of a user in a column of the snapshot.
async fn value(nights: &Nights, days: i64, user: &str, column: &str) -> String {
    let rows = found(nights, "tier_snapshot", days).await;
    let row = rows.iter().find(|row| row["user_id"] == user).unwrap();
    row[column].clone()
}

/// It started over every night, and nobody ever fell.
#[tokio::test]
async fn grace_that_is_gone_by_now_still_ends_on_its_day() {
    let [first, later] = restated(async |mut nights| {
        nights.sections = WITH_GRACE.to_owned();
        publish(&nights, [3, 2, 1, 0]).await;
        nights.sections = String::new();
        let grace = ["interaction_depth_raw", "interaction_depth_pending_since"];
        publish_without(&nights, -1, &grace);
        nights
    })
    .await;
    restate(&later, 5);
    let mut shown = Vec::new();
    for days in [3, 2, 1, 0] {
        shown.push(value(&later, days, "5", "interaction_depth").await);
    }
    assert_eq!(shown, ["deep", "deep", "deep", "occasional"]);
    assert_same(&later, &first, -1..4).await;
}

/// Its moves and its matrix were gone.
#[tokio::test]
async fn dimension_that_is_gone_by_now_keeps_its_moves() {
    let [first, later] = restated(async |mut nights| {
        nights.edit_pack(WITH_HABIT);
        publish(&nights, [3, 2, 1]).await;
        nights.edit_pack(&[]);
        publish_without(&nights, 0, &["purchase_habit", "purchase_habit_since"]);
        nights
    })
    .await;
    restate(&later, 4);
    let moves = found(&later, "tier_migration", 1).await;
    let of_habit = moves
        .iter()
        .filter(|row| row["dimension"] == "purchase_habit");
    let users: Vec<&str> = of_habit.map(|row| row["user_id"].as_str()).collect();
    assert_eq!(users, ["6"]);
    assert_same(&later, &first, 0..4).await;
}

/// Everybody entered it on its first date, and an audit took that for a bug.
#[tokio::test]
async fn dimension_that_came_later_begins_on_its_date_again() {
    let [first, later] = restated(async |mut nights| {
        publish(&nights, [3, 2]).await;
        nights.edit_pack(WITH_HABIT);
        publish(&nights, [1, 0]).await;
        nights
    })
    .await;
    restate(&later, 4);
    assert_same(&later, &first, 0..4).await;
}

/// The rules of then are today's again: that was refused, for the columns that came between.
#[tokio::test]
async fn rules_that_are_back_restate_in_tables_that_have_more_columns() {
    let [first, mut later] = restated(async |mut nights| {
        publish(&nights, [3, 2]).await;
        nights.edit_pack(WITH_HABIT);
        publish(&nights, [1]).await;
        nights
    })
    .await;
    later.edit_pack(&[]);
    restate(&later, 3);
    assert_same(&later, &first, 1..4).await;

    // By today's rules columns go, and what is told is true of this command: first for older
    // dates, then for the newest, which `tier_current` has too.
    let again = Delivery {
        file_name: "again",
        ..Delivery::default()
    };
    later.deliver(&numbered(late(), 9_500), &again);
    let today = ["backfill", "--affected", "--rules", "today"];
    let mut finished = call(&later, &today);
    for table in ["tier_snapshot", "tier_current"] {
        assert_eq!(finished.exit_code, 3, "{finished:?}");
        let columns = format!("{table}.purchase_habit,{table}.purchase_habit_since");
        let told = format!("give the same command once more with `--drop-columns {columns}`");
        assert!(finished.stderr.contains(&told), "{finished:?}");
        finished = call(
            &later,
            &[&today[..], &["--drop-columns", &columns]].concat(),
        );
    }
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}
