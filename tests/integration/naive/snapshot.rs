//! `tier_snapshot`: one row per user and snapshot date.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::dimensions::{Dimension, Tier, participation_rate_90d, raw_tiers};
use super::features::{Features, features};
use super::grace::{RawTier, TierState, settle};
use super::history::History;
use super::lifetime_value::LifetimeValue;
use super::parameters::Rules;
use super::ratio::Ratio;
use super::scores::{self, Scores, score};
use super::text::{Columns, ratio_or_null};
use super::warnings::{
    Warnings, decline_warning, falling_warning, fatigue_warning, low_ltv_to_cac, overdue_warning,
    peak_order, silent_warning, spend_warning,
};

/// The published rows of one night.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) snapshot_date: NaiveDate,
    pub(crate) previous_snapshot_date: Option<NaiveDate>,
    pub(crate) rows: BTreeMap<String, SnapshotRow>,
}

#[derive(Debug, Clone)]
pub(crate) struct SnapshotRow {
    pub(crate) snapshot_date: NaiveDate,
    pub(crate) user_id: String,
    pub(crate) features: Features,
    pub(crate) scores: Option<Scores>,
    /// Every dimension is there.
    pub(crate) tier_states: BTreeMap<Dimension, TierState>,
    pub(crate) participation_rate_90d: Option<Ratio>,
    pub(crate) warnings: Warnings,
    pub(crate) lifetime_value: LifetimeValue,
}

/// The snapshots of some nights, ascending, each following the one before: "the previous snapshot
/// is the newest published one with a date before D".
pub(crate) fn snapshots(
    history: &History,
    nights: &[NaiveDate],
    rules: &Rules,
) -> BTreeMap<NaiveDate, Snapshot> {
    let mut published: BTreeMap<NaiveDate, Snapshot> = BTreeMap::new();
    for night in nights {
        let previous = published.range(..night).next_back();
        let previous = previous.map(|(_, snapshot)| snapshot);
        let snapshot = snapshot(history, *night, rules, previous);
        published.insert(*night, snapshot);
    }
    published
}

/// The snapshot of one night.
pub(crate) fn snapshot(
    history: &History,
    snapshot_date: NaiveDate,
    rules: &Rules,
    previous: Option<&Snapshot>,
) -> Snapshot {
    let features = features(history, &rules.event_types, snapshot_date);
    let rows = features
        .into_iter()
        .map(|(user_id, features)| {
            let previous_row = previous.and_then(|snapshot| snapshot.rows.get(&user_id));
            let previous_row = previous_row.zip(previous.map(|before| before.snapshot_date));
            let row = row(user_id.clone(), features, rules, previous_row);
            (user_id, row)
        })
        .collect();
    Snapshot {
        snapshot_date,
        previous_snapshot_date: previous.map(|snapshot| snapshot.snapshot_date),
        rows,
    }
}

fn row(
    user_id: String,
    features: Features,
    rules: &Rules,
    previous: Option<(&SnapshotRow, NaiveDate)>,
) -> SnapshotRow {
    let scores = score(&features.purchases, &rules.cut_points);
    let raw = raw_tiers(&features, scores, &rules.parameters);
    let lifetime_value = LifetimeValue::of(
        features.purchases.revenue_lifetime_cents,
        features.acquisition_cost_cents,
    );
    let [value_tier, stage] = [Dimension::ValueTier, Dimension::LifecycleStage].map(|of| raw[&of]);
    let tier_states = settle_all(raw, scores, rules, previous, features.snapshot_date);
    let is_raised = [
        ("silent_warning", silent_warning(&features, stage)),
        ("decline_warning", decline_warning(&features)),
        ("peak_order", peak_order(&features, value_tier)),
        ("spend_warning", spend_warning(&features, value_tier)),
        ("overdue_warning", overdue_warning(&features, stage)),
        (
            "falling_warning",
            falling_warning(&tier_states[&Dimension::ValueTier]),
        ),
        ("fatigue_warning", fatigue_warning(&features)),
        (
            "low_ltv_to_cac",
            low_ltv_to_cac(&lifetime_value, &features, &rules.parameters),
        ),
    ];
    let before = previous.map(|(row, _)| &row.warnings);
    let warnings = Warnings::settle(is_raised, before, features.snapshot_date);
    SnapshotRow {
        snapshot_date: features.snapshot_date,
        user_id,
        scores,
        tier_states,
        participation_rate_90d: participation_rate_90d(&features.interactions),
        warnings,
        lifetime_value,
        features,
    }
}

fn settle_all(
    raw_tiers: BTreeMap<Dimension, Tier>,
    scores: Option<Scores>,
    rules: &Rules,
    previous: Option<(&SnapshotRow, NaiveDate)>,
    snapshot_date: NaiveDate,
) -> BTreeMap<Dimension, TierState> {
    let was_scored = previous.map(|(row, _)| row.scores.is_some());
    raw_tiers
        .into_iter()
        .map(|(dimension, tier)| {
            let days = if dimension.is_ranked() {
                &rules.grace_days
            } else {
                &rules.hold_days
            };
            let raw = RawTier {
                dimension,
                tier,
                days: days.get(&dimension).copied().unwrap_or(0),
                is_score_new_or_gone: was_scored.is_some_and(|was| was != scores.is_some()),
                are_rules_new: rules.are_new,
            };
            let previous = previous.map(|(row, date)| (&row.tier_states[&dimension], date));
            (dimension, settle(raw, previous, snapshot_date))
        })
        .collect()
}

impl SnapshotRow {
    pub(crate) fn shown(&self, dimension: Dimension) -> Tier {
        self.tier_states[&dimension].shown
    }

    /// Every published column but cutpoints_id and run_id, which only the pipeline knows.
    pub(crate) fn columns(&self) -> Columns {
        let mut columns = vec![
            ("snapshot_date", self.snapshot_date.to_string()),
            ("user_id", self.user_id.clone()),
        ];
        columns.extend(self.features.columns());
        columns.extend(scores::columns(self.scores));
        columns.extend(self.tier_states.values().flat_map(TierState::columns));
        columns.push((
            "participation_rate_90d",
            ratio_or_null(self.participation_rate_90d),
        ));
        columns.extend(self.warnings.columns());
        columns.extend(self.lifetime_value.columns());
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, order, rules, snapshot_date, user};

    fn column(row: &SnapshotRow, name: &str) -> String {
        let columns: BTreeMap<&str, String> = row.columns().into_iter().collect();
        columns[name].clone()
    }

    /// Two orders, 100.00 and 25.00, 3 and 40 days ago: recency 3 scores 5, two orders 3, and
    /// 125.00 passes three of the cut points 10, 25, 100, 50000, which is 4. The total is 12.
    #[test]
    fn one_user_gets_every_column_from_the_rows() {
        let history = History {
            orders: vec![order("7", 3, 100_00), order("7", 40, 25_00)],
            events: vec![event("7", 1, "share"), event("7", 80, "campaign_exposure")],
            users: vec![user("7", 50, Some(50_00))],
        };

        let snapshot = snapshot(&history, snapshot_date(), &rules(), None);

        let row = &snapshot.rows["7"];
        let expected = [
            ("snapshot_date", "2026-11-20"),
            ("user_id", "7"),
            ("orders_lifetime", "2"),
            ("revenue_365d", "125.00"),
            ("revenue_30d", "100.00"),
            ("last_order_day", "2026-11-17"),
            ("largest_order_1d", "NULL"),
            ("largest_order_before_today", "100.00"),
            ("inactivity_days", "1"),
            ("r_score", "5"),
            ("f_score", "3"),
            ("m_score", "4"),
            ("rfm_total", "12"),
            ("value_tier", "high_potential"),
            ("value_tier_raw", "high_potential"),
            ("value_tier_since", "2026-11-20"),
            ("value_tier_pending_since", "NULL"),
            ("rfm_class", "important_develop"),
            ("rfm_class_raw", "important_develop"),
            ("rfm_class_pending", "NULL"),
            ("rfm_class_pending_since", "NULL"),
            ("lifecycle_stage", "active"),
            ("lifecycle_stage_since", "2026-11-20"),
            ("customer_layer", "growth"),
            ("interaction_depth", "moderate"),
            ("engagement_style", "sharer"),
            ("participation_level", "none"),
            ("participation_rate_90d", "0.000000"),
            ("need_type", "social"),
            ("price_sensitivity", "unknown"),
            ("value_engagement", "high_value_high_engagement"),
            ("silent_warning", "false"),
            ("silent_warning_since", "NULL"),
            ("falling_warning", "false"),
            ("low_ltv_to_cac", "false"),
            ("ltv_historical", "125.00"),
            ("ltv_to_cac", "2.500000"),
        ];
        for (name, text) in expected {
            assert_eq!(column(row, name), text, "{name}");
        }
    }

    #[test]
    fn a_user_only_registered_has_zeros_nulls_and_a_tier_everywhere() {
        let history = History {
            users: vec![user("7", 0, None)],
            ..History::default()
        };

        let snapshot = snapshot(&history, snapshot_date(), &rules(), None);

        let row = &snapshot.rows["7"];
        let expected = [
            ("orders_lifetime", "0"),
            ("revenue_lifetime", "0.00"),
            ("first_order_day", "NULL"),
            ("inactivity_days", "NULL"),
            ("r_score", "NULL"),
            ("rfm_total", "NULL"),
            ("value_tier", "no_orders"),
            ("rfm_class", "unscored"),
            ("lifecycle_stage", "prospect"),
            ("value_engagement", "low_value_low_engagement"),
            ("participation_rate_90d", "NULL"),
            ("low_ltv_to_cac", "false"),
        ];
        for (name, text) in expected {
            assert_eq!(column(row, name), text, "{name}");
        }
    }

    /// One order of 10.00: recency 30 scores 4 and recency 31 scores 3, with F 2 and M 1 a total
    /// of 7, which is active, and then 6, which is silent. The nights are 1, 2 and 9 days apart.
    #[test]
    fn the_shown_tier_follows_the_raw_one_after_seven_days() {
        let history = History {
            orders: vec![order("7", 42, 10_00)],
            ..History::default()
        };
        let nights = [12, 11, 9, 0].map(days_ago);

        let snapshots = snapshots(&history, &nights, &rules());

        let told: Vec<[String; 4]> = snapshots
            .values()
            .map(|snapshot| {
                [
                    "value_tier_raw",
                    "value_tier",
                    "value_tier_pending_since",
                    "value_tier_since",
                ]
                .map(|name| column(&snapshot.rows["7"], name))
            })
            .collect();
        assert_eq!(
            told,
            [
                ["active", "active", "NULL", "2026-11-08"],
                ["silent", "active", "2026-11-09", "2026-11-08"],
                ["silent", "active", "2026-11-09", "2026-11-08"],
                ["silent", "silent", "NULL", "2026-11-20"],
            ]
        );
        let previous_dates: Vec<Option<NaiveDate>> = snapshots
            .values()
            .map(|snapshot| snapshot.previous_snapshot_date)
            .collect();
        let expected = [None, Some(nights[0]), Some(nights[1]), Some(nights[2])];
        assert_eq!(previous_dates, expected);
    }
}
