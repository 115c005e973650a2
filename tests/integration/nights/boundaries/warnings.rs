//! The warnings, and lifetime value against what a user cost.

use super::{column, events, of_events, of_orders, orders, snapshot_of};
use crate::naive::fixtures::{event, order, user};
use crate::naive::history::{Event, History};

/// A new customer who posted so often in the 30 days before, and so often since.
fn posts(user_id: &str, before: usize, since: usize) -> Vec<Event> {
    let before = events(before, user_id, 30, "post");
    [before, events(since, user_id, 29, "post")].concat()
}

/// Two posts after four are half. Fewer than half too; three are not. Who opened the app within 15
/// days, never posted before, or never ordered is no silent customer.
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
    ];
    let mut history = of_events(all.concat());
    history.events.push(event("opened 14 days ago", 14, "open"));
    history.events.push(event("opened 15 days ago", 15, "open"));
    history.orders = [
        "half",
        "more than half",
        "no more",
        "never posted",
        "opened 14 days ago",
        "opened 15 days ago",
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
        ("prospect", "false"),
    ];
    assert_eq!(column(&rows, "silent_warning"), expected.into());
}

/// Opens on D, D - 1, D - 2 and D - 3: fewer on each day than on the day before.
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
            opens("3 2 1 0", [3, 2, 1, 0]),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("0 1 2 2", "false"),
        ("0 1 2 3", "true"),
        ("1 1 2 3", "false"),
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

/// A user who cost 10.00 should bring 15.00, one who cost 22.44 should bring 33.66. A cost of 0.00
/// is no cost, and says nothing.
#[tokio::test]
async fn lifetime_value_of_one_and_a_half_times_the_cost_is_enough() {
    let history = History {
        orders: vec![
            order("15.00", 1, 15_00),
            order("14.99", 1, 14_99),
            order("33.66", 1, 33_66),
            order("cost nothing", 1, 10_00),
            order("cost not known", 1, 10_00),
        ],
        users: vec![
            user("15.00", 1, Some(10_00)),
            user("14.99", 1, Some(10_00)),
            user("33.66", 1, Some(22_44)),
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
    ];
    assert_eq!(column(&rows, "ltv_to_cac"), ratios.into());
    let warnings = [
        ("14.99", "true"),
        ("15.00", "false"),
        ("33.66", "false"),
        ("brought nothing", "true"),
        ("cost not known", "false"),
        ("cost nothing", "false"),
    ];
    assert_eq!(column(&rows, "low_ltv_to_cac"), warnings.into());
}
