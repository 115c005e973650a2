//! What the tables should hold by the naive computation, and the comparison.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use tierline::storage::Location;

use super::tables::{self, Row};
use crate::naive::alerts::alerts;
use crate::naive::kpis::{Published, kpi_daily};
use crate::naive::matrix::{Period, matrix_since};
use crate::naive::migration::migration;
use crate::naive::snapshot::Snapshot;
use crate::naive::summary::summary;
use crate::naive::text::{Columns, number};

/// Columns that tell where a row comes from, which only the pipeline knows.
const PROVENANCE: [&str; 2] = ["cutpoints_id", "run_id"];

/// The rows of the dated tables for one night.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NightRows {
    pub(crate) snapshot: Vec<Row>,
    pub(crate) migration: Vec<Row>,
    pub(crate) matrix: Vec<Row>,
    pub(crate) summary: Vec<Row>,
}

/// The rows that a night should publish.
pub(crate) fn expected(previous: Option<&Snapshot>, current: &Snapshot) -> NightRows {
    expected_since(
        previous,
        previous.map(|previous| ("night", previous)),
        current,
    )
}

/// The same, with matrices since these snapshots.
pub(crate) fn expected_since<'a>(
    previous: Option<&Snapshot>,
    earlier: impl IntoIterator<Item = (Period, &'a Snapshot)>,
    current: &Snapshot,
) -> NightRows {
    let snapshot = current.rows.values().map(|row| row.columns());
    let moves = migration(previous, current).into_iter();
    let cells = earlier.into_iter();
    let cells = cells.flat_map(|(period, earlier)| matrix_since(period, earlier, current));
    let tiers = summary(previous, current).into_iter();
    let date = ("snapshot_date", current.snapshot_date.to_string());
    let dated = |columns: Columns| row([vec![date.clone()], columns].concat());
    NightRows {
        snapshot: snapshot.map(row).collect(),
        migration: moves.map(|tier_move| row(tier_move.columns())).collect(),
        matrix: cells.map(|cell| dated(cell.columns())).collect(),
        summary: tiers.map(|tier| dated(tier.columns())).collect(),
    }
}

/// Fails with the rows of `kpi_daily` and `alerts` that differ.
pub(crate) async fn assert_same_marts(
    output: &Location,
    published: &Published<'_>,
    night: NaiveDate,
) {
    let date = ("snapshot_date", night.to_string());
    let kpis = kpi_daily(published, night).into_iter();
    let kpis: Vec<Row> = kpis
        .map(|kpi| row([vec![date.clone()], kpi.columns()].concat()))
        .collect();
    let found = tables::rows(output, night, "kpi_daily").await;
    assert_same_rows(&format!("kpi_daily of {night}"), &found, &kpis);
    let raised = alerts(published, night).into_iter();
    let raised: Vec<Row> = raised
        .map(|alert| {
            row(vec![
                date.clone(),
                ("alert", alert.alert.to_owned()),
                ("value", number(alert.value)),
                ("threshold", number(alert.threshold)),
            ])
        })
        .collect();
    let found = published_alerts(output, night).await;
    assert_same_rows(&format!("alerts of {night}"), &found, &raised);
}

/// The alerts that a night published, without their words, which must be there.
async fn published_alerts(output: &Location, date: NaiveDate) -> Vec<Row> {
    let mut rows = tables::rows(output, date, "alerts").await;
    for row in &mut rows {
        let words = ["severity", "title_en", "title_zh", "message", "message_zh"]
            .map(|name| row.remove(name));
        let is_said = |words: &Option<String>| words.as_ref().is_some_and(|words| words.len() > 5);
        assert!(words.iter().all(is_said), "{words:?}");
    }
    rows
}

fn row(columns: Columns) -> Row {
    let columns = columns.into_iter();
    columns
        .map(|(name, text)| (name.to_owned(), text))
        .collect()
}

/// The rows that a night published, without provenance, which must be that of its publication.
pub(crate) async fn published(output: &Location, date: NaiveDate) -> NightRows {
    NightRows {
        snapshot: snapshot_rows(output, date, "tier_snapshot").await,
        migration: tables::rows(output, date, "tier_migration").await,
        matrix: tables::rows(output, date, "tier_migration_matrix").await,
        summary: tables::rows(output, date, "tier_summary").await,
    }
}

/// What a reader finds who takes the newest version of each table and knows no publications.
pub(crate) async fn newest(output: &Location, date: NaiveDate) -> NightRows {
    NightRows {
        snapshot: newest_snapshot_rows(output, date, "tier_snapshot").await,
        migration: tables::newest_rows(output, date, "tier_migration").await,
        matrix: tables::newest_rows(output, date, "tier_migration_matrix").await,
        summary: tables::newest_rows(output, date, "tier_summary").await,
    }
}

/// What such a reader finds in `tier_current`.
pub(crate) async fn newest_current(output: &Location, newest: NaiveDate) -> Vec<Row> {
    newest_snapshot_rows(output, newest, "tier_current").await
}

async fn newest_snapshot_rows(output: &Location, date: NaiveDate, table: &str) -> Vec<Row> {
    let mut rows = tables::newest_rows(output, date, table).await;
    for row in &mut rows {
        row.retain(|name, _| !PROVENANCE.contains(&name.as_str()));
    }
    rows
}

/// The rows of the newest snapshot, from `tier_current`.
pub(crate) async fn current(output: &Location, newest: NaiveDate) -> Vec<Row> {
    snapshot_rows(output, newest, "tier_current").await
}

async fn snapshot_rows(output: &Location, date: NaiveDate, table: &str) -> Vec<Row> {
    let publication = tables::publication(output, date).await;
    let provenance = [publication.cutpoints_id, publication.run_id];
    let mut rows = tables::rows(output, date, table).await;
    for row in &mut rows {
        assert_eq!(
            PROVENANCE.map(|name| row.remove(name)),
            provenance.clone().map(Some)
        );
    }
    rows
}

/// Fails with the rows and columns that differ, whatever the order of rows.
pub(crate) fn assert_same_night(night: NaiveDate, published: &NightRows, expected: &NightRows) {
    assert_same_rows(
        &format!("tier_snapshot of {night}"),
        &published.snapshot,
        &expected.snapshot,
    );
    assert_same_rows(
        &format!("tier_migration of {night}"),
        &published.migration,
        &expected.migration,
    );
    assert_same_rows(
        &format!("tier_migration_matrix of {night}"),
        &published.matrix,
        &expected.matrix,
    );
    assert_same_rows(
        &format!("tier_summary of {night}"),
        &published.summary,
        &expected.summary,
    );
}

/// As [`assert_same_night`], for one table.
pub(crate) fn assert_same_rows(what: &str, published: &[Row], expected: &[Row]) {
    let published_by_key = by_key(what, published);
    let expected_by_key = by_key(what, expected);
    let keys: BTreeSet<_> = published_by_key
        .keys()
        .chain(expected_by_key.keys())
        .collect();
    let differences: Vec<String> = keys
        .into_iter()
        .filter_map(|key| difference(key, published_by_key.get(key), expected_by_key.get(key)))
        .collect();
    assert!(
        differences.is_empty(),
        "{what}: {} rows differ\n{}",
        differences.len(),
        differences
            .iter()
            .take(10)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Rows by what tells them apart: the user and, where there are several rows of one, the move.
fn by_key<'a>(what: &str, rows: &'a [Row]) -> BTreeMap<Vec<&'a str>, &'a Row> {
    let key = |row: &'a Row| -> Vec<&'a str> {
        let names = [
            "user_id",
            "period",
            "dimension",
            "from_tier",
            "to_tier",
            "tier",
            "metric",
            "alert",
        ]
        .into_iter();
        names
            .filter_map(|name| row.get(name))
            .map(String::as_str)
            .collect()
    };
    let by_key: BTreeMap<_, _> = rows.iter().map(|row| (key(row), row)).collect();
    assert_eq!(by_key.len(), rows.len(), "{what}: two rows with one key");
    by_key
}

fn difference(key: &[&str], published: Option<&&Row>, expected: Option<&&Row>) -> Option<String> {
    let (published, expected) = match (published, expected) {
        (Some(published), Some(expected)) => (*published, *expected),
        (Some(_), None) => return Some(format!("{key:?} is published and not expected")),
        (None, _) => return Some(format!("{key:?} is expected and not published")),
    };
    let names: BTreeSet<&String> = published.keys().chain(expected.keys()).collect();
    let columns: Vec<String> = names
        .into_iter()
        .filter(|name| published.get(*name) != expected.get(*name))
        .map(|name| {
            let text = |row: &Row| {
                row.get(name)
                    .map_or("no such column", String::as_str)
                    .to_owned()
            };
            format!("{name} is {}, expected {}", text(published), text(expected))
        })
        .collect();
    (!columns.is_empty()).then(|| format!("{key:?}: {}", columns.join("; ")))
}
