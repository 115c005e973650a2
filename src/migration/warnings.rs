//! Warnings that were raised or cleared, as rows of `tier_migration`.
//!
//! | before | today | from_tier, to_tier | direction | days_in_previous_tier |
//! |---|---|---|---|---|
//! | clear, or no such user | raised | clear, raised | raised | |
//! | raised | clear, or no such user | raised, clear | cleared | for how long it was raised |

use crate::tiers::{CLEAR, RAISED, SettledWarning};

use super::direction::Direction;
use super::moves::{Move, MoveColumns, Moves};

/// Adds the rows of a batch, and counts them.
pub(super) fn push_moves(
    moves: &mut MoveColumns,
    counted: &mut Moves,
    settled: &SettledWarning,
    today: i32,
) {
    let both = settled.from_since.iter().zip(&settled.to_since);
    for (row, (from, to)) in both.enumerate() {
        let (from, to, direction, days) = match (from, to) {
            (None, Some(_)) => (CLEAR, RAISED, Direction::Raised, None),
            (Some(since), None) => {
                let days = i64::from(today - since);
                (RAISED, CLEAR, Direction::Cleared, Some(days))
            }
            _ => continue,
        };
        let directions = counted.entry(settled.name.clone()).or_default();
        *directions.entry(direction.as_str().to_owned()).or_default() += 1;
        moves.push(&Move {
            row,
            dimension: &settled.name,
            from: Some(from),
            to: Some(to),
            direction,
            days,
        });
    }
}
