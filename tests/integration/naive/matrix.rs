//! `tier_migration_matrix`: how many users stand where, by where they stood.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::dimensions::{Dimension, Tier};
use super::snapshot::{Snapshot, SnapshotRow};
use super::text::{Columns, money, or_null};
use super::windows::days_before;

/// How far back the earlier snapshot is, by the word of the table: `night`, the previous one; `week`
/// and `month`, those of 7 and of 28 days before.
pub(crate) type Period = &'static str;

#[derive(Debug, Clone)]
pub(crate) struct MatrixCell {
    pub(crate) period: Period,
    pub(crate) previous_snapshot_date: NaiveDate,
    pub(crate) dimension: Dimension,
    /// None for users who entered.
    pub(crate) from_tier: Option<Tier>,
    /// None for users who left.
    pub(crate) to_tier: Option<Tier>,
    pub(crate) users: i64,
    /// Today's; the previous snapshot's for users who left.
    pub(crate) revenue_365d_cents: i64,
}

/// The snapshots that a night's matrices are counted from, where these are published.
pub(crate) fn earlier_snapshots<'a>(
    published: &'a BTreeMap<NaiveDate, Snapshot>,
    current: &Snapshot,
) -> Vec<(Period, &'a Snapshot)> {
    let days_ago = |days| published.get(&days_before(current.snapshot_date, days));
    let previous = current
        .previous_snapshot_date
        .and_then(|date| published.get(&date));
    let earlier = [
        ("night", previous),
        ("week", days_ago(7)),
        ("month", days_ago(28)),
    ];
    let earlier = earlier.into_iter();
    earlier
        .filter_map(|(period, snapshot)| Some((period, snapshot?)))
        .collect()
}

/// The cells of a night that hold somebody, the diagonal included; none without a previous snapshot.
pub(crate) fn matrix(previous: Option<&Snapshot>, current: &Snapshot) -> Vec<MatrixCell> {
    previous.map_or_else(Vec::new, |previous| {
        matrix_since("night", previous, current)
    })
}

/// "For every dimension the row sums are the earlier snapshot's counts, the column sums today's."
pub(crate) fn matrix_since(
    period: Period,
    previous: &Snapshot,
    current: &Snapshot,
) -> Vec<MatrixCell> {
    let mut cells = BTreeMap::new();
    for (user_id, now) in &current.rows {
        add(&mut cells, previous.rows.get(user_id), Some(now), now);
    }
    for (user_id, before) in &previous.rows {
        if !current.rows.contains_key(user_id) {
            add(&mut cells, Some(before), None, before);
        }
    }
    let cells = cells.into_iter();
    let cell = |((dimension, from_tier, to_tier), sums): (CellKey, Sums)| MatrixCell {
        period,
        previous_snapshot_date: previous.snapshot_date,
        dimension,
        from_tier,
        to_tier,
        users: sums.users,
        revenue_365d_cents: sums.revenue_365d_cents,
    };
    cells.map(cell).collect()
}

#[derive(Default)]
struct Sums {
    users: i64,
    revenue_365d_cents: i64,
}

type CellKey = (Dimension, Option<Tier>, Option<Tier>);

/// Adds one user to one cell of every dimension, with the revenue of the row `newest`.
fn add(
    cells: &mut BTreeMap<CellKey, Sums>,
    before: Option<&SnapshotRow>,
    now: Option<&SnapshotRow>,
    newest: &SnapshotRow,
) {
    for dimension in newest.tier_states.keys().copied() {
        let from_tier = before.map(|row| row.shown(dimension));
        let to_tier = now.map(|row| row.shown(dimension));
        let cell = cells.entry((dimension, from_tier, to_tier)).or_default();
        cell.users += 1;
        cell.revenue_365d_cents += newest.features.purchases.revenue_365d_cents;
    }
}

impl MatrixCell {
    pub(crate) fn columns(&self) -> Columns {
        vec![
            ("period", self.period.to_owned()),
            (
                "previous_snapshot_date",
                self.previous_snapshot_date.to_string(),
            ),
            ("dimension", self.dimension.name().to_owned()),
            ("from_tier", or_null(self.from_tier)),
            ("to_tier", or_null(self.to_tier)),
            ("users", self.users.to_string()),
            ("revenue_365d", money(self.revenue_365d_cents)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, order, rules, snapshot_date};
    use crate::naive::history::History;
    use crate::naive::snapshot::snapshot;

    fn cells_of(dimension: Dimension, cells: &[MatrixCell]) -> Vec<Vec<String>> {
        cells
            .iter()
            .filter(|cell| cell.dimension == dimension)
            .map(|cell| {
                let columns = cell.columns().into_iter().skip(3);
                columns.map(|(_, text)| text).collect()
            })
            .collect()
    }

    #[test]
    fn no_previous_snapshot_no_cells() {
        let first = snapshot(&History::default(), snapshot_date(), &rules(), None);
        assert!(matrix(None, &first).is_empty());
    }

    /// Between the nights "gone" is deleted, "comes" is first seen, "buys" has a second order,
    /// "reads" and "idles" stay what they are.
    #[test]
    fn cells_hold_the_users_who_stay_move_enter_and_leave() {
        let before = History {
            orders: vec![order("buys", 20, 10_00), order("gone", 20, 70_00)],
            events: vec![event("reads", 20, "view"), event("idles", 20, "view")],
            users: Vec::new(),
        };
        let after = History {
            orders: vec![
                order("buys", 20, 10_00),
                order("buys", 2, 10_00),
                order("buys", 2, 10_00),
                order("comes", 2, 5_00),
            ],
            ..before.clone()
        };
        let previous = snapshot(&before, days_ago(4), &rules(), None);
        let current = snapshot(&after, snapshot_date(), &rules(), Some(&previous));

        let cells = matrix(Some(&previous), &current);

        assert_eq!(
            cells_of(Dimension::CustomerLayer, &cells),
            [
                vec!["NULL", "growth", "1", "5.00"],
                vec!["base", "base", "2", "0.00"],
                vec!["growth", "NULL", "1", "70.00"],
                vec!["growth", "mature", "1", "30.00"],
            ]
        );
    }
}
