//! A published date taken back, by the real command: its rows leave the tables, `tier_current` goes
//! to the newest date that is left, and later dates are restated.

use regex::Regex;
use serde_json::Value;

use super::example::{history, last_night, night_before, rows_of_last, rules};
use super::expected::{assert_same_night, assert_same_rows, newest, newest_current, published};
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::{dates, newest_rows, rows};
use crate::naive::fixtures::{days_ago, hand_given_cut_points};
use crate::support::command::{Finished, Tierline};

/// Calls a command for the job of these nights.
fn tierline(nights: &Nights, arguments: &[&str]) -> Finished {
    let (command, rest) = arguments.split_first().unwrap();
    let call = Tierline::new().args([command]).args([nights.job_file()]);
    call.args(rest).run()
}

/// Withdraws a date, and returns what the command says of it.
fn withdraw(nights: &Nights, date: &str) -> Value {
    let arguments = ["withdraw", "--date", date, "--yes", "--output", "json"];
    let finished = tierline(nights, &arguments);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

async fn two_nights() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.run(last_night()).await.unwrap();
    nights
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_date_is_taken_back_and_published_again() {
    let nights = two_nights().await;
    let date = last_night().to_string();
    let result = withdraw(&nights, &date);
    assert_eq!(result["status"], "withdrawn");
    assert_eq!(result["is_newest"], true);
    assert_eq!(result["newest_left"], night_before().to_string());
    assert_eq!(result["affected_dates"], serde_json::json!([]));

    let output = nights.output();
    for (table, found) in dates(&output).await {
        assert!(!found.contains(&last_night()), "{table}");
    }
    let left = rows_of_last(&[(night_before(), &history())], &rules(night_before()));
    assert_same_night(
        night_before(),
        &newest(&output, night_before()).await,
        &left,
    );
    let current = newest_current(&output, night_before()).await;
    assert_same_rows("tier_current", &current, &left.snapshot);
    let shown = tierline(&nights, &["show"]);
    assert!(
        shown
            .stdout
            .starts_with(&format!("Snapshot of {}", night_before())),
        "{shown:?}"
    );
    let shown = tierline(&nights, &["show", "--date", &date]);
    assert_eq!(shown.exit_code, 2);
    let run_id = result["withdrawn_by"].as_str().unwrap();
    let said = format!(
        r"error: {date} was withdrawn, at 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC by run {run_id}; the nearest that are published: {}\n",
        night_before()
    );
    assert!(
        Regex::new(&said).unwrap().is_match(&shown.stderr),
        "{shown:?}"
    );
    let remedy = format!("help: name one of them, or publish it: `tierline run --date {date}`\n");
    assert!(shown.stderr.contains(&remedy), "{shown:?}");

    let again = withdraw(&nights, &date);
    assert_eq!(again["status"], "already_withdrawn");
    assert_eq!(again["withdrawn_by"], result["withdrawn_by"]);

    assert_eq!(nights.status_of(last_night()).await, "published");
    let both = [night_before(), last_night()].map(|night| (night, history()));
    let both = both.each_ref().map(|(night, history)| (*night, history));
    let expected = rows_of_last(&both, &rules(night_before()));
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
    let current = newest_current(&output, last_night()).await;
    assert_same_rows("tier_current", &current, &expected.snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_after_a_withdrawn_one_are_restated() {
    let nights = Nights::over(&history(), &Delivery::default());
    for night in [days_ago(2), night_before(), last_night()] {
        nights.run(night).await.unwrap();
    }
    let date = night_before().to_string();
    let shown = tierline(&nights.copied(), &["withdraw", "--date", &date, "--yes"]);
    let told = "`tierline backfill --affected` restates the dates that follow on it.";
    assert!(shown.stdout.contains(told), "{shown:?}");
    let result = withdraw(&nights, &date);
    assert_eq!(
        result["affected_dates"],
        serde_json::json!([last_night().to_string()])
    );
    let planned = nights.plan(last_night()).await.unwrap();
    let plan = planned.plan();
    let previous = plan.previous.as_ref().unwrap();
    assert_eq!(previous.snapshot_date.day(), days_ago(2));
    assert_eq!(plan.gaps, [night_before()]);

    let restated = tierline(&nights, &["backfill", "--affected"]);
    let line = format!("{} replaced: ", last_night());
    assert!(restated.stdout.starts_with(&line), "{restated:?}");
    let both = [days_ago(2), last_night()].map(|night| (night, history()));
    let both = both.each_ref().map(|(night, history)| (*night, history));
    let expected = rows_of_last(&both, &rules(days_ago(2)));
    let output = nights.output();
    assert_same_night(
        last_night(),
        &newest(&output, last_night()).await,
        &expected,
    );
}

/// A date that filled a gap kept no tables of the newest date, and becomes the newest.
#[tokio::test(flavor = "multi_thread")]
async fn date_that_filled_a_gap_is_made_the_newest_by_its_next_run() {
    let nights = Nights::over(&history(), &Delivery::default());
    for night in [days_ago(2), last_night(), night_before()] {
        nights.run(night).await.unwrap();
    }
    let before = night_before().to_string();
    let meaning = tierline(&nights, &["withdraw", "--date", &last_night().to_string()]);
    let told = "  which was not the newest when it was published: tables of your own that keep the newest date alone are empty until it is restated\n";
    assert!(meaning.stdout.contains(told), "{meaning:?}");
    let copied = nights.copied();
    let date = last_night().to_string();
    let shown = tierline(&copied, &["withdraw", "--date", &date, "--yes"]);
    let next = format!("`tierline run --date {before}` makes the tables of the newest date.");
    assert!(shown.stdout.contains(&next), "{shown:?}");
    let result = withdraw(&nights, &date);
    assert_eq!(result["affected_dates"], serde_json::json!([before]));
    let planned = tierline(&nights, &["plan", "--date", &before]);
    assert!(
        planned.stdout.contains("which date is the newest"),
        "{planned:?}"
    );

    let restated = tierline(&nights, &["backfill", "--affected"]);
    assert!(
        restated.stdout.starts_with(&format!("{before} replaced: ")),
        "{restated:?}"
    );
    assert_eq!(copied.status_of(night_before()).await, "replaced");
    for nights in [nights, copied] {
        let of_snapshot = newest_rows(&nights.output(), night_before(), "tier_snapshot").await;
        let current = rows(&nights.output(), night_before(), "tier_current").await;
        assert_same_rows("tier_current", &current, &of_snapshot);
        assert_eq!(nights.status_of(night_before()).await, "already_published");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_date_leaves_empty_tables_that_the_next_night_fills() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let result = withdraw(&nights, &night_before().to_string());
    assert_eq!(result["newest_left"], Value::Null);
    let shown = tierline(&nights, &["show"]);
    let said = format!(
        "nothing is published any more: {} was withdrawn, at ",
        night_before()
    );
    assert!(shown.stderr.contains(&said), "{shown:?}");
    assert!(
        newest_current(&nights.output(), night_before())
            .await
            .is_empty()
    );
    assert_eq!(nights.status_of(last_night()).await, "published");
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.previous_snapshot_date, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_withdrawn_unless_it_is_confirmed_and_published() {
    let nights = two_nights().await;
    let date = night_before().to_string();
    let asked = tierline(&nights, &["withdraw", "--date", &date]);
    // A scheduler without a terminal, which forgot the flag.
    assert_eq!(asked.exit_code, 2, "{asked:?}");
    let text = format!(
        "  published dates that follow on it: 1, {0} to {0}\n",
        last_night()
    );
    assert!(asked.stdout.contains(&text), "{asked:?}");
    let message = format!("error: {date} was not withdrawn, as nobody could be asked\n");
    assert!(asked.stderr.contains(&message), "{asked:?}");
    let remedy = "help: to withdraw it, run the same command with --yes\n";
    assert!(asked.stderr.contains(remedy), "{asked:?}");
    let as_json = ["withdraw", "--date", &date, "--output", "json"];
    let asked = tierline(&nights, &as_json);
    assert_eq!(asked.exit_code, 2, "{asked:?}");
    let result: Value = serde_json::from_str(&asked.stdout).unwrap();
    assert_eq!(result["status"], "not_withdrawn");
    assert_eq!(
        result["affected_dates"],
        serde_json::json!([last_night().to_string()])
    );
    assert_eq!(nights.status_of(night_before()).await, "already_published");

    let never = days_ago(9).to_string();
    let refused = tierline(&nights, &["withdraw", "--date", &never, "--yes"]);
    assert_eq!(refused.exit_code, 2);
    let message = format!(
        "{never} is not published; the nearest that are: {date}, {}",
        last_night()
    );
    assert!(refused.stderr.contains(&message), "{refused:?}");
    let remedy = "help: name one of them: a date that is not published needs no withdrawal\n";
    assert!(refused.stderr.contains(remedy), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_in_the_future_are_refused_but_can_be_withdrawn() {
    let nights = two_nights().await;
    let job = nights.job_file();
    let text = nights.job_text().replace("future_dates = true\n", "");
    std::fs::write(&job, text).unwrap();
    let call = |arguments: &[&str]| {
        let (command, rest) = arguments.split_first().unwrap();
        let call = Tierline::new().args([command]).args([&job]);
        call.args(rest).run()
    };
    for arguments in [
        &["run", "--date", "2999-01-01"][..],
        &["run", "--as-of", "2999-01-02"],
        &["plan", "--date", "2999-01-01"],
        &["calibrate", "--date", "2999-01-01"],
        &["backfill", "--from", "2026-11-01", "--to", "2999-01-01"],
    ] {
        let refused = call(arguments);
        assert_eq!(refused.exit_code, 2, "{refused:?}");
        let message = "2999-01-01 is in the future: in UTC it is ";
        assert!(refused.stderr.contains(message), "{refused:?}");
    }
    let withdrawn = call(&["withdraw", "--date", "2999-01-01", "--yes"]);
    assert!(
        withdrawn.stderr.contains("2999-01-01 is not published"),
        "{withdrawn:?}"
    );
}

/// They were those of the withdrawn date until the next night.
#[tokio::test(flavor = "multi_thread")]
async fn labels_go_back_with_the_newest_date() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let output = nights.output();
    let before = newest_rows(&output, night_before(), "dim_tier").await;
    nights.edit_pack(&[Edit {
        file: "reference/dim_tier.csv",
        from: "Important: value",
        to: "Important: worth",
    }]);
    nights.run(last_night()).await.unwrap();
    assert_ne!(newest_rows(&output, last_night(), "dim_tier").await, before);
    withdraw(&nights, &last_night().to_string());
    assert_eq!(
        newest_rows(&output, night_before(), "dim_tier").await,
        before
    );
    let labels = rows(&output, night_before(), "dim_tier").await;
    assert_eq!(labels.len(), before.len());
    let next = last_night().succ_opt().unwrap();
    let report = nights.run(next).await.unwrap();
    assert!(report.repaired.is_empty(), "{report:?}");
}

/// A date that was not the newest publishes no labels of metrics, and readers need those of before.
#[tokio::test(flavor = "multi_thread")]
async fn labels_of_metrics_stay_when_the_date_that_is_left_has_none() {
    let mut nights = two_nights().await;
    nights.sections = "[params]\nmin_high_value_revenue_share = 0.5\n".to_owned();
    nights.run(night_before()).await.unwrap();
    let output = nights.output();
    let before = newest_rows(&output, last_night(), "dim_metric").await;
    assert!(!before.is_empty());
    withdraw(&nights, &last_night().to_string());
    let after = newest_rows(&output, night_before(), "dim_metric").await;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_points_that_outlive_the_date_they_were_made_on_are_told() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.calibrate_by_hand(night_before(), &hand_given_cut_points());
    nights.run(night_before()).await.unwrap();
    nights.run(last_night()).await.unwrap();
    let asked = tierline(
        &nights,
        &["withdraw", "--date", &night_before().to_string()],
    );
    let told = format!(
        "  cut points {0}-v1, calibrated on its users, go on scoring all dates: `id` in [calibration] of the job pins others, `tierline calibrate` makes some\n",
        night_before()
    );
    assert!(asked.stdout.contains(&told), "{asked:?}");
    let result = withdraw(&nights, &last_night().to_string());
    assert_eq!(result["cut_points_kept"], Value::Null);
    let result = withdraw(&nights, &night_before().to_string());
    let id = format!("{}-v1", night_before());
    assert_eq!(result["cut_points_kept"]["cutpoints_id"], id);
}
