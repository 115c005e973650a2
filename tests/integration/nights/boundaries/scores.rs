//! Scores at the cut points, and metrics that cannot be cut.

use std::collections::BTreeMap;

use tierline::ground::{Classified, FailureKind};

use super::{column, delivery, of_orders, orders, snapshot, snapshot_of};
use crate::naive::fixtures::{hand_given_cut_points, order, snapshot_date};
use crate::nights::job::Nights;

/// The cut points of recency are 7, 30, 60 and 90: a user scores 5 until 7 is passed.
#[tokio::test]
async fn recency_equal_to_a_cut_point_has_not_passed_it() {
    let ages = ["7", "8", "30", "31", "60", "61", "90", "91"];
    let history = of_orders(ages.map(|age| order(age, age.parse().unwrap(), 10_00)));

    let rows = snapshot_of(&history).await;

    let scores = ["5", "4", "4", "3", "3", "2", "2", "1"];
    assert_eq!(
        column(&rows, "r_score"),
        BTreeMap::from_iter(ages.into_iter().zip(scores))
    );
}

/// The cut points of frequency are 0, 1, 2 and 3. The one order of "long ago" lies before the
/// 365 days: 0 is the cut point, and has not passed it.
#[tokio::test]
async fn frequency_equal_to_a_cut_point_has_not_passed_it() {
    let history = of_orders(
        [
            orders(1, "long ago", 400, 10_00),
            orders(1, "one", 1, 10_00),
            orders(2, "two", 1, 10_00),
            orders(3, "three", 1, 10_00),
            orders(4, "four", 1, 10_00),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("four", "5"),
        ("long ago", "1"),
        ("one", "2"),
        ("three", "4"),
        ("two", "3"),
    ];
    assert_eq!(column(&rows, "f_score"), expected.into());
}

/// The cut points of revenue are 10.00, 25.00, 100.00 and 50000.00: a cent more passes one.
#[tokio::test]
async fn revenue_a_cent_above_a_cut_point_has_passed_it() {
    let history = of_orders([
        order("10.00", 1, 10_00),
        order("10.01", 1, 10_01),
        order("25.00", 1, 25_00),
        order("25.01", 1, 25_01),
        order("50000.00", 1, 50_000_00),
        order("50000.01", 1, 50_000_01),
    ]);

    let rows = snapshot_of(&history).await;

    let expected = [
        ("10.00", "1"),
        ("10.01", "2"),
        ("25.00", "2"),
        ("25.01", "3"),
        ("50000.00", "4"),
        ("50000.01", "5"),
    ];
    assert_eq!(column(&rows, "m_score"), expected.into());
}

/// Three users who differ in nothing that is scored: one order of 10.01, 30 days ago, at once or
/// in two parts. R 4, M 2, and F by the number of orders alone.
#[tokio::test]
async fn equal_values_get_equal_scores() {
    let history = of_orders([
        order("first", 30, 10_01),
        order("second", 30, 10_01),
        order("in two parts", 30, 4_01),
        order("in two parts", 30, 6_00),
    ]);

    let rows = snapshot_of(&history).await;

    let users = |one, two| BTreeMap::from([("first", one), ("second", one), ("in two parts", two)]);
    assert_eq!(column(&rows, "r_score"), users("4", "4"));
    assert_eq!(column(&rows, "f_score"), users("2", "3"));
    assert_eq!(column(&rows, "m_score"), users("2", "2"));
    assert_eq!(column(&rows, "rfm_total"), users("8", "9"));
}

/// Six buyers who differ in recency and in revenue, but ordered once to four times: five values
/// are needed for five scores. Cut points given by hand let the night through.
#[tokio::test]
async fn fewer_than_five_frequencies_cannot_be_calibrated_on() {
    let buyers = (1..=6_i64).flat_map(|number| {
        let times = usize::try_from(number.min(4)).unwrap();
        orders(times, &number.to_string(), number, 10_00 * number)
    });
    let nights = Nights::over(&of_orders(buyers), &delivery());

    let refused = nights.run(snapshot_date()).await.unwrap_err();

    assert_eq!(refused.kind(), FailureKind::Blocked);
    assert_eq!(
        refused.to_string(),
        "cannot calibrate `orders_365d`: 6 scored users have 4 distinct values (1, 2, 3, 4); \
         five are needed; wait for more history, or give the cut points by hand: a section \
         `[calibration]` in the job file with four increasing numbers for each metric, such as \
         `orders_365d = [1, 2, 4, 8]`"
    );
    nights.calibrate_by_hand(snapshot_date(), &hand_given_cut_points());
    let rows = snapshot(&nights, snapshot_date()).await;
    assert_eq!(column(&rows, "f_score")["6"], "5");
}
