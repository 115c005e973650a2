//! Nights of the same inputs give the same numbers to the last bit, however many threads add them
//! up, in whatever order.

use chrono::NaiveDate;

use super::job::Nights;
use super::lake::{Delivery, Ids};
use super::tables;
use crate::naive::fixtures::{days_ago, hand_given_cut_points, order, snapshot_date};
use crate::naive::history::History;

/// Nights beside each other, over the same lake.
const OUTPUTS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// Orders whose averages and gaps are no finite binary fractions.
fn history() -> History {
    let mut history = History::default();
    for user in 0..60_i64 {
        for number in 0..=user % 6 {
            let days = (user * 7 + number * number * 3) % 30;
            let cents = 10_01 + user * 37 * (number + 1);
            history.orders.push(order(&user.to_string(), days, cents));
        }
    }
    history
}

/// The KPIs of a night, by their bits.
async fn kpis(nights: &Nights, date: NaiveDate) -> Vec<(String, Option<u64>)> {
    let columns = ["metric", "value"];
    let kpis = tables::doubles(&nights.output(), date, "kpi_daily", columns).await;
    let kpis = kpis.into_iter();
    kpis.map(|(metric, value)| (metric, value.map(f64::to_bits)))
        .collect()
}

#[tokio::test]
async fn kpis_have_the_same_bits_whatever_the_threads() {
    let delivery = Delivery {
        ids: Ids::Varchar,
        ..Delivery::default()
    };
    let nights = Nights::over(&history(), &delivery);
    let mut first = None;
    for (index, output) in OUTPUTS.into_iter().enumerate() {
        let mut night = nights.publishing_to(output);
        night.threads = [1, 8, 8, 3, 8, 8][index];
        night.calibrate_by_hand(days_ago(40), &hand_given_cut_points());
        assert_eq!(night.status_of(snapshot_date()).await, "published");
        let found = kpis(&night, snapshot_date()).await;
        assert!(found.len() > 5, "{found:?}");
        let first = first.get_or_insert_with(|| found.clone());
        assert_eq!(*first, found, "{} threads", night.threads);
    }
}
