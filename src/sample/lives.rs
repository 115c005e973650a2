//! Who the users are, and when they are around.
//!
//! In: the spec. Out: one [`Life`] per user, in order of registration, planned from the seed and
//! the user alone. A life is a row of spells. In a spell a user is keen, then fades; between
//! spells nothing is heard of them:
//!
//! ```text
//! presence 1 ┤██████▆▄▂         ████▆▄▂
//!          0 ┼─────────────────────────────── days since registration
//!              keen  fading away keen ...
//! ```
//!
//! How often a user comes by while present, and what they do then, are matters of persona, taste
//! and a few numbers of their own.

use std::ops::RangeInclusive;

use chrono::NaiveDate;

use super::SampleSpec;
use super::calendar::Day;
use super::dice::Dice;
use super::mailing_list::MailingList;
use super::personas::{PASSER_BY, PERSONAS, Persona};
use super::tastes::{TASTES, Taste};

/// Where users live; the remaining ones in Xi'an.
const CITIES: [(f64, &str); 7] = [
    (0.22, "Shanghai"),
    (0.18, "Beijing"),
    (0.15, "Shenzhen"),
    (0.13, "Guangzhou"),
    (0.12, "Hangzhou"),
    (0.1, "Chengdu"),
    (0.06, "Wuhan"),
];

/// Share of users who came without being paid for.
const ORGANIC_SHARE: f64 = 0.3;
/// What an acquired user cost, in cents.
const ACQUISITION_CENTS: RangeInclusive<u32> = 300..=8_000;
/// Keeps the richest purse within what one customer can spend.
const LARGEST_PURSE: f64 = 100.0;
/// A life longer than this many spells ends.
const MOST_SPELLS: usize = 4;

/// One user's life.
#[derive(Clone, Debug)]
pub(super) struct Life {
    pub(super) user: u32,
    pub(super) registered_on: NaiveDate,
    /// [`Day::number`] of that day.
    registered_day_number: i32,
    pub(super) registered_at_micros: i64,
    pub(super) city: &'static str,
    pub(super) acquisition_cents: i64,
    pub(super) persona: &'static Persona,
    pub(super) taste: Taste,
    /// Multiplies what the persona spends.
    pub(super) purse: f64,
    /// Multiplies how often the persona comes by.
    vigour: f64,
    spells: [Spell; MOST_SPELLS],
    pub(super) mailing_list: MailingList,
}

/// A time of being around, in days since registration; the end is exclusive.
#[derive(Clone, Copy, Debug, Default)]
struct Spell {
    begins: u32,
    fades: u32,
    ends: u32,
}

/// Every user's life, in order of registration: users come in at a pace that follows the bustle
/// of the days.
pub(super) fn plan(spec: &SampleSpec) -> Vec<Life> {
    let days: Vec<Day> = spec.registration_days().map(Day::on).collect();
    let total_bustle: f64 = days.iter().map(|day| day.bustle).sum();

    let mut lives = Vec::with_capacity(spec.user_count as usize);
    let mut bustle_so_far = 0.0;
    for day in &days {
        bustle_so_far += day.bustle;
        let registered = f64::from(spec.user_count) * (bustle_so_far / total_bustle);
        let newcomers = lives.len() as u32 + 1..=registered.round() as u32;
        lives.extend(newcomers.map(|user| Life::plan(spec.seed, user, day)));
    }
    lives
}

impl Life {
    fn plan(seed: u64, user: u32, registered: &Day) -> Self {
        let mut dice = Dice::of_user(seed, user);
        let persona = dice.choose(&PERSONAS, &PASSER_BY);
        Self {
            user,
            registered_on: registered.date,
            registered_day_number: registered.number,
            registered_at_micros: registered.arrival_micros(&mut dice),
            city: dice.choose(&CITIES, "Xi'an"),
            acquisition_cents: acquisition_cents(&mut dice),
            persona,
            taste: dice.choose(&TASTES, Taste::Reading),
            purse: dice.heavy_tail().min(LARGEST_PURSE),
            vigour: 0.5 + dice.fraction(),
            spells: spells(persona, &mut dice),
            mailing_list: MailingList::plan(seed, user),
        }
    }

    /// Days since registration, on that day or later.
    pub(super) fn age(&self, day: &Day) -> u32 {
        (day.number - self.registered_day_number).cast_unsigned()
    }

    /// Days since the user was last around; 0 in a spell.
    pub(super) fn days_away(&self, day: &Day) -> u32 {
        let age = self.age(day);
        let is_present = self.presence(day) > 0.0;
        let ends = self.spells.iter().map(|spell| spell.ends);
        let last_end = ends.filter(|&end| end <= age).max();
        last_end.filter(|_| !is_present).map_or(0, |end| age - end)
    }

    /// How much the user is around on a day: 1 while keen, falling to 0 while fading.
    pub(super) fn presence(&self, day: &Day) -> f64 {
        let age = self.age(day);
        let current = self.spells.iter().find(|spell| age < spell.ends);
        current.map_or(0.0, |spell| spell.presence(age))
    }

    /// The chance that the user comes by on a day: certain on the day of registration.
    pub(super) fn visit_chance(&self, day: &Day) -> f64 {
        if day.number == self.registered_day_number {
            return 1.0;
        }
        self.persona.visit_chance * self.vigour * day.bustle * self.pull(day)
    }

    /// How much likelier this user is to visit and to buy for the campaign of the day.
    pub(super) fn pull(&self, day: &Day) -> f64 {
        if day.campaign_id.is_some() {
            self.persona.campaign_pull
        } else {
            1.0
        }
    }
}

impl Spell {
    fn presence(&self, age: u32) -> f64 {
        if age < self.begins {
            return 0.0;
        }
        if age < self.fades {
            return 1.0;
        }
        f64::from(self.ends - age) / f64::from(self.ends - self.fades + 1)
    }
}

fn acquisition_cents(dice: &mut Dice) -> i64 {
    if dice.chance(ORGANIC_SHARE) {
        0
    } else {
        dice.within(&ACQUISITION_CENTS).into()
    }
}

/// Spells one after the other until the user does not return; those never lived stay empty.
fn spells(persona: &Persona, dice: &mut Dice) -> [Spell; MOST_SPELLS] {
    let mut spells = [Spell::default(); MOST_SPELLS];
    let mut begins = 0;
    for spell in &mut spells {
        let fades = begins + dice.within(&persona.keen_days);
        let ends = fades + dice.within(&persona.fading_days);
        *spell = Spell {
            begins,
            fades,
            ends,
        };
        if !dice.chance(persona.return_chance) {
            break;
        }
        begins = ends + dice.within(&persona.away_days);
    }
    spells
}
