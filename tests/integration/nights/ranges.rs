//! Ranges of users: however many a night is computed in, its tables have the same rows, and any night
//! may have another number than the one before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::tables::{self, of_any_run};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order};
use crate::naive::history::History;

/// Every table that has a row a user, and what is added up of them.
const TABLES: [&str; 7] = [
    "tier_snapshot",
    "tier_migration",
    "tier_migration_matrix",
    "tier_summary",
    "kpi_daily",
    "actions",
    "alerts",
];

const USERS: i64 = 23;

/// Users who come, buy less, complain and come back, on days that differ between them. Their ids are longer
/// than what tiles hold of them in numbers, and differ at the end alone.
fn history() -> History {
    let mut history = History::default();
    for user in 0..USERS {
        let id = format!("the-user-with-a-long-name-{user:03}");
        for number in 0..=user % 5 {
            let days = (user * 5 + number * 4) % 40;
            history
                .orders
                .push(order(&id, days, 10_01 + user * 137 * (number + 1)));
            history.events.push(event(&id, (days + user) % 40, "click"));
        }
        if user % 4 == 0 {
            history.events.push(event(&id, user % 9, "complaint"));
        }
    }
    history
}

fn dates() -> impl Iterator<Item = NaiveDate> {
    (0..12).rev().map(days_ago)
}

/// The rows of every table on every date, whichever run made them.
async fn published(nights: &Nights) -> BTreeMap<(NaiveDate, &'static str), Vec<tables::Row>> {
    let mut published = BTreeMap::new();
    let output = nights.output();
    for date in dates() {
        for table in TABLES {
            let rows = tables::rows(&output, date, table).await;
            published.insert((date, table), of_any_run(rows));
        }
    }
    published
}

/// How many files the snapshot of a date has.
async fn files_of(nights: &Nights, date: NaiveDate) -> u64 {
    let folder = nights.output_folder();
    let partition = folder.join(format!("tables/tier_snapshot/snapshot_date={date}"));
    let drafts = std::fs::read_dir(partition).unwrap();
    let files = drafts.flat_map(|draft| std::fs::read_dir(draft.unwrap().path()).unwrap());
    files.count() as u64
}

/// Twelve nights, with late data that restates one of them, and new cut points.
async fn run(nights: &mut Nights, ranges: impl Fn(usize) -> Option<usize>) {
    nights.calibrate_by_hand(days_ago(11), &hand_given_cut_points());
    for (index, date) in dates().enumerate() {
        nights.ranges = ranges(index);
        let _ = nights.run(date).await.unwrap();
        if let Some(wanted) = nights.ranges {
            let expected = wanted.min(USERS as usize) as u64;
            let found = files_of(nights, date).await;
            assert!(found >= expected.min(2), "{found} files in {wanted} ranges");
        }
    }
}

#[tokio::test]
async fn rows_are_the_same_in_any_number_of_ranges() {
    for ids in [Ids::Varchar, Ids::BigInt] {
        let history = match ids {
            Ids::Varchar => history(),
            _ => numbered(history()),
        };
        let delivery = Delivery {
            ids,
            ..Delivery::default()
        };
        let one = Nights::over(&history, &delivery);
        let mut expected = None;
        for (output, ranges) in [
            ("one", [1, 1, 1, 1]),
            ("two", [2, 2, 2, 2]),
            ("seven", [7, 7, 7, 7]),
            ("most", [64, 64, 64, 64]),
            ("others", [7, 1, 64, 2]),
        ] {
            let mut nights = one.publishing_to(output);
            run(&mut nights, |index| Some(ranges[index % 4])).await;
            let found = published(&nights).await;
            let expected = expected.get_or_insert_with(|| found.clone());
            for (key, rows) in &found {
                assert_eq!(rows, &expected[key], "{key:?} {ranges:?}");
            }
        }
    }
}

/// The same users by number.
fn numbered(mut history: History) -> History {
    let ids: BTreeSet<String> = history
        .orders
        .iter()
        .map(|order| order.user_id.clone())
        .collect();
    let numbers: BTreeMap<String, String> = (0..)
        .map(|id: i64| (id * 7 - 50).to_string())
        .zip(ids)
        .map(|(number, id)| (id, number))
        .collect();
    for order in &mut history.orders {
        order.user_id = numbers[&order.user_id].clone();
    }
    for event in &mut history.events {
        event.user_id = numbers[&event.user_id].clone();
    }
    history
}
