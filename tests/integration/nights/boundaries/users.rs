//! Who is a user of the snapshot, and what is said of users of whom little is known.

use super::{column, columns, job_over, of_orders, orders, published, snapshot_of};
use crate::naive::fixtures::{days_ago, event, order, snapshot_date, user};
use crate::naive::history::{History, Order};
use crate::naive::text::NULL;
use crate::nights::tables::{self, Row};

/// Fails unless some columns of a user are as expected.
fn assert_user<const N: usize>(rows: &[Row], user_id: &str, expected: [(&str, &str); N]) {
    let names = expected.map(|(name, _)| name);
    let found = columns(rows, ("user_id", user_id), names);
    assert_eq!(names.into_iter().zip(found).collect::<Vec<_>>(), expected);
}

/// Orders that do not count make a user, and nothing else.
#[tokio::test]
async fn user_with_only_refunded_orders_is_a_prospect() {
    let refunded = Order {
        status: "refunded".to_owned(),
        ..order("refunded", 3, 10_00)
    };

    let rows = snapshot_of(&of_orders([refunded])).await;

    let expected = [
        ("orders_lifetime", "0"),
        ("revenue_lifetime", "0.00"),
        ("last_order_day", NULL),
        ("recency_days", NULL),
        ("inactivity_days", NULL),
        ("r_score", NULL),
        ("f_score", NULL),
        ("m_score", NULL),
        ("rfm_total", NULL),
        ("value_tier", "no_orders"),
        ("rfm_class", "unscored"),
        ("lifecycle_stage", "prospect"),
    ];
    assert_user(&rows, "refunded", expected);
}

/// A registration alone: one value in every dimension, though nothing happened.
#[tokio::test]
async fn user_seen_only_in_users_has_every_dimension() {
    let history = History {
        users: vec![user("registered", 3, None)],
        ..History::default()
    };

    let rows = snapshot_of(&history).await;

    let expected = [
        ("events_lifetime", "0"),
        ("orders_lifetime", "0"),
        ("inactivity_days", NULL),
        ("ltv_to_cac", NULL),
        ("value_tier", "no_orders"),
        ("rfm_class", "unscored"),
        ("lifecycle_stage", "prospect"),
        ("customer_layer", "base"),
        ("interaction_depth", "light"),
        ("engagement_style", "none"),
        ("participation_level", "none"),
        ("need_type", "none"),
        ("price_sensitivity", "unknown"),
        ("value_engagement", "low_value_low_engagement"),
    ];
    assert_user(&rows, "registered", expected);
}

#[tokio::test]
async fn user_seen_only_in_engagement_or_only_tomorrow() {
    let history = History {
        orders: vec![order("buys tomorrow", -1, 10_00)],
        events: vec![event("opens", 2, "open")],
        users: vec![user("registers tomorrow", -1, None)],
    };

    let rows = snapshot_of(&history).await;

    assert_eq!(column(&rows, "inactivity_days"), [("opens", "2")].into());
}

/// Of two users with an order each, one is gone from the sources on D: it leaves every dimension,
/// and the tier it had counts it.
#[tokio::test]
async fn user_gone_from_all_sources_leaves() {
    let stays = orders(1, "stays", 6, 10_00);
    let gone = orders(1, "gone", 5, 10_00);
    let nights = job_over(&of_orders([stays, gone].concat()));
    nights.run(days_ago(1)).await.unwrap();
    let file = format!("orders/dt={}", days_ago(5));
    std::fs::remove_dir_all(nights.lake().join(file)).unwrap();
    nights.run_without_removed(snapshot_date()).await.unwrap();

    let moves = published(&nights, snapshot_date(), "tier_migration").await;

    // R 5 + F 2 + M 1 = 8, active, shown since the night before.
    let left: Vec<_> = moves
        .iter()
        .filter(|row| row["user_id"] == "gone")
        .collect();
    assert_eq!((left.len(), moves.len()), (10, 10), "one in each dimension");
    assert!(left.iter().all(|row| row["direction"] == "left"));
    assert!(left.iter().all(|row| row["to_tier"] == NULL));
    let value_tier = ("dimension", "value_tier");
    assert_eq!(
        columns(&moves, value_tier, ["from_tier", "days_in_previous_tier"]),
        ["active", "1"]
    );
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
    assert_eq!(column(&rows, "value_tier"), [("stays", "active")].into());

    let matrix = tables::rows(&nights.output(), snapshot_date(), "tier_migration_matrix").await;
    let mut cells: Vec<_> = matrix
        .iter()
        .filter(|row| row["dimension"] == "value_tier")
        .map(|row| ["from_tier", "to_tier", "users"].map(|name| &*row[name]))
        .collect();
    cells.sort_unstable();
    assert_eq!(cells, [["active", NULL, "1"], ["active", "active", "1"]]);
    let summary = tables::rows(&nights.output(), snapshot_date(), "tier_summary").await;
    assert_eq!(
        columns(
            &summary,
            value_tier,
            ["tier", "users", "entered", "left_tier", "net_change"]
        ),
        ["active", "1", "0", "1", "-1"]
    );
}
