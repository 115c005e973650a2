//! The help texts about days that have expired or that are doubtful, applied: a plan says that the
//! run would be refused, or warns, and what it says is done with the same lake and output; then it
//! says so no more. Confirmations by a flag are applied in `retention`.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::retention::{DAYS, EDIT, day, order_of};
use crate::naive::fixtures::{days_ago, hand_given_cut_points};
use crate::naive::history::History;

/// Another reference of events.
const EVENTS: Edit = Edit {
    file: "reference/event_types.csv",
    from: "view,false,false",
    to: "view,false,true",
};

/// A lake of some days, all delivered and published up to D - 4.
async fn published() -> Nights {
    let mut nights = Nights::over(&History::default(), &Delivery::default());
    nights.edit_pack(&[]);
    nights.calibrate_by_hand(days_ago(DAYS), &hand_given_cut_points());
    for days in (4..=DAYS).rev() {
        nights.deliver(&day(days), &Delivery::default());
    }
    assert_eq!(nights.status_of(days_ago(4)).await, "published");
    nights.deliver(&day(3), &Delivery::default());
    nights
}

/// Where something is put while it is gone.
fn aside(path: &Path) -> PathBuf {
    path.with_file_name(format!("_aside-{}", path.file_name().unwrap().display()))
}

fn hide(path: &Path) {
    std::fs::rename(path, aside(path)).unwrap();
}

fn bring_back(path: &Path) {
    std::fs::rename(aside(path), path).unwrap();
}

fn partition(nights: &Nights, source: &str, date: NaiveDate) -> PathBuf {
    nights.lake().join(format!("{source}/dt={date}"))
}

/// The partitions of the oldest days, up to D - `last`.
fn oldest(nights: &Nights, last: i64) -> Vec<PathBuf> {
    let days = (last..=DAYS).map(days_ago);
    let of_day = |date| ["orders", "engagement"].map(|source| partition(nights, source, date));
    days.flat_map(of_day).collect()
}

/// The plan of the night after the last that is published.
async fn planned(nights: &Nights) -> String {
    let next = match partition(nights, "orders", days_ago(2)).exists() {
        true => 2,
        false => 3,
    };
    let planned = nights.plan(days_ago(next)).await.unwrap();
    planned.plan().to_string()
}

/// Asserts what the plan says, and that it would be refused for it.
async fn refused(nights: &Nights, help: &str) {
    let plan = planned(nights).await;
    assert!(plan.contains("a run would be refused: "), "{plan}");
    assert!(plan.contains(help), "`{help}` is not said: {plan}");
}

async fn warned(nights: &Nights, help: &str) {
    let plan = planned(nights).await;
    assert!(!plan.contains("would be refused"), "{plan}");
    assert!(plan.contains(help), "`{help}` is not said: {plan}");
}

async fn passes(nights: &Nights) {
    let plan = planned(nights).await;
    assert!(!plan.contains("would be refused"), "{plan}");
    assert!(!plan.contains("warning: source"), "{plan}");
}

/// Tiles of expired days that do not fit.
#[tokio::test]
async fn of_expired_days() {
    let mut nights = published().await;
    let expired = oldest(&nights, DAYS - 4);
    expired.iter().for_each(|path| hide(path));
    passes(&nights).await;

    nights.edit_pack(&[EDIT]);
    refused(
        &nights,
        "; restore the raw files of these days, put the SQL and the parameters back, or go on with --accept-shorter-history",
    )
    .await;
    expired.iter().for_each(|path| bring_back(path));
    passes(&nights).await;
    expired.iter().for_each(|path| hide(path));
    nights.edit_pack(&[]);
    passes(&nights).await;

    nights.edit_pack(&[EVENTS]);
    refused(&nights, ", put the reference file back, or go on").await;
    nights.edit_pack(&[]);
    passes(&nights).await;

    let tiles = nights.output_folder().join("tiles");
    hide(&tiles);
    refused(&nights, ", or the tiles from a copy").await;
    bring_back(&tiles);
    passes(&nights).await;
}

/// A feature that reads orders themselves.
#[tokio::test]
async fn of_a_feature_over_expired_days() {
    let nights = published().await;
    for path in oldest(&nights, DAYS - 4) {
        hide(&path);
    }
    let feature = nights.pack_folder().join("features/statuses.sql");
    let all = "-- Orders of any status.\nSELECT user_id, COUNT(*) AS statuses FROM staging.orders GROUP BY user_id\n";
    let recent = all.replace("GROUP", "WHERE day > $snapshot_date - 30 GROUP");
    let in_windows = "-- Orders that count.\nSELECT user_id, orders_lifetime AS statuses FROM windows('rollups.purchases', 'lifetime')\n";
    for mended in [recent.as_str(), in_windows] {
        std::fs::write(&feature, all).unwrap();
        refused(
            &nights,
            ", read them through windows(..) of a rollup, or add a condition on day, or go on",
        )
        .await;
        std::fs::write(&feature, mended).unwrap();
        passes(&nights).await;
    }
}

/// Days that are gone, have lost files or got others, when none has expired so far.
#[tokio::test]
async fn of_doubtful_days() {
    let nights = published().await;
    let [in_the_middle, first] =
        [20, DAYS].map(|days| partition(&nights, "orders", days_ago(days)));
    let keeps = "say how long raw files are kept in the job file, such as keeps = \"400 days\" in the source's section";
    hide(&in_the_middle);
    refused(&nights, &format!("; restore them, {keeps}, or confirm")).await;
    bring_back(&in_the_middle);
    passes(&nights).await;

    hide(&first);
    let scrap = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&order_of(DAYS, "9100"), &scrap);
    let help = "; remove them if it has expired, restore what it had, or confirm";
    refused(&nights, help).await;
    std::fs::rename(&first, first.with_file_name("_scrap")).unwrap();
    passes(&nights).await;
    bring_back(&first);
    passes(&nights).await;
}

/// Files that are not read, and files that are missing: the warning goes with its reason.
#[tokio::test]
async fn of_files_that_are_not_read() {
    let nights = published().await;
    let middle = partition(&nights, "orders", days_ago(20)).join("part-0.parquet");
    let late = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&order_of(20, "9100"), &late);
    assert_eq!(nights.status_of(days_ago(4)).await, "replaced");
    hide(&middle);
    warned(
        &nights,
        "the rows of these are gone; restore the files unless they were removed on purpose",
    )
    .await;
    bring_back(&middle);
    passes(&nights).await;

    let expired = oldest(&nights, DAYS - 4);
    expired.iter().for_each(|path| hide(path));
    assert_eq!(nights.status_of(days_ago(3)).await, "published");
    nights.deliver(&day(2), &Delivery::default());
    nights.deliver(&order_of(DAYS - 2, "9200"), &late);
    warned(
        &nights,
        "late-0.parquet; restore all files of a day to have them read",
    )
    .await;
    std::fs::remove_dir_all(&expired[4]).unwrap();
    expired.iter().for_each(|path| bring_back(path));
    passes(&nights).await;

    expired.iter().for_each(|path| hide(path));
    nights.deliver(&order_of(DAYS + 5, "9300"), &late);
    let help = "late-0.parquet; remove them, or restore the files of the days that have expired";
    warned(&nights, help).await;
    let of_new_day = partition(&nights, "orders", days_ago(DAYS + 5));
    hide(&of_new_day);
    passes(&nights).await;
    bring_back(&of_new_day);
    expired.iter().for_each(|path| bring_back(path));
    passes(&nights).await;
}
