//! What compares with an earlier snapshot, when there is one and when there is none.

use super::{by, columns, job_over, of_orders, orders, published, run_all};
use crate::naive::calibration::CutPoints;
use crate::naive::fixtures::{days_ago, event, hand_given_cut_points, order, snapshot_date};
use crate::naive::text::NULL;
use crate::nights::job::Nights;
use crate::nights::pack::Edit;
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

/// The day of the orders of "gone" is delivered again, and they are not among them.
#[tokio::test]
async fn users_who_are_gone_have_flowed_out() {
    let stays = orders(4, "stays", 24, 100_00);
    let gone = orders(4, "gone", 25, 100_00);
    let nights = job_over(&of_orders([stays.clone(), gone].concat()));
    run_all(&nights, [days_ago(7)]).await;
    let other = orders(1, "other", 25, 1_00);
    nights.deliver(&of_orders([stays, other].concat()), &super::delivery());
    assert_eq!(outflow_on_d(&nights).await, ["0.500000", NULL]);
}

#[tokio::test]
async fn outflow_is_not_known_across_new_cut_points() {
    let nights = one_of_two_falls();
    run_all(&nights, [days_ago(7)]).await;
    let cut_points = CutPoints {
        revenue_365d_cents: [10_00, 25_00, 100_00, 60_000_00],
        ..hand_given_cut_points()
    };
    nights.calibrate_by_hand(days_ago(3), &cut_points);
    assert_eq!(outflow_on_d(&nights).await, [NULL, NULL]);
}

#[tokio::test]
async fn outflow_is_not_known_across_new_rules() {
    let mut nights = one_of_two_falls();
    nights.edit_pack(&[]);
    run_all(&nights, [days_ago(7)]).await;
    nights.edit_pack(&[Edit {
        file: "tiers/rfm.sql",
        from: "r_score + f_score + m_score AS",
        to: "f_score + r_score + m_score AS",
    }]);
    assert_eq!(outflow_on_d(&nights).await, [NULL, NULL]);
}

/// The bands with one above high_value, for the largest total there is.
const PLATINUM: [Edit; 1] = [Edit {
    file: "reference/value_tiers.csv",
    from: "high_value,5,13,15,",
    to: "platinum,6,15,15,Platinum,x,Thank them.,x\nhigh_value,5,13,14,",
}];

/// Five orders of 20,000.00 on D make 15, four of 100.00 make 14. On the night a week before, the
/// same users had the same tiers.
fn with_platinum() -> Nights {
    let on = |days| {
        [
            orders(5, "platinum", days, 20_000_00),
            orders(4, "high", days, 100_00),
        ]
    };
    let rows = [on(0), on(7)].concat().concat();
    let mut nights = job_over(&of_orders(rows));
    nights.edit_pack(&PLATINUM);
    nights
}

#[tokio::test]
async fn high_value_is_the_tier_of_the_highest_rank_whatever_it_is_called() {
    let nights = with_platinum();
    run_all(&nights, [days_ago(7)]).await;

    let kpis = published(&nights, snapshot_date(), "kpi_daily").await;

    let values = by("metric", &kpis, "value");
    assert_eq!(values["high_value_user_share"], "0.500000");
    assert_eq!(values["high_value_revenue_share"], "0.996016");
    assert_eq!(values[OUTFLOW], "0.000000");
}

/// A promotion into the new band is no outflow from the one below it, and the band's own users
/// have the warning of their largest order.
#[tokio::test]
async fn peak_orders_are_those_of_the_highest_tier() {
    let larger = [order("platinum", -1, 30_000_00), order("high", -1, 110_00)];
    let rows = [
        orders(5, "platinum", 0, 20_000_00),
        orders(4, "high", 0, 100_00),
        larger.to_vec(),
    ];
    let mut nights = job_over(&of_orders(rows.concat()));
    nights.edit_pack(&PLATINUM);
    let rows = published(&nights, days_ago(-1), "tier_snapshot").await;
    let peaks = by("user_id", &rows, "peak_order");
    let tiers = by("user_id", &rows, "value_tier");
    assert_eq!(
        (tiers["platinum"], tiers["high"]),
        ("platinum", "high_value")
    );
    assert_eq!((peaks["platinum"], peaks["high"]), ("true", "false"));
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

/// The cells of customer_layer on D, `period D-days: from -> to: users`, in order.
async fn cells_on_d(nights: &Nights) -> Vec<String> {
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_migration_matrix").await;
    let rows = rows
        .iter()
        .filter(|row| row["dimension"] == "customer_layer");
    let cells = rows.map(|row| {
        let [period, date, from, to, users] = [
            "period",
            "previous_snapshot_date",
            "from_tier",
            "to_tier",
            "users",
        ]
        .map(|name| &row[name]);
        let date: chrono::NaiveDate = date.parse().unwrap();
        let days = (snapshot_date() - date).num_days();
        format!("{period} D-{days}: {from} -> {to}: {users}")
    });
    let mut cells: Vec<String> = cells.collect();
    cells.sort_unstable();
    cells
}

/// "buys" is known for 40 days and orders on D - 9, "comes" is known since D - 3. The snapshot of D - 7
/// is published last, and D is published again with it; once D - 1 follows on it, everything is as
/// if it had been there from the first.
#[tokio::test]
async fn matrices_of_a_week_and_a_month_are_counted_from_their_own_snapshots() {
    let mut history = of_orders([order("buys", 9, 10_00)]);
    let events = [event("buys", 40, "view"), event("comes", 3, "view")];
    history.events.extend(events);
    let nights = job_over(&history);
    run_all(&nights, [days_ago(28), days_ago(1), snapshot_date()]).await;
    let night = [
        "night D-1: base -> base: 1",
        "night D-1: growth -> growth: 1",
    ];
    let month = [
        "month D-28: NULL -> base: 1",
        "month D-28: base -> growth: 1",
    ];
    assert_eq!(cells_on_d(&nights).await, [month, night].concat());

    run_all(&nights, [days_ago(7)]).await;
    assert_eq!(nights.status_of(snapshot_date()).await, "replaced");
    let week = ["week D-7: NULL -> base: 1", "week D-7: growth -> growth: 1"];
    let all = [month, night, week].concat();
    assert_eq!(cells_on_d(&nights).await, all);
    assert_eq!(nights.status_of(snapshot_date()).await, "already_published");

    assert_eq!(nights.status_of(days_ago(1)).await, "replaced");
    assert_eq!(nights.status_of(snapshot_date()).await, "replaced");
    assert_eq!(cells_on_d(&nights).await, all);
}
