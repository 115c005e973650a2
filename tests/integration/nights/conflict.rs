//! Two runs of one date at once: one of them publishes, and the tables are whole.

use std::path::Path;

use tierline::ground::{Classified, FailureKind};

use super::example::{history, history_with_late, last_night, late, rows_of_last, rules};
use super::expected::{assert_same_night, newest, published};
use super::job::Nights;
use super::lake::Delivery;
use crate::support::command::Tierline;

#[tokio::test]
async fn run_that_was_overtaken_gets_a_conflict_and_changes_nothing() {
    let nights = Nights::over(&history(), &Delivery::default());
    let slow = nights.plan(last_night()).await.unwrap();
    nights.run(last_night()).await.unwrap();

    let overtaken = slow.execute().await.unwrap_err();

    assert_eq!(overtaken.kind(), FailureKind::Conflict);
    let told = overtaken.to_string();
    assert!(
        told.starts_with("another run committed to table "),
        "{told}"
    );
    assert!(
        told.ends_with(", which this run was based on; run it again"),
        "{told}"
    );
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    let expected = rows_of_last(&[(last_night(), &history())], &rules(last_night()));
    let output = nights.output();
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
}

/// The drafts are written and audited by then; none of their files stays.
#[tokio::test]
async fn calibration_that_another_run_kept_first_leaves_no_drafts() {
    let nights = Nights::over(&history(), &Delivery::default());
    let slow = nights.plan(last_night()).await.unwrap();
    nights.calibrate_by_hand(last_night(), &rules(last_night()).cut_points);

    let overtaken = slow.execute().await.unwrap_err();

    assert_eq!(overtaken.kind(), FailureKind::Conflict);
    let told = overtaken.to_string();
    assert!(
        told.starts_with("another run has just written calibration `"),
        "{told}"
    );
    assert!(told.ends_with("`; run again"), "{told}");
    assert_eq!(files_below(&nights.output_folder().join("tables")), 0);
    assert_eq!(nights.status_of(last_night()).await, "published");
}

/// How many files there are in a folder and the folders in it.
fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let files = entries.map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path) } else { 1 }
    });
    files.sum()
}

/// Whoever wins, and however their commits interleave, running again makes all tables right.
#[tokio::test]
async fn of_two_runs_over_different_inputs_one_publishes() {
    let nights = Nights::over(&history(), &Delivery::default());
    let before = nights.plan(last_night()).await.unwrap();
    nights.deliver(
        &late(),
        &Delivery {
            file_name: "late",
            ..Delivery::default()
        },
    );
    let after = nights.plan(last_night()).await.unwrap();

    let (before, after) = futures::join!(before.execute(), after.execute());

    let outcomes = [(before, history()), (after, history_with_late())];
    let mut winners = outcomes.iter().filter(|(outcome, _)| outcome.is_ok());
    let (_, seen) = winners.next().unwrap();
    assert!(winners.next().is_none());
    let losers = outcomes
        .iter()
        .filter_map(|(outcome, _)| outcome.as_ref().err());
    for loser in losers {
        assert_eq!(loser.kind(), FailureKind::Conflict, "{loser}");
    }
    let output = nights.output();
    let calibrated_on = crate::naive::calibration::calibrate(seen, last_night()).unwrap();
    let rules = crate::naive::parameters::Rules::with_cut_points(calibrated_on.cut_points);
    let won = rows_of_last(&[(last_night(), seen)], &rules);
    assert_same_night(last_night(), &published(&output, last_night()).await, &won);

    nights.run(last_night()).await.unwrap();
    let expected = rows_of_last(&[(last_night(), &history_with_late())], &rules);
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
}

#[tokio::test]
async fn of_two_processes_at_once_the_second_conflicts_or_has_nothing_to_do() {
    let nights = Nights::over(&history(), &Delivery::default());
    let job = nights.job_file();
    let run = || {
        let date = last_night().to_string();
        let night = Tierline::new().args(["run", job.to_str().unwrap(), "--date", &date]);
        night.args(["--output", "json"]).run()
    };
    let finished = std::thread::scope(|scope| {
        let both = [scope.spawn(run), scope.spawn(run)];
        both.map(|process| process.join().unwrap())
    });

    let mut exit_codes = finished.each_ref().map(|process| process.exit_code);
    exit_codes.sort_unstable();
    assert!([[0, 0], [0, 5]].contains(&exit_codes), "{finished:?}");
    let expected = rows_of_last(&[(last_night(), &history())], &rules(last_night()));
    let output = nights.output();
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
}
