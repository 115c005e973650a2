//! `need_type`: what a user mostly comes for.

use super::Tier;
use super::largest::largest_or_none;
use crate::naive::interactions::Interactions;

/// "The largest of functional_90d, social_90d, emotional_90d, ties in this order; `none` when all
/// are 0."
pub(super) fn assign(interactions: &Interactions) -> Tier {
    largest_or_none(&[
        ("functional", interactions.functional_90d),
        ("social", interactions.social_90d),
        ("emotional", interactions.emotional_90d),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(functional_90d: i64, social_90d: i64, emotional_90d: i64) -> Tier {
        assign(&Interactions {
            functional_90d,
            social_90d,
            emotional_90d,
            ..Interactions::default()
        })
    }

    #[test]
    fn the_largest_count_wins_and_the_earlier_need_on_a_tie() {
        assert_eq!(need(1, 2, 3), "emotional");
        assert_eq!(need(1, 2, 2), "social");
        assert_eq!(need(2, 2, 2), "functional");
        assert_eq!(need(0, 0, 0), "none");
    }
}
