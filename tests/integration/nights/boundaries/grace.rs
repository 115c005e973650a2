//! Raw and shown value tiers over some nights: how long a demotion waits, in days.
//!
//! The users of these tests ordered 40 days before D, for 10.00: F 2 and M 1. Up to D - 10 the
//! order is 30 days old at most, R 4, which makes 7: `active`. From D - 9 on it is R 3, which
//! makes 6: `silent`. Some order again.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{columns, job_over, of_orders, snapshot};
use crate::naive::fixtures::{days_ago, order};
use crate::naive::history::History;
use crate::naive::text::NULL;
use crate::nights::job::Nights;
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
    let nights = with_grace(&one_order(), 1);
    assert_eq!(
        follow(&nights, [10, 6, 5]).await,
        [
            "active active - D-10",
            "active silent D-6 D-10",
            "silent silent - D-5"
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
/// On D + 5 that order is 8 days old, R 4: "rises" has a raw total of 9, whose grace begins anew,
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
