//! `tier_summary`: one row per dimension and tier.

use std::collections::BTreeSet;

use super::dimensions::{Dimension, Tier};
use super::migration::{Move, migration};
use super::ratio::Ratio;
use super::snapshot::{Snapshot, SnapshotRow};
use super::text::{Columns, money, ratio_or_null};

#[derive(Debug, Clone)]
pub(crate) struct SummaryRow {
    pub(crate) dimension: Dimension,
    pub(crate) tier: Tier,
    pub(crate) users: i64,
    pub(crate) share: Option<Ratio>,
    pub(crate) revenue_365d_cents: i64,
    pub(crate) revenue_share: Option<Ratio>,
    pub(crate) orders_365d: i64,
    pub(crate) average_order_value: Option<Ratio>,
    pub(crate) average_interactions_30d: Option<Ratio>,
    pub(crate) entered: i64,
    pub(crate) left_tier: i64,
}

/// The tiers that hold somebody today or held somebody in the previous snapshot.
///
/// A user new to the snapshot has entered its tier, one no longer there has left it. Without a
/// previous snapshot nobody has moved.
pub(crate) fn summary(previous: Option<&Snapshot>, current: &Snapshot) -> Vec<SummaryRow> {
    let moves = migration(previous, current);
    occupied_tiers(previous, current)
        .into_iter()
        .map(|(dimension, tier)| summary_row(dimension, tier, current, &moves))
        .collect()
}

fn occupied_tiers(previous: Option<&Snapshot>, current: &Snapshot) -> BTreeSet<(Dimension, Tier)> {
    let mut tiers = BTreeSet::new();
    for snapshot in previous.into_iter().chain([current]) {
        for row in snapshot.rows.values() {
            for (dimension, state) in &row.tier_states {
                tiers.insert((*dimension, state.shown));
            }
        }
    }
    tiers
}

fn summary_row(dimension: Dimension, tier: Tier, current: &Snapshot, moves: &[Move]) -> SummaryRow {
    let everybody: Vec<&SnapshotRow> = current.rows.values().collect();
    let members: Vec<&SnapshotRow> = current
        .rows
        .values()
        .filter(|row| row.shown(dimension) == tier)
        .collect();
    let users = members.len() as i64;
    let revenue_365d_cents = revenue_cents(&members);
    let orders_365d = sum(&members, |row| row.features.purchases.orders_365d);
    let interactions_30d = sum(&members, |row| row.features.interactions.interactions_30d);
    SummaryRow {
        dimension,
        tier,
        users,
        share: Ratio::of(users, everybody.len() as i64),
        revenue_365d_cents,
        revenue_share: Ratio::of(revenue_365d_cents, revenue_cents(&everybody)),
        orders_365d,
        average_order_value: Ratio::of(revenue_365d_cents, 100 * orders_365d),
        average_interactions_30d: Ratio::of(interactions_30d, users),
        entered: count(moves, |tier_move| {
            tier_move.dimension == dimension.name() && tier_move.to_tier == Some(tier)
        }),
        left_tier: count(moves, |tier_move| {
            tier_move.dimension == dimension.name() && tier_move.from_tier == Some(tier)
        }),
    }
}

fn revenue_cents(rows: &[&SnapshotRow]) -> i64 {
    sum(rows, |row| row.features.purchases.revenue_365d_cents)
}

fn sum(rows: &[&SnapshotRow], value: impl Fn(&SnapshotRow) -> i64) -> i64 {
    rows.iter().map(|row| value(row)).sum()
}

fn count(moves: &[Move], wanted: impl Fn(&Move) -> bool) -> i64 {
    moves.iter().filter(|tier_move| wanted(tier_move)).count() as i64
}

impl SummaryRow {
    pub(crate) fn columns(&self) -> Columns {
        vec![
            ("dimension", self.dimension.name().to_owned()),
            ("tier", self.tier.to_owned()),
            ("users", self.users.to_string()),
            ("share", ratio_or_null(self.share)),
            ("revenue_365d", money(self.revenue_365d_cents)),
            ("revenue_share", ratio_or_null(self.revenue_share)),
            ("orders_365d", self.orders_365d.to_string()),
            (
                "average_order_value",
                ratio_or_null(self.average_order_value),
            ),
            (
                "average_interactions_30d",
                ratio_or_null(self.average_interactions_30d),
            ),
            ("entered", self.entered.to_string()),
            ("left_tier", self.left_tier.to_string()),
            ("net_change", (self.entered - self.left_tier).to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, order, rules, snapshot_date};
    use crate::naive::history::History;
    use crate::naive::snapshot::{snapshot, snapshots};

    fn rows_of(dimension: Dimension, rows: &[SummaryRow]) -> Vec<String> {
        rows.iter()
            .filter(|row| row.dimension == dimension)
            .map(|row| {
                let texts: Vec<String> = row.columns().into_iter().map(|(_, text)| text).collect();
                texts[1..].join(" ")
            })
            .collect()
    }

    /// "buys" makes a third order on D and so leaves growth for mature; "comes" is new on D.
    #[test]
    fn a_row_per_tier_says_who_is_there_and_who_came_and_went() {
        let history = History {
            orders: vec![
                order("buys", 9, 10_00),
                order("buys", 9, 10_00),
                order("buys", 0, 10_00),
                order("comes", 0, 10_00),
            ],
            events: vec![event("buys", 3, "like"), event("reads", 9, "view")],
            users: Vec::new(),
        };
        let nights = [5, 0].map(days_ago);
        let snapshots = snapshots(&history, &nights, &rules());

        let rows = summary(Some(&snapshots[&nights[0]]), &snapshots[&nights[1]]);

        assert_eq!(
            rows_of(Dimension::CustomerLayer, &rows),
            [
                "base 1 0.333333 0.00 0.000000 0 NULL 0.000000 0 0 0",
                "growth 1 0.333333 10.00 0.250000 1 10.000000 0.000000 1 1 0",
                "mature 1 0.333333 30.00 0.750000 3 10.000000 1.000000 1 0 1",
            ]
        );
    }

    #[test]
    fn an_emptied_tier_keeps_a_row_that_says_so() {
        let history = History {
            events: vec![event("u", 7, "click")],
            ..History::default()
        };
        let nights = [5, 0].map(days_ago);
        let snapshots = snapshots(&history, &nights, &rules());

        let rows = summary(Some(&snapshots[&nights[0]]), &snapshots[&nights[1]]);

        assert_eq!(
            rows_of(Dimension::InteractionDepth, &rows),
            [
                "moderate 0 0.000000 0.00 NULL 0 NULL NULL 0 1 -1",
                "occasional 1 1.000000 0.00 NULL 0 NULL 1.000000 1 0 1",
            ]
        );
    }

    #[test]
    fn nobody_moves_on_the_first_snapshot() {
        let history = History {
            events: vec![event("u", 7, "view")],
            ..History::default()
        };
        let first = snapshot(&history, snapshot_date(), &rules(), None);

        assert_eq!(
            rows_of(Dimension::InteractionDepth, &summary(None, &first)),
            ["light 1 1.000000 0.00 NULL 0 NULL 0.000000 0 0 0"]
        );
    }
}
