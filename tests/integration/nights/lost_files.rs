//! Published data files that somebody removes: every command says so, names the dates, and the
//! dates are made again as they were.

use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use tierline::ground::{Classified, FailureKind};
use tierline::publish::Publications;

use super::example::{history, last_night, night_before};
use super::expected::{assert_same_night, newest, newest_current, published};
use super::job::Nights;
use super::lake::Delivery;
use super::tables;
use crate::naive::fixtures::days_ago;
use crate::support::command::{Finished, Tierline};

const OLDEST: i64 = 2;

async fn three_nights() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    for days in (0..=OLDEST).rev() {
        nights.run(days_ago(days)).await.unwrap();
    }
    nights
}

/// The published file of a date in a table, as its newest version names it.
async fn file(nights: &Nights, table: &str, date: NaiveDate) -> PathBuf {
    let output = nights.output();
    let publication = tables::publication(&output, date).await;
    let publications = Publications::load(&output).await.unwrap();
    let files = publications.files_of(&publication, table).await.unwrap();
    Path::new("/").join(files[0].path.as_ref())
}

async fn remove(nights: &Nights, table: &str, date: NaiveDate) -> PathBuf {
    let path = file(nights, table, date).await;
    std::fs::remove_file(&path).unwrap();
    path
}

fn tierline(nights: &Nights, arguments: &[&str]) -> Finished {
    let (command, rest) = arguments.split_first().unwrap();
    let call = Tierline::new().args([command]).args([nights.job_file()]);
    call.args(rest).run()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_missing_of_older_dates_are_told_and_their_dates_made_anew() {
    let nights = three_nights().await;
    let output = nights.output();
    let oldest = days_ago(OLDEST);
    let before = published(&output, oldest).await;
    let run_ids = [1, 0].map(|days| tables::publication(&output, days_ago(days)));
    let run_ids = futures::future::join_all(run_ids).await;
    remove(&nights, "tier_snapshot", oldest).await;
    let path = remove(&nights, "tier_summary", oldest).await;
    // A full disk that cut a file short is as bad.
    let cut = file(&nights, "kpi_daily", oldest).await;
    std::fs::write(&cut, "PAR1").unwrap();

    let told = format!(
        "published data files are missing or cut short, so that readers fail: {oldest} (kpi_daily, tier_snapshot, tier_summary), such as `file://{}`; `tierline backfill --affected` makes these dates again, `tierline run --date` one of them",
        cut.display()
    );
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "already_published");
    assert_eq!(report.warnings[0], told);
    let planned = nights.plan(last_night()).await.unwrap().plan().to_string();
    let affected = format!("  published data files are missing: {oldest}\n");
    assert!(
        planned.contains(&affected) && planned.contains(&told),
        "{planned}"
    );
    let planned = nights.plan(oldest).await.unwrap().plan().to_string();
    let replaces = "; changed since: published files, which are missing\n";
    assert!(planned.contains(replaces), "{planned}");

    let shown = tierline(&nights, &["show", "--date", &oldest.to_string()]);
    assert_eq!(shown.exit_code, 3, "{shown:?}");
    let needed = format!(
        "is gone or cut short, and its rows are needed; make that date again first, by `tierline backfill --affected` or `tierline run --date {oldest}`"
    );
    assert!(shown.stderr.contains(&needed), "{shown:?}");

    let restated = tierline(&nights, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    let line = format!("{oldest} replaced: ");
    assert!(restated.stdout.starts_with(&line), "{restated:?}");
    let note =
        format!("published data files are missing or cut short, so that readers fail: {oldest} ");
    assert!(restated.stderr.contains(&note), "{restated:?}");
    assert!(!path.exists());
    assert_same_night(oldest, &newest(&output, oldest).await, &before);
    assert_same_night(oldest, &published(&output, oldest).await, &before);
    // It is the same night once more, so that later dates follow on it as they are.
    for (days, then) in [1, 0].into_iter().zip(run_ids) {
        assert_eq!(tables::publication(&output, days_ago(days)).await, then);
    }
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.warnings, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_of_the_newest_date_is_made_anew_by_its_night() {
    for table in ["tier_current", "dim_tier", "kpi_daily"] {
        let nights = three_nights().await;
        let output = nights.output();
        let before = newest_current(&output, last_night()).await;
        let path = remove(&nights, table, last_night()).await;
        let report = nights.run(last_night()).await.unwrap();
        assert_eq!(report.status.to_string(), "replaced", "{table}");
        let told = format!(
            "published data files are missing or cut short, so that readers fail: {} ({table}), such as `file://{}`; this date is made again",
            last_night(),
            path.display()
        );
        assert_eq!(report.warnings, [told]);
        assert_eq!(newest_current(&output, last_night()).await, before);
        assert_eq!(nights.status_of(last_night()).await, "already_published");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_is_published_whatever_it_does_not_read() {
    let nights = three_nights().await;
    remove(&nights, "tier_migration_matrix", night_before()).await;
    let next = last_night().succ_opt().unwrap();
    let report = nights.run(next).await.unwrap();
    assert_eq!(report.status.to_string(), "published");
    let told = format!(
        "so that readers fail: {} (tier_migration_matrix), ",
        night_before()
    );
    let mut warnings = report.warnings.iter();
    assert!(
        warnings.any(|warning| warning.contains(&told)),
        "{report:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_night_that_reads_a_missing_file_names_what_makes_it_anew() {
    let nights = three_nights().await;
    let oldest = days_ago(OLDEST);
    let path = remove(&nights, "kpi_daily", oldest).await;
    let next = last_night().succ_opt().unwrap();
    let refused = nights.run(next).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked);
    let expected = format!(
        "`file://{}`, a file of table `kpi_daily` that the publication of {oldest} names, is gone or cut short, and its rows are needed; make that date again first, by `tierline backfill --affected` or `tierline run --date {oldest}`, or restore the file from a copy",
        path.display()
    );
    assert_eq!(refused.to_string(), expected);
    assert_eq!(nights.status_of(oldest).await, "replaced");
    assert_eq!(nights.status_of(next).await, "published");
}
