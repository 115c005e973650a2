//! Each dimension where two of its values meet.

use std::collections::BTreeMap;

use super::{column, events, of_events, of_orders, orders, snapshot_of};
use crate::naive::fixtures::{event, order, user};
use crate::naive::history::{Event, History, Order};

/// Three orders, so many days apart, the last so many days ago.
fn every(gap: i64, user_id: &str, last: i64) -> Vec<Order> {
    let orders = (0..3).map(|number| order(user_id, last + number * gap, 10_00));
    orders.collect()
}

/// Of 30 days the first is D - 29, and with the third order a user is new no longer. A sign on D - 59
/// is one of 60 days, on D - 60 it is none; a loyal user's last order is one of 90 days. Whoever buys
/// every 40 days is given up after 120, whoever buys every 100 days after 180.
#[tokio::test]
async fn lifecycle_stage_at_its_limits() {
    let mut history = of_orders(
        [
            orders(2, "first 29 days ago", 29, 10_00),
            orders(1, "first 30 days ago", 30, 10_00),
            orders(1, "seen 29 days ago", 40, 10_00),
            orders(1, "seen 59 days ago", 59, 10_00),
            orders(1, "seen 60 days ago", 60, 10_00),
            orders(3, "regular of 89 days ago", 89, 10_00),
            orders(3, "regular of 90 days ago", 90, 10_00),
            every(40, "every 40 days, 119 days ago", 119),
            every(40, "every 40 days, 120 days ago", 120),
            every(100, "every 100 days, 179 days ago", 179),
            every(100, "every 100 days, 180 days ago", 180),
        ]
        .concat(),
    );
    for regular in ["regular of 89 days ago", "regular of 90 days ago"] {
        history.events.push(event(regular, 59, "open"));
    }
    history.events.push(event("seen 29 days ago", 29, "open"));
    history
        .events
        .push(event("seen 60 days ago", 0, "message_sent"));

    let rows = snapshot_of(&history).await;

    let expected = [
        ("first 29 days ago", "new"),
        ("first 30 days ago", "silent"),
        ("seen 29 days ago", "active"),
        ("seen 59 days ago", "silent"),
        ("seen 60 days ago", "churned"),
        ("regular of 89 days ago", "loyal"),
        ("regular of 90 days ago", "silent"),
        ("every 40 days, 119 days ago", "loyal"),
        ("every 40 days, 120 days ago", "churned"),
        ("every 100 days, 179 days ago", "loyal"),
        ("every 100 days, 180 days ago", "churned"),
    ];
    assert_eq!(column(&rows, "lifecycle_stage"), expected.into());
}

/// Core customers paid more than 100000 in 365 days.
#[tokio::test]
async fn customer_layer_at_its_limits() {
    let history = History {
        users: vec![user("nothing", 1, None)],
        ..of_orders(
            [
                orders(1, "100000.00", 364, 100_000_00),
                orders(1, "100000.01", 364, 100_000_01),
                orders(1, "a year ago", 365, 100_000_01),
                orders(2, "two orders", 1, 10_00),
                orders(3, "three orders", 1, 10_00),
            ]
            .concat(),
        )
    };

    let rows = snapshot_of(&history).await;

    let expected = [
        ("100000.00", "growth"),
        ("100000.01", "core"),
        ("a year ago", "growth"),
        ("nothing", "base"),
        ("three orders", "mature"),
        ("two orders", "growth"),
    ];
    assert_eq!(column(&rows, "customer_layer"), expected.into());
}

/// Three interactions in 7 days are deep; views are none.
#[tokio::test]
async fn interaction_depth_at_its_limits() {
    let history = of_events(
        [
            events(3, "three", 6, "click"),
            events(2, "two", 6, "click"),
            events(3, "a week ago", 7, "click"),
            events(1, "29 days ago", 29, "click"),
            events(1, "30 days ago", 30, "click"),
            events(3, "views", 0, "view"),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("29 days ago", "occasional"),
        ("30 days ago", "light"),
        ("a week ago", "occasional"),
        ("three", "deep"),
        ("two", "moderate"),
        ("views", "light"),
    ];
    assert_eq!(column(&rows, "interaction_depth"), expected.into());
}

/// One event of each type, all within the last 30 days.
fn each_once(user_id: &str, event_types: &[&str]) -> Vec<Event> {
    let types = event_types.iter();
    types
        .map(|event_type| event(user_id, 29, event_type))
        .collect()
}

/// sharer > commenter > liker > reader, and clicks are no style.
#[tokio::test]
async fn rarer_style_wins_a_tie() {
    let history = of_events(
        [
            each_once("all four", &["view", "like", "comment", "share"]),
            each_once("without share", &["view", "like", "review"]),
            each_once("without comment", &["view", "like"]),
            each_once("reads most", &["view", "brand_story", "share"]),
            each_once("clicks", &["click"]),
            events(1, "shared 30 days ago", 30, "share"),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("all four", "sharer"),
        ("clicks", "none"),
        ("reads most", "reader"),
        ("shared 30 days ago", "none"),
        ("without comment", "liker"),
        ("without share", "commenter"),
    ];
    assert_eq!(column(&rows, "engagement_style"), expected.into());
}

/// functional > social > emotional.
#[tokio::test]
async fn more_urgent_need_wins_a_tie() {
    let history = of_events(
        [
            each_once("all three", &["brand_story", "share", "consult"]),
            each_once("without consult", &["brand_story", "share"]),
            each_once("brand story", &["brand_story", "view"]),
            each_once("social most", &["consult", "share", "post"]),
            each_once("views", &["view"]),
            events(1, "consulted 89 days ago", 89, "consult"),
            events(1, "consulted 90 days ago", 90, "consult"),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("all three", "functional"),
        ("brand story", "emotional"),
        ("consulted 89 days ago", "functional"),
        ("consulted 90 days ago", "none"),
        ("social most", "social"),
        ("views", "none"),
        ("without consult", "social"),
    ];
    assert_eq!(column(&rows, "need_type"), expected.into());
}

/// Campaigns joined, surveys and posts add up: three in 90 days are high, two are some.
#[tokio::test]
async fn participation_level_at_its_limits() {
    let history = of_events(
        [
            each_once("one of each", &["coupon_redemption", "survey", "post"]),
            each_once("two", &["campaign_join", "survey"]),
            each_once("shown only", &["campaign_exposure"]),
            [
                events(2, "one too old", 89, "survey"),
                events(1, "one too old", 90, "survey"),
            ]
            .concat(),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("one of each", "high"),
        ("one too old", "some"),
        ("shown only", "none"),
        ("two", "some"),
    ];
    assert_eq!(column(&rows, "participation_level"), expected.into());
}

/// Who joins more campaigns than were shown has joined all; without any shown there is no rate.
#[tokio::test]
async fn participation_rate_is_one_at_most() {
    let shown_and_joined = |user_id, shown, joined| {
        let shown = events(shown, user_id, 1, "campaign_exposure");
        [shown, events(joined, user_id, 1, "campaign_join")].concat()
    };
    let history = of_events(
        [
            shown_and_joined("two of three", 3, 2),
            shown_and_joined("three of two", 2, 3),
            shown_and_joined("none of one", 1, 0),
            shown_and_joined("one of none", 0, 1),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("none of one", "0.000000"),
        ("one of none", "NULL"),
        ("three of two", "1.000000"),
        ("two of three", "0.666667"),
    ];
    assert_eq!(column(&rows, "participation_rate_90d"), expected.into());
}

/// A fifth off the full price of the orders whose discount is known is enough, but one such order is
/// too few. A discount of 0.00 is known, and none.
#[tokio::test]
async fn price_sensitivity_at_its_limits() {
    let discounted = |user_id: &'static str, discounts: &[Option<i64>]| {
        let orders = discounts.iter().map(|discount_cents| Order {
            discount_cents: *discount_cents,
            ..order(user_id, 1, 10_00)
        });
        orders.collect::<Vec<_>>()
    };
    let history = of_orders(
        [
            discounted("a fifth", &[Some(5_00), Some(0)]),
            discounted("a fifth of the known", &[Some(5_00), Some(0), None, None]),
            discounted("a cent less", &[Some(4_99), Some(0)]),
            discounted("one known", &[Some(90_00), None]),
            discounted("none known", &[None, None]),
        ]
        .concat(),
    );

    let rows = snapshot_of(&history).await;

    let expected = [
        ("a cent less", "regular"),
        ("a fifth", "sensitive"),
        ("a fifth of the known", "sensitive"),
        ("none known", "unknown"),
        ("one known", "regular"),
    ];
    assert_eq!(column(&rows, "price_sensitivity"), expected.into());
}

/// High value from a total of 10 on: one order on D (R 5, F 2) of 25.01 (M 3) reaches it, of 25.00
/// (M 2) it does not. One interaction in 7 days is high engagement.
#[tokio::test]
async fn value_engagement_at_its_limits() {
    let mut history = of_orders([
        order("25.01", 0, 25_01),
        order("25.00", 0, 25_00),
        order("25.01 and a click", 0, 25_01),
    ]);
    history.events = vec![
        event("25.01 and a click", 6, "click"),
        event("25.01", 7, "click"),
        event("a click", 6, "click"),
    ];

    let rows = snapshot_of(&history).await;

    let expected = BTreeMap::from([
        ("25.00", "low_value_low_engagement"),
        ("25.01", "high_value_low_engagement"),
        ("25.01 and a click", "high_value_high_engagement"),
        ("a click", "low_value_high_engagement"),
    ]);
    assert_eq!(column(&rows, "value_engagement"), expected);
}
