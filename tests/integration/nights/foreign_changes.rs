//! Published tables that somebody else changes: a run puts back what it can, and refuses with what
//! happened where it cannot. It never takes what is published for something that a run left.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tierline::ground::{Classified, FailureKind};
use tierline::run::RunError;

use super::example::{history, last_night, night_before};
use super::expected::newest;
use super::job::Nights;
use super::lake::Delivery;
use super::tables::dates;

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

fn refusal(failure: &RunError) -> String {
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
    let lost = "belongs to publication 2, and `publications` goes no further than 0: somebody has dropped or replaced that table; restore `file://";
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
        "a file of table `tier_snapshot` that the publication of {0} names, is gone, so that its rows can be neither read nor put back; restore it from a copy, or withdraw the date, `tierline withdraw --date {0}`",
        last_night()
    );
    assert!(said.contains(&path) && said.contains(&gone), "{said}");
}
