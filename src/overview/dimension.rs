//! One dimension of a published date: its tiers, and who moved between them.

use std::cmp::Reverse;

use serde::Serialize;

use crate::migration::Direction;

use super::amounts::as_money;

/// One dimension of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct DimensionOverview {
    /// The column of the snapshot.
    pub name: String,
    /// Whether its values have ranks, so that users wait for a fall in grace; in others they wait in
    /// hold, for any change.
    pub is_ranked: bool,
    /// Every tier, those without users too, in the order of `dim_tier`.
    pub tiers: Vec<TierOverview>,
    /// The cells of the migration matrix that have users, the diagonal among them.
    pub flows: Vec<Flow>,
}

/// One tier of a dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TierOverview {
    /// The value in the tables.
    pub name: String,
    /// Users whom the snapshot shows in it.
    pub users: i64,
    /// Those of them who are in another already, but for grace or hold.
    pub waiting: i64,
    /// What they spent in 365 days, in hundredths.
    #[serde(rename = "revenue_365d", serialize_with = "as_money")]
    pub revenue_cents: i128,
}

/// Users who were in one tier and are in another, or in the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Flow {
    /// The tier in the previous snapshot; none for users who were not in it.
    pub from: Option<String>,
    /// The tier in this snapshot; none for users who are not in it.
    pub to: Option<String>,
    /// Which way that is; none for users who stayed.
    pub direction: Option<Direction>,
    /// How many they are.
    pub users: i64,
    /// What they spent in 365 days, in hundredths.
    #[serde(rename = "revenue_365d", serialize_with = "as_money")]
    pub revenue_cents: i128,
}

impl DimensionOverview {
    /// Users more or less than before in each tier, those who entered and left included.
    pub(crate) fn net_change(&self, tier: &str) -> i64 {
        let is_tier = |side: &Option<String>| side.as_deref() == Some(tier);
        let changes = self.flows.iter().map(|flow| {
            let into = i64::from(is_tier(&flow.to)) - i64::from(is_tier(&flow.from));
            into * flow.users
        });
        changes.sum()
    }

    /// The flows of users who did not stay, those with the most users first.
    pub(crate) fn largest_moves(&self) -> Vec<&Flow> {
        let moves = self.flows.iter().filter(|flow| flow.direction.is_some());
        let mut moves: Vec<&Flow> = moves.collect();
        moves.sort_by_key(|flow| {
            let size = Reverse((flow.users, flow.revenue_cents));
            (size, &flow.from, &flow.to)
        });
        moves
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::{Delay, Dimension};

    fn flow(from: Option<&str>, to: Option<&str>, users: i64) -> Flow {
        let dimension = Dimension {
            name: "value_tier".to_owned(),
            tiers: Vec::new(),
            delay: Delay::None,
        };
        Flow {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            direction: Direction::of(&dimension, from, to),
            users,
            revenue_cents: 0,
        }
    }

    #[test]
    fn moves_are_ordered_by_users_and_tell_the_change_of_a_tier() {
        let dimension = DimensionOverview {
            name: "value_tier".to_owned(),
            is_ranked: true,
            tiers: Vec::new(),
            flows: vec![
                flow(Some("gold"), Some("gold"), 90),
                flow(Some("gold"), Some("basic"), 2),
                flow(Some("basic"), Some("gold"), 5),
                flow(None, Some("basic"), 5),
                flow(Some("gold"), None, 1),
            ],
        };
        let largest = dimension.largest_moves();
        let users: Vec<i64> = largest.iter().map(|flow| flow.users).collect();
        assert_eq!(users, [5, 5, 2, 1]);
        assert_eq!(largest[0].from, None);
        assert_eq!(dimension.net_change("gold"), 2);
        assert_eq!(dimension.net_change("basic"), 2);
    }
}
