//! One day of everybody's life.
//!
//! In: a day and the planned lives. Out: that day's [`DayRows`], in order of time.
//!
//! Every registered user is asked whether they are around; most are not, and cost no more than
//! the question. What the others do is described in [`visits`](super::visits). Anybody may be sent
//! something, see [`messages`].

use super::calendar::Day;
use super::lives::Life;
use super::messages;
use super::rows::DayRows;
use super::visits::Visitor;

/// What happens on `day`. `lives` are in order of registration.
pub(super) fn live<'day>(day: &'day Day, lives: &[Life], seed: u64) -> DayRows<'day> {
    let registered = lives.partition_point(|life| life.registered_on <= day.date);
    let mut rows = DayRows::default();
    for life in &lives[..registered] {
        let presence = life.presence(day);
        if presence > 0.0 {
            Visitor::new(day, life, seed, &mut rows).live_through(presence);
        }
        messages::send(day, life, seed, &mut rows);
    }
    rows.orders.sort_by_key(|order| order.ordered_at_micros);
    rows.events.sort_by_key(|event| event.occurred_at_micros);
    rows
}
