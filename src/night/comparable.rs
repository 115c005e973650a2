//! What a night may be compared with: whether earlier snapshots were scored by the same cut points
//! and made by the same rules, dimension by dimension.

use std::collections::BTreeSet;

use crate::calibration::Calibration;
use crate::ground::{SqlSchema, TableName};
use crate::pack::cut_points::scored_models;
use crate::pack::{TierRules, VALUE_TIER};
use crate::publish::Publication;
use crate::tiers::bands::unscored_tier;
use crate::tiers::{DelayLimits, Dimensions, Unscored};

use super::context::Run;

/// What distinguishes tonight's tiers from those of earlier nights.
#[derive(Debug, Clone)]
pub(super) struct Scoring {
    cutpoints_id: String,
    /// The dimensions that cut points have a part in.
    scored: BTreeSet<String>,
    rules: TierRules,
}

impl Scoring {
    /// The cut points and the rules of a night.
    pub(super) fn of(run: &Run<'_>, dimensions: &Dimensions, calibration: &Calibration) -> Self {
        let graph = &run.scenario.project.graph;
        let models = scored_models(graph, calibration);
        let has_cut_points = |dimension: &str| {
            let own = TableName::new(SqlSchema::Tiers, dimension);
            // A column of another model's: of which, only its SQL says.
            graph.model(&own).is_none() || models.contains(&own)
        };
        let names = dimensions.iter().map(|dimension| &dimension.name);
        Self {
            cutpoints_id: calibration.id.clone(),
            scored: names.filter(|name| has_cut_points(name)).cloned().collect(),
            rules: TierRules::of(run.job, run.scenario.project, dimensions),
        }
    }

    /// What a publication records of the rules.
    pub(super) fn tier_rules(&self) -> String {
        self.rules.to_text()
    }

    /// The dimensions that an earlier publication scored by other cut points.
    pub(super) fn other_cut_points(&self, before: &Publication) -> BTreeSet<String> {
        match before.cutpoints_id == self.cutpoints_id {
            true => BTreeSet::new(),
            false => self.scored.clone(),
        }
    }

    /// The dimensions that an earlier publication made by other rules.
    pub(super) fn other_rules(&self, before: &Publication) -> BTreeSet<String> {
        self.rules.changed_since(before.tier_rules.as_deref())
    }

    /// How far grace and hold go in a night.
    pub(super) fn delay_limits(&self, run: &Run<'_>) -> DelayLimits {
        let unscored = run.scenario.project.bands().and_then(unscored_tier);
        let before = run.scenario.previous;
        let of_before = |dimensions: fn(&Self, &Publication) -> BTreeSet<String>| {
            before.map_or_else(BTreeSet::new, |before| dimensions(self, before))
        };
        DelayLimits {
            previous_date: before.map(|before| before.snapshot_date),
            other_cut_points: of_before(Self::other_cut_points),
            other_rules: of_before(Self::other_rules),
            unscored: unscored.map(|tier| Unscored {
                dimension: VALUE_TIER.to_owned(),
                tier,
                scored: self.scored.clone(),
            }),
        }
    }

    /// What is to be said of a night whose tiers are not made like those of the snapshot before it.
    pub(super) fn remarks(&self, run: &Run<'_>) -> Vec<String> {
        let Some(before) = run.scenario.previous else {
            return Vec::new();
        };
        let date = before.snapshot_date;
        let listed = |dimensions: BTreeSet<String>| {
            let dimensions: Vec<String> = dimensions.into_iter().collect();
            (!dimensions.is_empty()).then(|| dimensions.join(", "))
        };
        let rescored = listed(self.other_cut_points(before)).map(|dimensions| {
            format!(
                "scored by the cut points {}, the previous snapshot, of {date}, by {}: the shares of {dimensions} are not held to max_tier_share_change tonight",
                self.cutpoints_id, before.cutpoints_id
            )
        });
        let changed = listed(self.other_rules(before)).map(|dimensions| {
            format!("rules changed since the previous snapshot, of {date}: those of {dimensions}")
        });
        rescored.into_iter().chain(changed).collect()
    }

    /// Whether the value tiers of the snapshot of D - 7 are of the same cut points and rules; so
    /// too where there is none, as then there is nothing to compare.
    pub(super) fn is_comparable_to_week_ago(&self, run: &Run<'_>) -> bool {
        let Some(before) = run.plan.week_ago() else {
            return true;
        };
        let is_other = |dimensions: &BTreeSet<String>| dimensions.contains(VALUE_TIER);
        !is_other(&self.other_cut_points(before)) && !is_other(&self.other_rules(before))
    }
}
