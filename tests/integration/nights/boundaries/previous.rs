//! What compares with an earlier snapshot, when there is one and when there is none.

use super::{by, columns, job_over, of_orders, orders, published, run_all};
use crate::naive::fixtures::{days_ago, order, snapshot_date};
use crate::naive::text::NULL;
use crate::nights::job::Nights;
use crate::nights::tables::{self, Row};

const OUTFLOW: &str = "high_value_weekly_outflow_rate";

/// On the first night nobody has moved: moves and matrix have no rows, tiers are counted without
/// comings and goings, and no KPI has a value to compare with.
#[tokio::test]
async fn first_night_compares_with_nothing() {
    let history = of_orders([order("a", 1, 10_00), order("b", 100, 10_00)]);
    let nights = job_over(&history);

    let moves = published(&nights, snapshot_date(), "tier_migration").await;

    assert!(moves.is_empty(), "{moves:?}");
    let read = async |table| tables::rows(&nights.output(), snapshot_date(), table).await;
    let matrix: Vec<Row> = read("tier_migration_matrix").await;
    assert!(matrix.is_empty(), "{matrix:?}");
    let summary = read("tier_summary").await;
    assert!(!summary.is_empty());
    for row in summary {
        let moved = ["entered", "left_tier", "net_change"].map(|name| row[name].clone());
        assert_eq!(moved, ["0", "0", "0"], "{row:?}");
    }
    let kpis = read("kpi_daily").await;
    assert!(kpis.iter().all(|row| row["previous_value"] == NULL));
    let values = by("metric", &kpis, "value");
    assert_eq!(values["users_total"], "2.000000");
    assert_eq!(values[OUTFLOW], NULL);
    assert_eq!(values["reactivation_rate"], NULL);
}

/// Two users of high value until their four orders of 100.00 (F 5 + M 4) are more than 30 days
/// old (R 3 makes 12). "falls" has had them for 31 days on D, "stays" for 24.
fn one_of_two_falls() -> Nights {
    let falls = orders(4, "falls", 31, 100_00);
    let stays = orders(4, "stays", 24, 100_00);
    let mut nights = job_over(&of_orders([falls, stays].concat()));
    nights.sections = "[grace_days]\nvalue_tier = 0\n".to_owned();
    nights
}

/// Value and previous value of the outflow rate on D.
async fn outflow_on_d(nights: &Nights) -> [String; 2] {
    let kpis = published(nights, snapshot_date(), "kpi_daily").await;
    let names = ["value", "previous_value"];
    columns(&kpis, ("metric", OUTFLOW), names).map(str::to_owned)
}

#[tokio::test]
async fn outflow_is_known_when_the_day_a_week_ago_is_published() {
    let nights = one_of_two_falls();
    run_all(&nights, [days_ago(7)]).await;
    assert_eq!(outflow_on_d(&nights).await, ["0.500000", NULL]);
}

/// Six or eight days are no week.
#[tokio::test]
async fn outflow_is_not_known_from_other_days() {
    let nights = one_of_two_falls();
    run_all(&nights, [8, 6].map(days_ago)).await;
    assert_eq!(outflow_on_d(&nights).await, [NULL, NULL]);
}

/// What the previous night published stands beside it. Nobody was of high value a week ago, so
/// nothing can flow out, and there is no rate.
#[tokio::test]
async fn previous_value_is_that_of_the_previous_snapshot() {
    let history = of_orders([order("a", 100, 10_00), order("b", 0, 10_00)]);
    let nights = job_over(&history);
    run_all(&nights, [days_ago(7)]).await;

    let kpis = published(&nights, snapshot_date(), "kpi_daily").await;

    let told = |metric| columns(&kpis, ("metric", metric), ["value", "previous_value"]);
    assert_eq!(told("users_total"), ["2.000000", "1.000000"]);
    assert_eq!(told(OUTFLOW), [NULL, NULL]);
}
