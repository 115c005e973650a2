//! `interaction_depth`: how much a user interacts now.

use super::Tier;
use crate::naive::interactions::Interactions;
use crate::naive::parameters::Parameters;

pub(super) const BY_RANK: [Tier; 4] = ["light", "occasional", "moderate", "deep"];

/// "`deep` interactions_7d >= `3`; `moderate` interactions_7d >= 1; `occasional`
/// interactions_30d >= 1; `light`."
pub(super) fn assign(interactions: &Interactions, parameters: &Parameters) -> Tier {
    if interactions.interactions_7d >= parameters.deep_interactions_7d {
        "deep"
    } else if interactions.interactions_7d >= 1 {
        "moderate"
    } else if interactions.interactions_30d >= 1 {
        "occasional"
    } else {
        "light"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(interactions_7d: i64, interactions_30d: i64) -> Tier {
        let interactions = Interactions {
            interactions_7d,
            interactions_30d,
            ..Interactions::default()
        };
        assign(&interactions, &Parameters::default())
    }

    #[test]
    fn a_week_tells_deep_and_moderate_a_month_occasional() {
        assert_eq!(depth(3, 3), "deep");
        assert_eq!(depth(2, 9), "moderate");
        assert_eq!(depth(1, 1), "moderate");
        assert_eq!(depth(0, 1), "occasional");
        assert_eq!(depth(0, 0), "light");
    }
}
