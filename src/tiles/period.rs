//! Periods: the runs of days that tiles are made of.
//!
//! | period | days |
//! |---|---|
//! | block of level n | 2^n days, from a day whose number since 1970 is a multiple of that |
//! | until | every day up to one |
//!
//! Blocks nest: each is its two halves. Any run of days is a few blocks, at most two of each
//! length, and when the run moves on by a day most of them stay. Blocks beat calendar months for
//! windows that slide: hardly any month lies whole in the 30 days that end on some Tuesday.

use std::collections::BTreeSet;
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The longest block is 2^this days.
const LONGEST_LEVEL: u8 = 8;

/// A run of days that a tile can cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Period {
    /// 2^level days from `first` on.
    Block {
        /// How long it is: 0 is one day.
        level: u8,
        /// Its first day, counted from 1970-01-01.
        first: i32,
    },
    /// Every day up to `last`.
    Until {
        /// Its last day, counted from 1970-01-01.
        last: i32,
    },
}

impl Period {
    /// A period as [`Display`](fmt::Display) writes it; none for another text.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(last) = text.strip_prefix("until.") {
            let last = day_number(last.parse().ok()?);
            return Some(Self::Until { last });
        }
        let (first, length) = text.rsplit_once('.')?;
        let length: u32 = length.strip_suffix('d')?.parse().ok()?;
        let level = u8::try_from(length.checked_ilog2()?).ok()?;
        let first = day_number(first.parse().ok()?);
        let is_block = length.is_power_of_two() && level <= LONGEST_LEVEL;
        is_block.then_some(Self::Block { level, first })
    }

    /// Whether any of some days lies in it.
    pub fn holds_any(self, days: &BTreeSet<NaiveDate>) -> bool {
        let last = day_of(self.last());
        let mut within = match self.first() {
            Some(first) => days.range(day_of(first)..=last),
            None => days.range(..=last),
        };
        within.next().is_some()
    }

    /// One day.
    pub fn day(day: i32) -> Self {
        Self::Block {
            level: 0,
            first: day,
        }
    }

    /// The first day, counted from 1970-01-01; none for a period without a beginning.
    pub fn first(self) -> Option<i32> {
        match self {
            Self::Block { first, .. } => Some(first),
            Self::Until { .. } => None,
        }
    }

    /// The last day, counted from 1970-01-01.
    pub fn last(self) -> i32 {
        match self {
            Self::Block { level, first } => first + (1 << level) - 1,
            Self::Until { last } => last,
        }
    }

    /// Whether this is a single day.
    pub fn is_day(self) -> bool {
        matches!(self, Self::Block { level: 0, .. })
    }

    /// The two halves of a block of several days.
    pub fn halves(self) -> Option<[Self; 2]> {
        let Self::Block { level, first } = self else {
            return None;
        };
        let half = level.checked_sub(1)?;
        let block = |first| Self::Block { level: half, first };
        Some([block(first), block(first + (1 << half))])
    }
}

/// The fewest blocks that are exactly the days from `first` to `last`, in order.
pub(super) fn blocks(first: i32, last: i32) -> Vec<Period> {
    let mut blocks = Vec::new();
    let mut next = first;
    while next <= last {
        let fits = |level: &u8| next % (1 << level) == 0 && next + (1 << level) - 1 <= last;
        let level = (0..=LONGEST_LEVEL).rev().find(fits).unwrap_or(0);
        blocks.push(Period::Block { level, first: next });
        next += 1 << level;
    }
    blocks
}

impl fmt::Display for Period {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Block { level, first } => write!(formatter, "{}.{}d", day_of(first), 1 << level),
            Self::Until { last } => write!(formatter, "until.{}", day_of(last)),
        }
    }
}

/// The number of a day since 1970-01-01.
pub(super) fn day_number(day: NaiveDate) -> i32 {
    day.to_epoch_days()
}

/// The day of a number since 1970-01-01.
pub(super) fn day_of(number: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(number).unwrap_or(NaiveDate::MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_of_days_is_few_blocks() {
        let named = |first, last| -> Vec<String> {
            let blocks = blocks(first, last);
            blocks.iter().map(Period::to_string).collect()
        };
        assert_eq!(named(0, 7), ["1970-01-01.8d"]);
        assert_eq!(
            named(3, 12),
            [
                "1970-01-04.1d",
                "1970-01-05.4d",
                "1970-01-09.4d",
                "1970-01-13.1d"
            ]
        );
        assert_eq!(named(5, 4), Vec::<String>::new());
        assert_eq!(Period::Until { last: 31 }.to_string(), "until.1970-02-01");
    }

    proptest! {
        #[test]
        fn a_period_reads_back_as_it_is_written(level in 0..9_u8, first in -3_000..30_000_i32) {
            for period in [Period::Block { level, first }, Period::Until { last: first }] {
                prop_assert_eq!(Period::parse(&period.to_string()), Some(period));
            }
        }

        #[test]
        fn blocks_are_exactly_the_days_asked_for(first in -3_000..30_000_i32, length in 0..2_000_i32) {
            let blocks = blocks(first, first + length - 1);
            let mut next = first;
            for block in &blocks {
                prop_assert_eq!(block.first(), Some(next));
                next = block.last() + 1;
            }
            prop_assert_eq!(next, first + length);
            prop_assert!(blocks.len() <= 2 * 9 + 2_000 / 256);
        }

        #[test]
        fn halves_are_the_whole(level in 1..9_u8, at in 0..100_i32) {
            let whole = Period::Block { level, first: at << level };
            let [left, right] = whole.halves().unwrap();
            prop_assert_eq!(left.first(), whole.first());
            prop_assert_eq!(left.last() + 1, right.first().unwrap());
            prop_assert_eq!(right.last(), whole.last());
        }
    }
}
