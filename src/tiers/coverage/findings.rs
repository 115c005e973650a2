//! What is wrong with a rule, in words and at its place in the file.

use std::collections::BTreeSet;
use std::ops::Range;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Case, Expr};

use crate::ground::{Diagnostic, Problems, nearest};
use crate::models::{Model, WrittenCase};
use crate::tiers::Dimension;

use super::domains::results;
use super::rule::{Coverage, Reached, Rule};

/// What [`check`](super::check) found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Users without a value, or with one that dim_tier does not list: rows would be wrong.
    pub wrong: Problems,
    /// Branches and tiers that no user can have: rows are right all the same.
    pub unreachable: Problems,
}

impl Rule<'_> {
    /// Reports what is wrong; without a coverage, what the results alone tell.
    pub(super) fn report(&self, coverage: Option<&Coverage>, findings: &mut Findings) {
        let place = Place::of(self.model, &self.written);
        let results = results(&self.case);
        if let Some(coverage) = coverage {
            findings
                .wrong
                .0
                .extend(self.hole(coverage, &results, &place));
            if coverage.holds_for_all_cut_points {
                let unreached = self.unreached(coverage, &results, &place);
                findings.unreachable.extend(unreached);
            }
        }
        if let Some(dimension) = self.dimension {
            let (unlisted, meant) = unlisted(dimension, &results, &place);
            findings.wrong.extend(unlisted);
            let never_given = never_given(dimension, &results, &meant, &place);
            findings.unreachable.extend(never_given);
        }
    }

    /// A CASE that leaves a combination NULL, unless it says so itself.
    fn hole(
        &self,
        coverage: &Coverage,
        results: &[Option<ScalarValue>],
        place: &Place<'_>,
    ) -> Option<Diagnostic> {
        let otherwise = self.case.else_expr.as_ref().and_then(|_| results.last());
        let gives_nothing = match otherwise {
            None => self.case.else_expr.is_none(),
            Some(value) => self.dimension.is_some() && is_null(value.as_ref()),
        };
        let example = coverage.first_hole.as_ref()?;
        if !gives_nothing || !coverage.is_exact {
            return None;
        }
        let message = match (coverage.holes, coverage.combinations) {
            (holes, all) if holes == all => {
                format!(
                    "`{}` has no value for any combination, such as {example}",
                    self.column
                )
            }
            (1, all) => format!(
                "`{}` has no value for one of {all} combinations: {example}",
                self.column
            ),
            (holes, all) => format!(
                "`{}` has no value for {holes} of {all} combinations, such as {example}",
                self.column
            ),
        };
        let help = match self.dimension {
            Some(_) => "add a WHEN for them, or an ELSE: every user needs a value",
            None => "add a WHEN for them, or an ELSE; write ELSE NULL if no value is intended",
        };
        Some(Diagnostic::at(&self.model.file, place.head(), message).help(help))
    }

    /// The branches that no combination gets to.
    fn unreached(
        &self,
        coverage: &Coverage,
        results: &[Option<ScalarValue>],
        place: &Place<'_>,
    ) -> Problems {
        let mut problems = Problems::default();
        for (branch, reached) in coverage.reached.iter().enumerate() {
            let reason = match reached {
                Reached::Yes => continue,
                Reached::Never => "its condition is never true".to_owned(),
                Reached::Shadowed(earlier) => shadowed_by(earlier, place),
            };
            let message = format!("{} is never reached: {reason}", branch_of(results, branch));
            problems.push(
                Diagnostic::at(&self.model.file, place.branch(branch), message)
                    .help("the first match wins: put the narrower condition first, or take the branch out"),
            );
        }
        let otherwise = coverage.reached.len();
        let is_needless = coverage.holes == 0 && self.case.else_expr.is_some();
        if is_needless && !is_null(results[otherwise].as_ref()) {
            let message = format!(
                "{} is never reached: the branches before it take every combination",
                branch_of(results, otherwise)
            );
            problems.push(
                Diagnostic::at(&self.model.file, place.branch(otherwise), message)
                    .help("take the ELSE out, or narrow a condition"),
            );
        }
        problems
    }
}

fn shadowed_by(earlier: &BTreeSet<usize>, place: &Place<'_>) -> String {
    let lines: BTreeSet<usize> = earlier
        .iter()
        .filter_map(|branch| place.line(*branch))
        .collect();
    let lines: Vec<String> = lines.iter().map(usize::to_string).collect();
    match lines.as_slice() {
        [] => "earlier branches already match everything it matches".to_owned(),
        [line] => format!("the branch on line {line} takes all that it asks for"),
        lines => format!(
            "the branches on lines {} already match everything it matches",
            lines.join(", ")
        ),
    }
}

/// Results that dim_tier does not list, and the listed values that seem to be meant.
fn unlisted<'a>(
    dimension: &'a Dimension,
    results: &[Option<ScalarValue>],
    place: &Place<'_>,
) -> (Problems, BTreeSet<&'a str>) {
    let mut problems = Problems::default();
    let mut meant = BTreeSet::new();
    let listed: Vec<&str> = dimension
        .tiers
        .iter()
        .map(|tier| tier.name.as_str())
        .collect();
    for (branch, result) in results.iter().enumerate() {
        let Some(name) = result.as_ref().and_then(text) else {
            continue;
        };
        if listed.contains(&name) {
            continue;
        }
        let near = nearest(name, listed.iter().copied());
        meant.extend(near);
        let message = format!(
            "`{}` gives `{name}`, which dim_tier does not list",
            dimension.name
        );
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "list it in reference/dim_tier.csv, or in the job where it has [dimensions.{}]; or give one of: {}",
                dimension.name,
                listed.join(", ")
            ),
        };
        let problem = Diagnostic::at(&place.model.file, place.result(branch), message);
        problems.push(problem.help(help));
    }
    (problems, meant)
}

/// Values that dim_tier lists and no branch gives, when all branches give literals.
fn never_given(
    dimension: &Dimension,
    results: &[Option<ScalarValue>],
    meant: &BTreeSet<&str>,
    place: &Place<'_>,
) -> Problems {
    let mut problems = Problems::default();
    if results.iter().any(Option::is_none) {
        return problems;
    }
    let given: BTreeSet<&str> = results.iter().flatten().filter_map(text).collect();
    for tier in &dimension.tiers {
        let name = tier.name.as_str();
        if given.contains(name) || meant.contains(name) {
            continue;
        }
        let message = format!(
            "no branch of `{}` gives `{name}`, which dim_tier lists",
            dimension.name
        );
        problems.push(
            Diagnostic::at(&place.model.file, place.head(), message)
                .help("add a WHEN that gives it, or take it out of dim_tier"),
        );
    }
    problems
}

fn is_null(value: Option<&ScalarValue>) -> bool {
    value.is_some_and(ScalarValue::is_null)
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

/// A branch by what it gives.
fn branch_of(results: &[Option<ScalarValue>], branch: usize) -> String {
    match &results[branch] {
        Some(value) => format!("the branch for `{value}`"),
        None => "this branch".to_owned(),
    }
}

/// Where a CASE is in its file.
struct Place<'a> {
    model: &'a Model,
    case: Option<WrittenCase>,
}

impl<'a> Place<'a> {
    /// The innermost CASE of this shape around the first column of the conditions; the only one
    /// of this shape when no column tells.
    fn of(model: &'a Model, written: &Case) -> Self {
        let branches = written.when_then_expr.len() + usize::from(written.else_expr.is_some());
        let mut cases = model.cases();
        cases.retain(|case| case.branches.len() == branches);
        let case = match first_column(model, written) {
            Some(at) => cases.into_iter().rfind(|case| case.whole.contains(&at)),
            None if cases.len() == 1 => cases.pop(),
            None => None,
        };
        Self { model, case }
    }

    fn head(&self) -> Range<usize> {
        let case = self.case.as_ref();
        case.map_or_else(|| self.model.head(), |case| case.head.clone())
    }

    fn branch(&self, branch: usize) -> Range<usize> {
        let found = self
            .case
            .as_ref()
            .and_then(|case| case.branches.get(branch));
        found.map_or_else(|| self.head(), |branch| branch.whole.clone())
    }

    fn result(&self, branch: usize) -> Range<usize> {
        let found = self
            .case
            .as_ref()
            .and_then(|case| case.branches.get(branch));
        found.map_or_else(|| self.head(), |branch| branch.result.clone())
    }

    /// The line of a branch, counted from 1.
    fn line(&self, branch: usize) -> Option<usize> {
        let found = self.case.as_ref()?.branches.get(branch)?;
        Some(self.model.file.line_at(found.whole.start))
    }
}

/// The byte at which the first column of a CASE stands.
fn first_column(model: &Model, case: &Case) -> Option<usize> {
    let mut first = None;
    let conditions = case.when_then_expr.iter().map(|(condition, _)| condition);
    for part in case.expr.iter().chain(conditions) {
        let walked = part.apply(|node| {
            if let Expr::Column(column) = node
                && let Some(span) = column.spans().first()
            {
                first = Some(model.file.byte_at(span.start.line, span.start.column));
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        if walked.is_err() || first.is_some() {
            break;
        }
    }
    first
}
