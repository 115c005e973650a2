//! Users who are delivered in full every day: what is shown of a user is the row of the newest
//! delivery that has the user, whole.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use chrono::NaiveDate;
use parquet::arrow::ArrowWriter;

use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::tables;
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order, snapshot_date};
use crate::naive::history::History;

const PROFILE: &str = "
[sources.users.profile]
city = \"VARCHAR\"
plan = \"VARCHAR\"
mood = \"DOUBLE\"
";

/// A row of the users source.
#[derive(Clone, Copy)]
struct User {
    id: &'static str,
    /// Days since some day.
    registered: Option<i64>,
    cost: Option<i128>,
    city: Option<&'static str>,
    plan: Option<&'static str>,
    mood: Option<f64>,
}

/// A row of the user "1".
const FIRST: User = User {
    id: "1",
    registered: Some(10),
    cost: Some(30_00),
    city: Some("Zug"),
    plan: Some("gold"),
    mood: Some(1.0),
};

fn nights() -> Nights {
    let history = History {
        orders: ["1", "2"].map(|user| order(user, 9, 10_00)).to_vec(),
        ..History::default()
    };
    let delivery = Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    };
    let mut nights = Nights::over(&history, &delivery);
    nights.sections = PROFILE.to_owned();
    nights.calibrate_by_hand(days_ago(9), &hand_given_cut_points());
    nights
}

/// The users of a day, in place of those that it had.
fn deliver(nights: &Nights, days: i64, users: &[User]) {
    let folder = nights.lake().join(format!("users/dt={}", days_ago(days)));
    std::fs::create_dir_all(&folder).unwrap();
    let registered = users
        .iter()
        .map(|user| user.registered.map(|day| day * 86_400_000_000));
    let registered = registered.collect::<TimestampMicrosecondArray>();
    let costs = users
        .iter()
        .map(|user| user.cost)
        .collect::<Decimal128Array>();
    let texts = |text: fn(&User) -> Option<&'static str>| -> ArrayRef {
        Arc::new(users.iter().map(text).collect::<StringArray>())
    };
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("user_id", texts(|user| Some(user.id)), true),
        (
            "registered_at",
            Arc::new(registered.with_timezone("UTC")) as _,
            true,
        ),
        (
            "acquisition_cost",
            Arc::new(costs.with_precision_and_scale(18, 2).unwrap()) as _,
            true,
        ),
        ("city", texts(|user| user.city), true),
        ("plan", texts(|user| user.plan), true),
        (
            "mood",
            Arc::new(users.iter().map(|user| user.mood).collect::<Float64Array>()) as _,
            true,
        ),
    ]);
    let rows = rows.unwrap();
    let file = File::create(folder.join("part-0.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

/// Cost, city, plan and mood of every user.
async fn shown(nights: &Nights, date: NaiveDate) -> Vec<String> {
    let rows = tables::rows(&nights.output(), date, "tier_snapshot").await;
    let columns = ["user_id", "acquisition_cost", "city", "plan", "mood"];
    let mut shown: Vec<String> = rows
        .iter()
        .map(|row| columns.map(|column| row[column].as_str()).join(" "))
        .collect();
    shown.sort();
    shown
}

/// Shown by the job itself, and by a twin that has no tiles.
async fn assert_shown(nights: &Nights, date: NaiveDate, expected: &[&str]) {
    assert_eq!(shown(nights, date).await, expected);
    let twin = nights.publishing_to("twin");
    twin.calibrate_by_hand(days_ago(9), &hand_given_cut_points());
    twin.remove_tiles();
    twin.run(date).await.unwrap();
    assert_eq!(shown(&twin, date).await, expected, "without tiles");
}

#[tokio::test]
async fn attributes_come_whole_from_the_newest_delivery_that_has_the_user() {
    let nights = nights();
    let second = User { id: "2", ..FIRST };
    let poorer = User {
        cost: Some(10_00),
        city: Some("Bern"),
        plan: None,
        mood: Some(f64::NAN),
        ..FIRST
    };
    deliver(&nights, 6, &[FIRST, second]);
    assert_eq!(nights.status_of(days_ago(3)).await, "published");
    deliver(&nights, 2, &[poorer]);
    assert_eq!(nights.status_of(days_ago(2)).await, "published");
    let expected = ["1 10.00 Bern NULL NaN", "2 30.00 Zug gold 1.000000"];
    assert_shown(&nights, days_ago(2), &expected).await;

    let cheapest = User {
        cost: None,
        city: None,
        ..second
    };
    deliver(&nights, 0, &[FIRST, cheapest]);
    let planned = nights.plan(snapshot_date()).await.unwrap();
    let mut tiles = planned.plan().tiles.iter();
    let profile = tiles
        .find(|tiles| tiles.plan.rollup.name == "profile")
        .unwrap();
    let read: Vec<NaiveDate> = profile.plan.source_days().into_iter().collect();
    assert_eq!(read, [snapshot_date()], "the newest delivery alone is read");
    planned.execute().await.unwrap();
    let expected = ["1 30.00 Zug gold 1.000000", "2 NULL NULL gold 1.000000"];
    assert_shown(&nights, snapshot_date(), &expected).await;
}

/// A delivery that comes late does not go before a newer one, though it is read later.
#[tokio::test]
async fn a_late_delivery_does_not_go_before_a_newer_one() {
    let nights = nights();
    let city = |city| User {
        city: Some(city),
        ..FIRST
    };
    for days in 1..=7 {
        deliver(&nights, days, &[city("old")]);
    }
    deliver(
        &nights,
        3,
        &[
            city("new"),
            User {
                id: "2",
                ..city("new")
            },
        ],
    );
    for days in 1..3 {
        deliver(
            &nights,
            days,
            &[User {
                id: "3",
                ..city("other")
            }],
        );
    }
    assert_eq!(nights.status_of(days_ago(1)).await, "published");
    deliver(
        &nights,
        4,
        &[
            city("late"),
            User {
                id: "2",
                ..city("late")
            },
        ],
    );
    deliver(&nights, 5, &[city("late")]);
    assert_eq!(nights.status_of(snapshot_date()).await, "published");
    let expected = [
        "1 30.00 new gold 1.000000",
        "2 30.00 new gold 1.000000",
        "3 30.00 other gold 1.000000",
    ];
    assert_shown(&nights, snapshot_date(), &expected).await;
}

#[tokio::test]
async fn of_several_rows_in_a_delivery_the_newest_registration_holds_and_that_is_told() {
    let nights = nights();
    let unknown = User {
        registered: None,
        city: Some("Zürich"),
        ..FIRST
    };
    let newest = User {
        registered: Some(11),
        cost: None,
        city: Some("Aarau"),
        ..FIRST
    };
    let same_but_dearer = User {
        cost: Some(5_00),
        city: None,
        ..newest
    };
    deliver(
        &nights,
        1,
        &[
            newest,
            same_but_dearer,
            unknown,
            FIRST,
            User { id: "2", ..FIRST },
        ],
    );
    let report = nights.run(days_ago(1)).await.unwrap();
    let expected = ["1 5.00 NULL gold 1.000000", "2 30.00 Zug gold 1.000000"];
    assert_shown(&nights, days_ago(1), &expected).await;
    let told = report
        .warnings
        .iter()
        .filter(|text| text.contains("several rows of one user"));
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 1, "{:?}", report.warnings);
    assert!(
        told[0].contains("users") && told[0].contains("4 rows"),
        "{told:?}"
    );
}
