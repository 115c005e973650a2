//! What users like to do with content.
//!
//! In: dice. Out: a [`Taste`] for a user, and by taste the next [`EventType`] while browsing.

use super::dice::Dice;
use super::rows::EventType;

/// What a user likes to do with content.
#[derive(Clone, Copy, Debug)]
pub(super) enum Taste {
    Reading,
    Liking,
    Commenting,
    Sharing,
}

/// How common each taste is; the remaining users like [`Taste::Reading`].
pub(super) const TASTES: [(f64, Taste); 3] = [
    (0.25, Taste::Liking),
    (0.2, Taste::Commenting),
    (0.15, Taste::Sharing),
];

const READING: [(f64, EventType); 5] = [
    (0.05, EventType::BrandStory),
    (0.03, EventType::Click),
    (0.02, EventType::Save),
    (0.02, EventType::Like),
    (0.005, EventType::Comment),
];
const LIKING: [(f64, EventType); 6] = [
    (0.45, EventType::Like),
    (0.08, EventType::Click),
    (0.06, EventType::Save),
    (0.02, EventType::BrandStory),
    (0.03, EventType::Comment),
    (0.02, EventType::Share),
];
const COMMENTING: [(f64, EventType); 6] = [
    (0.3, EventType::Comment),
    (0.07, EventType::Post),
    (0.04, EventType::Review),
    (0.1, EventType::Like),
    (0.06, EventType::Click),
    (0.03, EventType::Share),
];
const SHARING: [(f64, EventType); 5] = [
    (0.4, EventType::Share),
    (0.1, EventType::Like),
    (0.06, EventType::Click),
    (0.03, EventType::Comment),
    (0.01, EventType::Post),
];

impl Taste {
    /// What a user of this taste does next while browsing: mostly, they view.
    pub(super) fn next_event(self, dice: &mut Dice) -> EventType {
        match self {
            Self::Reading => dice.choose(&READING, EventType::View),
            Self::Liking => dice.choose(&LIKING, EventType::View),
            Self::Commenting => dice.choose(&COMMENTING, EventType::View),
            Self::Sharing => dice.choose(&SHARING, EventType::View),
        }
    }
}
