//! Ranges of users: however many a night is computed in, its tables have the same rows, and any night
//! may have another number than the one before.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::pack::Edit;
use super::tables::{self, of_any_run};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order};
use crate::naive::history::{History, Order};

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

/// Users who come, buy less, complain and come back, on days that differ between them.
pub(crate) fn history(id: impl Fn(i64) -> String) -> History {
    let mut history = History::default();
    for user in 0..USERS {
        let id = id(user);
        for number in 0..=user % 5 {
            let days = (user * 5 + number * 4) % 40;
            history.orders.push(Order {
                order_id: (5000 + user * 10 + number).to_string(),
                ..order(&id, days, 10_01 + user * 137 * (number + 1))
            });
            history.events.push(event(&id, (days + user) % 40, "click"));
        }
        if user % 4 == 0 {
            history.events.push(event(&id, user % 9, "complaint"));
        }
    }
    history
}

/// So many dates, one after the other.
pub(crate) fn dates(count: i64) -> impl Iterator<Item = NaiveDate> {
    (0..count).rev().map(days_ago)
}

/// The rows of every table on every date, whichever run made them, in an order of their own: that of a table
/// without one is nobody's business.
pub(crate) async fn published(
    nights: &Nights,
    count: i64,
) -> BTreeMap<(NaiveDate, &'static str), Vec<tables::Row>> {
    let mut published = BTreeMap::new();
    let output = nights.output();
    for date in dates(count) {
        for table in TABLES {
            let mut rows = of_any_run(tables::rows(&output, date, table).await);
            rows.sort();
            published.insert((date, table), rows);
        }
    }
    published
}

/// How many files the snapshot of a date has.
fn files_of(nights: &Nights, date: NaiveDate) -> usize {
    let folder = nights.output_folder();
    let partition = folder.join(format!("tables/tier_snapshot/snapshot_date={date}"));
    let drafts = std::fs::read_dir(partition).unwrap();
    let files = drafts.flat_map(|draft| std::fs::read_dir(draft.unwrap().path()).unwrap());
    files.count()
}

/// So many nights, in so many ranges in turn. A range has a file of the snapshot, unless nobody is in it.
async fn run(nights: &mut Nights, count: i64, ranges: [usize; 4]) {
    nights.calibrate_by_hand(days_ago(count - 1), &hand_given_cut_points());
    for (date, ranges) in dates(count).zip(ranges.into_iter().cycle()) {
        nights.ranges = Some(ranges);
        nights.run(date).await.unwrap();
        let files = files_of(nights, date);
        assert_eq!(files > 1, ranges > 1, "{files} files in {ranges} ranges");
        assert!(files <= ranges, "{files} files in {ranges} ranges");
    }
}

/// Nights in one range, and beside them the same nights in other numbers of ranges.
async fn assert_same_in(history: &History, ids: Ids, count: i64, ranges: [usize; 4]) {
    let delivery = Delivery {
        ids,
        ..Delivery::default()
    };
    let mut one = Nights::over(history, &delivery);
    run(&mut one, count, [1; 4]).await;
    let expected = published(&one, count).await;
    let mut many = one.publishing_to("many");
    run(&mut many, count, ranges).await;
    for ((date, table), rows) in published(&many, count).await {
        let is_same = rows == expected[&(date, table)];
        assert!(is_same, "{table} of {date} in {ranges:?} ranges: {rows:?}");
    }
}

/// The ids are longer than what a merge compares as numbers, and differ at the end alone.
#[tokio::test]
async fn rows_are_the_same_in_any_number_of_ranges() {
    let history = history(|user| format!("the-user-with-a-long-name-{user:03}"));
    assert_same_in(&history, Ids::Varchar, 12, [7, 1, 64, 2]).await;
}

#[tokio::test]
async fn rows_of_users_by_number_are_the_same_in_any_number_of_ranges() {
    let history = history(|user| (user * 7 + 1).to_string());
    assert_same_in(&history, Ids::BigInt, 4, [64, 2, 7, 1]).await;
}

/// An average over all users, in place of a score.
pub(crate) const AVERAGE_OF_ALL: &[Edit] = &[Edit {
    file: "tiers/rfm.sql",
    from: "recency_days <= $recency_days_cut_4 THEN 2",
    to: "recency_days <= AVG(recency_days) OVER () THEN 2",
}];

#[tokio::test]
async fn a_model_that_needs_all_users_at_once_is_named_by_the_plan() {
    let history = history(|user| user.to_string());
    let mut nights = Nights::over(&history, &Delivery::default());
    nights.calibrate_by_hand(days_ago(1), &hand_given_cut_points());
    nights.ranges = Some(4);
    let planned = nights.plan(days_ago(1)).await.unwrap();
    assert_eq!(planned.plan().undivided, []);

    nights.edit_pack(AVERAGE_OF_ALL);
    let planned = nights.plan(days_ago(1)).await.unwrap();
    let told = planned.plan().to_string();
    let told = told
        .lines()
        .filter(|line| line.contains("all users at once"));
    let told: Vec<&str> = told.map(str::trim).collect();
    let expected = "tiers.rfm  (needs all users at once: the snapshot is computed in one range)";
    assert_eq!(told, [expected]);
    nights.run(days_ago(1)).await.unwrap();
    assert_eq!(files_of(&nights, days_ago(1)), 1);
}

/// A feature whose ids are texts of its own making, and its column in the snapshot.
pub(crate) const IDS_AS_TEXTS: &[Edit] = &[
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    users.user_id,\n",
        to: "    users.user_id,\n    extra.orders_ever, -- orders so far\n",
    },
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "FROM features.users AS users\n",
        to: "FROM features.users AS users\nLEFT JOIN features.extra AS extra ON users.user_id = extra.user_id\n",
    },
];

/// Writes that feature to the pack of a job.
pub(crate) fn write_extra(nights: &Nights) {
    let extra = "-- Orders so far.\nSELECT CAST(user_id AS VARCHAR) AS user_id, orders_lifetime AS orders_ever FROM features.purchases\n";
    std::fs::write(nights.pack_folder().join("features/extra.sql"), extra).unwrap();
}

/// Where planning takes other types for granted than the files have, it is no error.
#[tokio::test]
async fn ids_that_sql_makes_texts_of_are_computed_in_ranges_too() {
    let history = history(|user| format!("user-{user}"));
    let delivery = Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    };
    let mut nights = Nights::over(&history, &delivery);
    nights.edit_pack(IDS_AS_TEXTS);
    write_extra(&nights);
    nights.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    nights.ranges = Some(4);
    nights.run(days_ago(0)).await.unwrap();
}
