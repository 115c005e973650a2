//! What grace and hold do not bridge: they delay what happens from night to night, not what became
//! of a user over a gap, nor what new cut points or rules make of them.
//!
//! | the night | another value shows at once for |
//! |---|---|
//! | follows on a snapshot that is as old as the delay, the night before it aside | everybody |
//! | scores the dimension by other cut points than the snapshot before it | everybody |
//! | has other rules of the dimension than the snapshot before it | everybody |
//! | finds a user without anything to score, or one who had nothing before | that user, in the dimensions that scores have a part in |

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ground::{SnapshotDate, counted};

use super::Dimension;
use super::delay::Delay;

/// What a night knows of the snapshot before it, as far as delays depend on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelayLimits {
    /// Its date; none on the first night.
    pub previous_date: Option<SnapshotDate>,
    /// The dimensions that were scored by other cut points.
    pub other_cut_points: BTreeSet<String>,
    /// The dimensions whose rules were others.
    pub other_rules: BTreeSet<String>,
    /// How users who can have no score are told from the others, where they can be.
    pub unscored: Option<Unscored>,
}

/// Users who can have no score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unscored {
    /// The dimension that tells them from the others.
    pub dimension: String,
    /// Their value in it.
    pub tier: String,
    /// The other dimensions that scores have a part in.
    pub scored: BTreeSet<String>,
}

/// Why another value shows although days of its delay are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum AtOnce {
    /// The previous snapshot is too old.
    Gap,
    /// It was scored by other cut points.
    CutPoints,
    /// The rules of the dimension were others.
    Rules,
    /// There is nothing to score any more.
    Unscored,
    /// There was nothing to score before.
    FirstScore,
}

impl DelayLimits {
    /// Why no delay of a dimension goes on in the snapshot of `date`, whoever the user is.
    pub(super) fn of_all(&self, dimension: &Dimension, date: SnapshotDate) -> Option<AtOnce> {
        let previous = self.previous_date?;
        let days = date.days_since_epoch() - previous.days_since_epoch();
        // From one night to the next there is no gap, be the delay of a single day.
        if days > 1 && i64::from(days) >= i64::from(dimension.delay.days()) {
            return Some(AtOnce::Gap);
        }
        if self.other_cut_points.contains(&dimension.name) {
            return Some(AtOnce::CutPoints);
        }
        let has_other_rules = self.other_rules.contains(&dimension.name);
        has_other_rules.then_some(AtOnce::Rules)
    }

    /// Whether scores have a part in a dimension, so that whoever gets a first one, or loses the
    /// last, is shown so at once.
    pub(super) fn go_by_score(&self, dimension: &Dimension) -> bool {
        let unscored = self.unscored.as_ref();
        unscored.is_some_and(|unscored| {
            unscored.dimension == dimension.name || unscored.scored.contains(&dimension.name)
        })
    }

    /// What is said of users who were shown another value at once. First scores come every night.
    pub(super) fn remark(
        &self,
        dimension: &Dimension,
        reason: AtOnce,
        users: u64,
    ) -> Option<String> {
        let before = self.previous_date.map_or_else(
            || "the previous snapshot".to_owned(),
            |date| format!("the previous snapshot, of {date},"),
        );
        let Dimension { name, delay, .. } = dimension;
        let why = match reason {
            AtOnce::Gap => format!(
                "{before} is as old as the {} of {}, or older",
                counted(delay.days(), "day"),
                delay.name()
            ),
            AtOnce::CutPoints => format!("{before} was scored by other cut points"),
            AtOnce::Rules => format!("{before} was made by other rules of {name}"),
            AtOnce::Unscored => "they have no counting order any more".to_owned(),
            AtOnce::FirstScore => return None,
        };
        let value = match delay {
            Delay::Hold(_) => "another value",
            Delay::None | Delay::Grace(_) => "a lower value",
        };
        Some(format!(
            "{name}: {users} {} {value} at once, without the rest of the {}: {why}",
            if users == 1 {
                "user shows"
            } else {
                "users show"
            },
            delay.name()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::Tier;

    fn dimension(grace_days: u32) -> Dimension {
        let tier = |name: &str, rank| Tier {
            name: name.to_owned(),
            rank: Some(rank),
        };
        Dimension {
            name: "value_tier".to_owned(),
            tiers: vec![tier("active", 1), tier("no_orders", 0)],
            delay: Delay::Grace(grace_days),
        }
    }

    fn gap(grace_days: u32, previous: &str, date: &str) -> bool {
        let limits = DelayLimits {
            previous_date: Some(previous.parse().unwrap()),
            ..DelayLimits::default()
        };
        let reason = limits.of_all(&dimension(grace_days), date.parse().unwrap());
        assert!(reason.is_none_or(|reason| reason == AtOnce::Gap));
        reason.is_some()
    }

    #[test]
    fn a_gap_is_as_many_days_as_the_grace() {
        assert!(!gap(7, "2026-11-19", "2026-11-20"));
        assert!(!gap(7, "2026-11-14", "2026-11-20"));
        assert!(gap(7, "2026-11-13", "2026-11-20"));
        assert!(!gap(1, "2026-11-19", "2026-11-20"));
        assert!(gap(1, "2026-11-18", "2026-11-20"));
    }

    #[test]
    fn other_rules_end_the_grace_of_their_dimension_alone() {
        let date = "2026-11-20".parse().unwrap();
        let limits = |dimension: &str| DelayLimits {
            previous_date: Some("2026-11-19".parse().unwrap()),
            other_rules: BTreeSet::from([dimension.to_owned()]),
            ..DelayLimits::default()
        };
        let value_tier = dimension(7);
        assert_eq!(
            limits("value_tier").of_all(&value_tier, date),
            Some(AtOnce::Rules)
        );
        assert_eq!(limits("app_fan").of_all(&value_tier, date), None);
    }
}
