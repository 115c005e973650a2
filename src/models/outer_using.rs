//! Outer joins USING columns, which SQL and the engine read in two ways.
//!
//! In SQL the column of `a FULL JOIN b USING (user_id)` is `COALESCE(a.user_id, b.user_id)`, and
//! that of a RIGHT JOIN is b's. The engine takes a's for both, which is NULL for rows of b alone,
//! and for `*` the side whose name comes first. What would come out otherwise than SQL says is
//! refused:
//!
//! | join | refused |
//! |---|---|
//! | `FULL JOIN`, `RIGHT JOIN` `.. USING`, or `NATURAL` | always |
//! | `LEFT JOIN .. USING`, or `NATURAL` | with `SELECT *` |

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{
    JoinConstraint, JoinOperator, Select, SelectItem, Spanned, TableWithJoins,
};

use crate::ground::{Diagnostic, SourceFile};

use super::places::bytes_of;

/// Which rows of a join may lack a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outer {
    Left,
    RightOrFull,
}

/// The joins of one SELECT that would not give what SQL says.
pub(super) fn misread(select: &Select, file: &SourceFile) -> Vec<Diagnostic> {
    let has_wildcard = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_)));
    let mut problems = Vec::new();
    for (outer, place) in select.from.iter().flat_map(|from| joins_of(from, file)) {
        let message = match outer {
            Outer::RightOrFull => {
                "the column of a FULL or RIGHT JOIN with USING would be NULL where the left side has no row"
            }
            Outer::Left if has_wildcard => {
                "`*` over a LEFT JOIN with USING may show the right side's column, NULL where it has no row"
            }
            Outer::Left => continue,
        };
        problems.push(Diagnostic::at(file, place, message).help(
            "join ON a.user_id = b.user_id, and select COALESCE(a.user_id, b.user_id) AS user_id, or the side that has it",
        ));
    }
    problems
}

/// The outer joins that name no condition of their own, and where they stand.
fn joins_of(from: &TableWithJoins, file: &SourceFile) -> Vec<(Outer, Range<usize>)> {
    let joins = from.joins.iter().filter_map(|join| {
        let (outer, constraint) = match &join.join_operator {
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (Outer::Left, constraint)
            }
            JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint) => (Outer::RightOrFull, constraint),
            _ => return None,
        };
        let by_name = matches!(
            constraint,
            JoinConstraint::Using(_) | JoinConstraint::Natural
        );
        by_name.then(|| (outer, bytes_of(file, join.relation.span())))
    });
    joins.collect()
}
