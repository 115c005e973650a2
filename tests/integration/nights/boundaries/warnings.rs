//! The warnings, and lifetime value against what a user cost.

use super::{column, events, job_over, of_events, of_orders, orders, snapshot, snapshot_of};
use crate::naive::fixtures::{days_ago, event, order, user};
use crate::naive::history::{Event, History, Order};
use crate::naive::text::NULL;
use crate::nights::tables;

/// A new customer who posted so often in the 30 days before, and so often since.
fn posts(user_id: &str, before: usize, since: usize) -> Vec<Event> {
    let before = events(before, user_id, 30, "post");
    [before, events(since, user_id, 29, "post")].concat()
}

/// Two posts after four are half. Fewer than half too; three are not. Who opened the app within 15
/// days or never ordered is no silent customer. Who did not post before is one once opens stop.
#[tokio::test]
async fn silent_warning_at_half_the_posts() {
    let all = [
        posts("half", 4, 2),
        posts("more than half", 4, 3),
        posts("no more", 1, 0),
        posts("never posted", 0, 0),
        posts("opened 14 days ago", 4, 2),
        posts("opened 15 days ago", 4, 2),
        posts("prospect", 4, 2),
        posts("opens stopped", 0, 0),
        posts("opens stopped 30 days ago", 0, 0),
    ];
    let mut history = of_events(all.concat());
    history.events.push(event("opened 14 days ago", 14, "open"));
    history.events.push(event("opened 15 days ago", 15, "open"));
    history
        .events
        .push(event("opens stopped", 29, "message_open"));
    history
        .events
        .push(event("opens stopped 30 days ago", 30, "open"));
    history.orders = [
        "half",
        "more than half",
        "no more",
        "never posted",
        "opened 14 days ago",
        "opened 15 days ago",
        "opens stopped",
        "opens stopped 30 days ago",
    ]
    .map(|buyer| order(buyer, 20, 10_00))
    .into();

    let rows = snapshot_of(&history).await;

    let expected = [
        ("half", "true"),
        ("more than half", "false"),
        ("never posted", "false"),
        ("no more", "true"),
        ("opened 14 days ago", "false"),
        ("opened 15 days ago", "true"),
        ("opens stopped", "true"),
        ("opens stopped 30 days ago", "false"),
        ("prospect", "false"),
    ];
    assert_eq!(column(&rows, "silent_warning"), expected.into());
}

/// Opens on D, D - 1, D - 2 and D - 3: fewer on each day than on the day before, from three on.
#[tokio::test]
async fn decline_warning_needs_fewer_opens_on_each_day() {
    let opens = |user_id, counts: [usize; 4]| {
        let days = counts.into_iter().zip(0..);
        days.flat_map(|(count, days)| events(count, user_id, days, "open"))
            .collect::<Vec<_>>()
    };
    let history = of_events(
        [
            opens("0 1 2 3", [0, 1, 2, 3]),
            opens("1 1 2 3", [1, 1, 2, 3]),
            opens("0 1 2 2", [0, 1, 2, 2]),
            opens("1 2 3 4", [1, 2, 3, 4]),
            opens("3 2 1 0", [3, 2, 1, 0]),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("0 1 2 2", "false"),
        ("0 1 2 3", "true"),
        ("1 1 2 3", "false"),
        ("1 2 3 4", "true"),
        ("3 2 1 0", "false"),
    ];
    assert_eq!(column(&rows, "decline_warning"), expected.into());
}

/// Four orders with one on D, and more than 100.00: R 5 + F 5 + M 4 is high value. One order of
/// 200.00 on D is R 5 + F 2 + M 4, no more than high potential.
#[tokio::test]
async fn peak_order_is_larger_than_all_before_it() {
    let history = of_orders(
        [
            orders(3, "a cent more", 9, 40_00),
            orders(1, "a cent more", 0, 40_01),
            orders(3, "as much", 9, 40_00),
            orders(1, "as much", 0, 40_00),
            orders(4, "nothing before", 0, 40_00),
            orders(1, "not of high value", 400, 10_00),
            orders(1, "not of high value", 0, 200_00),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("a cent more", "true"),
        ("as much", "false"),
        ("not of high value", "false"),
        ("nothing before", "false"),
    ];
    assert_eq!(column(&rows, "peak_order"), expected.into());
    let tiers = [
        ("a cent more", "high_value"),
        ("as much", "high_value"),
        ("not of high value", "high_potential"),
        ("nothing before", "high_value"),
    ];
    assert_eq!(column(&rows, "value_tier"), tiers.into());
}

/// A user who cost 10.00 should bring 15.00, one who cost 22.44 should bring 33.66, once 90 days have
/// passed since the first order. A cost of 0.00 is no cost, and says nothing.
#[tokio::test]
async fn lifetime_value_of_one_and_a_half_times_the_cost_is_enough() {
    let history = History {
        orders: vec![
            order("15.00", 90, 15_00),
            order("14.99", 90, 14_99),
            order("33.66", 90, 33_66),
            order("too early", 89, 14_99),
            order("cost nothing", 90, 10_00),
            order("cost not known", 90, 10_00),
        ],
        users: vec![
            user("15.00", 1, Some(10_00)),
            user("14.99", 1, Some(10_00)),
            user("33.66", 1, Some(22_44)),
            user("too early", 1, Some(10_00)),
            user("brought nothing", 1, Some(10_00)),
            user("cost nothing", 1, Some(0)),
            user("cost not known", 1, None),
        ],
        ..History::default()
    };

    let rows = snapshot_of(&history).await;

    let ratios = [
        ("14.99", "1.499000"),
        ("15.00", "1.500000"),
        ("33.66", "1.500000"),
        ("brought nothing", "0.000000"),
        ("cost not known", "NULL"),
        ("cost nothing", "NULL"),
        ("too early", "1.499000"),
    ];
    assert_eq!(column(&rows, "ltv_to_cac"), ratios.into());
    let warnings = [
        ("14.99", "true"),
        ("15.00", "false"),
        ("33.66", "false"),
        ("brought nothing", "false"),
        ("cost not known", "false"),
        ("cost nothing", "false"),
        ("too early", "false"),
    ];
    assert_eq!(column(&rows, "low_ltv_to_cac"), warnings.into());
}

/// Six tenths of the 60 days before are enough, a cent less is not. A refund counts as less.
#[tokio::test]
async fn spend_warning_below_six_tenths() {
    let spent = |user_id, before, since| [order(user_id, 60, before), order(user_id, 59, since)];
    let mut history = of_orders(
        [
            spent("six tenths", 100_00, 60_00),
            spent("a cent less", 100_00, 59_99),
            spent("refunded", 100_00, 60_00),
        ]
        .concat(),
    );
    for user_id in ["six tenths", "a cent less", "refunded"] {
        // Two more orders of nothing make it high potential: R 5 + F 5.
        history.orders.extend(orders(2, user_id, 0, 0));
    }
    history.orders.push(Order {
        status: "refund".to_owned(),
        ..order("refunded", 3, -1)
    });

    let rows = snapshot_of(&history).await;

    let expected = [
        ("a cent less", "true"),
        ("refunded", "true"),
        ("six tenths", "false"),
    ];
    assert_eq!(column(&rows, "spend_warning"), expected.into());
}

/// Orders every ten days: overdue on the 21st, not on the 20th. Of orders every two days a week must
/// have passed as well.
#[tokio::test]
async fn overdue_warning_after_two_gaps_and_a_week() {
    let rhythm =
        |user_id, gap, last| (0..3_i64).map(move |n| order(user_id, last + n * gap, 10_00));
    let history = of_orders(
        rhythm("20 days", 10, 20)
            .chain(rhythm("21 days", 10, 21))
            .chain(rhythm("7 days", 2, 7))
            .chain(rhythm("8 days", 2, 8))
            .chain(rhythm("churned", 10, 60))
            .chain(orders(2, "two orders", 40, 10_00)),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("20 days", "false"),
        ("21 days", "true"),
        ("7 days", "false"),
        ("8 days", "true"),
        ("churned", "false"),
        ("two orders", "false"),
    ];
    assert_eq!(column(&rows, "overdue_warning"), expected.into());
}

/// Eight messages in 30 days without a sign of the user tire, seven do not, nor does one that was
/// opened.
#[tokio::test]
async fn fatigue_warning_from_eight_touches_on() {
    let mut history = of_events(
        [
            events(8, "eight", 29, "message_sent"),
            events(7, "seven", 29, "campaign_exposure"),
            events(1, "seven", 30, "recall_sent"),
            events(8, "opened", 29, "message_sent"),
            events(1, "opened", 29, "message_open"),
            events(8, "ordered 30 days ago", 1, "message_sent"),
        ]
        .concat(),
    );
    history.orders = vec![order("ordered 30 days ago", 30, 10_00)];

    let rows = snapshot_of(&history).await;

    let expected = [
        ("eight", "true"),
        ("opened", "false"),
        ("ordered 30 days ago", "true"),
        ("seven", "false"),
    ];
    assert_eq!(column(&rows, "fatigue_warning"), expected.into());
}

/// A message to every churned and silent user changes no stage, whatever the message.
#[tokio::test]
async fn touches_bring_nobody_back() {
    let buyers = [("churned", 70), ("silent", 40)];
    let mut history = of_orders(buyers.map(|(user_id, days)| order(user_id, days, 10_00)));
    let before = column(&snapshot_of(&history).await, "lifecycle_stage")
        .into_iter()
        .map(|(user_id, stage)| (user_id.to_owned(), stage.to_owned()))
        .collect::<Vec<_>>();
    for touch in ["campaign_exposure", "message_sent", "recall_sent"] {
        history
            .events
            .extend(buyers.map(|(user_id, _)| event(user_id, 0, touch)));
    }

    let rows = snapshot_of(&history).await;

    let after = column(&rows, "lifecycle_stage").into_iter();
    let after: Vec<_> = after
        .map(|(user_id, stage)| (user_id.to_owned(), stage.to_owned()))
        .collect();
    assert_eq!(after, before);
    assert_eq!(before[0].1, "churned");
}

/// The order of 40 days ago is R 4 up to D - 10, `active`, and then `silent`, which the grace of two
/// days delays until D - 7. On D - 8 the user is touched for the eighth time.
#[tokio::test]
async fn warnings_say_since_when_and_are_raised_and_cleared_as_moves() {
    let history = History {
        orders: orders(1, "falls", 40, 10_00),
        events: events(8, "falls", 8, "message_sent"),
        ..History::default()
    };
    let mut nights = job_over(&history);
    nights.sections = "[grace_days]\nvalue_tier = 2\n".to_owned();
    let warnings = ["falling_warning", "fatigue_warning"];
    let mut found = Vec::new();
    for days in [10, 9, 8, 7] {
        let rows = snapshot(&nights, days_ago(days)).await;
        let since = warnings.map(|warning| rows[0][&format!("{warning}_since")].clone());
        let is_raised = warnings.map(|warning| rows[0][warning] == "true");
        assert_eq!(is_raised, since.each_ref().map(|since| since != NULL));
        let moves = tables::rows(&nights.output(), days_ago(days), "tier_migration").await;
        let moves = moves
            .iter()
            .filter(|row| warnings.contains(&&*row["dimension"]));
        let moves = moves.map(|row| {
            let names = ["from_tier", "to_tier", "direction", "days_in_previous_tier"];
            names.map(|name| row[name].clone()).join(" ")
        });
        found.push((since, moves.collect::<Vec<_>>()));
    }

    let since = |days: [i64; 2]| {
        days.map(|days| match days {
            0 => NULL.to_owned(),
            days => days_ago(days).to_string(),
        })
    };
    let raised = || "clear raised raised NULL".to_owned();
    assert_eq!(
        found,
        [
            (since([0, 0]), vec![]),
            (since([9, 0]), vec![raised()]),
            (since([9, 8]), vec![raised()]),
            (since([0, 8]), vec!["raised clear cleared 2".to_owned()]),
        ]
    );
}
