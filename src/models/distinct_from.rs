//! `IS [NOT] DISTINCT FROM` next to AND and OR, as SQL reads it.
//!
//! The parser takes for the right side of the operator whatever follows, AND and OR included:
//!
//! | written | parsed | SQL says |
//! |---|---|---|
//! | `a IS DISTINCT FROM b AND c` | `a IS DISTINCT FROM (b AND c)` | `(a IS DISTINCT FROM b) AND c` |
//! | `NOT a IS DISTINCT FROM b OR c` | `NOT (a IS DISTINCT FROM (b OR c))` | `(NOT (a IS DISTINCT FROM b)) OR c` |
//!
//! [`read_as_sql`] puts what was parsed in a row again, and reads it by the ranks of the operators.

use std::iter::Peekable;
use std::ops::ControlFlow;
use std::vec::IntoIter;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Statement, UnaryOperator, VisitMut, VisitorMut, visit_expressions,
};

/// Reads every such comparison of a statement as SQL does. Others stay as they are, in their text
/// too.
pub(super) fn read_as_sql(statement: &mut Statement) {
    let found = visit_expressions(statement, |expression| match is_too_wide(expression) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    if found.is_break() {
        let ControlFlow::Continue(()) = VisitMut::visit(statement, &mut Ranks);
    }
}

struct Ranks;

impl VisitorMut for Ranks {
    type Break = std::convert::Infallible;

    /// The whole row of operators comes before its parts.
    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        if in_a_row(expression).any(is_too_wide)
            && let Some(read) = Row::of(expression.clone()).any_of()
        {
            *expression = read;
        }
        ControlFlow::Continue(())
    }
}

/// Whether a comparison has taken more than its right side.
fn is_too_wide(expression: &Expr) -> bool {
    let (Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right)) = expression else {
        return false;
    };
    matches!(
        right.as_ref(),
        Expr::BinaryOp {
            op: BinaryOperator::And | BinaryOperator::Or,
            ..
        }
    )
}

/// The operators that follow one another with an expression, no parentheses between them.
fn in_a_row(expression: &Expr) -> impl Iterator<Item = &Expr> {
    let mut waiting = vec![expression];
    std::iter::from_fn(move || {
        let next = waiting.pop()?;
        match next {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::And | BinaryOperator::Or,
                right,
            }
            | Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right) => waiting.extend([&**right, &**left]),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => waiting.push(expr),
            _ => {}
        }
        Some(next)
    })
}

/// One word of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Operand(Box<Expr>),
    Or,
    And,
    Not,
    DistinctFrom,
    NotDistinctFrom,
}

/// Operands and operators as they were written.
struct Row(Peekable<IntoIter<Part>>);

impl Row {
    fn of(expression: Expr) -> Self {
        let mut parts = Vec::new();
        let mut waiting = vec![Part::Operand(Box::new(expression))];
        while let Some(next) = waiting.pop() {
            match next {
                Part::Operand(expression) => waiting_parts(*expression, &mut waiting, &mut parts),
                operator => parts.push(operator),
            }
        }
        Self(parts.into_iter().peekable())
    }

    fn takes(&mut self, part: &Part) -> bool {
        self.0.next_if_eq(part).is_some()
    }

    /// `a OR b`; nothing where the row breaks off.
    fn any_of(&mut self) -> Option<Expr> {
        let mut left = self.all_of()?;
        while self.takes(&Part::Or) {
            left = binary(left, BinaryOperator::Or, self.all_of()?);
        }
        Some(left)
    }

    fn all_of(&mut self) -> Option<Expr> {
        let mut left = self.negated()?;
        while self.takes(&Part::And) {
            left = binary(left, BinaryOperator::And, self.negated()?);
        }
        Some(left)
    }

    fn negated(&mut self) -> Option<Expr> {
        if !self.takes(&Part::Not) {
            return self.compared();
        }
        Some(Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(self.negated()?),
        })
    }

    /// A comparison gets parentheses, so that its text says how it is read.
    fn compared(&mut self) -> Option<Expr> {
        let mut left = self.operand()?;
        loop {
            let comparison = if self.takes(&Part::DistinctFrom) {
                Expr::IsDistinctFrom
            } else if self.takes(&Part::NotDistinctFrom) {
                Expr::IsNotDistinctFrom
            } else {
                return Some(left);
            };
            let right = self.operand()?;
            let compared = comparison(Box::new(left), Box::new(right));
            left = Expr::Nested(Box::new(compared));
        }
    }

    fn operand(&mut self) -> Option<Expr> {
        match self.0.next()? {
            Part::Operand(expression) => Some(*expression),
            Part::Not => Some(Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr: Box::new(self.operand()?),
            }),
            _ => None,
        }
    }
}

/// Takes an operator apart, the last of its parts first; anything else is an operand.
fn waiting_parts(expression: Expr, waiting: &mut Vec<Part>, parts: &mut Vec<Part>) {
    let (left, operator, right) = match expression {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => (Some(left), Part::And, right),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } => (Some(left), Part::Or, right),
        Expr::IsDistinctFrom(left, right) => (Some(left), Part::DistinctFrom, right),
        Expr::IsNotDistinctFrom(left, right) => (Some(left), Part::NotDistinctFrom, right),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr,
        } => (None, Part::Not, expr),
        operand => return parts.push(Part::Operand(Box::new(operand))),
    };
    waiting.extend([Part::Operand(right), operator]);
    waiting.extend(left.map(Part::Operand));
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    /// How a condition is read, every operator in parentheses.
    fn read(condition: &str) -> String {
        let sql = format!("SELECT {condition}");
        let mut statements = Parser::parse_sql(&GenericDialect {}, &sql).unwrap();
        read_as_sql(&mut statements[0]);
        let text = statements[0].to_string();
        text.trim_start_matches("SELECT ").to_owned()
    }

    /// The same condition with parentheses, parsed as it is.
    fn assert_read(condition: &str, expected: &str) {
        let parsed = |sql: &str| {
            let sql = format!("SELECT {sql}");
            let mut statements = Parser::parse_sql(&GenericDialect {}, &sql).unwrap();
            read_as_sql(&mut statements[0]);
            plain(&statements[0])
        };
        assert_eq!(parsed(condition), parsed(expected), "{condition}");
    }

    /// A statement in which every AND, OR and NOT has parentheses.
    fn plain(statement: &Statement) -> String {
        struct Parentheses;
        impl VisitorMut for Parentheses {
            type Break = std::convert::Infallible;
            fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
                if let Expr::Nested(inner) = expression {
                    *expression = (**inner).clone();
                }
                if matches!(
                    expression,
                    Expr::BinaryOp { .. }
                        | Expr::UnaryOp { .. }
                        | Expr::IsDistinctFrom(..)
                        | Expr::IsNotDistinctFrom(..)
                ) {
                    *expression = Expr::Nested(Box::new(expression.clone()));
                }
                ControlFlow::Continue(())
            }
        }
        let mut statement = statement.clone();
        let ControlFlow::Continue(()) = VisitMut::visit(&mut statement, &mut Parentheses);
        statement.to_string()
    }

    #[test]
    fn a_comparison_ends_where_and_begins() {
        assert_eq!(
            read("a IS DISTINCT FROM b AND c"),
            "(a IS DISTINCT FROM b) AND c"
        );
        assert_eq!(
            read("a IS NOT DISTINCT FROM b OR c"),
            "(a IS NOT DISTINCT FROM b) OR c"
        );
    }

    #[test]
    fn the_ranks_of_all_operators_in_the_row_hold() {
        assert_read(
            "x AND a IS DISTINCT FROM b OR c",
            "(x AND (a IS DISTINCT FROM b)) OR c",
        );
        assert_read(
            "x OR a IS DISTINCT FROM b AND c OR d",
            "x OR ((a IS DISTINCT FROM b) AND c) OR d",
        );
        assert_read(
            "NOT a IS DISTINCT FROM b AND c",
            "(NOT (a IS DISTINCT FROM b)) AND c",
        );
        assert_read(
            "a IS DISTINCT FROM b AND c IS NOT DISTINCT FROM d AND NOT e OR f",
            "((a IS DISTINCT FROM b) AND (c IS NOT DISTINCT FROM d) AND (NOT e)) OR f",
        );
        assert_read(
            "a + 1 IS DISTINCT FROM b * 2 AND c BETWEEN 1 AND 2",
            "((a + 1) IS DISTINCT FROM (b * 2)) AND (c BETWEEN 1 AND 2)",
        );
    }

    #[test]
    fn parentheses_and_branches_are_rows_of_their_own() {
        assert_read(
            "(a IS DISTINCT FROM b AND c) OR d",
            "((a IS DISTINCT FROM b) AND c) OR d",
        );
        assert_read(
            "CASE WHEN a IS DISTINCT FROM b AND c THEN 1 END",
            "CASE WHEN (a IS DISTINCT FROM b) AND c THEN 1 END",
        );
        let inside = "a IS DISTINCT FROM (b AND c)";
        assert_eq!(read(inside), inside);
        let alone = "a IS DISTINCT FROM b";
        assert_eq!(read(alone), alone);
    }
}
