//! What passes between the shop and its users apart from visits.
//!
//! In: the day and a user's life. Out: at most one event, added to the day's rows. Messages change
//! nothing about what users do, which is a matter of their [`lives`](super::lives).

use super::calendar::Day;
use super::dice::Dice;
use super::lives::Life;
use super::rows::{Channel, DayRows, Event};

/// Adds what passes between the shop and a user. Nothing does on the day of registration.
pub(super) fn send<'day>(day: &'day Day, life: &Life, seed: u64, rows: &mut DayRows<'day>) {
    let age = life.age(day);
    if age == 0 {
        return;
    }
    let mut dice = Dice::of_mail_of_day(seed, life.user, day.number);
    let list = &life.mailing_list;
    if let Some(event_type) = list.message(age, life.days_away(day), &mut dice) {
        rows.events.push(Event {
            user: life.user,
            occurred_at_micros: day.arrival_micros(&mut dice),
            event_type,
            duration_seconds: None,
            content_id: None,
            channel: Channel::Message,
            campaign_id: None,
        });
    }
}
