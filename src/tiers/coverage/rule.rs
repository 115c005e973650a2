//! A rule, and which branch takes each of the combinations that it looks at.

use std::collections::BTreeSet;

use datafusion::arrow::array::BooleanArray;
use datafusion::common::Result;
use datafusion::logical_expr::Case;

use crate::models::Model;
use crate::tiers::Dimension;

use super::combinations::Combinations;
use super::conditions::Conditions;
use super::domains::Domains;

/// A column that is a CASE.
pub(super) struct Rule<'a> {
    pub(super) model: &'a Model,
    pub(super) column: String,
    /// Over the columns of tables.
    pub(super) case: Case,
    /// As the model writes it.
    pub(super) written: Case,
    /// The dimension that the column is.
    pub(super) dimension: Option<&'a Dimension>,
    /// Whether the rule sees every user.
    pub(super) has_all_rows: bool,
}

/// What becomes of the combinations that a rule looks at.
#[derive(Debug)]
pub(super) struct Coverage {
    /// How many combinations there are.
    pub(super) combinations: usize,
    /// How many of them match no WHEN.
    pub(super) holes: usize,
    /// The first of these, in words.
    pub(super) first_hole: Option<String>,
    /// What each WHEN takes.
    pub(super) reached: Vec<Reached>,
    /// Whether the combinations are exactly those there are, and not more.
    pub(super) is_exact: bool,
    /// Whether what is never reached is so whatever the cut points.
    pub(super) holds_for_all_cut_points: bool,
}

/// What a WHEN takes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Some combinations.
    Yes,
    /// None: its condition is never true.
    Never,
    /// None: these branches before it take all of them.
    Shadowed(BTreeSet<usize>),
}

impl Rule<'_> {
    /// What becomes of every combination; none when there are too many.
    pub(super) fn coverage(
        &self,
        domains: &Domains,
        cut_points: &[i64],
    ) -> Result<Option<Coverage>> {
        let conditions = Conditions::of(&self.case, domains, cut_points)?;
        let Some(combinations) = Combinations::of(&conditions.axes()?)? else {
            tracing::debug!(model = %self.model.name, column = self.column, "too many combinations");
            return Ok(None);
        };
        let mut taken_by = TakenBy::none(combinations.count());
        let mut reached = Vec::new();
        for condition in &conditions.conditions {
            reached.push(taken_by.next_branch(&combinations.holding(condition)?));
        }
        let first_hole = taken_by.holes().next();
        Ok(Some(Coverage {
            combinations: combinations.count(),
            holes: taken_by.holes().count(),
            first_hole: first_hole.map(|row| combinations.shown(row)).transpose()?,
            reached,
            is_exact: conditions.are_known() && self.has_all_rows,
            holds_for_all_cut_points: conditions.hold_for_all_cut_points(),
        }))
    }
}

/// The branch that takes each combination, of the branches so far.
struct TakenBy {
    branches: usize,
    by_row: Vec<Option<usize>>,
}

impl TakenBy {
    fn none(combinations: usize) -> Self {
        Self {
            branches: 0,
            by_row: vec![None; combinations],
        }
    }

    /// Gives the next branch the combinations for which its condition is true and that no
    /// earlier one has taken.
    fn next_branch(&mut self, holds: &BooleanArray) -> Reached {
        let branch = self.branches;
        self.branches += 1;
        let mut takes_any = false;
        let mut earlier = BTreeSet::new();
        for (taken_by, holds) in self.by_row.iter_mut().zip(holds) {
            match taken_by {
                _ if holds != Some(true) => {}
                Some(other) => {
                    earlier.insert(*other);
                }
                None => {
                    *taken_by = Some(branch);
                    takes_any = true;
                }
            }
        }
        match takes_any {
            true => Reached::Yes,
            false if earlier.is_empty() => Reached::Never,
            false => Reached::Shadowed(earlier),
        }
    }

    fn holes(&self) -> impl Iterator<Item = usize> {
        let rows = self.by_row.iter().enumerate();
        rows.filter(|(_, taken_by)| taken_by.is_none())
            .map(|(row, _)| row)
    }
}
