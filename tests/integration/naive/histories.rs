//! Random small histories for comparing two computations: [`cases`].
//!
//! A case is a few users, most of whose rows lie where a window of some night begins or ends,
//! the nights to publish, and cut points for the many cases too small to calibrate. Ids are
//! decimal numbers, so that the same case can be stored with BIGINT and with VARCHAR ids.

use chrono::{NaiveDate, NaiveTime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::calibration::CutPoints;
use super::event_types::EventTypes;
use super::fixtures::{NOON, hand_given_cut_points};
use super::history::{Event, History, Order, User};
use super::windows::days_before;

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) history: History,
    /// Ascending, some days apart; rows of the history may lie after the last.
    pub(crate) nights: Vec<NaiveDate>,
    /// Not from a calibration: they suit the amounts and counts of the case.
    pub(crate) cut_points: CutPoints,
}

/// An event type that the table does not know.
pub(crate) const UNKNOWN_EVENT_TYPE: &str = "hologram";

/// The last nights; the year before the second holds a leap day.
const LAST_NIGHTS: &[(i32, u32, u32)] = &[(2026, 11, 20), (2024, 3, 5)];

/// Around noon, and where one part of the day ends and the next begins.
const TIMES: &[NaiveTime] = &[
    NOON,
    at(0, 0),
    at(5, 59),
    at(6, 0),
    at(11, 59),
    at(17, 59),
    at(18, 0),
    at(23, 59),
];

const fn at(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap()
}

const CHANNELS: &[Option<&str>] = &[None, Some("app"), Some("store")];

const CATEGORIES: &[Option<&str>] = &[None, Some("skin care"), Some("gifts")];

/// Numbers of one length, as ids are in every source.
const CONTENTS: &[Option<&str>] = &[None, None, Some("501"), Some("502"), Some("503")];

const MOST_USERS: usize = 12;
const MOST_ORDERS: usize = 7;
const MOST_EVENTS: usize = 10;
const MOST_NIGHTS_BEFORE_THE_LAST: usize = 6;

/// The days before the last night on either side of where a window begins or ends.
const EDGES: &[i64] = &[
    0, 1, 2, 3, 4, 6, 7, 8, 13, 14, 15, 29, 30, 31, 59, 60, 61, 62, 89, 90, 91, 119, 120, 121, 179,
    180, 364, 365, 366, -1, -2,
];

/// Few enough for ties; two of the largest make exactly the revenue above which a user is core.
const AMOUNTS_CENTS: &[i64] = &[10_00, 25_00, 100_00, 0, 19_99, 50_000_00];

/// Opens on D, D - 1, D - 2 and D - 3, some of which fall every day.
const FADING_OPENS: &[[usize; 4]] = &[[0, 0, 0, 0], [0, 1, 2, 3], [1, 2, 3, 4], [0, 1, 1, 2]];

/// Random histories with their nights. About one in three can be calibrated on its first night.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let spread_buyers = prop_oneof![2 => Just(false), 1 => Just(true)];
    (vec(habits(), 0..=MOST_USERS), nights(), spread_buyers).prop_map(
        |(habits, nights, spread_buyers)| {
            let mut history = history_of(&habits, nights[nights.len() - 1]);
            if spread_buyers {
                add_spread_buyers(&mut history, nights[0]);
            }
            Case {
                history,
                nights,
                cut_points: hand_given_cut_points(),
            }
        },
    )
}

/// What one user does, before there are ids and dates.
#[derive(Debug, Clone)]
struct Habits {
    orders: Vec<OrderHabit>,
    events: Vec<EventHabit>,
    fading_opens: [usize; 4],
    registration: Option<Registration>,
}

#[derive(Debug, Clone)]
struct OrderHabit {
    days_ago: i64,
    time: NaiveTime,
    amount_cents: i64,
    status: &'static str,
    discount_cents: Option<i64>,
    channel: Option<&'static str>,
    category: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct EventHabit {
    days_ago: i64,
    time: NaiveTime,
    event_type: &'static str,
    content_id: Option<&'static str>,
}

#[derive(Debug, Clone)]
struct Registration {
    days_ago: i64,
    acquisition_cost_cents: Option<i64>,
}

/// A user of any kind: of every source, only registered, with refunded orders only, or a buyer of
/// a year ago. A user whose rows all shrink away is in no source at all.
fn habits() -> impl Strategy<Value = Habits> {
    prop_oneof![
        1 => only_registered(),
        1 => only_refunded(),
        1 => lapsed(),
        1 => weary(),
        8 => everything(),
    ]
}

fn only_registered() -> impl Strategy<Value = Habits> {
    registration().prop_map(|registration| Habits {
        orders: Vec::new(),
        events: Vec::new(),
        fading_opens: [0; 4],
        registration: Some(registration),
    })
}

fn only_refunded() -> impl Strategy<Value = Habits> {
    vec(order(days_ago(), &["refunded", "cancelled"]), 1..=2).prop_map(only_ordering)
}

fn lapsed() -> impl Strategy<Value = Habits> {
    let days_ago = select(&[91, 364, 365, 366, 400]);
    vec(order(days_ago, &["paid", "completed"]), 1..=4).prop_map(only_ordering)
}

/// Touched often, up to once more and once less than tires, by now and then an order long ago.
fn weary() -> impl Strategy<Value = Habits> {
    let touch = select(&["message_sent", "campaign_exposure", "recall_sent"]);
    let order = order(select(&[29, 30, 31, 59, 60, 200]), &["paid", "completed"]);
    let touch = event(0..32_i64, touch);
    (vec(touch, 7..=10), vec(order, 0..=1)).prop_map(|(events, orders)| Habits {
        orders,
        events,
        fading_opens: [0; 4],
        registration: None,
    })
}

fn only_ordering(orders: Vec<OrderHabit>) -> Habits {
    Habits {
        orders,
        events: Vec::new(),
        fading_opens: [0; 4],
        registration: None,
    }
}

fn everything() -> impl Strategy<Value = Habits> {
    let statuses = &["paid", "completed", "refunded", "cancelled", "refund"];
    let fading_opens = prop_oneof![3 => Just([0; 4]), 1 => select(FADING_OPENS)];
    (
        vec(order(days_ago(), statuses), 0..=MOST_ORDERS),
        vec(event(days_ago(), event_type()), 0..=MOST_EVENTS),
        fading_opens,
        proptest::option::of(registration()),
    )
        .prop_map(|(orders, events, fading_opens, registration)| Habits {
            orders,
            events,
            fading_opens,
            registration,
        })
}

/// Every kind of order with a status of the given ones, the first of which is the likeliest.
fn order(
    days_ago: impl Strategy<Value = i64>,
    statuses: &'static [&'static str],
) -> impl Strategy<Value = OrderHabit> {
    let status = prop_oneof![2 => Just(statuses[0]), 1 => select(statuses)];
    let discount_cents = select(&[None, Some(0), Some(5_00)]);
    let kind = (select(TIMES), select(CHANNELS), select(CATEGORIES));
    (
        days_ago,
        select(AMOUNTS_CENTS),
        status,
        discount_cents,
        kind,
    )
        .prop_map(
            |(days_ago, amount_cents, status, discount_cents, (time, channel, category))| {
                OrderHabit {
                    days_ago,
                    time,
                    channel,
                    category,
                    amount_cents: if status == "refund" {
                        -amount_cents
                    } else {
                        amount_cents
                    },
                    status,
                    discount_cents,
                }
            },
        )
}

fn event(
    days_ago: impl Strategy<Value = i64>,
    event_type: impl Strategy<Value = &'static str>,
) -> impl Strategy<Value = EventHabit> {
    (days_ago, select(TIMES), event_type, select(CONTENTS)).prop_map(
        |(days_ago, time, event_type, content_id)| EventHabit {
            days_ago,
            time,
            event_type,
            content_id,
        },
    )
}

fn event_type() -> impl Strategy<Value = &'static str> {
    let mut event_types = EventTypes::defaults().names();
    event_types.push(UNKNOWN_EVENT_TYPE);
    select(event_types)
}

fn registration() -> impl Strategy<Value = Registration> {
    let acquisition_cost_cents = select(&[None, Some(0), Some(10_00), Some(60_00)]);
    (days_ago(), acquisition_cost_cents).prop_map(|(days_ago, acquisition_cost_cents)| {
        Registration {
            days_ago,
            acquisition_cost_cents,
        }
    })
}

/// Days before the last night; negative ones lie after it.
fn days_ago() -> impl Strategy<Value = i64> {
    prop_oneof![3 => select(EDGES), 2 => 0..100_i64]
}

/// One to seven nights up to the last one, most a day apart, some with nights missing between.
fn nights() -> impl Strategy<Value = Vec<NaiveDate>> {
    let gaps = vec(
        select(&[1, 1, 1, 2, 6, 7, 8, 28]),
        0..=MOST_NIGHTS_BEFORE_THE_LAST,
    );
    (select(LAST_NIGHTS), gaps).prop_map(|((year, month, day), gaps)| {
        let mut nights = vec![NaiveDate::from_ymd_opt(year, month, day).unwrap()];
        for gap in gaps {
            nights.insert(0, days_before(nights[0], gap));
        }
        nights
    })
}

fn history_of(habits: &[Habits], last_night: NaiveDate) -> History {
    let mut history = History::default();
    for (index, habits) in habits.iter().enumerate() {
        let user_id = (index + 1).to_string();
        add_orders(&mut history, &user_id, habits, last_night);
        add_events(&mut history, &user_id, habits, last_night);
        history
            .users
            .extend(habits.registration.iter().map(|row| User {
                user_id: user_id.clone(),
                day: days_before(last_night, row.days_ago),
                acquisition_cost_cents: row.acquisition_cost_cents,
            }));
    }
    history
}

fn add_orders(history: &mut History, user_id: &str, habits: &Habits, last_night: NaiveDate) {
    for order in &habits.orders {
        history.orders.push(Order {
            order_id: next_order_id(history),
            user_id: user_id.to_owned(),
            day: days_before(last_night, order.days_ago),
            time: order.time,
            amount_cents: order.amount_cents,
            status: order.status.to_owned(),
            discount_cents: order.discount_cents,
            channel: order.channel.map(str::to_owned),
            category: order.category.map(str::to_owned),
        });
    }
}

/// Of the same length for all, so that ids come in the same order as numbers and as texts.
fn next_order_id(history: &History) -> String {
    (1001 + history.orders.len()).to_string()
}

fn add_events(history: &mut History, user_id: &str, habits: &Habits, last_night: NaiveDate) {
    let mut events = habits.events.clone();
    for (days_ago, opens) in (0..).zip(habits.fading_opens) {
        let open = EventHabit {
            days_ago,
            time: NOON,
            event_type: "open",
            content_id: None,
        };
        events.extend(vec![open; opens]);
    }
    history.events.extend(events.into_iter().map(|event| Event {
        user_id: user_id.to_owned(),
        day: days_before(last_night, event.days_ago),
        time: event.time,
        event_type: event.event_type.to_owned(),
        content_id: event.content_id.map(str::to_owned),
    }));
}

/// Five users who differ in recency, number of orders and revenue on every night: on its own
/// this gives each metric five distinct values.
fn add_spread_buyers(history: &mut History, first_night: NaiveDate) {
    for number in 1..=5 {
        for _ in 0..number {
            history.orders.push(Order {
                order_id: next_order_id(history),
                user_id: (100 + number).to_string(),
                day: days_before(first_night, 10 * number),
                time: NOON,
                amount_cents: 10_00 * number,
                status: "completed".to_owned(),
                discount_cents: Some(0),
                channel: None,
                category: None,
            });
        }
    }
}
