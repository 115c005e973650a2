//! KPIs over what was published before: on the first night, when nothing was, and on the night on
//! which the snapshot gets a column that no earlier one has.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use tierline::ground::{Classified, FailureKind};
use tierline::storage::Location;

use super::example::{history, last_night, night_before};
use super::job::Nights;
use super::lake::Delivery;
use super::pack::Edit;
use super::tables::rows;
use crate::naive::fixtures::days_ago;
use crate::naive::text;
use crate::support::command::Tierline;

/// A KPI over the previous snapshot, of which `check` has always known the columns.
const PREVIOUS_ORDERS: Edit = Edit {
    file: "publish/kpi_daily.sql",
    from: "            named_struct('metric', 'users_total',",
    to: "            named_struct(
                'metric', 'previous_orders',
                'value', (SELECT CAST(SUM(orders_365d) AS DOUBLE) FROM previous.tier_snapshot)
            ),
            named_struct('metric', 'users_total',",
};

/// A column, and KPIs over it in both earlier snapshots.
const DOUBLED: &[Edit] = &[
    Edit {
        file: "publish/tier_snapshot.sql",
        from: "    -- interaction\n",
        to: "    2 * users.orders_365d AS orders_doubled,\n",
    },
    Edit {
        file: "publish/kpi_daily.sql",
        from: "            named_struct('metric', 'users_total',",
        to: "            named_struct(
                'metric', 'previous_doubled',
                'value', (SELECT CAST(SUM(orders_doubled) AS DOUBLE) FROM previous.tier_snapshot)
            ),
            named_struct(
                'metric', 'week_ago_doubled',
                'value', (SELECT CAST(SUM(orders_doubled) AS DOUBLE) FROM week_ago.tier_snapshot)
            ),
            named_struct(
                'metric', 'week_ago_users',
                'value', (SELECT CAST(COUNT(*) AS DOUBLE) FROM week_ago.tier_snapshot)
            ),
            named_struct('metric', 'users_total',",
    },
];

/// The KPIs of a date by name.
async fn kpis(output: &Location, date: NaiveDate) -> BTreeMap<String, String> {
    let rows = rows(output, date, "kpi_daily").await.into_iter();
    let of_row = |mut row: super::tables::Row| {
        let value = row.remove("value").unwrap();
        (row.remove("metric").unwrap(), value)
    };
    rows.map(of_row).collect()
}

fn assert_checked(nights: &Nights) {
    let check = Tierline::new().args(["check"]).args([nights.job_file()]);
    let finished = check.run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}

#[tokio::test]
async fn kpi_over_the_previous_snapshot_is_there_from_the_first_night_on() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.edit_pack(&[PREVIOUS_ORDERS]);
    assert_checked(&nights);
    for (night, previous_orders) in [(night_before(), text::NULL), (last_night(), "21.000000")] {
        assert_eq!(nights.status_of(night).await, "published");
        let kpis = kpis(&nights.output(), night).await;
        assert_eq!(kpis["previous_orders"], previous_orders, "{night}");
    }
}

#[tokio::test]
async fn kpi_over_a_new_column_reads_null_in_snapshots_without_it() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    for earlier in [days_ago(7), night_before()] {
        assert_eq!(nights.status_of(earlier).await, "published");
    }
    nights.edit_pack(DOUBLED);
    assert_checked(&nights);
    assert_eq!(nights.status_of(last_night()).await, "published");
    let kpis = kpis(&nights.output(), last_night()).await;
    assert_eq!(kpis["previous_doubled"], text::NULL);
    assert_eq!(kpis["week_ago_doubled"], text::NULL);
    assert_ne!(kpis["week_ago_users"], "0.000000");
}

#[tokio::test]
async fn previous_snapshot_that_is_gone_from_storage_is_named() {
    let nights = Nights::over(&history(), &Delivery::default());
    assert_eq!(nights.status_of(night_before()).await, "published");
    let tables = nights.output_folder().join("tables");
    std::fs::remove_dir_all(tables.join("tier_snapshot")).unwrap();
    let refused = nights.run(last_night()).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Blocked);
    insta::assert_snapshot!(refused, @"the publication of 2026-11-19 records version 1 of table `tier_snapshot`, which is not there: somebody has dropped the table, or cleaned up its log; restore it from a copy, or publish to a new output");
}
