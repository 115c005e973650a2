//! Sums that outgrow their type, and amounts that nobody pays.

use tierline::ground::{Classified, FailureKind};

use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::pack::Edit;
use super::tables;
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order, snapshot_date};
use crate::naive::history::History;

/// Points that nearly fill a BIGINT, for clicks, and one for everything else.
const POINTS: [Edit; 4] = [
    Edit {
        file: "rollups/interactions.sql",
        from: "COUNT(*) FILTER (WHERE NOT is_touch) AS events,",
        to: "COUNT(*) FILTER (WHERE NOT is_touch) AS events,\n    SUM(CASE WHEN event_type = 'click' THEN 6000000000000000000 ELSE 1 END) AS points,",
    },
    Edit {
        file: "features/interactions.sql",
        from: "    events_lifetime,",
        to: "    points_lifetime,\n    events_lifetime,",
    },
    Edit {
        file: "features/users.sql",
        from: "    interactions.first_event_day,",
        to: "    interactions.points_lifetime,\n    interactions.first_event_day,",
    },
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    users.first_event_day,",
        to: "    users.points_lifetime,\n    users.first_event_day,",
    },
];

/// Events of one user, so many days ago.
fn nights_of(events: &[(i64, &str)]) -> Nights {
    let mut nights = nights_over(&History {
        orders: vec![order("1", 1, 10_00)],
        events: events
            .iter()
            .map(|(days, kind)| event("1", *days, kind))
            .collect(),
        users: Vec::new(),
    });
    nights.edit_pack(&POINTS);
    nights
}

/// The same points, and what else is made of them.
fn points(rollup: &'static str) -> [Edit; 4] {
    let mut edits = POINTS;
    edits[0].to = rollup;
    edits
}

fn nights_over(history: &History) -> Nights {
    let nights = Nights::over(history, &delivery());
    nights.calibrate_by_hand(days_ago(400), &hand_given_cut_points());
    nights
}

fn delivery() -> Delivery {
    Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    }
}

#[tokio::test]
async fn a_sum_up_to_the_largest_bigint_is_exact() {
    let nights = nights_of(&[(0, "click"), (0, "like"), (300, "like")]);
    assert_eq!(nights.status_of(snapshot_date()).await, "published");
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
    assert_eq!(rows[0]["points_lifetime"], "6000000000000000002");
}

#[tokio::test]
async fn a_sum_that_outgrows_bigint_is_told_by_name_and_day_and_not_retried() {
    let one_day = [(3, "click"), (3, "click")];
    let two_days_in_one_tile = [(2, "click"), (3, "click")];
    let two_tiles = [(0, "click"), (300, "click")];
    for events in [one_day, two_days_in_one_tile, two_tiles] {
        let nights = nights_of(&events);
        let error = nights.run(snapshot_date()).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), FailureKind::Blocked, "{text}");
        assert!(text.contains("the sum `points"), "{text}");
        assert!(text.contains("interactions"), "{text}");
        assert!(text.contains("outgrows its type"), "{text}");
    }
    let error = nights_of(&one_day).run(snapshot_date()).await.unwrap_err();
    let day = format!(
        "making tiles of `rollups.interactions` from {}",
        days_ago(3)
    );
    assert!(error.to_string().contains(&day), "{error}");
}

/// A product that wraps around would be a wrong number that looks like any other.
#[tokio::test]
async fn arithmetic_that_outgrows_bigint_is_told_by_model_and_column() {
    const PRODUCT: &str =
        "    events_lifetime * 6000000000000000000 AS points_lifetime,\n    events_lifetime,";
    const SUM: &str = "    SUM(CASE WHEN events_lifetime > 1 THEN 6000000000000000000 ELSE 1 END)\n        OVER (ORDER BY user_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS points_lifetime,\n    events_lifetime,";
    for (computed, told) in [
        (
            PRODUCT,
            "events_lifetime * 6000000000000000000` in features/interactions.sql outgrows",
        ),
        (SUM, "END)` in features/interactions.sql outgrows its type"),
    ] {
        let mut edits = POINTS;
        edits[1].to = computed;
        let once = History {
            events: vec![event("1", 0, "like"), event("2", 0, "like")],
            orders: vec![order("1", 1, 10_00)],
            ..History::default()
        };
        let mut nights = nights_over(&once);
        nights.edit_pack(&edits);
        assert_eq!(nights.status_of(snapshot_date()).await, "published");
        let twice = History {
            events: ["1", "2", "1", "2"]
                .map(|user| event(user, 0, "like"))
                .to_vec(),
            ..once
        };
        let mut nights = nights_over(&twice);
        nights.edit_pack(&edits);
        let error = nights.run(snapshot_date()).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked, "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

/// NaN is larger than every other number, on whichever day it comes.
#[tokio::test]
async fn extremes_of_double_do_not_depend_on_the_order_of_days() {
    const NAN_FOR_CLICKS: &str =
        "CASE WHEN event_type = 'click' THEN CAST('NaN' AS DOUBLE) ELSE CAST(1.5 AS DOUBLE) END";
    let largest = format!(
        "COUNT(*) FILTER (WHERE NOT is_touch) AS events,\n    MAX({NAN_FOR_CLICKS}) AS points,"
    )
    .leak();
    let smallest = format!(
        "COUNT(*) FILTER (WHERE NOT is_touch) AS events,\n    MIN({NAN_FOR_CLICKS}) AS points,"
    )
    .leak();
    for (rollup, expected) in [(&*largest, "NaN"), (&*smallest, "1.500000")] {
        for days in [[0, 1, 300], [1, 300, 0], [300, 0, 1], [4, 4, 4]] {
            let kinds = ["like", "click", "like"];
            let events: Vec<_> = days.into_iter().zip(kinds).collect();
            let mut nights = nights_of(&events);
            nights.edit_pack(&points(rollup));
            assert_eq!(nights.status_of(snapshot_date()).await, "published");
            let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
            assert_eq!(rows[0]["points_lifetime"], expected, "{days:?}");
        }
    }
}

/// 10^12 and more is rejected; a cent less is money.
#[tokio::test]
async fn absurd_amounts_are_left_out_and_told() {
    let absurd = 10_i64.pow(14);
    let history = History {
        orders: vec![
            order("1", 0, absurd - 1),
            order("1", 0, absurd),
            order("1", 1, 999_999_999_999_999_999),
            order("2", 1, 999_999_999_999_999_999),
        ],
        ..History::default()
    };
    let nights = nights_over(&history);
    let report = nights.run(snapshot_date()).await.unwrap();
    let told = report.rejected.iter();
    let told: Vec<_> = told
        .map(|count| (&*count.source, &*count.reason, count.rows))
        .collect();
    assert_eq!(
        told,
        [
            ("orders", "absurd_amount", 2),
            ("orders", "absurd_amount", 1)
        ]
    );
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
    assert_eq!(rows[0]["revenue_lifetime"], "999999999999.99");
}
