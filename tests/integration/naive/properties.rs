//! What the page promises of every history, and what makes random histories worth comparing on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::alerts::alerts;
use super::calibration::calibrate;
use super::dimensions::{Dimension, Tier};
use super::histories::{Case, UNKNOWN_EVENT_TYPE, cases};
use super::history::History;
use super::kpis::{Published, kpi_daily};
use super::matrix::{MatrixCell, earlier_snapshots, matrix, matrix_since};
use super::migration::migration;
use super::parameters::Rules;
use super::snapshot::{Snapshot, snapshots};
use super::summary::summary;
use super::warnings::Warnings;

fn snapshots_of(case: &Case) -> BTreeMap<NaiveDate, Snapshot> {
    let rules = Rules::with_cut_points(case.cut_points.clone());
    snapshots(&case.history, &case.nights, &rules)
}

fn with_previous(
    snapshots: &BTreeMap<NaiveDate, Snapshot>,
) -> impl Iterator<Item = (Option<&Snapshot>, &Snapshot)> {
    snapshots.values().map(|current| {
        let previous = current.previous_snapshot_date.map(|date| &snapshots[&date]);
        (previous, current)
    })
}

fn counts_by_tier(snapshot: &Snapshot) -> BTreeMap<(Dimension, Tier), i64> {
    let mut counts = BTreeMap::new();
    for row in snapshot.rows.values() {
        for (dimension, state) in &row.tier_states {
            *counts.entry((*dimension, state.shown)).or_insert(0) += 1;
        }
    }
    counts
}

/// The users of the cells by dimension and one of the two tiers, without the NULL ones.
fn cell_sums(
    cells: &[MatrixCell],
    tier: impl Fn(&MatrixCell) -> Option<Tier>,
) -> BTreeMap<(Dimension, Tier), i64> {
    let mut sums = BTreeMap::new();
    for cell in cells {
        if let Some(tier) = tier(cell) {
            *sums.entry((cell.dimension, tier)).or_insert(0) += cell.users;
        }
    }
    sums
}

proptest! {
    /// "SQL sees partitions with `day <= D` and nothing later, whatever is in storage."
    #[test]
    fn rows_after_the_snapshot_date_change_nothing(case in cases()) {
        let last_night = case.nights[case.nights.len() - 1];
        let mut history = case.history.clone();
        history.orders.retain(|row| row.day <= last_night);
        history.events.retain(|row| row.day <= last_night);
        history.users.retain(|row| row.day <= last_night);
        let cut = Case { history, ..case.clone() };

        prop_assert_eq!(
            format!("{:?}", snapshots_of(&case)),
            format!("{:?}", snapshots_of(&cut))
        );
    }

    /// "The row sums are the earlier snapshot's counts, the column sums today's."
    #[test]
    fn matrix_sums_to_both_snapshots(case in cases()) {
        let snapshots = snapshots_of(&case);
        for current in snapshots.values() {
            for (period, earlier) in earlier_snapshots(&snapshots, current) {
                let cells = matrix_since(period, earlier, current);
                prop_assert_eq!(cell_sums(&cells, |cell| cell.from_tier), counts_by_tier(earlier));
                prop_assert_eq!(cell_sums(&cells, |cell| cell.to_tier), counts_by_tier(current));
            }
        }
    }

    #[test]
    fn moves_are_the_matrix_off_its_diagonal(case in cases()) {
        let snapshots = snapshots_of(&case);
        for (previous, current) in with_previous(&snapshots) {
            let moved = matrix(previous, current)
                .iter()
                .filter(|cell| cell.from_tier != cell.to_tier)
                .map(|cell| cell.users)
                .sum::<i64>();
            let moves = migration(previous, current).into_iter();
            let is_warning = |name| Warnings::names().any(|warning| warning == name);
            let moves = moves.filter(|tier_move| !is_warning(tier_move.dimension));
            prop_assert_eq!(moves.count() as i64, moved);
        }
    }

    /// Opening + in - out = closing.
    #[test]
    fn summary_explains_the_change_of_every_tier(case in cases()) {
        let snapshots = snapshots_of(&case);
        for (previous, current) in with_previous(&snapshots) {
            let Some(previous) = previous else { continue };
            let before = counts_by_tier(previous);
            for row in summary(Some(previous), current) {
                let opening = before.get(&(row.dimension, row.tier)).copied().unwrap_or(0);
                prop_assert_eq!(opening + row.entered - row.left_tier, row.users);
            }
        }
    }

    /// Grace only ever shows a higher tier than the raw one, and both grace and hold say since when
    /// something waits.
    #[test]
    fn shown_tier_is_raw_or_waiting(case in cases()) {
        for snapshot in snapshots_of(&case).values() {
            for state in snapshot.rows.values().flat_map(|row| row.tier_states.values()) {
                let dimension = state.raw.dimension;
                let is_held = state.shown != state.raw.tier;
                prop_assert!(dimension.rank(state.shown) >= dimension.rank(state.raw.tier));
                prop_assert_eq!(state.pending_since.is_some(), is_held);
                let is_in_hold = is_held && !dimension.is_ranked();
                prop_assert_eq!(state.pending, is_in_hold.then_some(state.raw.tier));
                prop_assert!(state.since <= snapshot.snapshot_date);
            }
        }
    }

    #[test]
    fn every_row_has_the_same_columns_and_every_night_its_kpis(case in cases()) {
        let snapshots = snapshots_of(&case);
        let published = Published { history: &case.history, snapshots: &snapshots, calibration: None };
        for (night, snapshot) in &snapshots {
            let mut names: Vec<Vec<&str>> = snapshot
                .rows
                .values()
                .map(|row| row.columns().into_iter().map(|(name, _)| name).collect())
                .collect();
            names.dedup();
            prop_assert!(names.len() <= 1);
            prop_assert_eq!(kpi_daily(&published, *night).len(), 30);
            prop_assert!(alerts(&published, *night).len() <= 6);
        }
    }
}

fn some_cases() -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    (0..200)
        .map(|_| cases().new_tree(&mut runner).unwrap().current())
        .collect()
}

#[test]
fn some_histories_calibrate_and_some_need_cut_points_by_hand() {
    let (calibrated, by_hand): (Vec<Case>, Vec<Case>) = some_cases()
        .into_iter()
        .partition(|case| calibrate(&case.history, case.nights[0]).is_ok());
    assert!(calibrated.len() >= 40, "{}", calibrated.len());
    assert!(by_hand.len() >= 40, "{}", by_hand.len());
}

#[test]
fn order_ids_are_unique() {
    for case in some_cases() {
        let orders = &case.history.orders;
        let ids: BTreeSet<&str> = orders.iter().map(|row| row.order_id.as_str()).collect();
        assert_eq!(ids.len(), orders.len());
    }
}

/// A comparison says little about a tier nobody reaches.
#[test]
fn every_tier_warning_and_direction_occurs() {
    let mut seen = BTreeMap::new();
    for case in some_cases() {
        let snapshots = snapshots_of(&case);
        for (previous, current) in with_previous(&snapshots) {
            for (column, text) in current.rows.values().flat_map(|row| row.columns()) {
                *seen.entry((column, text)).or_insert(0) += 1;
            }
            for tier_move in migration(previous, current) {
                let direction = tier_move.direction.name().to_owned();
                *seen.entry(("direction", direction)).or_insert(0) += 1;
            }
        }
    }
    let expected = [
        (
            "value_tier",
            "high_value high_potential active silent low_value no_orders",
        ),
        (
            "rfm_class",
            "important_value important_develop important_retain important_winback \
             general_value general_develop general_retain general_winback unscored",
        ),
        (
            "lifecycle_stage",
            "prospect new churned loyal active silent",
        ),
        ("customer_layer", "core mature growth base"),
        ("interaction_depth", "deep moderate occasional light"),
        ("engagement_style", "sharer commenter liker reader none"),
        ("participation_level", "high some none"),
        ("need_type", "functional social emotional none"),
        ("price_sensitivity", "unknown sensitive regular"),
        (
            "value_engagement",
            "high_value_high_engagement high_value_low_engagement \
             low_value_high_engagement low_value_low_engagement",
        ),
        ("silent_warning", "true false"),
        ("decline_warning", "true false"),
        ("peak_order", "true false"),
        ("spend_warning", "true false"),
        ("overdue_warning", "true false"),
        ("falling_warning", "true false"),
        ("fatigue_warning", "true false"),
        ("low_ltv_to_cac", "true false"),
        ("can_contact", "true false"),
        ("direction", "entered up down lateral raised cleared"),
    ];
    for (column, texts) in expected {
        for text in texts.split_whitespace() {
            assert!(
                seen.contains_key(&(column, text.to_owned())),
                "{column} {text}"
            );
        }
    }
}

#[test]
fn matrices_of_every_period_occur() {
    let mut periods = BTreeSet::new();
    for case in some_cases() {
        let snapshots = snapshots_of(&case);
        for current in snapshots.values() {
            let earlier = earlier_snapshots(&snapshots, current);
            periods.extend(earlier.into_iter().map(|(period, _)| period));
        }
    }
    assert_eq!(periods, BTreeSet::from(["month", "night", "week"]));
}

#[test]
fn an_unknown_event_type_and_a_user_of_one_source_occur() {
    let histories: Vec<History> = some_cases().into_iter().map(|case| case.history).collect();
    let mut events = histories.iter().flat_map(|history| &history.events);
    assert!(events.any(|event| event.event_type == UNKNOWN_EVENT_TYPE));
    let only_registered = histories.iter().any(|history| {
        history.users.iter().any(|user| {
            let has_ordered = history.orders.iter().any(|row| row.user_id == user.user_id);
            let has_events = history.events.iter().any(|row| row.user_id == user.user_id);
            !has_ordered && !has_events
        })
    });
    assert!(only_registered);
}
