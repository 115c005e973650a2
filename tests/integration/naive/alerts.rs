//! `alerts`: the KPIs of a night that are past their threshold.
//!
//! The page gives no wording: `severity` and `message` are not computed here.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::kpis::{Published, kpi_values, mean, population_standard_deviation};

/// By how much a rate that never changes may seem to be above its own mean.
const ROUNDING: f64 = 1e-9;

const OUTFLOW: &str = "high_value_weekly_outflow_rate";

/// An alert named for its KPI.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    pub(crate) alert: &'static str,
    pub(crate) value: f64,
    pub(crate) threshold: f64,
}

/// "high_value_revenue_share < 0.3; complaints_d0 >= `10` and > complaints_usual + 3 x
/// sqrt(complaints_usual); ltv_to_cac < 1.5; score_drift > `0.1`; high_value_buyer_share outside
/// `0.05` to `0.35`; high_value_weekly_outflow_rate" above its own past, "and at least `10` users". A
/// KPI that is NULL raises nothing.
pub(crate) fn alerts(published: &Published<'_>, snapshot_date: NaiveDate) -> Vec<Alert> {
    let values = kpi_values(published, snapshot_date);
    let outflow_threshold = outflow_threshold(&past_outflow_rates(published, snapshot_date));
    [
        below(
            "high_value_revenue_share",
            values["high_value_revenue_share"],
            0.3,
        ),
        below(
            "high_value_buyer_share",
            values["high_value_buyer_share"],
            0.05,
        ),
        above(
            "high_value_buyer_share",
            values["high_value_buyer_share"],
            0.35,
        ),
        complaints_threshold(&values)
            .and_then(|threshold| above("complaints_d0", values["complaints_d0"], threshold)),
        above("score_drift", values["score_drift"], 0.1),
        below("ltv_to_cac", values["ltv_to_cac"], 1.5),
        outflow_threshold
            .filter(|_| values["high_value_weekly_outflow_users"] >= Some(10.0))
            .and_then(|threshold| above(OUTFLOW, values[OUTFLOW], threshold)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// None below ten complaints.
fn complaints_threshold(values: &BTreeMap<&'static str, Option<f64>>) -> Option<f64> {
    let usual = values["complaints_usual"]?;
    (values["complaints_d0"] >= Some(10.0)).then(|| usual + 3.0 * usual.sqrt())
}

fn below(alert: &'static str, value: Option<f64>, threshold: f64) -> Option<Alert> {
    let value = value.filter(|value| *value < threshold)?;
    Some(Alert {
        alert,
        value,
        threshold,
    })
}

fn above(alert: &'static str, value: Option<f64>, threshold: f64) -> Option<Alert> {
    let value = value.filter(|value| *value > threshold)?;
    Some(Alert {
        alert,
        value,
        threshold,
    })
}

/// The rates that are not NULL "over the last 28 published dates before D".
fn past_outflow_rates(published: &Published<'_>, snapshot_date: NaiveDate) -> Vec<f64> {
    let dates_before = published.snapshots.range(..snapshot_date);
    dates_before
        .rev()
        .take(28)
        .filter_map(|(date, _)| kpi_values(published, *date)[OUTFLOW])
        .collect()
}

/// "3 population standard deviations above its mean", "evaluated from 7 dates on".
fn outflow_threshold(past_rates: &[f64]) -> Option<f64> {
    if past_rates.len() < 7 {
        return None;
    }
    Some(mean(past_rates)? + 3.0 * population_standard_deviation(past_rates)? + ROUNDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, order, rules, snapshot_date, user};
    use crate::naive::history::History;
    use crate::naive::snapshot::snapshots;

    fn alerts_after(history: &History, nights: impl Iterator<Item = i64>) -> Vec<&'static str> {
        let nights: Vec<NaiveDate> = nights.map(days_ago).collect();
        let snapshots = snapshots(history, &nights, &rules());
        let published = Published {
            history,
            snapshots: &snapshots,
            calibration: None,
        };
        let alerts = alerts(&published, snapshot_date());
        alerts.into_iter().map(|alert| alert.alert).collect()
    }

    /// One buyer of low value who cost 10.00 and brought 14.00; 28 complaints in the 28 days before,
    /// 10 today.
    #[test]
    fn each_fixed_threshold_raises_its_alert() {
        let mut history = History {
            orders: vec![order("u", 0, 14_00)],
            events: vec![event("u", 0, "complaint"); 10],
            users: vec![user("u", 9, Some(10_00))],
        };
        history.events.extend(vec![event("u", 28, "complaint"); 28]);

        assert_eq!(
            alerts_after(&history, [0].into_iter()),
            [
                "high_value_revenue_share",
                "high_value_buyer_share",
                "complaints_d0",
                "ltv_to_cac"
            ]
        );
    }

    #[test]
    fn nothing_known_raises_nothing() {
        assert!(alerts_after(&History::default(), [0].into_iter()).is_empty());
    }

    /// Rates 0 and 0.2 in turn: mean 0.1 and deviation 0.1, so the threshold is 0.4.
    #[test]
    fn outflow_is_judged_by_its_past_from_seven_dates_on() {
        let past_rates = [0.0, 0.2, 0.0, 0.2, 0.0, 0.2, 0.0, 0.2];
        let threshold = outflow_threshold(&past_rates).unwrap();
        assert!((threshold - 0.4).abs() < 1e-8);
        assert_eq!(outflow_threshold(&past_rates[..6]), None);
    }

    /// Users of high value: the recency of those that fall is 31 on D - 7, which lowers their raw tier,
    /// and on D their seven days of grace are over.
    fn some_fall_on_d(falling: usize) -> History {
        let mut history = History::default();
        for (falls_days, stays_days) in [(38, 17), (39, 18), (40, 19), (41, 20)] {
            for number in 0..falling {
                let id = format!("falls-{number}");
                history.orders.push(order(&id, falls_days, 30_00));
            }
            for number in 0..40 {
                let id = format!("stays-{number}");
                history.orders.push(order(&id, stays_days, 300_00));
            }
        }
        // Those of low value keep the share of high value usual.
        history
            .orders
            .extend((0..200).map(|number| order(&format!("once-{number}"), 17, 5_00)));
        history
    }

    /// The rate is known from the eighth night on: nine past rates of 0, and then five.
    #[test]
    fn an_outflow_after_calm_weeks_is_an_alert_and_needs_a_past() {
        let rated = |falling, nights: i64| {
            let mut alerts = alerts_after(&some_fall_on_d(falling), (0..=nights).rev());
            alerts.retain(|alert| *alert == OUTFLOW);
            alerts
        };
        assert_eq!(rated(10, 16), [OUTFLOW]);
        assert!(rated(9, 16).is_empty());
        assert!(rated(10, 12).is_empty());
    }
}
