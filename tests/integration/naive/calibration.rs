//! Section 4, calibration: the cut points of the three metrics over the scored users of a date.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use thiserror::Error;

use super::history::History;
use super::purchases::{Purchases, purchases};
use super::scores::{Scores, score};

/// The four cut points of each metric, ascending.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CutPoints {
    pub(crate) recency_days: [i64; 4],
    pub(crate) orders_365d: [i64; 4],
    pub(crate) revenue_365d_cents: [i64; 4],
}

/// A calibration's record without its id.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Calibration {
    pub(crate) snapshot_date: NaiveDate,
    pub(crate) population: usize,
    pub(crate) cut_points: CutPoints,
    pub(crate) users_per_score: UsersPerScore,
}

/// How many users got each score, from score 1 to score 5.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct UsersPerScore {
    pub(crate) r_score: [usize; 5],
    pub(crate) f_score: [usize; 5],
    pub(crate) m_score: [usize; 5],
}

/// "With fewer than five distinct values calibration fails, names the metric and its values,
/// and says to give cut points by hand."
#[derive(Debug, Clone, PartialEq, Error)]
#[error(
    "`{metric}` does not divide into five scores over its values {distinct_values:?}; \
     give its cut points by hand"
)]
pub(crate) struct CalibrationError {
    pub(crate) metric: &'static str,
    /// Ascending; cents for revenue.
    pub(crate) distinct_values: Vec<i64>,
}

/// "Calibration computes the four cut points of a metric over the scored users as of a date."
pub(crate) fn calibrate(
    history: &History,
    snapshot_date: NaiveDate,
) -> Result<Calibration, CalibrationError> {
    let scored = scored_users(history, snapshot_date);
    let recency_days: Vec<i64> = scored.iter().filter_map(|user| user.recency_days).collect();
    let orders_365d: Vec<i64> = scored.iter().map(|user| user.orders_365d).collect();
    let revenue_365d: Vec<i64> = scored.iter().map(|user| user.revenue_365d_cents).collect();
    let cut_points = CutPoints {
        recency_days: cut_points("recency_days", &recency_days)?,
        orders_365d: cut_points("orders_365d", &orders_365d)?,
        revenue_365d_cents: cut_points("revenue_365d", &revenue_365d)?,
    };
    Ok(Calibration {
        snapshot_date,
        population: scored.len(),
        users_per_score: users_per_score(&scored, &cut_points),
        cut_points,
    })
}

/// "its population, the scored users with orders_365d >= 1"
fn scored_users(history: &History, snapshot_date: NaiveDate) -> Vec<Purchases> {
    history
        .visible_on(snapshot_date)
        .values()
        .map(|user_history| purchases(&user_history.orders, snapshot_date))
        .filter(|purchases| purchases.orders_365d >= 1)
        .collect()
}

fn cut_points(metric: &'static str, values: &[i64]) -> Result<[i64; 4], CalibrationError> {
    let distinct_values: BTreeSet<i64> = values.iter().copied().collect();
    let cuts = if distinct_values.len() < 5 {
        None
    } else {
        four_cuts(values)
    };
    cuts.ok_or_else(|| CalibrationError {
        metric,
        distinct_values: distinct_values.into_iter().collect(),
    })
}

/// "Cut 1 is the smallest value v such that at least 1/5 of the users have a value <= v;
/// cut k+1 is the same with 1/(5-k) over the users whose value is above cut k."
///
/// None when nobody is above a cut that is not the last. Five distinct values do not rule that
/// out: with nearly everybody at the largest value, it is cut 1 already.
fn four_cuts(values: &[i64]) -> Option<[i64; 4]> {
    let mut cuts = [0; 4];
    let mut above = values.to_vec();
    for (k, cut) in cuts.iter_mut().enumerate() {
        *cut = smallest_covering(&above, 5 - k)?;
        above.retain(|value| *value > *cut);
    }
    Some(cuts)
}

/// The smallest value v such that at least 1/`parts` of the values are <= v; None of no values.
fn smallest_covering(values: &[i64], parts: usize) -> Option<i64> {
    let mut ascending = values.to_vec();
    ascending.sort_unstable();
    let at_least = values.len().div_ceil(parts);
    ascending.get(at_least.checked_sub(1)?).copied()
}

fn users_per_score(scored: &[Purchases], cut_points: &CutPoints) -> UsersPerScore {
    let mut users = UsersPerScore::default();
    for scores in scored
        .iter()
        .filter_map(|purchases| score(purchases, cut_points))
    {
        let Scores {
            r_score,
            f_score,
            m_score,
        } = scores;
        users.r_score[r_score as usize - 1] += 1;
        users.f_score[f_score as usize - 1] += 1;
        users.m_score[m_score as usize - 1] += 1;
    }
    users
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{order, snapshot_date};

    #[test]
    fn ten_different_values_are_cut_into_pairs() {
        assert_eq!(
            four_cuts(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
            Some([2, 4, 6, 8])
        );
    }

    #[test]
    fn each_of_five_distinct_values_gets_its_own_score() {
        assert_eq!(four_cuts(&[50, 10, 40, 20, 30]), Some([10, 20, 30, 40]));
    }

    /// A fifth of 10 users is 2: the three 0s pass it. A quarter of the 7 above is 1.75: the two
    /// 1s pass it. A third of the 5 above is 1.67: 2 and 3 together. Half of the 3 above is 1.5:
    /// 4 alone is not enough, so the last cut is 9 and nobody scores 5.
    #[test]
    fn tied_values_stay_together_and_the_rest_is_divided_anew() {
        assert_eq!(
            four_cuts(&[0, 0, 0, 1, 1, 2, 3, 4, 9, 9]),
            Some([0, 1, 3, 9])
        );
    }

    /// A fifth of 7 is 1.4, so one user is not enough.
    #[test]
    fn a_share_that_is_no_whole_number_of_users_is_rounded_up() {
        assert_eq!(four_cuts(&[1, 2, 3, 4, 5, 6, 7]), Some([2, 4, 5, 6]));
    }

    #[test]
    fn four_distinct_values_are_refused_with_the_metric_and_its_values() {
        let error = cut_points("orders_365d", &[1, 1, 2, 3, 3, 7]).unwrap_err();

        assert_eq!(
            error.to_string(),
            "`orders_365d` does not divide into five scores over its values [1, 2, 3, 7]; \
             give its cut points by hand"
        );
    }

    #[test]
    fn five_values_with_nobody_above_a_cut_are_refused() {
        let mut values = vec![9; 40];
        values.extend([1, 2, 3, 4]);

        let error = cut_points("orders_365d", &values).unwrap_err();

        assert_eq!(error.distinct_values, [1, 2, 3, 4, 9]);
    }

    /// User k orders k times on k different days, the first k - 1 days ago: recency 0 for all.
    #[test]
    fn a_metric_without_spread_fails_the_calibration() {
        let mut history = History::default();
        for user_number in 1..=5 {
            for days in 0..user_number {
                let user_id = user_number.to_string();
                history.orders.push(order(&user_id, days, 10_00));
            }
        }

        let error = calibrate(&history, snapshot_date()).unwrap_err();

        assert_eq!(error.metric, "recency_days");
        assert_eq!(error.distinct_values, [0]);
    }

    /// User k orders k times k days ago, 10.00 each.
    #[test]
    fn a_calibration_counts_the_users_of_every_score() {
        let mut history = History::default();
        for user_number in 1..=5 {
            for _ in 0..user_number {
                let user_id = user_number.to_string();
                history.orders.push(order(&user_id, user_number, 10_00));
            }
        }

        let calibration = calibrate(&history, snapshot_date()).unwrap();

        assert_eq!(calibration.snapshot_date, snapshot_date());
        assert_eq!(calibration.population, 5);
        assert_eq!(calibration.cut_points.recency_days, [1, 2, 3, 4]);
        assert_eq!(calibration.cut_points.orders_365d, [1, 2, 3, 4]);
        assert_eq!(
            calibration.cut_points.revenue_365d_cents,
            [10_00, 20_00, 30_00, 40_00]
        );
        let one_each = UsersPerScore {
            r_score: [1; 5],
            f_score: [1; 5],
            m_score: [1; 5],
        };
        assert_eq!(calibration.users_per_score, one_each);
    }
}
