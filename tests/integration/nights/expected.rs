//! What the tables should hold by the naive computation, and the comparison.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use tierline::config::storage::Location;

use super::tables::{self, Row};
use crate::naive::dimensions::Dimension;
use crate::naive::matrix::matrix;
use crate::naive::migration::migration;
use crate::naive::snapshot::Snapshot;
use crate::naive::text::Columns;

/// The dimensions that the pipeline publishes.
pub(crate) const PUBLISHED_DIMENSIONS: [Dimension; 5] = [
    Dimension::ValueTier,
    Dimension::RfmClass,
    Dimension::LifecycleStage,
    Dimension::InteractionDepth,
    Dimension::ValueEngagement,
];

/// Columns of the contract that the pipeline does not publish yet. This list may only shrink.
const NOT_PUBLISHED_YET: [&str; 17] = [
    "customer_layer",
    "customer_layer_since",
    "engagement_style",
    "engagement_style_since",
    "participation_level",
    "participation_level_since",
    "participation_rate_90d",
    "need_type",
    "need_type_since",
    "price_sensitivity",
    "price_sensitivity_since",
    "silent_warning",
    "decline_warning",
    "peak_order",
    "low_ltv_to_cac",
    "ltv_historical",
    "ltv_to_cac",
];

/// Columns that tell where a row comes from, which only the pipeline knows.
const PROVENANCE: [&str; 2] = ["cutpoints_id", "run_id"];

/// The rows of the dated tables for one night.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NightRows {
    pub(crate) snapshot: Vec<Row>,
    pub(crate) migration: Vec<Row>,
    pub(crate) matrix: Vec<Row>,
}

/// The rows that a night should publish.
pub(crate) fn expected(previous: Option<&Snapshot>, current: &Snapshot) -> NightRows {
    let is_published = |dimension| PUBLISHED_DIMENSIONS.contains(&dimension);
    let snapshot = current.rows.values().map(|row| row.columns());
    let moves = migration(previous, current).into_iter();
    let moves = moves.filter(|tier_move| is_published(tier_move.dimension));
    let cells = matrix(previous, current).into_iter();
    let cells = cells.filter(|cell| is_published(cell.dimension));
    let date = ("snapshot_date", current.snapshot_date.to_string());
    NightRows {
        snapshot: snapshot.map(published_columns).collect(),
        migration: moves.map(|tier_move| row(tier_move.columns())).collect(),
        matrix: cells
            .map(|cell| row([vec![date.clone()], cell.columns()].concat()))
            .collect(),
    }
}

fn published_columns(columns: Columns) -> Row {
    let mut row = row(columns);
    for name in NOT_PUBLISHED_YET {
        assert!(row.remove(name).is_some(), "{name}");
    }
    row
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
    }
}

/// What a reader finds who takes the newest version of each table and knows no publications.
pub(crate) async fn newest(output: &Location, date: NaiveDate) -> NightRows {
    NightRows {
        snapshot: newest_snapshot_rows(output, date, "tier_snapshot").await,
        migration: tables::newest_rows(output, date, "tier_migration").await,
        matrix: tables::newest_rows(output, date, "tier_migration_matrix").await,
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
        let names = ["user_id", "dimension", "from_tier", "to_tier"].into_iter();
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
