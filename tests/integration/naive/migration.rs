//! `tier_migration`: one row per user and dimension whose shown value differs from the previous
//! snapshot.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::dimensions::{Dimension, Tier};
use super::grace::TierState;
use super::snapshot::Snapshot;
use super::text::{Columns, or_null};
use super::warnings::Warnings;
use super::windows::days_between;

#[derive(Debug, Clone)]
pub(crate) struct Move {
    pub(crate) snapshot_date: NaiveDate,
    pub(crate) previous_snapshot_date: NaiveDate,
    pub(crate) user_id: String,
    /// A dimension, or a warning.
    pub(crate) dimension: &'static str,
    pub(crate) from_tier: Option<Tier>,
    pub(crate) to_tier: Option<Tier>,
    pub(crate) direction: Direction,
    /// None for a user who entered, and for a warning that is raised.
    pub(crate) days_in_previous_tier: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    Entered,
    Left,
    Up,
    Down,
    Lateral,
    Raised,
    Cleared,
}

/// The moves of a night by user, then dimension; those of warnings behind. "Without a previous snapshot the table has no
/// rows for D."
pub(crate) fn migration(previous: Option<&Snapshot>, current: &Snapshot) -> Vec<Move> {
    let Some(previous) = previous else {
        return Vec::new();
    };
    let mut moves = Vec::new();
    for (user_id, dimension) in users_and_dimensions(previous, current) {
        let before = state(previous, user_id, dimension);
        let now = state(current, user_id, dimension);
        let from_tier = before.map(|state| state.shown);
        let to_tier = now.map(|state| state.shown);
        if from_tier == to_tier {
            continue;
        }
        moves.push(Move {
            snapshot_date: current.snapshot_date,
            previous_snapshot_date: previous.snapshot_date,
            user_id: user_id.to_owned(),
            dimension: dimension.name(),
            from_tier,
            to_tier,
            direction: direction(dimension, from_tier, to_tier),
            days_in_previous_tier: before
                .map(|state| days_between(state.since, current.snapshot_date)),
        });
    }
    moves.extend(warnings_raised_and_cleared(previous, current));
    moves
}

/// "A warning is a dimension of this table with the tiers `raised` and `clear`"; a user who is in one
/// of the snapshots only counts as clear in the other.
fn warnings_raised_and_cleared(previous: &Snapshot, current: &Snapshot) -> Vec<Move> {
    let users: BTreeSet<&String> = previous.rows.keys().chain(current.rows.keys()).collect();
    let mut moves = Vec::new();
    for user_id in users {
        for warning in Warnings::names() {
            let since = |snapshot: &Snapshot| snapshot.rows.get(user_id)?.warnings.since(warning);
            let (from_tier, to_tier, direction, days) = match (since(previous), since(current)) {
                (None, Some(_)) => ("clear", "raised", Direction::Raised, None),
                (Some(since), None) => {
                    let days = days_between(since, current.snapshot_date);
                    ("raised", "clear", Direction::Cleared, Some(days))
                }
                _ => continue,
            };
            moves.push(Move {
                snapshot_date: current.snapshot_date,
                previous_snapshot_date: previous.snapshot_date,
                user_id: user_id.clone(),
                dimension: warning,
                from_tier: Some(from_tier),
                to_tier: Some(to_tier),
                direction,
                days_in_previous_tier: days,
            });
        }
    }
    moves
}

/// Every user of either snapshot in every dimension.
fn users_and_dimensions<'a>(
    previous: &'a Snapshot,
    current: &'a Snapshot,
) -> BTreeSet<(&'a str, Dimension)> {
    let mut pairs = BTreeSet::new();
    for row in previous.rows.values().chain(current.rows.values()) {
        for dimension in row.tier_states.keys() {
            pairs.insert((row.user_id.as_str(), *dimension));
        }
    }
    pairs
}

fn state<'a>(snapshot: &'a Snapshot, user_id: &str, dimension: Dimension) -> Option<&'a TierState> {
    snapshot.rows.get(user_id)?.tier_states.get(&dimension)
}

/// "A user absent before is `entered` (from_tier NULL), one absent now is `left` (to_tier NULL)";
/// the others go by rank, and `lateral` where rank does not decide.
fn direction(dimension: Dimension, from_tier: Option<Tier>, to_tier: Option<Tier>) -> Direction {
    let (Some(from_tier), Some(to_tier)) = (from_tier, to_tier) else {
        return if from_tier.is_none() {
            Direction::Entered
        } else {
            Direction::Left
        };
    };
    let from_rank = dimension.rank(from_tier);
    let to_rank = dimension.rank(to_tier);
    if to_rank > from_rank {
        Direction::Up
    } else if to_rank < from_rank {
        Direction::Down
    } else {
        Direction::Lateral
    }
}

impl Direction {
    pub(crate) fn name(self) -> &'static str {
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

impl Move {
    pub(crate) fn columns(&self) -> Columns {
        vec![
            ("snapshot_date", self.snapshot_date.to_string()),
            (
                "previous_snapshot_date",
                self.previous_snapshot_date.to_string(),
            ),
            ("user_id", self.user_id.clone()),
            ("dimension", self.dimension.to_owned()),
            ("from_tier", or_null(self.from_tier)),
            ("to_tier", or_null(self.to_tier)),
            ("direction", self.direction.name().to_owned()),
            ("days_in_previous_tier", or_null(self.days_in_previous_tier)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::naive::fixtures::{days_ago, event, order, rules, snapshot_date};
    use crate::naive::history::History;
    use crate::naive::snapshot::{snapshot, snapshots};

    fn moves_in(dimension: Dimension, moves: &[Move]) -> Vec<Vec<String>> {
        let told = [
            "user_id",
            "from_tier",
            "to_tier",
            "direction",
            "days_in_previous_tier",
        ];
        moves
            .iter()
            .filter(|tier_move| tier_move.dimension == dimension.name())
            .map(|tier_move| {
                let columns = tier_move.columns().into_iter();
                columns
                    .filter(|(column, _)| told.contains(column))
                    .map(|(_, text)| text)
                    .collect()
            })
            .collect()
    }

    fn last_two_nights(history: &History, nights: &[NaiveDate]) -> Vec<Move> {
        let snapshots = snapshots(history, nights, &rules());
        let current = &snapshots[&nights[nights.len() - 1]];
        let previous = &snapshots[&nights[nights.len() - 2]];
        migration(Some(previous), current)
    }

    #[test]
    fn no_previous_snapshot_no_moves() {
        let history = History {
            orders: vec![order("7", 3, 10_00)],
            ..History::default()
        };
        let first = snapshot(&history, snapshot_date(), &rules(), None);
        assert!(migration(None, &first).is_empty());
    }

    /// "rises" first orders on D; "falls" interacted 7 days ago for the last time; "stays" does
    /// nothing new; "comes" is first seen on D.
    #[test]
    fn a_ranked_dimension_moves_up_and_down_and_users_enter() {
        let history = History {
            orders: vec![order("rises", 0, 10_00)],
            events: vec![
                event("rises", 20, "open"),
                event("falls", 7, "click"),
                event("stays", 20, "click"),
                event("comes", 0, "view"),
            ],
            users: Vec::new(),
        };
        let nights = [10, 5, 1, 0].map(days_ago);

        let moves = last_two_nights(&history, &nights);

        assert_eq!(
            moves_in(Dimension::InteractionDepth, &moves),
            [
                vec!["comes", "NULL", "light", "entered", "NULL"],
                vec!["falls", "moderate", "occasional", "down", "5"],
            ]
        );
        assert_eq!(
            moves_in(Dimension::LifecycleStage, &moves),
            [
                vec!["comes", "NULL", "prospect", "entered", "NULL"],
                vec!["rises", "prospect", "new", "up", "10"],
            ]
        );
        assert_eq!(
            moves_in(Dimension::RfmClass, &moves),
            [
                vec!["comes", "NULL", "unscored", "entered", "NULL"],
                vec!["rises", "unscored", "general_develop", "lateral", "10"],
            ]
        );
    }

    #[test]
    fn a_user_no_longer_there_has_left_every_dimension() {
        let with_user = History {
            events: vec![event("7", 9, "open")],
            ..History::default()
        };
        let previous = snapshot(&with_user, days_ago(4), &rules(), None);
        let current = snapshot(
            &History::default(),
            snapshot_date(),
            &rules(),
            Some(&previous),
        );

        let moves = migration(Some(&previous), &current);

        assert_eq!(moves.len(), previous.rows["7"].tier_states.len());
        assert_eq!(
            moves_in(Dimension::ValueTier, &moves),
            [vec!["7", "no_orders", "NULL", "left", "4"]]
        );
    }
}
