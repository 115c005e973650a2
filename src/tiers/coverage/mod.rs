//! Rules that cover: every CASE of the tier models gives each user one value, and every value can
//! be had. Proved from the rules alone, before any data is read.
//!
//! 1. [`definitions`]: each column of a model, as an expression over the tables it reads.
//! 2. [`domains`]: what the columns of those tables can be.
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
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use datafusion::arrow::array::Array;
use datafusion::common::{Column, Result, ScalarValue, TableReference};
use datafusion::logical_expr::{Case, Expr, LogicalPlan};

use crate::ground::Problems;
use crate::models::Model;

use self::combinations::Combinations;
use self::conditions::Conditions;
use self::definitions::{Definition, Definitions, pack_table, replaced};
use self::domains::{Domain, Domains, Missing, given};
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
        let mut taken_by: Vec<Option<usize>> = vec![None; combinations.count()];
        let mut reached = Vec::new();
        for (branch, condition) in conditions.conditions.iter().enumerate() {
            let holds = combinations.holding(condition)?;
            let mut takes_any = false;
            let mut earlier = BTreeSet::new();
            for (row, taken_by) in taken_by.iter_mut().enumerate() {
                if holds.is_null(row) || !holds.value(row) {
                    continue;
                }
                match taken_by {
                    Some(other) => {
                        earlier.insert(*other);
                    }
                    None => {
                        *taken_by = Some(branch);
                        takes_any = true;
                    }
                }
            }
            reached.push(match takes_any {
                true => Reached::Yes,
                false if earlier.is_empty() => Reached::Never,
                false => Reached::Shadowed(earlier),
            });
        }
        let first_hole = taken_by.iter().position(Option::is_none);
        Ok(Some(Coverage {
            combinations: combinations.count(),
            holes: taken_by.iter().filter(|branch| branch.is_none()).count(),
            first_hole: first_hole.map(|row| combinations.shown(row)).transpose()?,
            reached,
            is_exact: conditions.are_known() && self.has_all_rows,
            holds_for_all_cut_points: conditions.hold_for_all_cut_points(),
        }))
    }
}

/// The tier tables read so far: what their columns can be, and what they are computed from.
#[derive(Default)]
struct Tables {
    domains: Domains,
    values: HashMap<Column, Expr>,
}

impl Tables {
    /// Takes up the columns of a model, and returns those that are CASEs.
    fn read<'a>(
        &mut self,
        tier: &TierModel<'a>,
        dimensions: &'a Dimensions,
    ) -> Result<Vec<Rule<'a>>> {
        let definitions = Definitions::of(&tier.plan)?;
        self.domains.add_fields(definitions.fields);
        let name = &tier.model.name;
        let table = TableReference::partial(name.folder.as_str(), name.name.as_str());
        let mut columns = Vec::new();
        for ((_, definition), field) in definitions
            .columns
            .into_iter()
            .zip(tier.plan.schema().fields())
        {
            let column = Column::new(Some(table.clone()), field.name());
            let fields = HashMap::from([(column.clone(), std::sync::Arc::clone(field))]);
            self.domains.add_fields(fields);
            let value = self.over_tables(&definition.value)?;
            columns.push((
                column,
                Definition {
                    value,
                    ..definition
                },
            ));
        }
        let dimension_of = |column: &Column| {
            dimensions
                .iter()
                .find(|dimension| dimension.name == column.name)
        };
        for (column, definition) in &columns {
            if let Some(domain) = domain_of(&definition.value, dimension_of(column)) {
                self.domains.insert(column.clone(), domain);
            }
        }
        let mut rules = Vec::new();
        for (column, definition) in &columns {
            let siblings = columns.iter().filter(|(sibling, other)| {
                other.value != definition.value && self.domains.states(sibling)
            });
            let siblings: Vec<_> = siblings.collect();
            let value = over_siblings(&definition.value, &siblings)?;
            self.values
                .insert(column.clone(), self.seen_from_outside(column, &value)?);
            if let (Expr::Case(case), Some(written)) = (value, &definition.written) {
                rules.push(Rule {
                    model: tier.model,
                    column: column.name.clone(),
                    case,
                    written: written.clone(),
                    dimension: dimension_of(column),
                    has_all_rows: definitions.has_all_rows,
                });
            }
        }
        Ok(rules)
    }

    /// The expression with every column of a tier table as seen from outside.
    fn over_tables(&self, value: &Expr) -> Result<Expr> {
        replaced(value, |node| match node {
            Expr::Column(column) => self.values.get(column).cloned(),
            _ => None,
        })
    }

    /// What the models that read a column compute with: the column itself, unless it is another
    /// one by a new name, or computed from columns whose values are known.
    fn seen_from_outside(&self, column: &Column, value: &Expr) -> Result<Expr> {
        let is_renamed = matches!(value, Expr::Column(other) if is_of_pack(other));
        let is_stated = self.domains.states(column);
        match is_renamed || !is_stated && self.domains.knows(value)? {
            true => Ok(value.clone()),
            false => Ok(Expr::Column(column.clone())),
        }
    }
}

fn is_of_pack(column: &Column) -> bool {
    column.relation.as_ref().and_then(pack_table).is_some()
}

/// The values that a column of a tier model is declared or seen to have.
fn domain_of(value: &Expr, dimension: Option<&Dimension>) -> Option<Domain> {
    match (value, dimension) {
        (Expr::Column(_), _) => None,
        (_, Some(dimension)) => {
            let names = dimension.tiers.iter().map(|tier| tier.name.as_str());
            Some(Domain {
                values: names.map(ScalarValue::from).collect(),
                missing: Missing::Never,
            })
        }
        (Expr::Case(case), None) => given(case),
        _ => None,
    }
}

/// The expression with the other columns of its model in place of what they are.
fn over_siblings(value: &Expr, siblings: &[&(Column, Definition)]) -> Result<Expr> {
    replaced(value, |node| {
        let known = siblings.iter().find(|(_, sibling)| sibling.value == *node);
        known.map(|(column, _)| Expr::Column(column.clone()))
    })
}
