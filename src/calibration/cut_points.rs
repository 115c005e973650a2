//! Cut points: four values that split the scored users into fifths, equal values together.
//!
//! Cut 1 is the smallest value v such that at least 1/5 of the users have a value of at most v;
//! cut k + 1 is the same with 1/(5 - k) over the users whose value is above cut k.
//!
//! | values | cuts |
//! |---|---|
//! | 1 2 3 4 5 | 1 2 3 4 |
//! | 1 1 1 1 1 1 2 3 4 5 | 1 2 3 4 |

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ground::{ExactNumber, counted, verb_for};
use crate::job::GivenCuts;

/// How many scores there are.
pub const SCORES: usize = 5;

/// How many users have each value of a metric.
pub type Histogram = BTreeMap<ExactNumber, u64>;

/// The cut points of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutPoints {
    /// The metric, a column of the calibration model.
    pub metric: String,
    /// Strictly increasing: above how many of them a user is decides the score.
    pub cuts: [ExactNumber; 4],
    /// The number of users at or below cut 1, between the cuts, and above cut 4.
    pub users: [u64; 5],
}

impl CutPoints {
    /// Cut points that were not computed from these users, and how many users lie between them.
    pub fn counted(given: &GivenCuts, histogram: &Histogram) -> Self {
        let mut users = [0; 5];
        for (value, count) in histogram {
            let cuts_below = given.cuts.iter().filter(|cut| *cut < value).count();
            users[cuts_below] += count;
        }
        Self {
            metric: given.metric.clone(),
            cuts: given.cuts,
            users,
        }
    }

    /// The cut points without the users they were counted on.
    pub fn without_users(&self) -> GivenCuts {
        GivenCuts {
            metric: self.metric.clone(),
            cuts: self.cuts,
        }
    }
}

/// The users of every metric, value by value.
#[derive(Debug, Clone, Default)]
pub struct Histograms(pub Vec<(String, Histogram)>);

impl Histograms {
    /// How many users have a value.
    pub fn population(&self) -> u64 {
        let counted = self.0.iter().map(|(_, histogram)| histogram.values().sum());
        counted.max().unwrap_or_default()
    }

    /// The names of the metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(metric, _)| metric.as_str())
    }

    /// The cut points of every metric.
    ///
    /// # Errors
    /// The first metric that cannot be cut.
    pub fn calibrate(&self) -> Result<Vec<CutPoints>, CutPointError> {
        let metrics = self.0.iter();
        metrics
            .map(|(metric, histogram)| calibrate(metric, histogram))
            .collect()
    }

    /// Cut points that were not computed from these users, with the users counted.
    pub fn counted(&self, given: &[GivenCuts]) -> Vec<CutPoints> {
        let of = |metric: &String| given.iter().find(|cuts| cuts.metric == *metric);
        let metrics = self.0.iter();
        metrics
            .filter_map(|(metric, histogram)| Some(CutPoints::counted(of(metric)?, histogram)))
            .collect()
    }
}

/// A metric that cannot be cut.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CutPointError {
    /// Nobody has a value.
    #[error(
        "cannot calibrate `{metric}`: no user is scored, as no order counts as a purchase (`is_counting` in staging/orders.sql goes by the status); wait for the first orders, or give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `{metric} = [1, 2, 4, 8]`"
    )]
    NoUsers { metric: String },
    /// Fewer than five distinct values.
    #[error(
        "cannot calibrate `{metric}`: {} {} {} ({values}); five are needed; wait for more history, or give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `{metric} = [1, 2, 4, 8]`",
        counted(*population, "scored user"),
        verb_for(*population, "has", "have"),
        counted(*distinct, "distinct value")
    )]
    TooFewValues {
        metric: String,
        /// How many users are scored.
        population: u64,
        /// How many values they have.
        distinct: usize,
        values: String,
    },
    /// So many users share the largest value that nobody is left for the next cut.
    #[error(
        "cannot calibrate `{metric}`: so many of the {population} scored users have the largest value, {largest}, that no five groups can be made; give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `{metric} = [1, 2, 4, 8]`"
    )]
    CrowdedTop {
        metric: String,
        /// How many users are scored.
        population: u64,
        /// The value that they share.
        largest: String,
    },
}

/// The four cut points of a metric.
///
/// # Errors
/// Fewer than five distinct values, or too many users at the largest one.
pub fn calibrate(metric: &str, histogram: &Histogram) -> Result<CutPoints, CutPointError> {
    let mut rest: Vec<(ExactNumber, u64)> = histogram
        .iter()
        .map(|(value, users)| (*value, *users))
        .collect();
    let refused = || refusal(metric, histogram);
    if rest.len() < SCORES {
        return Err(refused());
    }
    let mut cuts = Vec::new();
    let mut users = Vec::new();
    for fifths_left in (2..=SCORES as u64).rev() {
        let (at_or_below, counted) = first_share(&rest, fifths_left).ok_or_else(refused)?;
        cuts.push(rest[at_or_below].0);
        users.push(counted);
        rest.drain(..=at_or_below);
    }
    users.push(rest.iter().map(|(_, users)| users).sum());
    let cuts = cuts.try_into().map_err(|_| refused())?;
    let users = users.try_into().map_err(|_| refused())?;
    Ok(CutPoints {
        metric: metric.to_owned(),
        cuts,
        users,
    })
}

fn refusal(metric: &str, histogram: &Histogram) -> CutPointError {
    let metric = metric.to_owned();
    let population = histogram.values().sum();
    match histogram.last_key_value() {
        None => CutPointError::NoUsers { metric },
        Some((largest, _)) if histogram.len() >= SCORES => CutPointError::CrowdedTop {
            metric,
            population,
            largest: largest.to_string(),
        },
        Some(_) => CutPointError::TooFewValues {
            metric,
            population,
            distinct: histogram.len(),
            values: histogram
                .keys()
                .map(ExactNumber::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        },
    }
}

/// The first position up to which at least one `parts`-th of all users lie, and their number.
fn first_share(values: &[(ExactNumber, u64)], parts: u64) -> Option<(usize, u64)> {
    let total: u64 = values.iter().map(|(_, users)| users).sum();
    let mut counted = 0;
    for (position, (_, users)) in values.iter().enumerate() {
        counted += users;
        if counted * parts >= total {
            return Some((position, counted));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[i128]) -> Histogram {
        let mut histogram = Histogram::new();
        for unscaled in values {
            let value = ExactNumber {
                unscaled: *unscaled,
                scale: 0,
            };
            *histogram.entry(value).or_default() += 1;
        }
        histogram
    }

    fn cuts(values: &[i128]) -> String {
        match calibrate("m", &histogram(values)) {
            Ok(points) => points.cuts.map(|cut| cut.to_string()).join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn five_users_with_five_values_get_one_score_each() {
        assert_eq!(cuts(&[1, 2, 3, 4, 5]), "1 2 3 4");
    }

    #[test]
    fn equal_values_stay_together_and_the_rest_is_split_anew() {
        assert_eq!(cuts(&[1, 1, 1, 1, 1, 1, 2, 3, 4, 5]), "1 2 3 4");
        assert_eq!(cuts(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), "2 4 6 8");
    }

    #[test]
    fn fewer_than_five_values_name_the_metric_and_the_values() {
        assert_eq!(
            cuts(&[1, 1, 2, 3, 4]),
            "cannot calibrate `m`: 5 scored users have 4 distinct values (1, 2, 3, 4); five are needed; wait for more history, or give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `m = [1, 2, 4, 8]`"
        );
        assert!(cuts(&[]).contains("no user is scored"));
    }

    #[test]
    fn users_are_counted_between_cut_points_of_other_users() {
        let given = GivenCuts {
            metric: "m".to_owned(),
            cuts: [2, 4, 6, 8].map(ExactNumber::from),
        };
        let users = |values: &[i128]| CutPoints::counted(&given, &histogram(values)).users;
        assert_eq!(users(&[1, 2, 3, 3, 4, 7, 8, 9, 10]), [2, 3, 0, 2, 2]);
        assert_eq!(users(&[]), [0; 5]);
    }

    #[test]
    fn a_crowd_at_the_largest_value_leaves_nobody_for_the_next_cut() {
        let values: Vec<i128> = [1, 2, 3, 4]
            .into_iter()
            .chain(std::iter::repeat_n(5, 100))
            .collect();
        assert!(
            cuts(&values).contains("have the largest value, 5,"),
            "{}",
            cuts(&values)
        );
    }
}
