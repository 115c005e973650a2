//! Late data restates published dates by the rules that they were published by, whatever has been
//! edited since; today's rules are taken where that is asked for.

use std::collections::BTreeSet;

use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::{newest_rows, of_any_run, publication, rows};
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order};
use crate::naive::history::History;
use crate::support::command::{Finished, Tierline};

const NOTHING: &str = "no published date is affected; nothing done\n";

/// A few users whose tiers hang on thresholds that the tests move.
fn history() -> History {
    let mut history = History::default();
    for days in 0..6 {
        history.orders.push(order("1", days, 40_00));
        history.events.push(event("2", days, "click"));
    }
    history.orders.push(order("3", 20, 500_00));
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

async fn assert_same(nights: &Nights, other: &Nights, days: i64) {
    for table in ["tier_snapshot", "tier_migration", "tier_summary"] {
        let found = rows(&nights.output(), days_ago(days), table).await;
        let expected = rows(&other.output(), days_ago(days), table).await;
        let [found, expected] = [found, expected].map(of_any_run);
        assert_same_rows(&format!("{table} of {}", days_ago(days)), &found, &expected);
    }
}

/// A parameter, a grace and new cut points, all of which change rows.
const SETTINGS: &str = "[params]\ndeep_interactions_7d = 1\n[grace_days]\nvalue_tier = 0\n";

#[tokio::test]
async fn late_data_after_an_edit_restates_old_dates_by_their_own_rules() {
    let mut nights = job();
    publish(&nights, [3, 2]).await;
    nights.sections = SETTINGS.to_owned();
    let mut cut_points = hand_given_cut_points();
    cut_points.recency_days = [1, 2, 3, 4];
    nights.calibrate_by_hand(days_ago(2), &cut_points);
    publish(&nights, [1, 0]).await;
    deliver_late(&nights);

    let plan = call(&nights, &["plan", "--date", &days_ago(-1).to_string()]);
    let (first, second) = (days_ago(3).to_string(), days_ago(2).to_string());
    let told =
        format!("by the rules they were published by, which are not today's: {first}, {second}\n");
    assert!(
        plan.stdout.contains(&told) || plan.exit_code != 0,
        "{plan:?}"
    );
    let restated = call(&nights, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    assert_eq!(
        restated.stdout.matches("replaced").count(),
        4,
        "{restated:?}"
    );
    let told = format!(
        "{first} to {second} (2 dates) were published by other SQL, parameters, settings or cut points than today's: restated by those they were published by; --rules today restates by today's\n"
    );
    assert_eq!(restated.stderr, told);
    let again = call(&nights, &["backfill", "--affected"]);
    assert_eq!((&*again.stdout, &*again.stderr), (NOTHING, ""));

    // As if the late order had been there from the first, and the edits came when they came.
    let mut other = job();
    deliver_late(&other);
    publish(&other, [3, 2]).await;
    other.sections = SETTINGS.to_owned();
    other.calibrate_by_hand(days_ago(2), &cut_points);
    publish(&other, [1, 0]).await;
    for days in 0..4 {
        assert_same(&nights, &other, days).await;
        let of_nights = publication(&nights.output(), days_ago(days)).await;
        let of_other = publication(&other.output(), days_ago(days)).await;
        assert_eq!(of_nights.rules_fingerprint, of_other.rules_fingerprint);
        assert_eq!(of_nights.cutpoints_id, of_other.cutpoints_id);
        assert_eq!(of_nights.sql_fingerprint, of_other.sql_fingerprint);
    }
}

#[tokio::test]
async fn todays_rules_restate_where_they_are_asked_for() {
    let mut nights = job();
    publish(&nights, [1, 0]).await;
    nights.sections = SETTINGS.to_owned();
    deliver_late(&nights);
    let restated = call(&nights, &["backfill", "--affected", "--rules", "today"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    assert!(
        restated
            .stderr
            .ends_with("than today's: restated by today's\n"),
        "{restated:?}"
    );

    let mut other = job();
    deliver_late(&other);
    other.sections = SETTINGS.to_owned();
    publish(&other, [1, 0]).await;
    for days in 0..2 {
        assert_same(&nights, &other, days).await;
    }
}

#[tokio::test]
async fn span_that_is_backfilled_goes_by_todays_rules_and_says_so() {
    let mut nights = job();
    publish(&nights, [1, 0]).await;
    let (from, to) = (days_ago(1).to_string(), days_ago(0).to_string());
    let span = ["backfill", "--from", &from, "--to", &to];
    let nothing = call(&nights, &span);
    assert_eq!(
        (nothing.exit_code, &*nothing.stderr),
        (0, ""),
        "{nothing:?}"
    );
    nights.sections = SETTINGS.to_owned();
    let anew = call(&nights, &span);
    assert_eq!(anew.exit_code, 0, "{anew:?}");
    let told = format!(
        "{from} to {to} (2 dates) were published by other SQL, parameters, settings or cut points than today's: republished by today's\n"
    );
    assert_eq!(anew.stderr, told);
}

/// A column more, a label less.
const EDITS: &[Edit] = &[
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    users.orders_lifetime,",
        to: "    users.orders_lifetime,\n    users.orders_lifetime * 2 AS orders_doubled,  -- twice\n   ",
    },
    Edit {
        file: "reference/dim_tier.csv",
        from: "Loyal",
        to: "Faithful",
    },
];

#[tokio::test]
async fn restated_dates_leave_columns_and_labels_of_today_alone() {
    let mut nights = job();
    publish(&nights, [1]).await;
    nights.edit_pack(EDITS);
    publish(&nights, [0]).await;
    let output = nights.output();
    let labels = newest_rows(&output, days_ago(0), "dim_tier").await;
    deliver_late(&nights);
    let restated = call(&nights, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    assert_eq!(
        restated.stdout.matches("replaced").count(),
        2,
        "{restated:?}"
    );

    let doubled = |rows: &[super::tables::Row]| -> BTreeSet<String> {
        rows.iter()
            .map(|row| row["orders_doubled"].clone())
            .collect()
    };
    let before = newest_rows(&output, days_ago(1), "tier_snapshot").await;
    assert_eq!(doubled(&before).len(), 1, "{before:?}");
    let after = newest_rows(&output, days_ago(0), "tier_snapshot").await;
    assert!(doubled(&after).len() > 1, "{after:?}");
    assert_eq!(newest_rows(&output, days_ago(0), "dim_tier").await, labels);
    for days in [1, 0] {
        let shown = call(&nights, &["show", "--date", &days_ago(days).to_string()]);
        assert_eq!(shown.exit_code, 0, "{shown:?}");
    }
    // A dropped column stays dropped.
    nights.edit_pack(&EDITS[1..]);
    let drops = "tier_snapshot.orders_doubled,tier_current.orders_doubled";
    let today = days_ago(0).to_string();
    let dropped = call(&nights, &["run", "--date", &today, "--drop-columns", drops]);
    assert_eq!(dropped.exit_code, 0, "{dropped:?}");
}

#[tokio::test]
async fn dropped_columns_do_not_come_back_with_the_rules_of_then() {
    let mut nights = job();
    nights.edit_pack(EDITS);
    publish(&nights, [1]).await;
    nights.edit_pack(&[]);
    let drops = "tier_snapshot.orders_doubled,tier_current.orders_doubled";
    let today = days_ago(0).to_string();
    let dropped = call(&nights, &["run", "--date", &today, "--drop-columns", drops]);
    assert_eq!(dropped.exit_code, 0, "{dropped:?}");
    deliver_late(&nights);
    let restated = call(&nights, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    let rows = newest_rows(&nights.output(), days_ago(1), "tier_snapshot").await;
    assert!(
        rows.iter().all(|row| !row.contains_key("orders_doubled")),
        "{rows:?}"
    );
}

#[tokio::test]
async fn rules_on_record_hold_no_places_and_no_secrets() {
    let nights = job();
    publish(&nights, [0]).await;
    let published = publication(&nights.output(), days_ago(0)).await;
    let rules = published.rules_fingerprint.unwrap();
    let record = nights.output_folder().join(format!("rules/{rules}.json"));
    let path = record;
    let text = std::fs::read_to_string(&path).unwrap();
    let record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "digest",
            "dimensions",
            "files",
            "format",
            "grace_days",
            "hold_days",
            "parameters",
            "sources",
            "timezone"
        ]
    );
    let sources = &record["sources"]["orders"];
    let keys: Vec<&String> = sources.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["columns", "delivered", "profile"]);

    // A record that somebody edited is not what the date was published by.
    let mut edited = nights.clone();
    edited.sections = SETTINGS.to_owned();
    deliver_late(&edited);
    std::fs::write(&path, text.replace("'paid'", "'payed'")).unwrap();
    let left = call(&edited, &["backfill", "--affected"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    let told = format!("{rules}.json` cannot be read: it was changed since it was written");
    assert!(left.stdout.contains(&told), "{left:?}");

    // Without the record, late data is told so, and today's rules are the way on.
    std::fs::remove_dir_all(nights.output_folder().join("rules")).unwrap();
    let left = call(&edited, &["backfill", "--affected"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    assert!(
        left.stdout.contains("it is gone; restore it from a copy"),
        "{left:?}"
    );
    let restated = call(&edited, &["backfill", "--affected", "--rules", "today"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
}

fn rules_on_record(nights: &Nights) -> BTreeSet<String> {
    let records = std::fs::read_dir(nights.output_folder().join("rules")).unwrap();
    let names = records.map(|record| record.unwrap().file_name().into_string().unwrap());
    names.collect()
}

/// Nothing has expired, so that nobody needs to know what was given up.
#[tokio::test]
async fn a_lost_record_of_rules_keeps_its_own_dates_as_they_are_and_no_others() {
    let mut nights = job();
    publish(&nights, [3, 2]).await;
    let lost = rules_on_record(&nights);
    nights.sections = SETTINGS.to_owned();
    let records = nights.output_folder().join("rules");
    let copies = lost
        .iter()
        .map(|name| std::fs::read(records.join(name)).unwrap());
    let copies: Vec<Vec<u8>> = copies.collect();
    for name in &lost {
        std::fs::remove_file(nights.output_folder().join("rules").join(name)).unwrap();
    }
    let date = days_ago(1).to_string();
    let told = call(&nights, &["run", "--date", &date]);
    assert_eq!(told.exit_code, 0, "{told:?}");
    let warning = "cannot be read: it is gone; dates that were published by these rules";
    assert!(told.stdout.contains(warning), "{told:?}");
    publish(&nights, [0]).await;

    deliver_late(&nights);
    let left = call(&nights, &["backfill", "--affected"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    let reason = " left as it is: the record of rules `";
    assert_eq!(left.stdout.matches(reason).count(), 2, "{left:?}");
    assert_eq!(left.stdout.matches(" replaced: ").count(), 2, "{left:?}");
    let told = "2 dates left as before, ";
    assert!(left.stderr.contains(told), "{left:?}");

    let told = "; restore it from a copy, or restate by today's with --rules today";
    assert_eq!(left.stdout.matches(told).count(), 2, "{left:?}");
    for (name, copy) in lost.iter().zip(&copies) {
        std::fs::write(nights.output_folder().join("rules").join(name), copy).unwrap();
    }
    let restated = call(&nights, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    // Those that follow on them, too.
    assert_eq!(
        restated.stdout.matches(" replaced: ").count(),
        4,
        "{restated:?}"
    );
}

#[tokio::test]
async fn a_lost_record_of_rules_is_kept_again_by_the_next_night() {
    let nights = job();
    publish(&nights, [1]).await;
    let kept = rules_on_record(&nights);
    std::fs::remove_dir_all(nights.output_folder().join("rules")).unwrap();
    publish(&nights, [0]).await;
    assert_eq!(rules_on_record(&nights), kept);
}
