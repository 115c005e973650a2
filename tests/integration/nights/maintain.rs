//! `tierline maintain`: what nobody needs is deleted, and later nights, restatements and withdrawals find
//! everything that they need.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use object_store::ObjectStoreExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tierline::ground::SnapshotDate;
use tierline::publish::Publications;
use tierline::storage::ScratchFolder;

use super::example::{
    history, history_with_late, last_night, late, night_before, rows_of_last, rules,
};
use super::expected::{assert_same_night, assert_same_rows, newest, newest_current};
use super::job::Nights;
use super::lake::Delivery;
use super::tables::dates;
use crate::naive::fixtures::{days_ago, event};
use crate::support::command::{Finished, Tierline};

/// Longer than anything is kept.
const LONG_AGO: Duration = Duration::from_secs(100 * 24 * 60 * 60);

/// As if everything in a folder had been written long ago.
fn age(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            age(&path);
        }
        let file = File::open(&path).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written - LONG_AGO).unwrap();
    }
}

/// Calls a command for the job of these nights, which keeps scratch in `temporary`.
fn tierline(nights: &Nights, temporary: &TempDir, arguments: &[&str]) -> Finished {
    let (command, rest) = arguments.split_first().unwrap();
    let call = Tierline::new().args([command]).args([nights.job_file()]);
    let call = call.envs([("TMPDIR", temporary.path())]);
    call.args(rest).run()
}

fn write(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "rows").unwrap();
}

/// Kind, table or source, and number of files.
fn found(result: &Value) -> Value {
    let unneeded = result["unneeded"].as_array().unwrap().iter();
    unneeded
        .map(|one| json!([one["kind"], one["name"], one["files"]]))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_needs_is_deleted_and_nothing_else() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    nights.run(night_before()).await.unwrap();
    let (output_folder, temporary) = (nights.output_folder(), TempDir::new().unwrap());
    let left = [
        output_folder.join("tables/tier_current/draft/part-0.parquet"),
        output_folder.join("quarantine/orders/dead.parquet"),
        output_folder.join("probe-dead"),
        output_folder.join("tiles/purchases/tile.parquet#1"),
        temporary.path().join("tierline-dead/in-use.lock"),
    ];
    left.iter().for_each(|path| write(path));
    let living = ScratchFolder::create(Some(temporary.path())).unwrap();
    age(&output_folder);
    age(temporary.path());
    nights.run(last_night()).await.unwrap();

    let asked = tierline(&nights, &temporary, &["maintain"]);
    assert_eq!(asked.exit_code, 2, "{asked:?}");
    let help = "help: to delete it, run the same command with --yes\n";
    assert!(asked.stderr.contains(help), "{asked:?}");
    let of_current = "table tier_current, files and checkpoints of old versions, and abandoned drafts: 2 files, ";
    assert!(asked.stdout.contains(of_current), "{asked:?}");
    assert!(left.iter().all(|path| path.exists()));
    let maintain = ["maintain", "--yes", "--output", "json"];
    let deleted = tierline(&nights, &temporary, &maintain);
    assert_eq!(deleted.exit_code, 0, "{deleted:?}");
    let result: Value = serde_json::from_str(&deleted.stdout).unwrap();
    assert_eq!(result["status"], "deleted");
    let expected = json!([
        ["table_files", "dim_metric", 1],
        ["table_files", "publications", 1],
        ["table_files", "tier_current", 2],
        ["samples", "orders", 1],
        ["probes", null, 1],
        ["unfinished_files", null, 1],
        ["scratch_folders", null, 1]
    ]);
    assert_eq!(found(&result), expected);
    assert!(!left.iter().any(|path| path.exists()));
    assert!(living.path().exists());
    let again = tierline(&nights, &temporary, &maintain);
    let result: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(result["status"], "nothing_to_delete");

    assert_readable(&nights, &temporary);
    assert_goes_on(&nights, &temporary).await;
}

/// Every date is shown; a table that keeps the newest date alone gives no other date's rows for those
/// of an old one.
fn assert_readable(nights: &Nights, temporary: &TempDir) {
    let old = days_ago(2).to_string();
    let shown = tierline(nights, temporary, &["show", "--date", &old]);
    assert_eq!(shown.exit_code, 0, "{shown:?}");
    let export = ["export", "--table", "tier_current", "--format", "csv"];
    let refused = tierline(
        nights,
        temporary,
        &[&export[..], &["--date", &old]].concat(),
    );
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let told = format!(
        "error: table `tier_current` keeps the rows of the newest date alone, and those of {old} were removed with its old versions; leave the date out, or read a table that keeps every date\n"
    );
    assert_eq!(refused.stderr, told);
    let exported = tierline(nights, temporary, &export);
    assert_eq!(exported.exit_code, 0, "{exported:?}");
    let dated = ["export", "--table", "tier_snapshot", "--format", "csv"];
    let exported = tierline(nights, temporary, &[&dated[..], &["--date", &old]].concat());
    assert_eq!(exported.exit_code, 0, "{exported:?}");
}

/// Late data, a withdrawal and another night have the rows that they would have had.
async fn assert_goes_on(nights: &Nights, temporary: &TempDir) {
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    let late_file = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &late_file);
    let restated = tierline(nights, temporary, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    let (output, history) = (nights.output(), history_with_late());
    let all = [days_ago(2), night_before(), last_night()].map(|night| (night, &history));
    let rules = rules(days_ago(2));
    let expected = rows_of_last(&all, &rules);
    let found = newest(&output, last_night()).await;
    assert_same_night(last_night(), &found, &expected);

    nights.withdraw(last_night()).await;
    let before = rows_of_last(&all[..2], &rules);
    assert_same_night(
        night_before(),
        &newest(&output, night_before()).await,
        &before,
    );
    let current = newest_current(&output, night_before()).await;
    assert_same_rows("tier_current", &current, &before.snapshot);
    assert_eq!(nights.status_of(last_night()).await, "published");
    let found = newest(&output, last_night()).await;
    assert_same_night(last_night(), &found, &expected);
}

/// A late file has the tiles of its day made anew: those of before go, and later nights and
/// restatements are what they would have been.
#[tokio::test(flavor = "multi_thread")]
async fn tiles_of_files_that_have_changed_are_deleted() {
    let nights = Nights::over(&history(), &Delivery::default());
    let temporary = TempDir::new().unwrap();
    nights.run(days_ago(2)).await.unwrap();
    let before = nights.tiles();
    let late_file = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &late_file);
    nights.run(night_before()).await.unwrap();
    age(&nights.output_folder());
    nights.run(last_night()).await.unwrap();

    let maintain = ["maintain", "--yes", "--output", "json"];
    let deleted = tierline(&nights, &temporary, &maintain);
    assert_eq!(deleted.exit_code, 0, "{deleted:?}");
    let result: Value = serde_json::from_str(&deleted.stdout).unwrap();
    let left = nights.tiles();
    let gone = before.keys().filter(|tile| !left.contains_key(*tile));
    let gone: Vec<_> = gone.collect();
    assert!(!gone.is_empty() && gone.len() < before.len(), "{gone:?}");
    assert!(
        gone.iter().all(|tile| tile.starts_with("purchases/")),
        "{gone:?}"
    );
    let told = json!(["tiles", "purchases", gone.len()]);
    let told_of = found(&result);
    assert!(told_of.as_array().unwrap().contains(&told), "{told_of}");

    let restated = tierline(&nights, &temporary, &["backfill", "--affected"]);
    assert_eq!(restated.exit_code, 0, "{restated:?}");
    let history = history_with_late();
    let all = [days_ago(2), night_before(), last_night()].map(|night| (night, &history));
    let expected = rows_of_last(&all, &rules(days_ago(2)));
    let published = newest(&nights.output(), last_night()).await;
    assert_same_night(last_night(), &published, &expected);
}

/// Old dates give up their users, and nothing that stays depends on whether they are there.
#[tokio::test(flavor = "multi_thread")]
async fn old_dates_keep_their_users_on_the_last_of_each_month() {
    let mut long = history();
    long.events.push(event("7", 110, "view"));
    let mut nights = Nights::over(&long, &Delivery::default());
    let temporary = TempDir::new().unwrap();
    // D is the 20th of November: these are in August, in September, and of late.
    let [august, last_of_august, september, last_of_september] = [100, 99, 70, 69].map(days_ago);
    let old = [august, last_of_august, september, last_of_september];
    nights.calibrate_by_hand(august, &rules(night_before()).cut_points);
    for night in old.into_iter().chain([days_ago(2), night_before()]) {
        nights.run(night).await.unwrap();
    }
    let undisturbed = nights.copied();
    nights.sections = "[maintain]\ndaily = \"60 days\"\n".to_owned();
    let maintain = ["maintain", "--yes", "--output", "json"];
    let deleted = tierline(&nights, &temporary, &maintain);
    assert_eq!(deleted.exit_code, 0, "{deleted:?}");
    let result: Value = serde_json::from_str(&deleted.stdout).unwrap();
    let expired = json!({"dates": 2, "first": august.to_string(), "last": september.to_string()});
    assert_eq!(result["expired"], expired);

    let dates = dates(&nights.output()).await;
    let kept = BTreeSet::from([
        last_of_august,
        last_of_september,
        days_ago(2),
        night_before(),
    ]);
    assert_eq!(dates["tier_snapshot"], kept);
    assert!(dates["tier_migration"].is_subset(&kept));
    let all = old.into_iter().chain([days_ago(2), night_before()]);
    assert_eq!(dates["kpi_daily"], all.collect());
    let august = august.to_string();
    for (command, exit_code, told) in [
        (
            ["show", "--date", &august],
            2,
            "it cannot be published again",
        ),
        (["withdraw", "--date", &august], 2, "has expired"),
        (
            ["run", "--date", &august],
            3,
            "rows follow on snapshots of up to four weeks before; name a date after ",
        ),
    ] {
        let refused = tierline(&nights, &temporary, &command);
        assert_eq!(refused.exit_code, exit_code, "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    let export = ["export", "--format", "csv", "--date", &august, "--table"];
    let exported = |table: &str| {
        let export = [&export[..], &[table]].concat();
        tierline(&nights, &temporary, &export)
    };
    let kpis = exported("kpi_daily");
    assert_eq!(kpis.exit_code, 0, "{kpis:?}");
    assert!(kpis.stdout.contains(&format!("{august},")), "{kpis:?}");
    let kpis = [
        "export",
        "--format",
        "csv",
        "--table",
        "kpi_daily",
        "--from",
        &august,
    ];
    let kpis = tierline(&nights, &temporary, &kpis).stdout;
    let exported_dates: BTreeSet<&str> = kpis.lines().skip(1).map(|line| &line[..10]).collect();
    assert_eq!(exported_dates.len(), dates["kpi_daily"].len());
    let users = exported("tier_snapshot");
    assert_eq!(users.exit_code, 2, "{users:?}");
    let again = tierline(&nights, &temporary, &maintain);
    let result: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(result["status"], "nothing_to_delete");
    let page = temporary.path().join("page.html");
    let written = tierline(
        &nights,
        &temporary,
        &["report", "--output", page.to_str().unwrap()],
    );
    assert_eq!(written.exit_code, 0, "{written:?}");
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains(&format!("\"{august}\"")),
        "charts go on over expired dates"
    );

    let late_file = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    for job in [&nights, &undisturbed] {
        job.deliver(&late(), &late_file);
        let arguments = ["backfill", "--affected", "--output", "json"];
        let restated = tierline(job, &temporary, &arguments);
        assert_eq!(restated.exit_code, 0, "{restated:?}");
        job.run(last_night()).await.unwrap();
    }
    // Those of the dates that are restated, and of the next night, but for whom they follow on.
    for night in [days_ago(2), night_before(), last_night()] {
        let found = newest(&nights.output(), night).await;
        let expected = newest(&undisturbed.output(), night).await;
        assert_same_rows("tier_summary", &found.summary, &expected.summary);
    }
    assert_eq!(
        nights.status_of(last_of_september).await,
        "already_published"
    );
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    assert_final(&nights, &temporary, last_of_august).await;
}

/// A date that stays as it is for good is told so, whatever is asked of it.
async fn assert_final(nights: &Nights, temporary: &TempDir, date: NaiveDate) {
    let day = date.to_string();
    let planned = tierline(nights, temporary, &["plan", "--date", &day]);
    let told = "is final: snapshots that it would follow on have expired";
    assert!(planned.stdout.contains(told), "{planned:?}");
    let withdraw = tierline(nights, temporary, &["withdraw", "--date", &day]);
    let told = "for good: snapshots that it would follow on have expired";
    assert!(withdraw.stdout.contains(told), "{withdraw:?}");
    let output = nights.output();
    let publications = Publications::load(&output).await.unwrap();
    let publication = publications.newest_for(SnapshotDate::on(date)).unwrap();
    let files = publications.files_of(publication, "tier_snapshot").await;
    let lost = &files.unwrap()[0].path;
    output.store.delete(lost).await.unwrap();
    let planned = tierline(nights, temporary, &["plan"]);
    let told = "restore the files from a copy, or withdraw the dates for good";
    assert!(planned.stdout.contains(told), "{planned:?}");
}
