//! What comes after an expiry: more days expire under dates that were published since, sources run
//! empty or get files of old days, dates are withdrawn, and records get lost.

use super::job::{Nights, source};
use super::lake::Delivery;
use super::retention::{
    DAYS, NOTHING, Pair, call, day, order_of, pair_that_gave_up_history, plan, run,
};
use super::tables;
use crate::naive::fixtures::{days_ago, user};
use crate::naive::history::History;
use crate::support::command::Finished;

/// Orders of any status, of all days that there are.
const STATUSES: &str = "-- Orders of any status.\nSELECT user_id, COUNT(*) AS statuses FROM staging.orders GROUP BY user_id\n";

/// A pair of which the aging job has a feature that reads staging; the first days have expired,
/// and it was accepted that the feature knows nothing of them.
async fn pair_with_shorter_feature() -> Pair {
    let mut pair = Pair::new().await;
    pair.aging.edit_pack(&[]);
    let feature = pair.aging.pack_folder().join("features/statuses.sql");
    std::fs::write(feature, STATUSES).unwrap();
    assert_eq!(pair.aging.status_of(days_ago(4)).await, "replaced");
    pair.expire(DAYS - 4);
    pair.deliver(&day(3), "part");
    let accepted = run(&pair.aging, 3, &["--accept-shorter-history"]);
    assert_eq!(accepted.exit_code, 0, "{accepted:?}");
    pair
}

fn deliver_late(pair: &Pair) {
    pair.deliver(&order_of(10, "9100"), "late");
}

fn backfill(nights: &Nights) -> Finished {
    call(nights, "backfill", &["--affected"])
}

#[tokio::test]
async fn what_was_accepted_for_a_date_makes_it_no_poorer_as_more_days_expire() {
    let pair = pair_with_shorter_feature().await;
    let nights = &pair.aging;
    pair.expire(DAYS - 10);
    pair.deliver(&day(2), "part");
    let next = run(nights, 2, &[]);
    assert_eq!(next.exit_code, 0, "{next:?}");
    let told = format!(
        "`features.statuses` knows nothing of expired days before {}: they were given up",
        days_ago(DAYS - 11)
    );
    assert!(next.stdout.contains(&told), "{next:?}");

    let before = tables::rows(&nights.output(), days_ago(3), "tier_snapshot").await;
    deliver_late(&pair);
    let left = backfill(nights);
    assert_eq!(left.exit_code, 3, "{left:?}");
    for (days, first, count) in [(4, DAYS, 11), (3, DAYS - 5, 6)] {
        let reason = format!(
            "{} left as it is: `features.statuses` needs {count} days, {} to {}, ",
            days_ago(days),
            days_ago(first),
            days_ago(DAYS - 10)
        );
        assert!(left.stdout.contains(&reason), "{left:?}");
    }
    let replaced = format!("{} replaced: ", days_ago(2));
    assert!(left.stdout.contains(&replaced), "{left:?}");
    let after = tables::rows(&nights.output(), days_ago(3), "tier_snapshot").await;
    assert_eq!(before, after);
    let given_up = run(nights, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
}

/// Its record stays, as it may be all that knows of some days: not of those after every published
/// date.
#[tokio::test]
async fn a_withdrawn_date_in_the_future_leaves_no_doubt_behind() {
    let pair = Pair::new().await;
    let nights = &pair.aging;
    nights.deliver(&day(-20), &Delivery::default());
    let date = days_ago(-20).to_string();
    assert_eq!(nights.status_of(days_ago(-20)).await, "published");
    let withdrawn = call(nights, "withdraw", &["--date", &date, "--yes"]);
    assert_eq!(withdrawn.exit_code, 0, "{withdrawn:?}");
    for source in ["orders", "engagement"] {
        nights.expire(source, days_ago(-20));
    }
    let restated = backfill(nights);
    assert_eq!(
        (restated.exit_code, &*restated.stdout),
        (0, NOTHING),
        "{restated:?}"
    );
    pair.night(3).await;
}

#[tokio::test]
async fn files_of_a_day_that_nobody_knew_keep_no_later_one_from_expiring() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 1);
    pair.night(3).await;
    let delivery = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    pair.aging.deliver(&order_of(DAYS + 5, "9100"), &delivery);
    pair.night(2).await;
    pair.expire(DAYS - 3);
    pair.night(1).await;
    let told = format!(
        "source `orders` has files of {}, which no run has read, and days after them have expired: the files are not read: ",
        days_ago(DAYS + 5)
    );
    let said = plan(&pair.aging, 1);
    assert!(said.contains(&told), "{said}");
    assert_eq!(&*backfill(&pair.aging).stdout, NOTHING);
}

#[tokio::test]
async fn a_source_that_was_delivered_once_expires_as_its_section_says() {
    let mut pair = Pair::new().await;
    let registered = History {
        users: vec![user("1", DAYS - 2, Some(5_00)), user("9", DAYS - 2, None)],
        ..History::default()
    };
    pair.deliver(&registered, "part");
    for nights in pair.both() {
        assert_eq!(nights.status_of(days_ago(4)).await, "replaced");
    }
    pair.aging.expire("users", days_ago(DAYS - 2));
    pair.deliver(&day(3), "part");
    let asked = run(&pair.aging, 3, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    assert!(asked.stderr.contains("source `users` lacks "), "{asked:?}");

    let [orders, engagement, users] =
        ["orders", "engagement", "users"].map(|name| source(name, &format!("lake/{name}")));
    let sources = format!("{orders}{engagement}{users}keeps = \"50 days\"\n");
    pair.aging.set_sources(sources);
    pair.publish(3).await;
    pair.assert_same(3).await;
}

/// It says how much of history was given up: without it, what is missing is asked about once more.
#[tokio::test]
async fn without_the_record_of_rules_no_row_is_given_up_unasked() {
    let pair = pair_that_gave_up_history().await;
    let nights = &pair.aging;
    std::fs::remove_dir_all(nights.output_folder().join("rules")).unwrap();
    pair.deliver(&day(2), "part");
    let asked = run(nights, 2, &[]);
    assert_eq!(asked.exit_code, 3, "{asked:?}");
    let needs = "`rollups.purchases` needs 5 days, ";
    assert!(asked.stderr.contains(needs), "{asked:?}");
    let warning = "cannot be read: it is gone";
    assert!(asked.stdout.contains(warning), "{asked:?}");
    let given_up = run(nights, 2, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
}

/// Tables are put right before it is known that the date cannot be restated.
#[tokio::test]
async fn a_date_that_is_left_tells_what_its_night_has_found_and_done() {
    let pair = Pair::new().await;
    pair.expire(DAYS - 4);
    pair.deliver(&day(3), "part");
    let nights = &pair.aging;
    nights.remove_tiles();
    let given_up = run(nights, 3, &["--accept-shorter-history"]);
    assert_eq!(given_up.exit_code, 0, "{given_up:?}");
    deliver_late(&pair);
    let log = nights.output_folder().join("tables/alerts/_delta_log");
    let version = std::fs::read_dir(&log).unwrap().count();
    let info = serde_json::json!({"commitInfo": {"timestamp": 0, "operation": "DELETE"}});
    let removed = serde_json::json!({"remove": {
        "path": "gone.parquet",
        "partitionValues": {"snapshot_date": days_ago(3).to_string()},
        "deletionTimestamp": 0,
        "dataChange": true,
    }});
    let foreign = format!("{info}\n{removed}\n");
    std::fs::write(log.join(format!("{version:020}.json")), foreign).unwrap();

    let left = call(nights, "backfill", &["--affected", "--output", "json"]);
    assert_eq!(left.exit_code, 3, "{left:?}");
    let result: serde_json::Value = serde_json::from_str(&left.stdout).unwrap();
    let night = &result["left"][0]["night"];
    assert_eq!(night["snapshot_date"], days_ago(4).to_string(), "{left:?}");
    assert_eq!(night["status"], "blocked");
    assert_eq!(night["repaired"], serde_json::json!(["alerts"]));
    let warnings = night["warnings"].to_string();
    assert!(
        warnings.contains("table `alerts` was changed"),
        "{warnings}"
    );
}
