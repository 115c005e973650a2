//! Raw and shown classes over some nights: how long another value of a dimension without ranks waits,
//! and what it does not wait for.
//!
//! The user of these tests ordered 40 days before D, for 10.00: F 2 and M 1, neither of which is high.
//! Up to D - 10 the order is 30 days old at most, R 4, which is high: `general_develop`. From D - 9 on
//! it is R 3: `general_winback`.

use chrono::NaiveDate;

use super::{job_over, of_orders};
use crate::naive::fixtures::{days_ago, event, order};
use crate::naive::history::{History, Order};
use crate::naive::text::NULL;
use crate::nights::job::Nights;
use crate::nights::tables::{self, Row};

fn one_order() -> Vec<Order> {
    vec![order("falls", 40, 10_00)]
}

/// A job in which another class waits so many days.
fn with_hold(history: &History, days: u32) -> Nights {
    let mut nights = job_over(history);
    nights.sections = format!("[hold_days]\nrfm_class = {days}\n");
    nights
}

/// Runs the night D - `days`. Where the one user stands: shown class, raw class, the one that waits
/// and since when, "-" where none does, and the day since which the shown one is shown; and what
/// is told of hold.
async fn told(nights: &Nights, days: i64) -> (String, Vec<String>) {
    let report = nights.run(days_ago(days)).await.unwrap();
    let told = report.warnings.into_iter();
    let of_class = |warning: &String| warning.starts_with("rfm_class") && warning.contains("hold");
    let rows = tables::rows(&nights.output(), days_ago(days), "tier_snapshot").await;
    (standing(&rows[0]), told.filter(of_class).collect())
}

fn standing(row: &Row) -> String {
    let column = |suffix: &str| row[&format!("rfm_class{suffix}")].replace(NULL, "-");
    let day = |suffix: &str| match column(suffix).parse::<NaiveDate>() {
        Ok(date) => format!("D{:+}", (date - days_ago(0)).num_days()),
        Err(_) => "-".to_owned(),
    };
    let [shown, raw, pending] = ["", "_raw", "_pending"].map(column);
    let [pending_since, since] = ["_pending_since", "_since"].map(day);
    let of_class = format!("{shown} {raw} {pending} {pending_since} {since}");
    of_class.replace("general_", "")
}

/// Where the one user stands night by night.
async fn follow<const N: usize>(nights: &Nights, days: [i64; N]) -> Vec<String> {
    let mut followed = Vec::new();
    for days in days {
        followed.push(told(nights, days).await.0);
    }
    followed
}

#[tokio::test]
async fn without_hold_another_class_shows_at_once() {
    let nights = with_hold(&of_orders(one_order()), 0);
    assert_eq!(
        follow(&nights, [10, 9]).await,
        ["develop develop - - D-10", "winback winback - - D-9"]
    );
}

/// Orders of D - 8 make R 5 and F 3, `general_develop` again, until they are 31 days old; one of
/// D - 6 makes F 4 as well, `general_value`.
#[tokio::test]
async fn the_very_class_must_hold_and_the_shown_one_clears_it() {
    let mut orders = one_order();
    let nights = with_hold(&of_orders(orders.clone()), 2);
    let standings = follow(&nights, [10, 9]).await;
    assert_eq!(
        standings,
        [
            "develop develop - - D-10",
            "develop winback winback D-9 D-10"
        ]
    );

    orders.push(order("falls", 8, 0));
    nights.deliver(&of_orders(orders.clone()), &super::delivery());
    assert_eq!(
        follow(&nights, [8, 7]).await,
        ["develop develop - - D-10", "develop develop - - D-10"]
    );

    orders.push(order("falls", 6, 1));
    nights.deliver(&of_orders(orders), &super::delivery());
    assert_eq!(
        follow(&nights, [6, 5, 4]).await,
        [
            "develop value value D-6 D-10",
            "develop value value D-6 D-10",
            "value value - - D-4"
        ]
    );
    let moves = tables::rows(&nights.output(), days_ago(4), "tier_migration").await;
    let of_class = moves.iter().filter(|row| row["dimension"] == "rfm_class");
    let of_class: Vec<[&str; 4]> = of_class
        .map(|row| {
            ["from_tier", "to_tier", "direction", "days_in_previous_tier"].map(|name| &*row[name])
        })
        .collect();
    assert_eq!(
        of_class,
        [["general_develop", "general_value", "lateral", "6"]]
    );
}

/// From D - 10 to D - 4 there are six days, to D - 3 there are seven.
#[tokio::test]
async fn hold_does_not_bridge_a_gap_of_its_own_length() {
    let nights = with_hold(&of_orders(one_order()), 7);
    follow(&nights, [10]).await;
    let other = nights.copied();
    assert_eq!(
        told(&nights, 4).await,
        ("develop winback winback D-4 D-10".to_owned(), Vec::new())
    );
    let told_of_it = "rfm_class: 1 user shows another value at once, without the rest of the hold: the previous snapshot, of 2026-11-10, is as old as the 7 days of hold, or older";
    assert_eq!(
        told(&other, 3).await,
        (
            "winback winback - - D-3".to_owned(),
            vec![told_of_it.to_owned()]
        )
    );
}

/// The user opens a mail before the first order, and is refunded after it.
#[tokio::test]
async fn the_first_score_and_the_loss_of_the_last_show_at_once() {
    let mut history = of_orders([order("buys", 9, 10_00)]);
    history.events.push(event("buys", 12, "open"));
    let nights = with_hold(&history, 7);
    let standings = follow(&nights, [10, 9]).await;
    assert_eq!(
        standings,
        ["unscored unscored - - D-10", "develop develop - - D-9"]
    );

    history.orders[0].status = "refunded".to_owned();
    nights.deliver(&history, &super::delivery());
    let told_of_it = "rfm_class: 1 user shows another value at once, without the rest of the hold: they have no counting order any more";
    assert_eq!(
        told(&nights, 8).await,
        (
            "unscored unscored - - D-8".to_owned(),
            vec![told_of_it.to_owned()]
        )
    );
}

/// The columns of hold come with the first night that has it, and nobody waits then.
#[tokio::test]
async fn hold_begins_with_the_first_night_that_knows_it() {
    let mut nights = with_hold(&of_orders(one_order()), 7);
    follow(&nights, [10]).await;
    nights.sections = "[hold_days]\nrfm_class = 7\nneed_type = 2\n".to_owned();
    let mut history = of_orders(one_order());
    history.events.push(event("falls", 9, "consult"));
    nights.deliver(&history, &super::delivery());
    let need = |row: &Row| {
        ["", "_raw", "_pending"].map(|suffix| row[&format!("need_type{suffix}")].clone())
    };
    for (days, expected) in [
        (9, ["none", "functional", "functional"]),
        (8, ["none", "functional", "functional"]),
        (7, ["functional", "functional", NULL]),
    ] {
        nights.run(days_ago(days)).await.unwrap();
        let rows = tables::rows(&nights.output(), days_ago(days), "tier_snapshot").await;
        assert_eq!(need(&rows[0]), expected, "D-{days}");
    }
}
