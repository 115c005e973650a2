//! Random draws that come out alike on every machine and in every order of work.
//!
//! In: a seed, a user, a day. Out: a stream of draws that depends on nothing else.
//!
//! The generator is SplitMix64: starting a stream costs a few multiplications, so every user can
//! be asked on every day whether they come by. Draws use integers and `+ - * /` and square roots
//! of floats, which IEEE 754 rounds alike everywhere; logarithms and powers are not.

use std::ops::RangeInclusive;

/// The golden ratio as a fraction of 2^64: the step of SplitMix64.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// Tells the dice of messages from those of days: no day has this number.
const MAILING: u64 = u64::MAX;

/// A stream of random draws.
#[derive(Clone, Debug)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    /// The dice that plan a user's life.
    pub(super) fn of_user(seed: u64, user: u32) -> Self {
        Self {
            state: scramble(seed),
        }
        .keyed(u64::from(user))
    }

    /// The dice for one day of that life, however many draws were made before.
    pub(super) fn of_day(seed: u64, user: u32, day_number: i32) -> Self {
        Self::of_user(seed, user).keyed(u64::from(day_number.cast_unsigned()))
    }

    /// The dice that plan what a user is sent, which no other draw depends on.
    pub(super) fn of_mailing(seed: u64, user: u32) -> Self {
        Self::of_user(seed, user).keyed(MAILING)
    }

    /// The dice for what a user is sent on one day.
    pub(super) fn of_mail_of_day(seed: u64, user: u32, day_number: i32) -> Self {
        Self::of_mailing(seed, user).keyed(u64::from(day_number.cast_unsigned()))
    }

    fn keyed(&self, key: u64) -> Self {
        Self {
            state: scramble(self.state ^ key.wrapping_mul(STEP)),
        }
    }

    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        scramble(self.state)
    }

    /// Uniform in `0..1`.
    pub(super) fn fraction(&mut self) -> f64 {
        const STEPS_IN_ONE: f64 = (1_u64 << 53) as f64;
        (self.roll() >> 11) as f64 / STEPS_IN_ONE
    }

    /// Uniform in `range`.
    pub(super) fn within(&mut self, range: &RangeInclusive<u32>) -> u32 {
        let span = u64::from(range.end() - range.start()) + 1;
        let offset = ((self.roll() >> 32) * span) >> 32;
        range.start() + offset as u32
    }

    /// True with this probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// One of `choices` with the probability next to it, `otherwise` with what is left.
    pub(super) fn choose<T: Copy>(&mut self, choices: &[(f64, T)], otherwise: T) -> T {
        let mut left = self.fraction();
        for &(share, choice) in choices {
            if left < share {
                return choice;
            }
            left -= share;
        }
        otherwise
    }

    /// At least 1 and heavy-tailed (Pareto, exponent 4/3): 2.8 or more in a quarter of the draws,
    /// 32 or more in a hundredth.
    pub(super) fn heavy_tail(&mut self) -> f64 {
        let root = (1.0 - self.fraction()).sqrt();
        1.0 / (root * root.sqrt())
    }
}

/// The output function of SplitMix64.
fn scramble(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        let mut dice = Dice { state: 1_234_567 };
        let published = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([dice.roll(), dice.roll()], published);
    }

    #[test]
    fn a_day_rolls_alike_whenever_it_is_asked() {
        let rolls = |user, day| Dice::of_day(7, user, day).roll();
        assert_eq!(rolls(1, 2), rolls(1, 2));
        assert_ne!(rolls(1, 2), rolls(2, 1));
        assert_ne!(rolls(1, 2), rolls(1, 3));
    }

    #[test]
    fn ranges_reach_both_ends_and_nothing_beyond() {
        let mut dice = Dice::of_user(7, 1);
        let mut drawn: Vec<u32> = (0..1_000).map(|_| dice.within(&(3..=6))).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [3, 4, 5, 6]);
    }

    #[test]
    fn choices_come_up_as_often_as_they_say() {
        let mut dice = Dice::of_user(7, 1);
        let rolls = 100_000;
        let choices = [(0.2, 'a'), (0.5, 'b')];
        let drawn: String = (0..rolls).map(|_| dice.choose(&choices, 'c')).collect();
        for (choice, share) in [('a', 0.2), ('b', 0.5), ('c', 0.3)] {
            let found = drawn.matches(choice).count() as f64 / f64::from(rolls);
            assert!((found - share).abs() < 0.01, "{choice}: {found}");
        }
    }

    #[test]
    fn one_draw_in_a_hundred_is_thirty_two_or_more() {
        let mut dice = Dice::of_user(7, 1);
        let large = (0..100_000).filter(|_| dice.heavy_tail() >= 31.6).count();
        assert!((900..1_100).contains(&large), "{large}");
    }
}
