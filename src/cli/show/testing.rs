//! Dimensions that tests show.

use crate::migration::Direction;
use crate::overview::{DimensionOverview, Flow, TierOverview};

pub(super) fn tier(name: &str, users: i64, waiting: i64, revenue_cents: i128) -> TierOverview {
    TierOverview {
        name: name.to_owned(),
        users,
        waiting,
        revenue_cents,
    }
}

pub(super) fn flow(from: &str, to: &str, users: i64, direction: Option<Direction>) -> Flow {
    let side = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    Flow {
        from: side(from),
        to: side(to),
        direction,
        users,
        revenue_cents: i128::from(users) * 1_250,
    }
}

pub(super) fn value_tier() -> DimensionOverview {
    DimensionOverview {
        name: "value_tier".to_owned(),
        is_ranked: true,
        tiers: vec![
            tier("high_value", 1_250, 30, 90_000_000),
            tier("low_value", 0, 0, 0),
            tier("no_orders", 18_768, 0, 10_000_000),
        ],
        flows: vec![
            flow("high_value", "high_value", 1_200, None),
            flow("high_value", "no_orders", 4, Some(Direction::Down)),
            flow("high_value", "", 2, Some(Direction::Left)),
            flow("no_orders", "high_value", 50, Some(Direction::Up)),
            flow("no_orders", "no_orders", 18_700, None),
            flow("", "no_orders", 64, Some(Direction::Entered)),
        ],
    }
}

/// Names of which neither whole nor in words so many stand beside each other.
pub(super) fn segment() -> DimensionOverview {
    let names = ["develop", "retain", "winback", "value"].map(|stage| {
        ["important", "general", "occasional"].map(|kind| format!("{kind}_{stage}_customers"))
    });
    let names = names.concat();
    DimensionOverview {
        name: "segment".to_owned(),
        is_ranked: false,
        tiers: names.iter().map(|name| tier(name, 100, 0, 1)).collect(),
        flows: vec![
            flow(&names[0], &names[0], 100, None),
            flow(&names[1], &names[11], 100, Some(Direction::Lateral)),
        ],
    }
}
