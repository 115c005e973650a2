//! `tierline backfill`: many nights in order, of which those that are right already are passed
//! over, so that the same command goes on where it stopped.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::example::history;
use super::expected::assert_same_rows;
use super::job::Nights;
use super::lake::Delivery;
use super::tables;
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order};
use crate::naive::history::{History, Order};
use crate::support::command::{Finished, Tierline};

/// The job: orders are required, so that a day without them keeps a night from running.
fn job() -> Nights {
    let sources = "[sources.orders]\nurl = \"lake/orders\"\n\
                   [sources.engagement]\nurl = \"lake/engagement\"\nrequired = false\n";
    let nights = Nights::of_sources(sources.to_owned());
    nights.calibrate_by_hand(days_ago(4), &hand_given_cut_points());
    nights
}

/// The example's history, with an order on each of the last five days.
fn daily_history() -> History {
    let mut history = history();
    for days in 0..5 {
        history
            .orders
            .push(numbered(2_000, order("2", days, 30_00)));
    }
    history.users.clear();
    history
}

/// A late order of D - 1.
fn late() -> History {
    History {
        orders: vec![numbered(3_000, order("4", 1, 250_00))],
        ..History::default()
    }
}

/// With a number as its id, which the columns of the lake want.
fn numbered(number: usize, mut order: Order) -> Order {
    order.order_id = number.to_string();
    order
}

fn deliver_late(nights: &Nights) {
    let delivery = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &delivery);
}

fn delivered() -> Nights {
    let nights = job();
    nights.deliver(&daily_history(), &Delivery::default());
    nights
}

/// Calls a command with the job.
fn call(nights: &Nights, command: &str, arguments: &[&str]) -> Finished {
    let job = nights.job_file();
    let call = Tierline::new().args([command, job.to_str().unwrap()]);
    call.args(arguments).run()
}

/// Backfills D - `first` to D - `last`.
fn backfill(nights: &Nights, first: i64, last: i64, more: &[&str]) -> Finished {
    let (from, to) = (days_ago(first).to_string(), days_ago(last).to_string());
    let span = ["--from", &from, "--to", &to];
    call(nights, "backfill", &[&span[..], more].concat())
}

fn restate(nights: &Nights) -> Finished {
    call(nights, "backfill", &["--affected"])
}

/// The lines of a result, each up to the colon: which night, and what became of it.
fn nights_of(finished: &Finished) -> Vec<String> {
    // What is worth a look stands below its night.
    let lines = finished
        .stdout
        .lines()
        .filter(|line| !line.starts_with("  "));
    let nights = lines.map(|line| line.split(':').next().unwrap().to_owned());
    nights.collect()
}

/// `2026-11-19 published` and so on, for D - `first` to D - `last`.
fn became(first: i64, last: i64, status: &str) -> Vec<String> {
    let nights = (last..=first).rev();
    nights
        .map(|days| format!("{} {status}", days_ago(days)))
        .collect()
}

/// The nights from D - 4 to D are those of a job that ran them once each, from what is in the
/// lake now.
async fn assert_as_from_scratch(nights: &Nights) {
    let scratch = nights.publishing_to("scratch");
    scratch.calibrate_by_hand(days_ago(4), &hand_given_cut_points());
    for days in (0..=4).rev() {
        let night = days_ago(days);
        assert_eq!(scratch.status_of(night).await, "published");
        for table in ["tier_snapshot", "tier_migration", "tier_migration_matrix"] {
            let rows = tables::rows(&nights.output(), night, table).await;
            let expected = tables::rows(&scratch.output(), night, table).await;
            assert_same_rows(&format!("{table} of {night}"), &rows, &expected);
        }
    }
    let newest = days_ago(0);
    let rows = tables::rows(&nights.output(), newest, "tier_current").await;
    let expected = tables::rows(&scratch.output(), newest, "tier_current").await;
    assert_same_rows("tier_current", &rows, &expected);
}

#[tokio::test]
async fn gap_is_filled_in_order_and_then_there_is_nothing_to_do() {
    let nights = delivered();
    nights.run(days_ago(4)).await.unwrap();

    let first = backfill(&nights, 4, 0, &["--skip-exit-code"]);
    assert_eq!((first.exit_code, &*first.stderr), (0, ""), "{first:?}");
    let passed_over = became(4, 4, "already published");
    let expected = [passed_over, became(3, 0, "published")].concat();
    assert_eq!(nights_of(&first), expected);
    let told = "\n  warning alert: high_value_revenue_share is ";
    assert!(first.stdout.contains(told), "{first:?}");
    assert_as_from_scratch(&nights).await;

    let versions = tables::versions(&nights.output()).await;
    let second = backfill(&nights, 4, 0, &[]);
    assert_eq!((second.exit_code, &*second.stderr), (0, ""), "{second:?}");
    assert_eq!(nights_of(&second), became(4, 0, "already published"));
    let third = backfill(&nights, 4, 0, &["--skip-exit-code"]);
    assert_eq!((third.exit_code, &*third.stderr), (99, ""), "{third:?}");
    assert_eq!(tables::versions(&nights.output()).await, versions);
}

#[tokio::test]
async fn missing_partition_stops_it_and_the_same_command_goes_on() {
    let nights = delivered();
    let (missing, aside) = (partition(&nights, days_ago(2)), nights.lake().join("aside"));
    std::fs::rename(&missing, &aside).unwrap();

    let stopped = backfill(&nights, 4, 0, &[]);
    assert_eq!(stopped.exit_code, 4, "{stopped:?}");
    let mut expected = became(4, 3, "published");
    expected.push(format!(
        "stopped at {}, 3 of 5 nights to go; the same command goes on from there",
        days_ago(2)
    ));
    assert_eq!(nights_of(&stopped), expected);
    let day = days_ago(2);
    let said = "inputs not ready: source `orders` has no files in file://";
    assert!(stopped.stderr.contains(said), "{stopped:?}");
    assert!(
        stopped.stderr.contains(&format!("dt={day} for {day}")),
        "{stopped:?}"
    );

    // Orders of the day come at last.
    std::fs::rename(&aside, &missing).unwrap();
    let resumed = backfill(&nights, 4, 0, &[]);
    assert_eq!(
        (resumed.exit_code, &*resumed.stderr),
        (0, ""),
        "{resumed:?}"
    );
    let passed_over = became(4, 3, "already published");
    assert_eq!(
        nights_of(&resumed),
        [passed_over, became(2, 0, "published")].concat()
    );
    assert_as_from_scratch(&nights).await;
}

fn partition(nights: &Nights, day: NaiveDate) -> PathBuf {
    nights.lake().join(format!("orders/dt={day}"))
}

#[test]
fn result_of_a_stopped_backfill_is_json_too() {
    let nights = delivered();
    std::fs::remove_dir_all(partition(&nights, days_ago(3))).unwrap();

    let stopped = backfill(&nights, 4, 2, &["--output", "json"]);

    assert_eq!(stopped.exit_code, 4, "{stopped:?}");
    let result: serde_json::Value = serde_json::from_str(&stopped.stdout).unwrap();
    assert_eq!(result["status"], "inputs_not_ready");
    assert_eq!(result["nights_planned"], 3);
    let ran = result["nights"].as_array().unwrap();
    assert_eq!(ran.len(), 1);
    assert_eq!(ran[0]["snapshot_date"], days_ago(4).to_string());
    assert_eq!(ran[0]["status"], "published");
    let error = result["error"].as_str().unwrap();
    assert!(error.starts_with("inputs not ready: "), "{error}");
}

/// The part of a plan about other published dates.
fn affected_by(plan: &str) -> Vec<&str> {
    let lines = plan
        .lines()
        .skip_while(|line| !line.starts_with("published dates"));
    lines.skip(1).take_while(|line| !line.is_empty()).collect()
}

#[tokio::test]
async fn late_file_restates_the_dates_it_affects_and_no_other() {
    let nights = delivered();
    let all = backfill(&nights, 4, 0, &[]);
    assert_eq!(all.exit_code, 0, "{all:?}");
    let nothing = restate(&nights);
    assert_eq!(nothing.exit_code, 0, "{nothing:?}");
    assert_eq!(
        nothing.stdout,
        "no published date is affected; nothing done\n"
    );
    deliver_late(&nights);

    let (yesterday, today) = (days_ago(1).to_string(), days_ago(0).to_string());
    let plan = call(&nights, "plan", &["--date", &days_ago(2).to_string()]);
    assert_eq!(
        affected_by(&plan.stdout),
        [
            &*format!(
                "  source files of these days or earlier ones have changed: {yesterday}, {today}"
            ),
            "  `tierline backfill --affected` restates them, in the order of their dates",
        ],
        "{plan:?}"
    );
    let restated = restate(&nights);
    assert_eq!(
        (restated.exit_code, &*restated.stderr),
        (0, ""),
        "{restated:?}"
    );
    assert_eq!(nights_of(&restated), became(1, 0, "replaced"));
    assert_as_from_scratch(&nights).await;

    let versions = tables::versions(&nights.output()).await;
    let again = call(&nights, "backfill", &["--affected", "--skip-exit-code"]);
    assert_eq!(again.exit_code, 99, "{again:?}");
    assert_eq!(again.stdout, nothing.stdout);
    assert_eq!(tables::versions(&nights.output()).await, versions);
    let plan = call(&nights, "plan", &["--date", &today]);
    assert_eq!(affected_by(&plan.stdout), [""; 0], "{plan:?}");
}

/// A night that never ran comes between two that did: the later one follows on it from now on.
#[tokio::test]
async fn filled_gap_affects_the_date_after_it() {
    let nights = delivered();
    for days in [4, 3, 2, 0] {
        nights.run(days_ago(days)).await.unwrap();
    }
    let filled = backfill(&nights, 1, 1, &[]);
    assert_eq!(nights_of(&filled), became(1, 1, "published"), "{filled:?}");
    let next = "`tierline backfill --affected` does so";
    assert!(filled.stdout.contains(next), "{filled:?}");

    let today = days_ago(0);
    let plan = call(&nights, "plan", &["--date", &days_ago(1).to_string()]);
    assert_eq!(
        affected_by(&plan.stdout)[0],
        format!("  an earlier snapshot is republished or withdrawn: {today}"),
        "{plan:?}"
    );
    let restated = restate(&nights);
    assert_eq!(
        nights_of(&restated),
        became(0, 0, "replaced"),
        "{restated:?}"
    );
    assert_as_from_scratch(&nights).await;
    assert_eq!(
        restate(&nights).stdout,
        "no published date is affected; nothing done\n"
    );
}

/// What schedulers call after the night. A day that was not delivered leaves the other gaps to be
/// filled, and a date that was taken back stays so.
#[tokio::test]
async fn gaps_are_filled_and_late_data_restated_by_one_command() {
    let nights = delivered();
    let (missing, aside) = (partition(&nights, days_ago(3)), nights.lake().join("aside"));
    std::fs::rename(&missing, &aside).unwrap();
    for days in [4, 2, 0] {
        nights.run(days_ago(days)).await.unwrap();
    }
    let catch_up = || call(&nights, "backfill", &["--gaps", "30", "--affected"]);

    let left = catch_up();
    assert_eq!(left.exit_code, 3, "{left:?}");
    let mut expected = became(1, 1, "published");
    expected.extend(became(0, 0, "replaced"));
    expected.extend(became(3, 3, "left as it is"));
    assert_eq!(nights_of(&left), expected);
    let told = format!(
        "1 date left as before, {0} to {0}; the result says why",
        days_ago(3)
    );
    assert!(left.stderr.contains(&told), "{left:?}");

    std::fs::rename(&aside, &missing).unwrap();
    let filled = catch_up();
    assert_eq!((filled.exit_code, &*filled.stderr), (0, ""), "{filled:?}");
    let restated = became(2, 0, "replaced");
    assert_eq!(
        nights_of(&filled),
        [became(3, 3, "published"), restated].concat()
    );
    let next = "`tierline backfill";
    assert!(!filled.stdout.contains(next), "{filled:?}");
    assert_as_from_scratch(&nights).await;

    let day = days_ago(3).to_string();
    let withdrawn = call(&nights, "withdraw", &["--date", &day, "--yes"]);
    assert_eq!(withdrawn.exit_code, 0, "{withdrawn:?}");
    assert_eq!(nights_of(&catch_up()), became(2, 0, "replaced"));
}
