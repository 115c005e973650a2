//! Every tier has users, and users move: shares and rates over small samples, in memory.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, Weekday};

use super::{is_on, spec};
use crate::sample::calendar::Day;
use crate::sample::lives;
use crate::sample::rows::{Channel, DayRows, Event, EventType};
use crate::sample::{SampleSpec, days};

/// What a spell of silence must last to count as having been away.
const AWAY_DAYS: i64 = 45;

/// Calls `look` for each day of a sample that is never written.
fn for_each_day(spec: &SampleSpec, mut look: impl FnMut(&Day, &DayRows)) {
    let lives = lives::plan(spec);
    for day in spec.days().map(Day::on) {
        look(&day, &days::live(&day, &lives, spec.seed));
    }
}

/// What is known of one user at the end.
#[derive(Clone, Debug, Default)]
struct History {
    order_count: u32,
    revenue_cents: i64,
    /// The days with an order or an event.
    seen_on: BTreeSet<NaiveDate>,
}

impl History {
    fn inactivity_days(&self, spec: &SampleSpec) -> Option<i64> {
        self.seen_on
            .last()
            .map(|&last| (spec.last_day - last).num_days())
    }

    fn has_returned(&self) -> bool {
        let days = self.seen_on.iter();
        days.clone()
            .zip(days.skip(1))
            .any(|(&one, &next)| (next - one).num_days() > AWAY_DAYS)
    }
}

/// Whether an event is the shop's doing, or about what the shop sends.
fn is_of_messages(event: &Event) -> bool {
    event.channel == Channel::Message && event.event_type != EventType::CampaignExposure
}

/// Every user's history, of those who were planned.
fn histories(spec: &SampleSpec) -> Vec<History> {
    let mut histories = vec![History::default(); spec.user_count as usize];
    for_each_day(spec, |day, rows| {
        let events = rows.events.iter();
        for event in events.filter(|event| !is_of_messages(event)) {
            histories[event.user as usize - 1].seen_on.insert(day.date);
        }
        for order in &rows.orders {
            let history = &mut histories[order.user as usize - 1];
            history.seen_on.insert(day.date);
            if matches!(order.status, "paid" | "completed") {
                history.order_count += 1;
                history.revenue_cents += order.amount_cents;
            }
        }
    });
    histories
}

#[test]
fn rows_lie_on_their_day_in_order_of_time() {
    let check = |day: &Day, instants: Vec<i64>| {
        assert!(instants.is_sorted());
        assert!(instants.iter().all(|&micros| is_on(day, micros)));
    };
    for_each_day(&spec(2_000, 30), |day, rows| {
        let orders = rows.orders.iter();
        let events = rows.events.iter();
        check(day, orders.map(|order| order.ordered_at_micros).collect());
        check(day, events.map(|event| event.occurred_at_micros).collect());
    });
}

#[test]
fn nothing_happens_before_registration() {
    let spec = spec(2_000, 30);
    let lives = lives::plan(&spec);
    for_each_day(&spec, |_, rows| {
        for event in &rows.events {
            let life = &lives[event.user as usize - 1];
            assert_eq!(life.user, event.user);
            assert!(event.occurred_at_micros >= life.registered_at_micros);
        }
    });
}

#[test]
fn every_known_event_type_occurs() {
    let mut found = BTreeSet::new();
    for_each_day(&spec(2_000, 90), |_, rows| {
        found.extend(rows.events.iter().map(|event| event.event_type.name()));
    });
    let known = "after_sales brand_story campaign_exposure campaign_join click comment complaint \
                 consult coupon_redemption like message_sent open post recall_sent resubscribe \
                 review save share survey unsubscribe view vote";
    assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), known);
}

#[test]
fn every_stage_of_life_has_users() {
    let spec = spec(2_000, 90);
    let histories = histories(&spec);
    let share = |is_in: &dyn Fn(&History) -> bool| {
        histories.iter().filter(|history| is_in(history)).count() as f64 / 2_000.0
    };
    let ordered =
        |range: RangeInclusive<u32>| share(&|history| range.contains(&history.order_count));
    let inactive = |range: RangeInclusive<i64>| {
        share(&|history| {
            let days = history.inactivity_days(&spec);
            days.is_some_and(|days| range.contains(&days))
        })
    };
    let shares = [
        ("without orders", ordered(0..=0), 0.35..0.6),
        ("one or two orders", ordered(1..=2), 0.15..0.4),
        ("three orders or more", ordered(3..=u32::MAX), 0.15..0.35),
        ("seen this month", inactive(0..=30), 0.4..0.8),
        ("silent", inactive(31..=60), 0.05..0.2),
        ("gone", inactive(61..=90), 0.03..0.2),
        ("returned", share(&History::has_returned), 0.01..0.2),
    ];
    for (name, share, plausible) in shares {
        assert!(
            plausible.contains(&share),
            "{name}: {share}, not in {plausible:?}"
        );
    }
}

#[test]
fn a_few_users_bring_most_of_the_revenue() {
    let mut revenues: Vec<i64> = histories(&spec(2_000, 90))
        .iter()
        .map(|history| history.revenue_cents)
        .collect();
    revenues.sort_unstable();
    let largest_twentieth: i64 = revenues.iter().rev().take(100).sum();
    let total: i64 = revenues.iter().sum();
    assert!(
        largest_twentieth * 2 > total,
        "{largest_twentieth} of {total}"
    );
    assert!(
        largest_twentieth * 10 < total * 9,
        "{largest_twentieth} of {total}"
    );
}

#[test]
fn a_visit_comes_to_about_eight_events() {
    let (mut opens, mut events) = (0.0, 0.0);
    for_each_day(&spec(2_000, 42), |_, rows| {
        let visits = rows
            .events
            .iter()
            .filter(|event| event.channel != Channel::Message);
        events += visits.clone().count() as f64;
        opens += visits
            .filter(|event| event.event_type == EventType::Open)
            .count() as f64;
    });
    let events_per_visit = events / opens;
    assert!((7.0..9.0).contains(&events_per_visit), "{events_per_visit}");
}

#[test]
fn a_registered_user_has_about_twenty_events_a_month() {
    let spec = spec(2_000, 120);
    let lives = lives::plan(&spec);
    let (mut user_days, mut events) = (0.0, 0.0);
    for_each_day(&spec, |day, rows| {
        events += rows.events.len() as f64;
        user_days += lives
            .iter()
            .filter(|life| life.registered_on <= day.date)
            .count() as f64;
    });
    let events_per_month = events / user_days * 30.0;
    assert!(
        (15.0..25.0).contains(&events_per_month),
        "{events_per_month}"
    );
}

#[test]
fn whoever_left_the_list_is_sent_nothing_until_they_return() {
    let mut has_left = BTreeSet::new();
    let (mut recalls, mut unsubscriptions, mut returns) = (0, 0, 0);
    for_each_day(&spec(2_000, 120), |_, rows| {
        for event in &rows.events {
            match event.event_type {
                EventType::MessageSent | EventType::RecallSent => {
                    assert!(!has_left.contains(&event.user));
                    recalls += u32::from(event.event_type == EventType::RecallSent);
                }
                EventType::Unsubscribe => {
                    unsubscriptions += u32::from(has_left.insert(event.user));
                }
                EventType::Resubscribe => returns += u32::from(has_left.remove(&event.user)),
                _ => (),
            }
        }
    });
    for (what, events) in [
        ("recalls", recalls),
        ("unsubscriptions", unsubscriptions),
        ("returns", returns),
    ] {
        assert!((5..2_000).contains(&events), "{what}: {events}");
    }
}

#[test]
fn some_users_are_sent_far_too_much() {
    let mut messages = vec![0_u32; 2_000];
    for_each_day(&spec(2_000, 30), |_, rows| {
        for event in rows.events.iter().filter(|event| is_of_messages(event)) {
            messages[event.user as usize - 1] += 1;
        }
    });
    let flooded = messages.iter().filter(|&&count| count >= 8).count();
    assert!((40..120).contains(&flooded), "{flooded} users");
}

#[test]
fn weekends_are_busier() {
    let (mut weekend, mut week) = (Vec::new(), Vec::new());
    for_each_day(&spec(2_000, 63), |day, rows| {
        let days = match day.date.weekday() {
            Weekday::Sat | Weekday::Sun => &mut weekend,
            _ => &mut week,
        };
        days.push(rows.events.len());
    });
    let mean = |days: &[usize]| days.iter().sum::<usize>() / days.len();
    let (weekend, week) = (mean(&weekend), mean(&week));
    assert!(weekend * 10 > week * 11, "{weekend} and {week}");
}

#[test]
fn campaigns_reach_many_and_move_some() {
    for_each_day(&spec(2_000, 42), |day, rows| {
        let count = |event_type| {
            rows.events
                .iter()
                .filter(|event| event.event_type == event_type)
                .count()
        };
        let exposures = count(EventType::CampaignExposure);
        let joins = count(EventType::CampaignJoin);
        if day.campaign_id.is_some() {
            assert!(exposures > 100, "{}: {exposures} exposures", day.date);
            assert!(
                (1..exposures / 5).contains(&joins),
                "{}: {joins} joins",
                day.date
            );
        } else {
            assert_eq!((exposures, joins), (0, 0), "{}", day.date);
        }
    });
}
