//! Rules that cover: every CASE of the tier models gives each user one value, and every value can
//! be had. Proved from the rules alone, before any data is read.
//!
//! 1. [`definitions`]: each column of a model, as an expression over the tables it reads.
//! 2. [`domains`]: what the columns of those tables can be; [`tables`] gathers it, tier by tier.
//! 3. [`conditions`]: the branches of a CASE over values that can be listed.
//! 4. [`combinations`]: all combinations of these, and the branch that takes each: the first
//!    whose condition is true.
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
mod rule;
mod tables;
#[cfg(test)]
mod tests;
mod tier_model;

use self::tables::Tables;
use super::Dimensions;

pub use self::findings::Findings;
pub use self::tier_model::TierModel;

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
