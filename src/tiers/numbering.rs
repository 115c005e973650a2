//! The values of a dimension by number, which is what settling compares and migration counts:
//! for every user and dimension of every night.

use std::collections::HashMap;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, MAX_INLINE_VIEW_LEN, StringArray, UInt32Array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;

use super::Dimension;

/// How many values that `dim_tier` does not list are told apart. The audit `tiers_known` refuses
/// them all; a pack that gives every user a value of their own must not fill the memory before.
const UNLISTED: usize = 100;

/// Numbers for the values of a dimension: those of `dim_tier` in its order, then others as they
/// are met, for an audit to refuse.
#[derive(Debug, Clone)]
pub(super) struct Numbering {
    values: Vec<String>,
    /// The numbers of the values.
    numbers: HashMap<String, u32>,
    /// Of those that are listed.
    ranks: Vec<Option<i64>>,
}

impl Numbering {
    pub(super) fn of(dimension: &Dimension) -> Self {
        let tiers = dimension.tiers.iter();
        let mut numbering = Self {
            values: Vec::new(),
            numbers: HashMap::new(),
            ranks: tiers.clone().map(|tier| tier.rank).collect(),
        };
        for tier in tiers {
            numbering.push(&tier.name);
        }
        numbering
    }

    /// The values met so far, each at its number.
    pub(super) fn values(&self) -> StringArray {
        StringArray::from_iter_values(&self.values)
    }

    /// The numbers of a column of texts; NULL stays NULL.
    pub(super) fn encode(&mut self, column: &ArrayRef) -> Result<UInt32Array, ArrowError> {
        let texts = cast(column, &DataType::Utf8View)?;
        let texts = texts.as_string_view();
        let mut known = Known::default();
        let mut number = |row: usize| {
            // A view holds the length and the first bytes of a text, or all of a short one: what
            // is left to compare is a long text with the one that looks like it.
            let view = texts.views()[row];
            let is_short = view as u32 <= MAX_INLINE_VIEW_LEN;
            let look = if is_short {
                view
            } else {
                u128::from(view as u64)
            };
            let is_same =
                |number: u32| is_short || self.values[number as usize] == texts.value(row);
            if let Some(number) = known.find(look, is_same) {
                return number;
            }
            let number = self.number(texts.value(row));
            if self.values[number as usize] == texts.value(row) {
                known.push(look, number);
            }
            number
        };
        let rows = 0..texts.len();
        Ok(rows
            .map(|row| texts.is_valid(row).then(|| number(row)))
            .collect())
    }

    /// Whether going from one value to the other is a step down.
    pub(super) fn is_demotion(&self, from: u32, to: u32) -> bool {
        let rank = |number: u32| *self.ranks.get(number as usize)?;
        matches!((rank(from), rank(to)), (Some(from), Some(to)) if to < from)
    }

    fn number(&mut self, value: &str) -> u32 {
        match self.numbers.get(value) {
            Some(number) => *number,
            None if self.values.len() < self.ranks.len() + UNLISTED => self.push(value),
            None => (self.values.len() - 1) as u32,
        }
    }

    fn push(&mut self, value: &str) -> u32 {
        let number = self.values.len() as u32;
        self.values.push(value.to_owned());
        self.numbers.insert(value.to_owned(), number);
        number
    }
}

/// How many values are looked through one by one, which for few is faster than hashing.
const FEW: usize = 32;

/// The values of a column met so far, by what they look like: the first few in a list, and of a
/// dimension with thousands of values the others by their hash.
#[derive(Default)]
struct Known {
    first: Vec<(u128, u32)>,
    others: HashMap<u128, Vec<u32>>,
}

impl Known {
    /// The number of a value that looks like this and is the same.
    fn find(&self, look: u128, is_same: impl Fn(u32) -> bool) -> Option<u32> {
        let first = self.first.iter().filter(|(known, _)| *known == look);
        let mut first = first.map(|(_, number)| *number);
        first.find(|number| is_same(*number)).or_else(|| {
            let mut others = self.others.get(&look).into_iter().flatten().copied();
            others.find(|number| is_same(*number))
        })
    }

    fn push(&mut self, look: u128, number: u32) {
        match self.first.len() < FEW {
            true => self.first.push((look, number)),
            false => self.others.entry(look).or_default().push(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::StringViewArray;
    use proptest::prelude::*;

    use super::*;
    use crate::tiers::{Delay, Tier};

    fn numbering(values: &[&str]) -> Numbering {
        let tier = |(rank, name): (usize, &&str)| Tier {
            name: (*name).to_owned(),
            rank: Some(rank as i64),
        };
        Numbering::of(&Dimension {
            name: "d".to_owned(),
            tiers: values.iter().enumerate().map(tier).collect(),
            delay: Delay::None,
        })
    }

    #[test]
    fn values_that_are_not_listed_get_the_next_numbers_and_no_rank() {
        let mut numbering = numbering(&["low", "high"]);
        let column: ArrayRef = Arc::new(StringArray::from(vec![
            Some("high"),
            None,
            Some("odd"),
            Some("low"),
        ]));
        let numbers = numbering.encode(&column).unwrap();
        assert_eq!(
            numbers.iter().collect::<Vec<_>>(),
            [Some(1), None, Some(2), Some(0)]
        );
        let values = numbering.values();
        assert_eq!(values, StringArray::from(vec!["low", "high", "odd"]));
        assert!(numbering.is_demotion(1, 0));
        assert!(!numbering.is_demotion(0, 1) && !numbering.is_demotion(1, 2));
    }

    #[test]
    fn of_values_that_are_not_listed_only_so_many_are_told_apart() {
        let mut numbering = numbering(&["low"]);
        let texts = (0..UNLISTED + 50).map(|row| format!("the value of user {row}"));
        let column: ArrayRef = Arc::new(StringArray::from_iter_values(texts));
        let numbers = numbering.encode(&column).unwrap();
        assert_eq!(numbers.values().iter().max(), Some(&(UNLISTED as u32)));
        assert_eq!(numbering.values().len(), UNLISTED + 1);
    }

    proptest! {
        /// Short texts, which lie in their views, and long ones, of which many look alike.
        #[test]
        fn every_number_leads_back_to_its_text(
            texts in prop::collection::vec(prop::option::of("[a-c]{1,3}|[ab]{13,20}"), 0..UNLISTED)
        ) {
            let mut numbering = numbering(&["a", "abababababababab"]);
            let column: ArrayRef = Arc::new(StringViewArray::from_iter(texts.iter().map(Option::as_deref)));
            let numbers = numbering.encode(&column).unwrap();
            let values = numbering.values();
            let back = numbers.iter().map(|number| number.map(|number| values.value(number as usize)));
            prop_assert_eq!(back.collect::<Vec<_>>(), texts.iter().map(Option::as_deref).collect::<Vec<_>>());
        }
    }
}
