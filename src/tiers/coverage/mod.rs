//! Rules that cover: every CASE of the tier models gives each user one value, and every value can
//! be had. Proved from the rules alone, before any data is read.
//!
//! 1. [`definitions`]: each column of a model, as an expression over the tables it reads.
//! 2. [`domains`]: what the columns of those tables can be; [`tables`] gathers it, tier by tier.
//! 3. [`conditions`]: the branches of a CASE over values that can be listed.
//! 4. [`combinations`]: all combinations of these, and the branch that takes each: the first
//!    whose condition holds.
//! 5. [`findings`]: holes, branches that nothing reaches, and values that do not agree with
//!    dim_tier.
//!
//! | CASE over r_score and f_score | found |
//! |---|---|
//! | `WHEN r_score > 3 THEN 'a' WHEN f_score > 3 THEN 'b'` | hole: `r_score = 1, f_score = 1`, and others |
//! | `WHEN r_score > 3 THEN 'a' WHEN r_score > 4 THEN 'b' ELSE 'c'` | `'b'` is never reached: `'a'` takes all of it |

mod combinations;
mod conditions;
mod definitions;
mod domains;
mod findings;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use datafusion::arrow::array::BooleanArray;
use datafusion::common::Result;
use datafusion::logical_expr::{Case, LogicalPlan};

use crate::ground::Problems;
use crate::models::Model;

use self::combinations::Combinations;
use self::conditions::Conditions;
use self::domains::Domains;
use self::tables::Tables;
use super::{Dimension, Dimensions};

/// A tier model with its plan: analysed, not optimized.
#[derive(Debug)]
pub struct TierModel<'a> {
    /// The model.
    pub model: &'a Model,
    /// Its plan.
    pub plan: LogicalPlan,
}

/// What [`check`] found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Users without a value, or with one that dim_tier does not list: rows would be wrong.
    pub wrong: Problems,
    /// Branches and tiers that no user can have: rows are right all the same.
    pub unreachable: Problems,
}

/// Checks every CASE of the tier models, which come after those they read. `cut_points` are the
/// numbers that stand in for those of a calibration.
pub fn check(models: &[TierModel<'_>], dimensions: &Dimensions, cut_points: &[i64]) -> Findings {
    let mut tables = Tables::default();
    let mut findings = Findings::default();
    for tier in models {
        let rules = match tables.read(tier, dimensions) {
            Ok(rules) => rules,
            Err(error) => {
                tracing::debug!(model = %tier.model.name, %error, "rules not examined");
                continue;
            }
        };
        for rule in rules {
            let coverage = rule.coverage(&tables.domains, cut_points);
            let coverage = coverage.unwrap_or_else(|error| {
                tracing::debug!(model = %tier.model.name, column = rule.column, %error, "rule not examined");
                None
            });
            rule.report(coverage.as_ref(), &mut findings);
        }
    }
    findings
}

/// A column that is a CASE.
struct Rule<'a> {
    model: &'a Model,
    column: String,
    /// Over the columns of tables.
    case: Case,
    /// As the model writes it.
    written: Case,
    /// The dimension that the column is.
    dimension: Option<&'a Dimension>,
    /// Whether the rule sees every user.
    has_all_rows: bool,
}

/// What becomes of the combinations that a rule looks at.
#[derive(Debug)]
struct Coverage {
    /// How many combinations there are.
    combinations: usize,
    /// How many of them match no WHEN.
    holes: usize,
    /// The first of these, in words.
    first_hole: Option<String>,
    /// What each WHEN takes.
    reached: Vec<Reached>,
    /// Whether the combinations are exactly those there are, and not more.
    is_exact: bool,
    /// Whether what is never reached is so whatever the cut points.
    holds_for_all_cut_points: bool,
}

/// What a WHEN takes.
#[derive(Debug, PartialEq, Eq)]
enum Reached {
    /// Some combinations.
    Yes,
    /// None: its condition is never true.
    Never,
    /// None: these branches before it take all of them.
    Shadowed(BTreeSet<usize>),
}

impl Rule<'_> {
    /// What becomes of every combination; none when there are too many.
    fn coverage(&self, domains: &Domains, cut_points: &[i64]) -> Result<Option<Coverage>> {
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

    /// Gives the next branch what its condition holds of and nobody has taken.
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
