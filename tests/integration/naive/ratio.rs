//! Exact quotients, so that a value on a threshold is on it and not beside it.

use std::cmp::Ordering;

/// A quotient of two integers with a positive denominator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ratio {
    numerator: i64,
    denominator: i64,
}

impl Ratio {
    /// None, as NULL, unless the denominator is positive.
    pub(crate) fn of(numerator: i64, denominator: i64) -> Option<Self> {
        (denominator > 0).then_some(Self {
            numerator,
            denominator,
        })
    }

    /// A parameter such as `1.5`, given as 15 tenths.
    pub(crate) fn tenths(tenths: i64) -> Self {
        Self {
            numerator: tenths,
            denominator: 10,
        }
    }

    pub(crate) fn whole(number: i64) -> Self {
        Self {
            numerator: number,
            denominator: 1,
        }
    }

    pub(crate) fn times(self, factor: i64) -> Self {
        Self {
            numerator: self.numerator * factor,
            ..self
        }
    }

    pub(crate) fn as_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = i128::from(self.numerator) * i128::from(other.denominator);
        let right = i128::from(other.numerator) * i128::from(self.denominator);
        left.cmp(&right)
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ratio {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ratio {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_compare_by_value() {
        assert_eq!(Ratio::of(3, 2), Some(Ratio::tenths(15)));
        assert!(Ratio::of(1230, 821) < Some(Ratio::tenths(15)));
        assert!(Ratio::of(1, 2) >= Some(Ratio::tenths(5)));
    }

    #[test]
    fn no_quotient_without_a_positive_denominator() {
        assert_eq!(Ratio::of(1, 0), None);
        assert_eq!(Ratio::of(1, -1), None);
    }
}
