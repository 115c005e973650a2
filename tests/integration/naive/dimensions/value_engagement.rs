//! `value_engagement`: the value x engagement quadrants.

use super::Tier;
use crate::naive::parameters::Parameters;
use crate::naive::scores::Scores;

/// "High value when rfm_total >= `10`; high engagement when interaction_depth is deep or
/// moderate." A user without a total is not of high value.
pub(super) fn assign(
    scores: Option<Scores>,
    interaction_depth: Tier,
    parameters: &Parameters,
) -> Tier {
    let high_value = scores.is_some_and(|scores| scores.rfm_total() >= parameters.high_value_total);
    let high_engagement = matches!(interaction_depth, "deep" | "moderate");
    match (high_value, high_engagement) {
        (true, true) => "high_value_high_engagement",
        (true, false) => "high_value_low_engagement",
        (false, true) => "low_value_high_engagement",
        (false, false) => "low_value_low_engagement",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrants_meet_at_a_total_of_ten_and_at_moderate_depth() {
        let quadrant = |r_score, depth| {
            let scores = Scores {
                r_score,
                f_score: 3,
                m_score: 3,
            };
            assign(Some(scores), depth, &Parameters::default())
        };

        assert_eq!(quadrant(4, "moderate"), "high_value_high_engagement");
        assert_eq!(quadrant(4, "occasional"), "high_value_low_engagement");
        assert_eq!(quadrant(3, "deep"), "low_value_high_engagement");
        assert_eq!(quadrant(3, "light"), "low_value_low_engagement");
    }

    #[test]
    fn an_unscored_user_is_of_low_value() {
        let quadrant = assign(None, "deep", &Parameters::default());
        assert_eq!(quadrant, "low_value_high_engagement");
    }
}
