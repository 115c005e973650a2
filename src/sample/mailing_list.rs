//! Who is sent how much, and who has had enough of it.
//!
//! In: a user. Out: a [`MailingList`], planned with the user's [life](super::lives), so that a day
//! needs no other day.
//!
//! Everybody gets a newsletter now and then, and some users get far too many. Who has been away for
//! a while is called back twice. Some leave the list, and some of these return to it.

use std::ops::RangeInclusive;

use super::dice::Dice;
use super::rows::EventType;

/// Share of users who are sent far too much.
const FLOODED_SHARE: f64 = 0.04;
/// The chance of a message to them on a day, and to the others.
const FLOOD_CHANCE: f64 = 0.4;
const NEWSLETTER_CHANCE: f64 = 0.05;
/// Days of being away after which a user is called back.
const RECALLED_AFTER: [u32; 2] = [35, 60];

/// Share of users who unsubscribe one day, and of these, those who come back to the list.
const UNSUBSCRIBING_SHARE: f64 = 0.08;
const RESUBSCRIBING_SHARE: f64 = 0.2;
/// Days from registration to leaving the list, and from there to coming back.
const DAYS_ON_LIST: RangeInclusive<u32> = 1..=300;
const DAYS_OFF_LIST: RangeInclusive<u32> = 5..=60;

/// When a user is on the list, and how much comes of it. Ages are days since registration.
#[derive(Clone, Copy, Debug)]
pub(super) struct MailingList {
    message_chance: f64,
    leaves_at: Option<u32>,
    returns_at: Option<u32>,
}

impl MailingList {
    pub(super) fn plan(seed: u64, user: u32) -> Self {
        let mut dice = Dice::of_mailing(seed, user);
        let is_flooded = dice.chance(FLOODED_SHARE);
        let leaves = dice.chance(UNSUBSCRIBING_SHARE);
        let leaves_at = leaves.then(|| dice.within(&DAYS_ON_LIST));
        let returns = dice.chance(RESUBSCRIBING_SHARE);
        let off_list = returns.then(|| dice.within(&DAYS_OFF_LIST));
        Self {
            message_chance: if is_flooded {
                FLOOD_CHANCE
            } else {
                NEWSLETTER_CHANCE
            },
            leaves_at,
            returns_at: leaves_at.zip(off_list).map(|(leaves, days)| leaves + days),
        }
    }

    /// What passes between shop and user on a day: at this age, away for so many days.
    pub(super) fn message(&self, age: u32, days_away: u32, dice: &mut Dice) -> Option<EventType> {
        if self.leaves_at == Some(age) {
            return Some(EventType::Unsubscribe);
        }
        if self.returns_at == Some(age) {
            return Some(EventType::Resubscribe);
        }
        if !self.has(age) {
            return None;
        }
        if RECALLED_AFTER.contains(&days_away) {
            return Some(EventType::RecallSent);
        }
        let is_sent = dice.chance(self.message_chance);
        is_sent.then_some(EventType::MessageSent)
    }

    fn has(&self, age: u32) -> bool {
        let has_left = self.leaves_at.is_some_and(|leaves| leaves <= age);
        let is_back = self.returns_at.is_some_and(|returns| returns <= age);
        !has_left || is_back
    }
}
