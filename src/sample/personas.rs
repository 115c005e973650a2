//! The kinds of customer in the sample, and how common each is.
//!
//! Nothing comes in. Out come [`PERSONAS`]: rates and durations from which
//! [`lives`](super::lives) plans each user.

use std::ops::RangeInclusive;

/// What kind of customer a user is.
#[derive(Debug)]
pub(super) struct Persona {
    /// Chance of coming by on an ordinary day while keen.
    pub(super) visit_chance: f64,
    /// How much likelier a visit or an order is on a day of campaign.
    pub(super) campaign_pull: f64,
    /// Chance that a visit ends in an order.
    pub(super) order_chance: f64,
    /// What an order usually comes to, before the user's own purse.
    pub(super) basket: f64,
    /// Share of orders bought at a discount.
    pub(super) discount_share: f64,
    /// How long a spell of being around lasts,
    pub(super) keen_days: RangeInclusive<u32>,
    /// how long it takes to fade,
    pub(super) fading_days: RangeInclusive<u32>,
    /// and how long until the next.
    pub(super) away_days: RangeInclusive<u32>,
    /// Chance of another spell after one has ended.
    pub(super) return_chance: f64,
}

/// Comes by twice a week and buys every ten days or so, for a year or two.
static DEVOTED: Persona = Persona {
    visit_chance: 0.25,
    campaign_pull: 1.1,
    order_chance: 0.38,
    basket: 140.0,
    discount_share: 0.2,
    keen_days: 200..=700,
    fading_days: 20..=60,
    away_days: 30..=90,
    return_chance: 0.8,
};

/// Comes by twice a month and buys in every third visit.
static STEADY: Persona = Persona {
    visit_chance: 0.075,
    campaign_pull: 1.1,
    order_chance: 0.34,
    basket: 90.0,
    discount_share: 0.25,
    keen_days: 60..=300,
    fading_days: 30..=60,
    away_days: 40..=120,
    return_chance: 0.5,
};

/// Is drawn by campaigns and buys at a discount.
static BARGAIN_HUNTER: Persona = Persona {
    visit_chance: 0.05,
    campaign_pull: 2.0,
    order_chance: 0.25,
    basket: 60.0,
    discount_share: 0.75,
    keen_days: 40..=200,
    fading_days: 20..=60,
    away_days: 30..=120,
    return_chance: 0.6,
};

/// Takes part without buying.
static BROWSER: Persona = Persona {
    visit_chance: 0.08,
    campaign_pull: 1.1,
    order_chance: 0.003,
    basket: 40.0,
    discount_share: 0.5,
    keen_days: 20..=150,
    fading_days: 20..=60,
    away_days: 30..=150,
    return_chance: 0.4,
};

/// Looks in for a few days, perhaps buys something small, and rarely returns.
pub(super) static PASSER_BY: Persona = Persona {
    visit_chance: 0.15,
    campaign_pull: 1.2,
    order_chance: 0.3,
    basket: 40.0,
    discount_share: 0.4,
    keen_days: 2..=20,
    fading_days: 5..=40,
    away_days: 45..=200,
    return_chance: 0.3,
};

/// How common each persona is; the remaining users are [`PASSER_BY`].
pub(super) const PERSONAS: [(f64, &Persona); 4] = [
    (0.08, &DEVOTED),
    (0.22, &STEADY),
    (0.14, &BARGAIN_HUNTER),
    (0.18, &BROWSER),
];
