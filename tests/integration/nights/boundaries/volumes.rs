//! How much a required source delivered of the day, against what is usual.

use chrono::NaiveDate;

use super::{delivery, events, of_orders, orders};
use crate::naive::fixtures::{days_ago, hand_given_cut_points, snapshot_date};
use crate::naive::history::History;
use crate::nights::job::{Nights, OPEN_GUARDS};
use crate::nights::pack::Edit;

/// The guards with that of the volume as it is by default.
const GUARDS: &str = "
[guards]
max_users_drop = 1.0
max_users_growth = 1000.0
max_tier_share_change = 1.0
";

/// Ten orders and five events on each of `nights` days before D, and so many on D.
fn history(nights: i64, orders_d0: usize, events_d0: usize) -> History {
    let days = || 1..=nights;
    let mut history = of_orders(days().flat_map(|days| orders(10, "u", days, 10_00)));
    history.orders.extend(orders(orders_d0, "u", 0, 10_00));
    history.events = days()
        .flat_map(|days| events(5, "u", days, "open"))
        .collect();
    history.events.extend(events(events_d0, "u", 0, "open"));
    history
}

/// A job that requires orders and engagement, with its nights before D published.
async fn published(history: &History, nights: i64) -> Nights {
    let mut job = Nights::over(history, &delivery()).requiring(&["orders", "engagement"]);
    job.calibrate_by_hand(days_ago(1000), &hand_given_cut_points());
    job.guards = GUARDS;
    for days in (1..=nights).rev() {
        job.run(days_ago(days)).await.unwrap();
    }
    job
}

/// What blocks D after seven such nights; nothing when it is published.
async fn blocked(nights: &Nights) -> Option<String> {
    let night: NaiveDate = snapshot_date();
    nights.run(night).await.err().map(|error| error.to_string())
}

/// 2 of 10 and 1 of 5 are 0.2.
#[tokio::test]
async fn a_day_of_a_fifth_of_the_usual_volume_passes() {
    let nights = published(&history(7, 2, 1), 7).await;
    assert_eq!(blocked(&nights).await, None);
}

#[tokio::test]
async fn a_day_that_collapsed_is_blocked_until_the_guard_says_that_it_is_meant() {
    let mut nights = published(&history(7, 1, 1), 7).await;
    let error = blocked(&nights).await.unwrap();
    insta::assert_snapshot!(error, @"
    an audit blocked publication; readers still see what was published before

    volume_as_usual: 2 offending rows
    +--------------------+-------+-------------+----------------+
    | metric             | value | usual_value | usual_of_dates |
    +--------------------+-------+-------------+----------------+
    | counting_orders_d0 | 1.0   | 10.0        | 7              |
    | orders_d0          | 1.0   | 10.0        | 7              |
    +--------------------+-------+-------------+----------------+
    less than [guards] min_volume_share = 0.2 of what is usual, the median of the last published dates; check that the day was delivered whole and that sql/staging knows its statuses; if it is meant to be so low, lower the guard for this run, to 0 for any volume
    ");

    nights.guards = OPEN_GUARDS;
    assert_eq!(blocked(&nights).await, None);
}

/// 0 of 5 events is less than a fifth; a file without events of the day shows nothing of it.
#[tokio::test]
async fn events_that_stay_away_block_the_day() {
    let mut history = history(7, 10, 5);
    for event in history
        .events
        .iter_mut()
        .filter(|event| event.day == snapshot_date())
    {
        // Staging leaves them out.
        event.user_id = " ".to_owned();
    }
    let nights = published(&history, 7).await;
    let error = blocked(&nights).await.unwrap();
    assert!(
        error.contains("| events_d0 | 0.0   | 5.0         | 7              |"),
        "{error}"
    );
}

/// Each of ten orders is there, and none counts.
#[tokio::test]
async fn statuses_in_another_spelling_block_the_day_and_are_named() {
    let mut history = history(7, 10, 5);
    for order in history
        .orders
        .iter_mut()
        .filter(|order| order.day == snapshot_date())
    {
        order.status = "PAID".to_owned();
    }
    let nights = published(&history, 7).await;
    let error = blocked(&nights).await.unwrap();
    assert!(error.contains("counting_orders_d0"), "{error}");
    assert!(!error.contains("| orders_d0"), "{error}");
}

#[tokio::test]
async fn what_is_usual_is_known_from_seven_dates_on() {
    let nights = published(&history(6, 1, 1), 6).await;
    assert_eq!(blocked(&nights).await, None);
}

/// A source that is not required may be paused.
#[tokio::test]
async fn a_source_that_is_not_required_is_not_held_to_it() {
    let mut nights = published(&history(7, 1, 5), 7).await;
    nights = nights.requiring_nothing();
    assert_eq!(blocked(&nights).await, None);
}

/// The KPI by another name.
const RENAMED: &[Edit] = &[Edit {
    file: "publish/kpi_daily.sql",
    from: "named_struct('metric', 'orders_d0',",
    to: "named_struct('metric', 'orders_of_day',",
}];

/// What a night says of volumes that it cannot judge.
async fn told(nights: &Nights, days: i64) -> Vec<String> {
    let report = nights.run(days_ago(days)).await.unwrap();
    let warnings = report.warnings.into_iter();
    let told = warnings.filter(|warning| warning.starts_with("volume_as_usual"));
    told.collect()
}

#[tokio::test]
async fn a_volume_that_no_kpi_tells_is_said_not_to_be_judged() {
    let mut nights = published(&history(7, 10, 5), 0).await;
    nights.edit_pack(RENAMED);
    assert_eq!(
        told(&nights, 7).await,
        [
            "volume_as_usual cannot judge orders_d0: `publish.kpi_daily` has no value of that name tonight, so a day that was delivered in part would pass; select it there, or set min_volume_share = 0 under [guards]"
        ]
    );
    nights.edit_pack(&[]);
    for days in (1..7).rev() {
        assert_eq!(told(&nights, days).await, Vec::<String>::new());
    }
    assert_eq!(
        told(&nights, 0).await,
        [
            "volume_as_usual cannot judge orders_d0 yet: of the 7 published dates before this one 6 have it, and it takes 7"
        ]
    );
    nights.edit_pack(RENAMED);
    nights.guards = OPEN_GUARDS;
    assert_eq!(told(&nights, 0).await, Vec::<String>::new());
}
