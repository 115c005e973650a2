//! Raw and shown value tiers over some nights: how long a demotion waits, in days, and what it does
//! not wait for.
//!
//! The users of these tests ordered 40 days before D, for 10.00: F 2 and M 1. Up to D - 10 the
//! order is 30 days old at most, R 4, which makes 7: `active`. From D - 9 on it is R 3, which
//! makes 6: `silent`. Some order again.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{columns, job_over, of_orders, snapshot};
use crate::naive::calibration::CutPoints;
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order};
use crate::naive::history::History;
use crate::naive::text::NULL;
use crate::nights::job::Nights;
use crate::nights::pack::Edit;
use crate::nights::tables::{self, Row};

fn one_order() -> History {
    of_orders([order("falls", 40, 10_00)])
}

/// A job whose demotions wait so many days.
fn with_grace(history: &History, days: u32) -> Nights {
    let mut nights = job_over(history);
    nights.sections = format!("[grace_days]\nvalue_tier = {days}\n");
    nights
}

/// Where each user stands on the night D - `days`: shown and raw tier, and the days on which the
/// demotion began to wait, "-" when none does, and the shown tier began.
async fn standings(nights: &Nights, days: i64) -> BTreeMap<String, String> {
    let rows = snapshot(nights, days_ago(days)).await;
    let standings = rows
        .iter()
        .map(|row| (row["user_id"].clone(), standing(row)));
    standings.collect()
}

fn standing(row: &Row) -> String {
    let [shown, raw] = ["value_tier", "value_tier_raw"].map(|name| &row[name]);
    let days = ["value_tier_pending_since", "value_tier_since"].map(|name| day(&row[name]));
    let [pending_since, since] = days;
    format!("{shown} {raw} {pending_since} {since}")
}

/// A date as a day before or after D.
fn day(date: &str) -> String {
    if date == NULL {
        return "-".to_owned();
    }
    let date: NaiveDate = date.parse().unwrap();
    format!("D{:+}", (date - days_ago(0)).num_days())
}

/// Runs nights, and follows the one user.
async fn follow<const N: usize>(nights: &Nights, days: [i64; N]) -> Vec<String> {
    let mut followed = Vec::new();
    for days in days {
        followed.extend(standings(nights, days).await.into_values());
    }
    followed
}

#[tokio::test]
async fn without_grace_a_demotion_shows_at_once() {
    let nights = with_grace(&one_order(), 0);
    assert_eq!(
        follow(&nights, [10, 9]).await,
        ["active active - D-10", "silent silent - D-9"]
    );
}

#[tokio::test]
async fn with_grace_of_a_day_it_shows_the_next_day() {
    let nights = with_grace(&one_order(), 1);
    assert_eq!(
        follow(&nights, [10, 9, 8]).await,
        [
            "active active - D-10",
            "active silent D-9 D-10",
            "silent silent - D-8"
        ]
    );
}

/// No snapshot knows of the days before D - 6, so grace begins there.
#[tokio::test]
async fn grace_begins_with_the_first_night_that_sees_the_lower_tier() {
    let nights = with_grace(&one_order(), 5);
    assert_eq!(
        follow(&nights, [10, 6, 2, 1]).await,
        [
            "active active - D-10",
            "active silent D-6 D-10",
            "active silent D-6 D-10",
            "silent silent - D-1"
        ]
    );
}

/// Of the seven days after D - 9 only the sixth and the seventh have nights: days count, not
/// nights. Orders of D - 3 clear what waited:
///
/// | user | order of D - 3 | raw on D - 3 | |
/// |---|---|---|---|
/// | falls | | R 3 + F 2 + M 1 = 6 | waits on, and falls the next day |
/// | returns | 0.00 | R 5 + F 3 + M 1 = 9 | active again, and nothing has moved |
/// | rises | 10.01 | R 5 + F 3 + M 2 = 10 | of high potential at once |
///
/// On D + 5 that order is 8 days old, R 4: "rises" has a raw total of 9, whose grace starts over,
/// and "returns" one of 8, which is active still.
#[tokio::test]
async fn grace_of_seven_days_is_counted_in_days_and_cleared_by_a_rise() {
    let mut history = one_order();
    history.orders.extend([
        order("returns", 40, 10_00),
        order("returns", 3, 0),
        order("rises", 40, 10_00),
        order("rises", 3, 10_01),
    ]);
    let nights = with_grace(&history, 7);
    let stand = |standings: [&str; 3]| {
        let users = ["falls", "returns", "rises"].map(str::to_owned);
        BTreeMap::from_iter(users.into_iter().zip(standings.map(str::to_owned)))
    };

    assert_eq!(
        standings(&nights, 10).await,
        stand(["active active - D-10"; 3])
    );
    assert_eq!(
        standings(&nights, 9).await,
        stand(["active silent D-9 D-10"; 3])
    );
    assert_eq!(
        standings(&nights, 3).await,
        stand([
            "active silent D-9 D-10",
            "active active - D-10",
            "high_potential high_potential - D-3",
        ])
    );
    assert_eq!(
        standings(&nights, 2).await,
        stand([
            "silent silent - D-2",
            "active active - D-10",
            "high_potential high_potential - D-3",
        ])
    );
    // A night in between, as grace does not bridge a week without one.
    standings(&nights, -2).await;
    assert_eq!(
        standings(&nights, -5).await,
        stand([
            "silent silent - D-2",
            "active active - D-10",
            "high_potential active D+5 D-3",
        ])
    );

    // The move of D - 2 tells of the 8 days from D - 10 on.
    let mut moves = tables::rows(&nights.output(), days_ago(2), "tier_migration").await;
    moves.retain(|row| row["dimension"] == "value_tier");
    let names = ["from_tier", "to_tier", "direction", "days_in_previous_tier"];
    assert_eq!(
        columns(&moves, ("user_id", "falls"), names),
        ["active", "silent", "down", "8"]
    );
    assert_eq!(moves.len(), 1, "{moves:?}");
}

/// Runs a night, and says where the one user stands and what is told of grace.
async fn told(nights: &Nights, days: i64) -> (String, Vec<String>) {
    let report = nights.run(days_ago(days)).await.unwrap();
    let told = report.warnings.into_iter();
    let told = told.filter(|warning| warning.contains("grace")).collect();
    let rows = tables::rows(&nights.output(), days_ago(days), "tier_snapshot").await;
    (standing(&rows[0]), told)
}

const WAITS: &str = "active silent D-9 D-10";
const AT_ONCE: &str = "silent silent - D-9";

/// From D - 10 to D - 4 there are six days, to D - 3 there are seven.
#[tokio::test]
async fn grace_does_not_bridge_a_gap_of_its_own_length() {
    let nights = with_grace(&one_order(), 7);
    follow(&nights, [10]).await;
    let (standing, told_of_it) = told(&nights, 4).await;
    assert_eq!(standing, "active silent D-4 D-10");
    assert_eq!(told_of_it, [""; 0]);

    let nights = with_grace(&one_order(), 7);
    follow(&nights, [10]).await;
    let (standing, told_of_it) = told(&nights, 3).await;
    assert_eq!(standing, "silent silent - D-3");
    assert_eq!(
        told_of_it,
        [
            "value_tier: 1 user shows a lower value at once, without the rest of the grace: the previous snapshot, of 2026-11-10, is as old as the 7 days of grace, or older"
        ]
    );
}

/// A demotion that has waited long enough anyway is nothing to tell of.
#[tokio::test]
async fn grace_that_is_over_after_a_gap_is_not_told() {
    let nights = with_grace(&one_order(), 7);
    follow(&nights, [10, 9]).await;
    let (standing, told_of_it) = told(&nights, 1).await;
    assert_eq!(standing, "silent silent - D-1");
    assert_eq!(told_of_it, [""; 0]);
}

/// The cut points of D - 9 have the same effect on the one user as those before.
#[tokio::test]
async fn grace_does_not_bridge_new_cut_points() {
    let nights = with_grace(&one_order(), 7);
    follow(&nights, [10]).await;
    let cut_points = CutPoints {
        orders_365d: [0, 1, 2, 30],
        ..hand_given_cut_points()
    };
    nights.calibrate_by_hand(days_ago(9), &cut_points);

    let (standing, told_of_it) = told(&nights, 9).await;

    assert_eq!(standing, AT_ONCE);
    assert_eq!(
        told_of_it,
        [
            "value_tier: 1 user shows a lower value at once, without the rest of the grace: the previous snapshot, of 2026-11-10, was scored by other cut points"
        ]
    );
}

/// Where the user of D - 9 stands after these edits of the pack, and what is told.
async fn after_edits(edits: &[Edit]) -> (String, Vec<String>) {
    let mut nights = with_grace(&one_order(), 7);
    nights.edit_pack(&[]);
    follow(&nights, [10]).await;
    nights.edit_pack(edits);
    told(&nights, 9).await
}

const OTHER_SUM: Edit = Edit {
    file: "tiers/rfm.sql",
    from: "r_score + f_score + m_score AS",
    to: "f_score + r_score + m_score AS",
};

#[tokio::test]
async fn grace_does_not_bridge_new_rules() {
    let (standing, told_of_it) = after_edits(&[OTHER_SUM]).await;
    assert_eq!(standing, AT_ONCE);
    assert_eq!(
        told_of_it,
        [
            "value_tier: 1 user shows a lower value at once, without the rest of the grace: the previous snapshot, of 2026-11-10, was made by other rules of value_tier"
        ]
    );
}

/// Neither comments nor labels are rules, nor is anything that value_tier does not come of.
#[tokio::test]
async fn grace_goes_on_when_the_rules_are_the_same() {
    let edit = |file, from, to| Edit { file, from, to };
    let edits = [
        edit("tiers/rfm.sql", "-- Recency", "-- The recency"),
        edit(
            "reference/value_tiers.csv",
            "an adviser of their own",
            "an adviser",
        ),
        edit("tiers/need_type.sql", "functional_90d", "(functional_90d)"),
        edit(
            "tiers/warnings.sql",
            "users.opens_15d = 0",
            "users.opens_15d < 1",
        ),
        edit("publish/alerts.sql", "+ 1e-9", "+ 2e-9"),
        // A feature that no tier reads.
        edit(
            "rollups/purchases.sql",
            "    COUNT(*) FILTER (WHERE is_counting) AS orders,",
            "    COUNT(*) FILTER (WHERE is_counting) AS orders,\n    MIN(amount) FILTER (WHERE is_counting) AS smallest_order,",
        ),
        edit(
            "features/purchases.sql",
            "    largest_order_lifetime, ",
            "    largest_order_lifetime, smallest_order_90d, ",
        ),
        edit("features/purchases.sql", "'365d', ", "'365d', '90d', "),
        edit(
            "features/users.sql",
            "    purchases.largest_order_lifetime,",
            "    purchases.largest_order_lifetime,\n    purchases.smallest_order_90d,",
        ),
        edit(
            "publish/tier_snapshot.sql",
            "    users.last_order_day,",
            "    users.last_order_day,\n    users.smallest_order_90d,",
        ),
        edit(
            "parameters.toml",
            "core_revenue_365d = 100000",
            "core_revenue_365d = 90000",
        ),
    ];
    let (standing, told_of_it) = after_edits(&edits).await;
    assert_eq!(standing, WAITS);
    assert_eq!(told_of_it, [""; 0]);
}

/// A parameter of what value_tier comes of is a rule of it.
#[tokio::test]
async fn grace_does_not_bridge_another_parameter_of_its_rules() {
    let (standing, _) = after_edits(&[Edit {
        file: "parameters.toml",
        from: "guest_ids = []",
        to: "guest_ids = [\"guest\"]",
    }])
    .await;
    assert_eq!(standing, AT_ONCE);
}

/// The one order is refunded on D - 9: nothing is left to score.
#[tokio::test]
async fn whoever_has_nothing_to_score_any_more_is_shown_so_at_once() {
    let nights = with_grace(&one_order(), 7);
    follow(&nights, [10]).await;
    let mut history = one_order();
    history.orders[0].status = "refunded".to_owned();
    nights.deliver(&history, &super::delivery());

    let (standing, told_of_it) = told(&nights, 9).await;

    assert_eq!(standing, "no_orders no_orders - D-9");
    assert_eq!(
        told_of_it,
        [
            "value_tier: 1 user shows a lower value at once, without the rest of the grace: they have no counting order any more"
        ]
    );
}
