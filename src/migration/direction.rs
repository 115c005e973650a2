//! The direction of a move.

use serde::Serialize;

use crate::tiers::Dimension;

/// Which way a user moved in a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Not in the previous snapshot.
    Entered,
    /// Not in this snapshot.
    Left,
    /// To a higher rank.
    Up,
    /// To a lower rank.
    Down,
    /// To another value of the same rank, or to or from one that has none.
    Lateral,
    /// Of a warning: it was clear, or the user was not there.
    Raised,
    /// Of a warning: it was raised.
    Cleared,
}

impl Direction {
    /// The direction from one shown value to the next; none when nothing changed.
    pub fn of(dimension: &Dimension, from: Option<&str>, to: Option<&str>) -> Option<Self> {
        Self::between(from, to, |value| dimension.rank(value))
    }

    /// The same of values by their numbers, those of the dimension first, in its order.
    pub(super) fn of_numbers(
        dimension: &Dimension,
        from: Option<usize>,
        to: Option<usize>,
    ) -> Option<Self> {
        let rank = |number: usize| dimension.tiers.get(number)?.rank;
        Self::between(from, to, rank)
    }

    fn between<T: PartialEq>(
        from: Option<T>,
        to: Option<T>,
        rank: impl Fn(T) -> Option<i64>,
    ) -> Option<Self> {
        match (from, to) {
            (None, None) => None,
            (None, Some(_)) => Some(Self::Entered),
            (Some(_), None) => Some(Self::Left),
            (Some(from), Some(to)) if from == to => None,
            (Some(from), Some(to)) => Some(match (rank(from), rank(to)) {
                (Some(from), Some(to)) if to > from => Self::Up,
                (Some(from), Some(to)) if to < from => Self::Down,
                _ => Self::Lateral,
            }),
        }
    }

    /// The word in `tier_migration`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Left => "left",
            Self::Up => "up",
            Self::Down => "down",
            Self::Lateral => "lateral",
            Self::Raised => "raised",
            Self::Cleared => "cleared",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::{Delay, Tier};

    fn dimension(tiers: &[(&str, Option<i64>)]) -> Dimension {
        let tier = |(name, rank): &(&str, Option<i64>)| Tier {
            name: (*name).to_owned(),
            rank: *rank,
        };
        Dimension {
            name: "d".to_owned(),
            tiers: tiers.iter().map(tier).collect(),
            delay: Delay::None,
        }
    }

    #[test]
    fn ranks_decide_up_and_down() {
        let ranked = dimension(&[("low", Some(0)), ("high", Some(1))]);
        let of = |from, to| Direction::of(&ranked, from, to);
        assert_eq!(of(Some("low"), Some("high")), Some(Direction::Up));
        assert_eq!(of(Some("high"), Some("low")), Some(Direction::Down));
        assert_eq!(of(Some("low"), Some("low")), None);
        assert_eq!(of(None, Some("low")), Some(Direction::Entered));
        assert_eq!(of(Some("low"), None), Some(Direction::Left));
    }

    #[test]
    fn a_value_that_is_no_longer_listed_is_neither_above_nor_below() {
        let ranked = dimension(&[("low", Some(0)), ("high", Some(1))]);
        let of = |from, to| Direction::of(&ranked, Some(from), Some(to));
        assert_eq!(of("renamed", "low"), Some(Direction::Lateral));
        assert_eq!(of("high", "renamed"), Some(Direction::Lateral));
    }

    #[test]
    fn numbers_and_names_say_the_same() {
        let ranked = dimension(&[("low", Some(0)), ("high", Some(1))]);
        let values = ["low", "high", "renamed"];
        let all = || [None, Some(0), Some(1), Some(2)].into_iter();
        for (from, to) in all().flat_map(|from| all().map(move |to| (from, to))) {
            let [was, is] = [from, to].map(|number: Option<usize>| number.map(|n| values[n]));
            assert_eq!(
                Direction::of_numbers(&ranked, from, to),
                Direction::of(&ranked, was, is)
            );
        }
    }

    #[test]
    fn without_ranks_every_change_is_lateral() {
        let unranked = dimension(&[("a", None), ("b", None)]);
        assert_eq!(
            Direction::of(&unranked, Some("a"), Some("b")),
            Some(Direction::Lateral)
        );
    }
}
