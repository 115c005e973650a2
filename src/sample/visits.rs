//! What one user does on one day.
//!
//! In: the day, the user's life, and dice for this user and day. Out: events and orders, added to
//! the day's rows.
//!
//! A campaign may reach a user who does not come by. A visit goes through four steps:
//!
//! 1. [`Visitor::open`] opens, and during a campaign may see it.
//! 2. [`Visitor::browse`] does what the user's taste likes.
//! 3. [`Visitor::take_part`] votes, answers a survey, joins the campaign.
//! 4. [`Visitor::shop`] asks, orders, and comes back to what was ordered.

use std::ops::RangeInclusive;

use super::calendar::Day;
use super::dice::Dice;
use super::lives::Life;
use super::rows::{Channel, DayRows, Event, EventType, Order};

/// Chance that a present user is reached by the day's campaign without coming by.
const PUSH_CHANCE: f64 = 0.2;
/// Chance of another visit on the same day.
const ANOTHER_VISIT_CHANCE: f64 = 0.2;
const MOST_VISITS: u32 = 4;
/// Where visits happen; the remaining ones in [`Channel::Store`].
const CHANNELS: [(f64, Channel); 3] = [
    (0.5, Channel::App),
    (0.3, Channel::MiniProgram),
    (0.12, Channel::Web),
];

const MICROS_PER_SECOND: u32 = 1_000_000;
/// What passes between two events of a visit.
const PAUSE_MICROS: RangeInclusive<u32> = 2 * MICROS_PER_SECOND..=90 * MICROS_PER_SECOND;
/// How many events [`Visitor::browse`] comes to.
const BROWSED: RangeInclusive<u32> = 2..=10;
/// How many pieces of content there are.
const CATALOGUE_SIZE: f64 = 5_000.0;

/// Chance that a visitor sees the campaign of the day.
const BANNER_CHANCE: f64 = 0.6;
/// Chance that a visitor joins the campaign of the day, before the persona's pull.
const JOIN_CHANCE: f64 = 0.1;
/// What a visitor may take part in on any day, each on its own.
const PASTIMES: [(f64, EventType); 2] = [(0.03, EventType::Vote), (0.02, EventType::Survey)];

/// Chance of a question before an order.
const CONSULT_CHANCE: f64 = 0.25;
/// Chance that an order redeems the coupon of the day's campaign, before the persona's pull.
const COUPON_CHANCE: f64 = 0.3;
/// What may follow an order, each on its own.
const AFTERMATH: [(f64, EventType); 3] = [
    (0.1, EventType::Review),
    (0.06, EventType::AfterSales),
    (0.02, EventType::Complaint),
];

/// What an order comes to, against what its user usually spends.
const PRICE_PERCENT: RangeInclusive<u32> = 30..=170;
/// What a discount takes off the price.
const DISCOUNT_PERCENT: RangeInclusive<u32> = 5..=30;
/// Order states; the remaining orders are `completed`.
const STATUSES: [(f64, &str); 3] = [(0.12, "paid"), (0.04, "cancelled"), (0.02, "refunded")];
/// What is bought; the remaining orders are `gifts`.
const CATEGORIES: [(f64, &str); 5] = [
    (0.28, "skincare"),
    (0.22, "snacks"),
    (0.18, "home"),
    (0.14, "clothing"),
    (0.1, "baby"),
];

/// A user on one day, wherever [`Visitor::arrive`] last brought them.
pub(super) struct Visitor<'a, 'day> {
    day: &'day Day,
    life: &'a Life,
    rows: &'a mut DayRows<'day>,
    dice: Dice,
    channel: Channel,
    clock_micros: i64,
}

impl<'a, 'day> Visitor<'a, 'day> {
    pub(super) fn new(
        day: &'day Day,
        life: &'a Life,
        seed: u64,
        rows: &'a mut DayRows<'day>,
    ) -> Self {
        let dice = Dice::of_day(seed, life.user, day.number);
        let clock_micros = life.registered_at_micros;
        Self {
            day,
            life,
            rows,
            dice,
            channel: Channel::Message,
            clock_micros,
        }
    }

    /// The whole day of a user who is around this much.
    pub(super) fn live_through(mut self, presence: f64) {
        if self.day.campaign_id.is_some() && self.dice.chance(PUSH_CHANCE * presence) {
            self.arrive(Channel::Message);
            self.record(EventType::CampaignExposure);
        }
        let mut visit_chance = self.life.visit_chance(self.day) * presence;
        for _ in 0..MOST_VISITS {
            if !self.dice.chance(visit_chance) {
                break;
            }
            self.visit();
            visit_chance = ANOTHER_VISIT_CHANCE;
        }
    }

    fn visit(&mut self) {
        let channel = self.dice.choose(&CHANNELS, Channel::Store);
        self.arrive(channel);
        self.open();
        self.browse();
        self.take_part();
        self.shop();
    }

    /// Sets place and time: on the day of registration, not before having registered.
    fn arrive(&mut self, channel: Channel) {
        let arrival_micros = self.day.arrival_micros(&mut self.dice);
        self.channel = channel;
        self.clock_micros = arrival_micros.max(self.life.registered_at_micros);
    }

    /// One event, and the time until the next.
    fn record(&mut self, event_type: EventType) {
        let pause_micros = self.dice.within(&PAUSE_MICROS);
        let duration_seconds = (pause_micros / MICROS_PER_SECOND).cast_signed();
        let content_id = popular_content(&mut self.dice);
        let campaign_id = self.day.campaign_id.as_deref();
        self.rows.events.push(Event {
            user: self.life.user,
            occurred_at_micros: self.clock_micros,
            event_type,
            duration_seconds: event_type.takes_time().then_some(duration_seconds),
            content_id: event_type.has_content().then_some(content_id),
            channel: self.channel,
            campaign_id: campaign_id.filter(|_| event_type.has_campaign()),
        });
        self.clock_micros += i64::from(pause_micros);
    }

    fn record_by_chance(&mut self, possible: &[(f64, EventType)]) {
        for &(chance, event_type) in possible {
            if self.dice.chance(chance) {
                self.record(event_type);
            }
        }
    }

    fn open(&mut self) {
        self.record(EventType::Open);
        if self.day.campaign_id.is_some() && self.dice.chance(BANNER_CHANCE) {
            self.record(EventType::CampaignExposure);
        }
    }

    fn browse(&mut self) {
        for _ in 0..self.dice.within(&BROWSED) {
            let event_type = self.life.taste.next_event(&mut self.dice);
            self.record(event_type);
        }
    }

    fn take_part(&mut self) {
        self.record_by_chance(&PASTIMES);
        if self.is_drawn_to_campaign(JOIN_CHANCE) {
            self.record(EventType::CampaignJoin);
        }
    }

    fn shop(&mut self) {
        let order_chance = self.life.persona.order_chance * self.life.pull(self.day);
        if !self.dice.chance(order_chance) {
            return;
        }
        self.record_by_chance(&[(CONSULT_CHANCE, EventType::Consult)]);
        let discount_percent = self.find_discount();
        self.order(discount_percent);
        self.record_by_chance(&AFTERMATH);
    }

    /// What an order is reduced by: for the campaign's coupon, or as often as the persona looks
    /// for a discount.
    fn find_discount(&mut self) -> u32 {
        let redeems_coupon = self.is_drawn_to_campaign(COUPON_CHANCE);
        if redeems_coupon {
            self.record(EventType::CouponRedemption);
        }
        if redeems_coupon || self.dice.chance(self.life.persona.discount_share) {
            self.dice.within(&DISCOUNT_PERCENT)
        } else {
            0
        }
    }

    fn is_drawn_to_campaign(&mut self, chance: f64) -> bool {
        self.day.campaign_id.is_some() && self.dice.chance(chance * self.life.pull(self.day))
    }

    fn order(&mut self, discount_percent: u32) {
        let usual_amount = self.life.persona.basket * self.life.purse;
        let price_percent = self.dice.within(&PRICE_PERCENT);
        // A hundredth of a unit of money is a cent.
        let price_cents = (usual_amount * f64::from(price_percent)) as i64;
        let discount_cents = price_cents * i64::from(discount_percent) / 100;
        let till_knows_discount = self.channel != Channel::Store;
        let order = Order {
            user: self.life.user,
            ordered_at_micros: self.clock_micros,
            amount_cents: price_cents - discount_cents,
            discount_cents: till_knows_discount.then_some(discount_cents),
            status: self.dice.choose(&STATUSES, "completed"),
            channel: self.channel,
            category: self.dice.choose(&CATEGORIES, "gifts"),
        };
        self.rows.orders.push(order);
    }
}

/// Content by popularity: half of what is seen is an eighth of the catalogue.
fn popular_content(dice: &mut Dice) -> i64 {
    let draw = dice.fraction();
    1 + (draw * draw * draw * CATALOGUE_SIZE) as i64
}
