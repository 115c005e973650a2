//! Published tables that somebody else changes: a run puts back what it can, and refuses with what
//! happened where it cannot. It never takes what is published for something that a run left.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tierline::ground::{Classified, FailureKind};
use tierline::night::NightError;

use super::example::{history, last_night, night_before};
use super::expected::newest;
use super::job::Nights;
use super::lake::Delivery;
use super::tables::dates;
use crate::support::command::Tierline;

async fn two_nights() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.run(last_night()).await.unwrap();
    nights
}

fn table(nights: &Nights, name: &str) -> PathBuf {
    nights.output_folder().join("tables").join(name)
}

fn entry(table: &Path, version: u64) -> PathBuf {
    table.join(format!("_delta_log/{version:020}.json"))
}

/// The actions of a kind in a commit.
fn actions(table: &Path, version: u64, kind: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(entry(table, version)).unwrap();
    let actions = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    actions
        .filter_map(|action| action.get(kind).cloned())
        .collect()
}

/// A commit of another program.
fn commit(table: &Path, version: u64, operation: &str, changes: &[Value]) {
    let info = json!({"commitInfo": {"operation": operation, "timestamp": 1_795_680_000_000_i64}});
    let lines = std::iter::once(&info).chain(changes).map(Value::to_string);
    std::fs::write(entry(table, version), lines.collect::<Vec<_>>().join("\n")).unwrap();
}

fn removed(added: &Value) -> Value {
    json!({"remove": {
        "path": added["path"], "partitionValues": added["partitionValues"],
        "dataChange": true, "deletionTimestamp": 0, "extendedFileMetadata": true,
    }})
}

fn refusal(failure: &NightError) -> String {
    assert_eq!(failure.kind(), FailureKind::Blocked, "{failure}");
    failure.to_string()
}

async fn refused(nights: &Nights) -> String {
    let failure = nights.run(last_night()).await.unwrap_err();
    refusal(&failure)
}

#[tokio::test]
async fn rows_that_somebody_else_added_are_taken_out_and_told() {
    let nights = two_nights().await;
    let before = newest(&nights.output(), last_night()).await;
    let snapshot = table(&nights, "tier_snapshot");
    // A copy of the rows of the last night, as a file of another program.
    let mut added = actions(&snapshot, 2, "add").remove(0);
    let path = added["path"].as_str().unwrap().to_owned();
    let copy = format!("snapshot_date={}/theirs.parquet", last_night());
    std::fs::copy(snapshot.join(&path), snapshot.join(&copy)).unwrap();
    added["path"] = copy.into();
    commit(&snapshot, 3, "WRITE", &[json!({"add": added})]);

    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "repaired");
    assert_eq!(
        report.warnings,
        [
            "table `tier_snapshot` was changed by a commit that tierline did not make, version 3, WRITE at 2026-11-26 08:00:00 UTC: its rows are as published again; to take a date back, use `tierline withdraw`"
        ]
    );
    assert_eq!(newest(&nights.output(), last_night()).await, before);
}

#[tokio::test]
async fn publications_that_somebody_else_deleted_from_are_refused_and_nothing_is_undone() {
    let nights = two_nights().await;
    let before = dates(&nights.output()).await;
    let publications = table(&nights, "publications");
    let held = actions(&publications, 2, "add");
    commit(
        &publications,
        3,
        "DELETE",
        &held.iter().map(removed).collect::<Vec<_>>(),
    );

    let said = refused(&nights).await;
    let changed = "table `publications` was changed by a commit that tierline did not make, version 3, DELETE at 2026-11-26 08:00:00 UTC: ";
    assert!(said.starts_with(changed), "{said}");
    assert!(
        said.contains(".restore(2)` of the deltalake package"),
        "{said}"
    );
    assert_eq!(dates(&nights.output()).await, before);

    // As that restores it.
    let back: Vec<Value> = held
        .into_iter()
        .map(|added| json!({"add": added}))
        .collect();
    commit(&publications, 4, "RESTORE", &back);
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

/// Looking for rows that a run left came to the same refusal, which was logged beside it.
#[tokio::test(flavor = "multi_thread")]
async fn publications_that_are_refused_are_told_once() {
    let nights = two_nights().await;
    let publications = table(&nights, "publications");
    let held = actions(&publications, 2, "add");
    commit(&publications, 3, "DELETE", &[removed(&held[0])]);
    let date = last_night().to_string();
    for arguments in [&["run", "--date", &date][..], &["backfill", "--affected"]] {
        let (command, rest) = arguments.split_first().unwrap();
        let call = Tierline::new().args([command]).args([nights.job_file()]);
        let finished = call.args(rest).run();
        assert_eq!(finished.exit_code, 3, "{finished:?}");
        let told = finished.stderr.matches("table `publications` was changed");
        assert_eq!(told.count(), 1, "{finished:?}");
    }
}

/// The last date was taken for one of a run that died, and removed.
#[tokio::test]
async fn publications_that_somebody_else_set_back_are_refused_and_nothing_is_undone() {
    let nights = two_nights().await;
    let before = dates(&nights.output()).await;
    let publications = table(&nights, "publications");
    let [newer, older] = [2, 1].map(|version| actions(&publications, version, "add").remove(0));
    let restoring = |from: &Value, to: &Value| [removed(from), json!({"add": to})];
    commit(&publications, 3, "RESTORE", &restoring(&newer, &older));

    let said = refused(&nights).await;
    let changed = "table `publications` was changed by a commit that tierline did not make, version 3, RESTORE at 2026-11-26 08:00:00 UTC: ";
    assert!(said.starts_with(changed), "{said}");
    assert!(
        said.contains(".restore(2)` of the deltalake package"),
        "{said}"
    );
    assert_eq!(dates(&nights.output()).await, before);

    commit(&publications, 4, "RESTORE", &restoring(&older, &newer));
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

/// All of history was taken for rows that a dead run had left, and removed.
#[tokio::test]
async fn publications_that_somebody_else_dropped_are_refused_and_nothing_is_undone() {
    let nights = two_nights().await;
    let before = dates(&nights.output()).await;
    std::fs::remove_dir_all(table(&nights, "publications")).unwrap();
    let said = refused(&nights).await;
    let lost = "belongs to publication 2, and `publications` goes no further than 0: somebody has dropped or replaced that table, or removed a commit from its log; restore `file://";
    assert!(said.contains(lost), "{said}");
    assert_eq!(dates(&nights.output()).await, before);
}

#[tokio::test]
async fn a_table_that_somebody_else_dropped_is_named() {
    let nights = two_nights().await;
    std::fs::remove_dir_all(table(&nights, "kpi_daily")).unwrap();
    let said = refused(&nights).await;
    let expected = format!(
        "the publication of {} records version 2 of table `kpi_daily`, which is not there: somebody has dropped the table, or cleaned up its log; restore it from a copy, or publish to a new output",
        last_night()
    );
    assert_eq!(said, expected);
}

#[tokio::test]
async fn a_file_of_the_previous_snapshot_that_somebody_else_removed_is_named() {
    let nights = two_nights().await;
    let snapshot = table(&nights, "tier_snapshot");
    let added = actions(&snapshot, 2, "add").remove(0);
    let path = added["path"].as_str().unwrap().to_owned();
    std::fs::remove_file(snapshot.join(&path)).unwrap();
    let next = last_night().succ_opt().unwrap();
    let failure = nights.run(next).await.unwrap_err();
    let said = refusal(&failure);
    let gone = format!(
        "a file of table `tier_snapshot` that the publication of {0} names, is gone or cut short, and its rows are needed; make that date again first, by `tierline backfill --affected` or `tierline run --date {0}`, or restore the file from a copy",
        last_night()
    );
    assert!(said.contains(&path) && said.contains(&gone), "{said}");
}

/// The same rows in another file, at the root of the table or beside the one of before, as OPTIMIZE
/// writes them.
fn rewrite(table: &Path, version: u64, added: &Value) -> Vec<Value> {
    let partition = added["partitionValues"]["snapshot_date"].as_str();
    let folder = partition.map_or_else(String::new, |date| format!("snapshot_date={date}/"));
    let copy = format!("{folder}part-{version}.parquet");
    std::fs::copy(
        table.join(added["path"].as_str().unwrap()),
        table.join(&copy),
    )
    .unwrap();
    let mut written = added.clone();
    written["path"] = copy.into();
    written["dataChange"] = false.into();
    let mut gone = removed(added);
    gone["remove"]["dataChange"] = false.into();
    vec![gone, json!({"add": written})]
}

/// They were reported as changes of others, and undone by an empty commit to each table.
#[tokio::test(flavor = "multi_thread")]
async fn commits_of_others_that_change_no_rows_are_left_alone() {
    let nights = two_nights().await;
    let before = newest(&nights.output(), last_night()).await;
    for name in tierline::tables::OUR_NAMES {
        let table = table(&nights, name);
        let last = (1..)
            .find(|version| !entry(&table, *version).exists())
            .unwrap();
        commit(&table, last, "VACUUM START", &[]);
        commit(&table, last + 1, "VACUUM END", &[]);
        let newest = actions(&table, last - 1, "add");
        let rewritten = newest
            .iter()
            .flat_map(|added| rewrite(&table, last + 2, added));
        let rewritten: Vec<Value> = rewritten.collect();
        commit(&table, last + 2, "OPTIMIZE", &rewritten);
    }
    // What the vacuum removes a month later.
    for name in ["tier_snapshot", "kpi_daily"] {
        let table = table(&nights, name);
        for added in actions(&table, 2, "add") {
            std::fs::remove_file(table.join(added["path"].as_str().unwrap())).unwrap();
        }
    }
    let versions = super::tables::versions(&nights.output()).await;
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "already_published");
    assert_eq!(report.warnings, Vec::<String>::new());
    let show = Tierline::new().args(["show"]).args([nights.job_file()]);
    let shown = show.run();
    assert_eq!(shown.exit_code, 0, "{shown:?}");
    assert_eq!(super::tables::versions(&nights.output()).await, versions);
    assert_eq!(newest(&nights.output(), last_night()).await, before);

    let next = last_night().succ_opt().unwrap();
    let report = nights.run(next).await.unwrap();
    assert_eq!(report.status.to_string(), "published");
    assert!(report.repaired.is_empty(), "{report:?}");
    assert_eq!(nights.status_of(next).await, "already_published");
    assert_eq!(newest(&nights.output(), last_night()).await, before);
    nights.withdraw(next).await;
    let current = super::expected::newest_current(&nights.output(), last_night()).await;
    super::expected::assert_same_rows("tier_current", &current, &before.snapshot);
}

#[tokio::test]
async fn a_commit_that_only_says_that_it_changes_no_rows_is_undone() {
    let nights = two_nights().await;
    let snapshot = table(&nights, "tier_snapshot");
    let added = actions(&snapshot, 2, "add").remove(0);
    let mut gone = removed(&added);
    gone["remove"]["dataChange"] = false.into();
    commit(&snapshot, 3, "OPTIMIZE", &[gone]);
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "repaired");
    let told = "table `tier_snapshot` was changed by a commit that tierline did not make, version 3, OPTIMIZE";
    assert!(report.warnings[0].starts_with(told), "{report:?}");
}

/// It stopped every night.
#[tokio::test(flavor = "multi_thread")]
async fn publications_that_somebody_else_has_sorted_anew_are_read() {
    let nights = two_nights().await;
    let publications = table(&nights, "publications");
    let added = actions(&publications, 2, "add").remove(0);
    commit(
        &publications,
        3,
        "OPTIMIZE",
        &rewrite(&publications, 3, &added),
    );
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    // A vacuum removes the file of before.
    let original = publications.join(added["path"].as_str().unwrap());
    std::fs::remove_file(&original).unwrap();
    commit(&publications, 4, "VACUUM END", &[]);
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    let next = last_night().succ_opt().unwrap();
    assert_eq!(nights.status_of(next).await, "published");
    assert_eq!(nights.status_of(next).await, "already_published");
}

#[tokio::test]
async fn publications_that_cannot_be_restored_name_another_remedy() {
    let nights = two_nights().await;
    let publications = table(&nights, "publications");
    let held = actions(&publications, 2, "add").remove(0);
    commit(&publications, 3, "DELETE", &[removed(&held)]);
    std::fs::remove_file(publications.join(held["path"].as_str().unwrap())).unwrap();
    let said = refused(&nights).await;
    let remedy = "version 2, which was right, cannot be restored, as a vacuum has removed its files: restore `file://";
    assert!(said.contains(remedy), "{said}");
}

/// Every command refuses to go by publications of which the newest are lost, and readers keep what
/// they had.
async fn assert_lost(nights: &Nights, known: u64, last: u64) {
    let before = dates(&nights.output()).await;
    let lost = format!(
        "belongs to publication {last}, and `publications` goes no further than {known}: somebody has dropped or replaced that table, or removed a commit from its log; restore `file://"
    );
    let date = last_night().to_string();
    for arguments in [
        &["run", "--date", &date][..],
        &["plan", "--date", &date],
        &["backfill", "--affected"],
        &["show"],
        &["withdraw", "--date", &date, "--yes"],
    ] {
        let (command, rest) = arguments.split_first().unwrap();
        let call = Tierline::new().args([command]).args([nights.job_file()]);
        let finished = call.args(rest).run();
        assert_eq!(finished.exit_code, 3, "{finished:?}");
        assert!(finished.stderr.contains(&lost), "{finished:?}");
    }
    assert_eq!(dates(&nights.output()).await, before);
}

/// Its date was taken for one of a run that died, and removed.
#[tokio::test(flavor = "multi_thread")]
async fn publications_whose_newest_commit_is_gone_are_refused_and_nothing_is_undone() {
    let nights = two_nights().await;
    let newest = entry(&table(&nights, "publications"), 2);
    let text = std::fs::read(&newest).unwrap();
    std::fs::remove_file(&newest).unwrap();
    assert_lost(&nights, 1, 2).await;
    std::fs::write(&newest, text).unwrap();
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_publication_that_is_gone_is_no_run_that_died() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();
    std::fs::remove_file(entry(&table(&nights, "publications"), 1)).unwrap();
    assert_lost(&nights, 0, 1).await;
    std::fs::remove_dir_all(table(&nights, "publications")).unwrap();
    assert_lost(&nights, 0, 1).await;
    std::fs::remove_dir_all(nights.output_folder().join("tables")).unwrap();
    let refused = nights.run(last_night()).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked);
    let message = refused.to_string();
    assert!(
        message.starts_with("publication 1 was made here"),
        "{message}"
    );
    // Whoever starts over says so.
    std::fs::remove_file(nights.output_folder().join("last-publication.json")).unwrap();
    assert_eq!(nights.status_of(last_night()).await, "published");
}

/// A copy of an earlier time, on which a run dies, is no loss of publications.
#[tokio::test]
async fn tables_restored_from_an_older_copy_go_on_from_there() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let older = nights.copied();
    nights.run(last_night()).await.unwrap();
    let record = "last-publication.json";
    let kept = std::fs::read(nights.output_folder().join(record)).unwrap();
    std::fs::write(older.output_folder().join(record), kept).unwrap();
    super::crash::die_unpublished(&older, last_night()).await;
    let report = older.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "published");
    assert!(!report.repaired.is_empty());
}

/// What `publications` say cannot be made again, so that every damage to them is named and waited for.
#[tokio::test]
async fn publications_damaged_inside_are_named() {
    let nights = two_nights().await;
    let folder = table(&nights, "publications");
    let commit = entry(&folder, 1);
    let kept = std::fs::read(&commit).unwrap();
    std::fs::remove_file(&commit).unwrap();
    assert_gone(
        &nights,
        "00000000000000000001.json`, a commit of table `publications`, is gone",
    )
    .await;
    std::fs::write(&commit, kept).unwrap();

    let rows = actions(&folder, 2, "add")[0]["path"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::remove_file(folder.join(rows)).unwrap();
    assert_gone(
        &nights,
        ".parquet`, a file of table `publications`, is gone",
    )
    .await;
}

async fn assert_gone(nights: &Nights, told: &str) {
    let refused = nights.run(last_night()).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked, "{refused}");
    let message = refused.to_string();
    assert!(message.contains(told), "{message}");
}
