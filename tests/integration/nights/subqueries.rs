//! Sources that staging reads in subqueries are inputs of its tiles like any other.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Decimal128Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use tierline::ground::{Classified, FailureKind};

use super::job::{Nights, source};
use super::lake::{Delivery, Ids};
use super::pack::Edit;
use super::tables;
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order, snapshot_date};
use crate::naive::history::History;

/// Rates of exchange, which staging reads in a subquery.
const RATES: &str = "[sources.fx.columns]\ncurrency = \"VARCHAR\"\nrate = \"DECIMAL(10, 4)\"\n";

/// The amount in another currency, in which the engine keeps the subquery as an expression.
const SUBQUERIES: [&str; 3] = [
    "CAST(amount * (SELECT MAX(rate) FROM sources.fx) AS DECIMAL(18, 2)) AS amount,",
    "CASE WHEN (SELECT COUNT(*) FROM sources.fx WHERE rate > 1) > 0 THEN CAST(amount * 2 AS DECIMAL(18, 2)) ELSE amount END AS amount,",
    "CAST(amount * (SELECT MAX(rate) FROM sources.fx WHERE rate >= (SELECT AVG(rate) FROM sources.fx)) AS DECIMAL(18, 2)) AS amount,",
];

/// A job whose orders are in another currency.
fn nights_with(amount: &'static str) -> Nights {
    let sources = ["orders", "engagement", "users", "fx"];
    let sources = sources.map(|name| source(name, &format!("lake/{name}")));
    let mut nights = Nights::of_sources(sources.concat() + RATES);
    nights.edit_pack(&[Edit {
        file: "staging/orders.sql",
        from: "amount,  ",
        to: amount,
    }]);
    let orders = (0..5).map(|day| order("1", day, 10_00)).collect();
    let history = History {
        orders,
        ..History::default()
    };
    nights.deliver(&history, &delivery());
    nights.calibrate_by_hand(days_ago(5), &hand_given_cut_points());
    nights
}

fn deliver_rate(lake: &Path, name: &'static str, rate: i128) {
    let folder = lake.join(format!("fx/dt={}", days_ago(5)));
    std::fs::create_dir_all(&folder).unwrap();
    let rates = Decimal128Array::from(vec![rate]).with_precision_and_scale(10, 4);
    let currencies = StringArray::from(vec!["EUR"]);
    let rows = RecordBatch::try_from_iter([
        ("currency", Arc::new(currencies) as _),
        (name, Arc::new(rates.unwrap()) as _),
    ]);
    let rows = rows.unwrap();
    let file = File::create(folder.join("part-0.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

async fn revenue(nights: &Nights) -> String {
    let rows = tables::rows(&nights.output(), snapshot_date(), "tier_snapshot").await;
    rows[0]["revenue_lifetime"].clone()
}

fn delivery() -> Delivery {
    Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    }
}

#[tokio::test]
async fn a_source_in_a_subquery_makes_every_tile_anew_when_it_changes() {
    for amount in SUBQUERIES {
        let nights = nights_with(amount);
        deliver_rate(&nights.lake(), "rate", 1_0000);
        assert_eq!(nights.status_of(snapshot_date()).await, "published");
        assert_eq!(revenue(&nights).await, "50.00", "{amount}");

        deliver_rate(&nights.lake(), "rate", 2_0000);
        assert_eq!(nights.status_of(snapshot_date()).await, "replaced");
        assert_eq!(revenue(&nights).await, "100.00", "{amount}");

        let twin = nights.publishing_to("twin");
        twin.calibrate_by_hand(days_ago(5), &hand_given_cut_points());
        assert_eq!(twin.status_of(snapshot_date()).await, "published");
        assert_eq!(revenue(&twin).await, "100.00", "{amount}");
    }
}

#[tokio::test]
async fn a_column_that_only_a_subquery_reads_is_required() {
    let nights = nights_with(SUBQUERIES[0]);
    deliver_rate(&nights.lake(), "price", 1_0000);
    let error = nights.run(snapshot_date()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`fx` lacks the required column `rate`"),
        "{text}"
    );
    assert_ne!(error.kind(), FailureKind::Unexpected);
}
