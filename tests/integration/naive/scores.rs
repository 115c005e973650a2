//! Section 4, scores: R, F and M of one user, from frozen cut points.

use super::calibration::CutPoints;
use super::purchases::Purchases;
use super::text::{Columns, or_null};

/// The three scores of a scored user, each 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scores {
    pub(crate) r_score: i64,
    pub(crate) f_score: i64,
    pub(crate) m_score: i64,
}

impl Scores {
    /// "`rfm_total` = r + f + m, 3 to 15."
    pub(crate) fn rfm_total(self) -> i64 {
        self.r_score + self.f_score + self.m_score
    }
}

/// "Only users with `orders_lifetime >= 1` are scored; for the rest the scores and the total
/// are NULL."
pub(crate) fn score(purchases: &Purchases, cut_points: &CutPoints) -> Option<Scores> {
    if purchases.orders_lifetime < 1 {
        return None;
    }
    let recency_days = purchases.recency_days?;
    Some(Scores {
        r_score: recency_score(recency_days, cut_points.recency_days),
        f_score: score_of(purchases.orders_365d, cut_points.orders_365d),
        m_score: score_of(purchases.revenue_365d_cents, cut_points.revenue_365d_cents),
    })
}

/// "1 + (number of cut points below the value): a value equal to a cut point has not passed it."
fn score_of(value: i64, cut_points: [i64; 4]) -> i64 {
    1 + cut_points_below(value, cut_points)
}

/// "`r_score = 5 - (number of R cut points below recency_days)`."
fn recency_score(recency_days: i64, cut_points: [i64; 4]) -> i64 {
    5 - cut_points_below(recency_days, cut_points)
}

fn cut_points_below(value: i64, cut_points: [i64; 4]) -> i64 {
    cut_points
        .into_iter()
        .filter(|cut_point| *cut_point < value)
        .count() as i64
}

pub(crate) fn columns(scores: Option<Scores>) -> Columns {
    vec![
        ("r_score", or_null(scores.map(|scores| scores.r_score))),
        ("f_score", or_null(scores.map(|scores| scores.f_score))),
        ("m_score", or_null(scores.map(|scores| scores.m_score))),
        ("rfm_total", or_null(scores.map(Scores::rfm_total))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::hand_given_cut_points;

    #[test]
    fn a_value_equal_to_a_cut_point_has_not_passed_it() {
        let cut_points = [0, 1, 2, 3];
        let scores: Vec<i64> = (0..=5).map(|value| score_of(value, cut_points)).collect();
        assert_eq!(scores, [1, 2, 3, 4, 5, 5]);
    }

    #[test]
    fn the_more_recent_the_higher_the_score() {
        let scores: Vec<i64> = [0, 7, 8, 30, 31, 60, 61, 90, 91, 400]
            .into_iter()
            .map(|recency_days| recency_score(recency_days, [7, 30, 60, 90]))
            .collect();
        assert_eq!(scores, [5, 5, 4, 4, 3, 3, 2, 2, 1, 1]);
    }

    #[test]
    fn a_buyer_of_long_ago_is_scored_and_a_user_without_orders_is_not() {
        let long_ago = Purchases {
            orders_lifetime: 1,
            recency_days: Some(400),
            ..Purchases::default()
        };

        let scores = score(&long_ago, &hand_given_cut_points());

        let lowest = Scores {
            r_score: 1,
            f_score: 1,
            m_score: 1,
        };
        assert_eq!(scores, Some(lowest));
        assert_eq!(lowest.rfm_total(), 3);
        assert_eq!(score(&Purchases::default(), &hand_given_cut_points()), None);
    }
}
