//! `rfm_class`: the 8 RFM classes.

use super::Tier;
use crate::naive::scores::Scores;

/// "By whether each score is high (`> 3`)."
fn is_high(score: i64) -> bool {
    score > 3
}

/// "M high: R F `important_value`, R only `important_develop`, F only `important_retain`, neither
/// `important_winback`; M low: `general_value`, `general_develop`, `general_retain`,
/// `general_winback` in the same order; unscored users `unscored`."
pub(super) fn assign(scores: Option<Scores>) -> Tier {
    let Some(scores) = scores else {
        return "unscored";
    };
    let r_high = is_high(scores.r_score);
    let f_high = is_high(scores.f_score);
    let m_high = is_high(scores.m_score);
    match (m_high, r_high, f_high) {
        (true, true, true) => "important_value",
        (true, true, false) => "important_develop",
        (true, false, true) => "important_retain",
        (true, false, false) => "important_winback",
        (false, true, true) => "general_value",
        (false, true, false) => "general_develop",
        (false, false, true) => "general_retain",
        (false, false, false) => "general_winback",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(r_score: i64, f_score: i64, m_score: i64) -> Tier {
        assign(Some(Scores {
            r_score,
            f_score,
            m_score,
        }))
    }

    #[test]
    fn four_is_high_and_three_is_low() {
        assert_eq!(class_of(4, 4, 4), "important_value");
        assert_eq!(class_of(4, 3, 4), "important_develop");
        assert_eq!(class_of(3, 4, 4), "important_retain");
        assert_eq!(class_of(3, 3, 4), "important_winback");
        assert_eq!(class_of(4, 4, 3), "general_value");
        assert_eq!(class_of(4, 3, 3), "general_develop");
        assert_eq!(class_of(3, 4, 3), "general_retain");
        assert_eq!(class_of(3, 3, 3), "general_winback");
        assert_eq!(assign(None), "unscored");
    }
}
