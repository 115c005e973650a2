//! `tier_migration_matrix`: how many users stand where, by where they stood.

use std::collections::BTreeMap;

use super::dimensions::{Dimension, Tier};
use super::snapshot::{Snapshot, SnapshotRow};
use super::text::{Columns, money, or_null};

#[derive(Debug, Clone)]
pub(crate) struct MatrixCell {
    pub(crate) dimension: Dimension,
    /// None for users who entered.
    pub(crate) from_tier: Option<Tier>,
    /// None for users who left.
    pub(crate) to_tier: Option<Tier>,
    pub(crate) users: i64,
    /// Today's; the previous snapshot's for users who left.
    pub(crate) revenue_365d_cents: i64,
}

/// The cells that hold somebody, the diagonal included; none without a previous snapshot.
///
/// "For every dimension the row sums are the previous snapshot's counts, the column sums
/// today's."
pub(crate) fn matrix(previous: Option<&Snapshot>, current: &Snapshot) -> Vec<MatrixCell> {
    let Some(previous) = previous else {
        return Vec::new();
    };
    let mut cells = BTreeMap::new();
    for (user_id, now) in &current.rows {
        add(&mut cells, previous.rows.get(user_id), Some(now), now);
    }
    for (user_id, before) in &previous.rows {
        if !current.rows.contains_key(user_id) {
            add(&mut cells, Some(before), None, before);
        }
    }
    cells.into_values().collect()
}

type CellKey = (Dimension, Option<Tier>, Option<Tier>);

/// Adds one user to one cell of every dimension, with the revenue of the row `newest`.
fn add(
    cells: &mut BTreeMap<CellKey, MatrixCell>,
    before: Option<&SnapshotRow>,
    now: Option<&SnapshotRow>,
    newest: &SnapshotRow,
) {
    for dimension in newest.tier_states.keys().copied() {
        let from_tier = before.map(|row| row.shown(dimension));
        let to_tier = now.map(|row| row.shown(dimension));
        let cell = cells
            .entry((dimension, from_tier, to_tier))
            .or_insert(MatrixCell {
                dimension,
                from_tier,
                to_tier,
                users: 0,
                revenue_365d_cents: 0,
            });
        cell.users += 1;
        cell.revenue_365d_cents += newest.features.purchases.revenue_365d_cents;
    }
}

impl MatrixCell {
    pub(crate) fn columns(&self) -> Columns {
        vec![
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
                let columns = cell.columns().into_iter().skip(1);
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
