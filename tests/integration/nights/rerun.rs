//! A date run again: nothing happens unless its inputs changed, and then it is replaced whole.

use chrono::NaiveDate;
use tierline::ground::{Classified, FailureKind};
use tierline::night::Status;

use super::example::{
    history, history_with_late, last_night, late, night_before, rows_of_last, rules,
};
use super::expected::{assert_same_night, assert_same_rows, current, newest, published};
use super::job::{Nights, calibration_id};
use super::lake::Delivery;
use super::tables::versions;
use crate::naive::fixtures::days_ago;
use crate::naive::history::History;
use crate::support::command::Tierline;

fn late_file() -> Delivery {
    Delivery {
        file_name: "late",
        ..Delivery::default()
    }
}

/// The night before D and D, published.
async fn two_nights() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    assert_eq!(nights.status_of(night_before()).await, "published");
    assert_eq!(nights.status_of(last_night()).await, "published");
    nights
}

/// Runs D, which must be replaced in one version per table, and compares it with what the naive
/// computation makes of `seen` on D.
async fn assert_replaced(nights: &Nights, seen: &History) {
    let output = nights.output();
    let before = versions(&output).await;
    let report = nights.run_without_removed(last_night()).await.unwrap();
    assert_eq!(report.status, Status::Replaced);
    let one_more = before
        .into_iter()
        .map(|(table, version)| (table, version + 1));
    assert_eq!(versions(&output).await, one_more.collect());

    let rows = [(night_before(), &history()), (last_night(), seen)];
    let expected = rows_of_last(&rows, &rules(night_before()));
    assert_same_night(
        last_night(),
        &published(&output, last_night()).await,
        &expected,
    );
    assert_same_night(
        last_night(),
        &newest(&output, last_night()).await,
        &expected,
    );
    let current = current(&output, last_night()).await;
    assert_same_rows("tier_current", &current, &expected.snapshot);
}

/// The plan knows what was there when it listed, and a night reads that or nothing.
#[tokio::test]
async fn files_delivered_anew_since_the_plan_was_made_end_the_night_and_not_the_next_one() {
    let nights = two_nights().await;
    nights.remove_tiles();
    nights.deliver(&late(), &late_file());
    let planned = nights.plan(last_night()).await.unwrap();
    nights.deliver(&history(), &Delivery::default());
    let error = planned.execute().await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unexpected);
    let said = error.to_string();
    assert!(
        said.ends_with(" changed while it was read; run again"),
        "{said}"
    );
    assert!(nights.tiles().is_empty());
    assert_replaced(&nights, &history_with_late()).await;
}

#[tokio::test]
async fn same_inputs_publish_nothing_again() {
    let nights = two_nights().await;
    let before = versions(&nights.output()).await;

    for night in [night_before(), last_night()] {
        let report = nights.run(night).await.unwrap();
        assert_eq!(report.status, Status::AlreadyPublished);
        assert_eq!(report.bytes_written, 0);
    }

    assert_eq!(versions(&nights.output()).await, before);
}

/// A scheduler that asks twice once got a result without them.
#[tokio::test]
async fn result_of_a_second_run_has_the_moves_and_alerts_of_the_first() {
    let nights = two_nights().await;
    nights.deliver(&late(), &late_file());
    let date = last_night().to_string();
    let run = || {
        let job = nights.job_file();
        let call = Tierline::new().args(["run"]).args([job]);
        let finished = call.args(["--date", &date, "--output", "json"]).run();
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        serde_json::from_str::<serde_json::Value>(&finished.stdout).unwrap()
    };
    let (first, second) = (run(), run());
    assert_eq!(
        (&first["status"], &second["status"]),
        (&"replaced".into(), &"already_published".into())
    );
    assert!(!first["moves"].as_object().unwrap().is_empty(), "{first}");
    assert_eq!(second["moves"], first["moves"]);
    assert_eq!(second["alerts"], first["alerts"]);
}

#[tokio::test]
async fn late_file_in_an_old_day_replaces_the_date() {
    let nights = two_nights().await;
    nights.deliver(&late(), &late_file());
    assert_replaced(&nights, &history_with_late()).await;
}

#[tokio::test]
async fn removed_file_replaces_the_date_and_its_users_leave() {
    let nights = two_nights().await;
    // The only day of its source, so that nobody can take it for expired.
    nights.expire("users", days_ago(15));
    let mut left = history();
    left.users.clear();
    assert_replaced(&nights, &left).await;
}

#[tokio::test]
async fn late_file_after_the_date_changes_nothing() {
    let nights = two_nights().await;
    let mut tomorrow = late();
    tomorrow.orders[0].day = days_ago(-1);
    nights.deliver(&tomorrow, &late_file());
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

#[tokio::test]
async fn edited_parameter_replaces_the_date() {
    let mut nights = two_nights().await;
    nights.sections = "[params]\nloyal_orders = 1\n".to_owned();
    assert_eq!(nights.status_of(last_night()).await, "replaced");

    let before =
        crate::naive::snapshot::snapshot(&history(), night_before(), &rules(night_before()), None);
    let mut edited = rules(night_before());
    edited.parameters.loyal_orders = 1;
    edited.parameters.new_orders_below = 1;
    let now = crate::naive::snapshot::snapshot(&history(), last_night(), &edited, Some(&before));
    let expected = super::expected::expected(Some(&before), &now);
    let published = published(&nights.output(), last_night()).await;
    assert_same_night(last_night(), &published, &expected);
}

/// What `plan` gives as the reason to publish D again.
async fn reason(nights: &Nights, night: NaiveDate) -> String {
    let planned = nights.plan(night).await.unwrap();
    let action = planned.plan().action.to_string();
    let (_, changed) = action.split_once("changed since: ").unwrap();
    changed.to_owned()
}

#[tokio::test]
async fn plan_says_what_changed_since_a_date_was_published() {
    let mut nights = two_nights().await;
    nights.sections = "[params]\nloyal_orders = 1\n".to_owned();
    assert_eq!(
        reason(&nights, last_night()).await,
        "SQL, parameters or reference files"
    );
    nights.sections = "[grace_days]\nvalue_tier = 3\n".to_owned();
    assert_eq!(reason(&nights, last_night()).await, "settings of the job");
    nights.sections = String::new();
    nights.deliver(&late(), &late_file());
    assert_eq!(reason(&nights, last_night()).await, "source files");
    nights.run(night_before()).await.unwrap();
    assert_eq!(
        reason(&nights, last_night()).await,
        "source files, the snapshot before it"
    );
}

#[tokio::test]
async fn plan_says_that_all_source_files_have_other_paths() {
    let copy = two_nights().await.copied();
    assert_eq!(
        reason(&copy, last_night()).await,
        "source files, which all have other paths now: a copy in another folder or bucket counts as new files"
    );
}

#[tokio::test]
async fn restated_older_date_leaves_current_on_the_newest_and_warns() {
    let nights = two_nights().await;
    let output = nights.output();
    let before = versions(&output).await;
    nights.deliver(&late(), &late_file());

    let report = nights.run(night_before()).await.unwrap();

    assert_eq!(report.status, Status::Replaced);
    let warning = format!(
        "published dates to restate: 1, from {} on; `tierline backfill --affected` does so",
        last_night()
    );
    assert_eq!(report.warnings, [warning]);
    assert_eq!(
        versions(&output).await["tier_current"],
        before["tier_current"]
    );
    let newest = [(night_before(), &history()), (last_night(), &history())];
    let newest = rows_of_last(&newest, &rules(night_before()));
    let current_rows = current(&output, last_night()).await;
    assert_same_rows("tier_current", &current_rows, &newest.snapshot);
    let restated = rows_of_last(
        &[(night_before(), &history_with_late())],
        &rules(night_before()),
    );
    assert_same_night(
        night_before(),
        &published(&output, night_before()).await,
        &restated,
    );

    assert_eq!(nights.status_of(last_night()).await, "replaced");
    let both = [night_before(), last_night()].map(|night| (night, history_with_late()));
    let both = both.each_ref().map(|(night, history)| (*night, history));
    let expected = rows_of_last(&both, &rules(night_before()));
    assert_same_night(
        last_night(),
        &published(&output, last_night()).await,
        &expected,
    );
}

#[tokio::test]
async fn gap_of_nights_is_warned_about() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(4)).await.unwrap();

    let report = nights.run(last_night()).await.unwrap();

    let (first, last) = (days_ago(3), days_ago(1));
    let expected = format!(
        "3 days before this one were never published: {first} to {last}; `tierline backfill --from {first} --to {last}` does so"
    );
    assert_eq!(report.warnings, [expected]);
    assert_eq!(report.previous_snapshot_date, Some(days_ago(4).to_string()));

    let (first, last) = (first.to_string(), last.to_string());
    let backfill = Tierline::new().args(["backfill"]).args([nights.job_file()]);
    let filled = backfill.args(["--from", &first, "--to", &last]).run();
    assert_eq!(filled.exit_code, 0, "{filled:?}");
    let planned = nights.plan(last_night()).await.unwrap();
    let plan = planned.plan().to_string();
    assert!(!plan.contains("never published"), "{plan}");
}

#[tokio::test]
async fn calibration_of_the_first_night_is_kept() {
    let nights = Nights::over(&history(), &Delivery::default());
    let first = nights.run(night_before()).await.unwrap();
    assert!(first.calibrated);
    nights.deliver(&late(), &late_file());
    for night in [last_night(), night_before()] {
        let later = nights.run(night).await.unwrap();
        assert!(!later.calibrated);
        assert_eq!(later.cutpoints_id, Some(calibration_id(night_before())));
    }
    assert_eq!(
        nights.calibrations(),
        [format!("{}.json", calibration_id(night_before()))]
    );
}

#[tokio::test]
async fn calibration_tells_its_population_and_users_per_score() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();

    let naive = crate::naive::calibration::calibrate(&history(), last_night()).unwrap();
    let record = nights.calibration(last_night());
    assert_eq!(record["population"], naive.population);
    assert_eq!(record["as_of"], last_night().to_string());
    let users = |metric: usize| record["metrics"][metric]["users"].clone();
    let [mut recency, orders, revenue] = [
        naive.users_per_score.r_score,
        naive.users_per_score.f_score,
        naive.users_per_score.m_score,
    ];
    // The record counts from cut 1 upwards, and the most recent have the highest score.
    recency.reverse();
    assert_eq!(users(0), serde_json::json!(recency));
    assert_eq!(users(1), serde_json::json!(orders));
    assert_eq!(users(2), serde_json::json!(revenue));
}

/// Calibrating once computed the features again for each metric.
#[tokio::test]
async fn calibrating_reads_no_source_again() {
    let calibrating = Nights::over(&history(), &Delivery::default());
    let given = Nights::over(&history(), &Delivery::default());
    let cut_points = rules(last_night()).cut_points;
    given.calibrate_by_hand(last_night(), &cut_points);

    let calibrating = calibrating.run(last_night()).await.unwrap();
    let given = given.run(last_night()).await.unwrap();

    let files = history().orders.len() as u64;
    let extra = calibrating.get_requests.saturating_sub(given.get_requests);
    assert!(extra < files, "{extra} more requests to calibrate");
}

#[tokio::test]
async fn pinned_calibration_that_does_not_exist_is_refused() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.sections = "[calibration]\nid = \"2020-01-01-v1\"\n".to_owned();

    let refused = nights.run(last_night()).await.unwrap_err();

    assert_eq!(refused.kind(), FailureKind::Usage);
    assert_eq!(
        refused.to_string(),
        "the job pins calibration `2020-01-01-v1`, which does not exist; there are: 2026-11-19-v1"
    );
}

#[tokio::test]
async fn pinned_calibration_is_used_instead_of_a_newer_one() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(5)).await.unwrap();
    nights.calibrate_by_hand(
        night_before(),
        &crate::naive::fixtures::hand_given_cut_points(),
    );
    let newer = nights.run(last_night()).await.unwrap();
    assert_eq!(newer.cutpoints_id, Some(calibration_id(night_before())));

    nights.sections = format!("[calibration]\nid = \"{}\"\n", calibration_id(days_ago(5)));
    let pinned = nights.run(last_night()).await.unwrap();

    assert_eq!(pinned.status, Status::Replaced);
    let both = [days_ago(5), last_night()].map(|night| (night, history()));
    let both = both.each_ref().map(|(night, history)| (*night, history));
    let expected = rows_of_last(&both, &rules(days_ago(5)));
    assert_same_night(
        last_night(),
        &published(&nights.output(), last_night()).await,
        &expected,
    );
}
