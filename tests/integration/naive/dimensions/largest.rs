//! The largest of some counts, for the dimensions that name what a user does most.

use super::Tier;

/// The tier with the largest count, "the earlier in this order on a tie", and "`none` when all
/// are 0".
pub(super) fn largest_or_none(counts: &[(Tier, i64)]) -> Tier {
    let mut largest = ("none", 0);
    for (tier, count) in counts {
        if *count > largest.1 {
            largest = (*tier, *count);
        }
    }
    largest.0
}
