//! The edges of the contract, one small case each: a history goes in, the few columns that the
//! case is about come out. The properties hold everywhere; these say what holds exactly where.
//!
//! | module | edges of |
//! |---|---|
//! | `calendar` | windows, leap days, days of 23 and 25 hours, the business day of a row |
//! | `users` | who is a user: seen in one source only, refunded, gone |
//! | `scores` | cut points, and what cannot be calibrated on |
//! | `dimensions` | each dimension's thresholds and ties |
//! | `warnings` | the warnings, and lifetime value |
//! | `grace` | the days that a demotion waits |
//! | `hold` | the days that another value without a rank waits |
//! | `previous` | what needs an earlier snapshot, with and without one |
//! | `alerts` | the limits of the KPIs |
//! | `actions` | whom each action takes, and where capacity cuts |
//! | `volumes` | how much a day must bring |
//!
//! A user's id says what the user does. Unless a test says otherwise the night is D of the
//! fixtures, scored by their cut points:
//!
//! | score | recency at most | orders above | revenue above |
//! |---|---|---|---|
//! | 5 | 7 | 3 | 50000.00 |
//! | 4 | 30 | 2 | 100.00 |
//! | 3 | 60 | 1 | 25.00 |
//! | 2 | 90 | 0 | 10.00 |
//! | 1 | | | |

mod actions;
mod alerts;
mod calendar;
mod dimensions;
mod grace;
mod hold;
mod previous;
mod scores;
mod users;
mod volumes;
mod warnings;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::tables::{self, Row};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order, snapshot_date};
use crate::naive::history::{Event, History, Order};

/// Ids that can be read.
fn delivery() -> Delivery {
    Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    }
}

/// A job over a history, with the cut points of the fixtures.
fn job_over(history: &History) -> Nights {
    let nights = Nights::over(history, &delivery());
    nights.calibrate_by_hand(days_ago(1000), &hand_given_cut_points());
    nights
}

/// The snapshot of D.
async fn snapshot_of(history: &History) -> Vec<Row> {
    snapshot(&job_over(history), snapshot_date()).await
}

/// Runs a night, and reads its snapshot.
async fn snapshot(nights: &Nights, night: NaiveDate) -> Vec<Row> {
    published(nights, night, "tier_snapshot").await
}

/// Runs a night, and reads a table of it.
async fn published(nights: &Nights, night: NaiveDate, table: &str) -> Vec<Row> {
    nights.run(night).await.unwrap();
    tables::rows(&nights.output(), night, table).await
}

/// Runs nights in their order.
async fn run_all(nights: &Nights, dates: impl IntoIterator<Item = NaiveDate>) {
    for night in dates {
        nights.run(night).await.unwrap();
    }
}

/// One column of a snapshot, by user.
fn column<'a>(rows: &'a [Row], name: &str) -> BTreeMap<&'a str, &'a str> {
    by("user_id", rows, name)
}

/// One column of a table, by another.
fn by<'a>(key: &str, rows: &'a [Row], name: &str) -> BTreeMap<&'a str, &'a str> {
    let pairs = rows.iter().map(|row| (&*row[key], &*row[name]));
    pairs.collect()
}

/// Some columns of the one row in which `key` is `value`.
fn columns<'a, const N: usize>(
    rows: &'a [Row],
    (key, value): (&str, &str),
    names: [&str; N],
) -> [&'a str; N] {
    let mut found = rows.iter().filter(|row| row[key] == value);
    let row = found.next().unwrap();
    assert!(found.next().is_none(), "{value} has two rows");
    names.map(|name| &*row[name])
}

/// The same order so many times on one day.
fn orders(times: usize, user_id: &str, days: i64, amount_cents: i64) -> Vec<Order> {
    vec![order(user_id, days, amount_cents); times]
}

/// The same event so many times on one day.
fn events(times: usize, user_id: &str, days: i64, event_type: &str) -> Vec<Event> {
    vec![event(user_id, days, event_type); times]
}

/// A history of orders alone.
fn of_orders(orders: impl IntoIterator<Item = Order>) -> History {
    History {
        orders: orders.into_iter().collect(),
        ..History::default()
    }
}

/// A history of events alone.
fn of_events(events: impl IntoIterator<Item = Event>) -> History {
    History {
        events: events.into_iter().collect(),
        ..History::default()
    }
}
