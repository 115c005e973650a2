//! `value_tier`: bands of the RFM total.

use super::Tier;
use crate::naive::scores::Scores;

pub(super) const BY_RANK: [Tier; 6] = [
    "no_orders",
    "low_value",
    "silent",
    "active",
    "high_potential",
    "high_value",
];

/// "`high_value` 13-15, `high_potential` 10-12, `active` 7-9, `silent` 4-6, `low_value` 3;
/// users without a counting order are `no_orders`."
pub(super) fn assign(scores: Option<Scores>) -> Tier {
    let Some(scores) = scores else {
        return "no_orders";
    };
    match scores.rfm_total() {
        13..=15 => "high_value",
        10..=12 => "high_potential",
        7..=9 => "active",
        4..=6 => "silent",
        3 => "low_value",
        outside => panic!("an RFM total is 3 to 15, not {outside}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier_of_total(r_score: i64, f_score: i64, m_score: i64) -> Tier {
        assign(Some(Scores {
            r_score,
            f_score,
            m_score,
        }))
    }

    #[test]
    fn every_band_holds_its_first_and_last_total() {
        assert_eq!(tier_of_total(5, 5, 5), "high_value");
        assert_eq!(tier_of_total(5, 5, 3), "high_value");
        assert_eq!(tier_of_total(5, 5, 2), "high_potential");
        assert_eq!(tier_of_total(5, 3, 2), "high_potential");
        assert_eq!(tier_of_total(5, 3, 1), "active");
        assert_eq!(tier_of_total(5, 1, 1), "active");
        assert_eq!(tier_of_total(4, 1, 1), "silent");
        assert_eq!(tier_of_total(2, 1, 1), "silent");
        assert_eq!(tier_of_total(1, 1, 1), "low_value");
        assert_eq!(assign(None), "no_orders");
    }
}
