//! Where in a statement an error is that the engine gives no place for: in the smallest part of the
//! statement that fails when it is planned by itself.
//!
//! | of | the parts are | that fail |
//! |---|---|---|
//! | a query | the tables of WITH, each beside those before it; branches of UNION; subqueries of FROM; FROM; then WHERE and what is selected, over the same FROM | in the same words |
//! | FROM | conditions of joins, over all that is joined | somehow |
//! | an expression | what it is made of | in the same words, or else somehow |
//! | an array | its first value that no array with the first value can have | |

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::common::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{
    Array, Expr, GroupByExpr, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr,
    Spanned, Statement, TableFactor, Value, Visit, Visitor, With,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::engine::analysed;

/// The place of the smallest part that fails alike; none where the parser kept no place of it.
pub(super) async fn culprit(
    statement: &Statement,
    error: &DataFusionError,
    state: &SessionState,
) -> Option<Span> {
    let Statement::Query(query) = statement else {
        return None;
    };
    let said = error.strip_backtrace();
    let mut part = Part::of_query(query.as_ref().clone());
    'smaller: loop {
        for smaller in part.smaller() {
            let failure = failure_of(smaller.query.clone(), state).await;
            if failure.is_some_and(|failure| smaller.may_fail_somehow || failure == said) {
                part = smaller;
                continue 'smaller;
            }
        }
        let place = odd_value(&part, state).await.unwrap_or(part.place);
        return (place != Span::empty()).then_some(place);
    }
}

/// What the engine says of a query that it cannot plan.
async fn failure_of(query: Query, state: &SessionState) -> Option<String> {
    let statement = EngineStatement::Statement(Box::new(Statement::Query(Box::new(query))));
    let planned = state.statement_to_plan(statement).await;
    let planned = planned.and_then(|plan| analysed(plan, state));
    planned.err().map(|error| error.strip_backtrace())
}

/// The first value of an array that does not go with the first one.
async fn odd_value(part: &Part, state: &SessionState) -> Option<Span> {
    let What::Expression(expression) = &part.what else {
        return None;
    };
    let Expr::Array(array) = expression.as_ref() else {
        return None;
    };
    let [first, others @ ..] = array.elem.as_slice() else {
        return None;
    };
    for other in others {
        let pair = Expr::Array(Array {
            elem: vec![first.clone(), other.clone()],
            named: array.named,
        });
        let of_pair = part.of_expression(&pair)?;
        if failure_of(of_pair.query, state).await.is_some() {
            return Some(other.span());
        }
    }
    None
}

/// A part of a statement, as a query of its own.
struct Part {
    query: Query,
    what: What,
    place: Span,
    /// Whether it is at fault when it fails in whatever words.
    may_fail_somehow: bool,
}

enum What {
    Query,
    /// What is read, without what is made of it.
    From,
    Expression(Box<Expr>),
}

impl Part {
    fn of_query(query: Query) -> Self {
        Self {
            place: query.body.span(),
            what: What::Query,
            query,
            may_fail_somehow: false,
        }
    }

    fn failing_somehow(self) -> Self {
        Self {
            may_fail_somehow: true,
            ..self
        }
    }

    /// Parts of this one, in the order in which they are at fault.
    fn smaller(&self) -> Vec<Self> {
        match &self.what {
            What::Query => self.smaller_queries(),
            What::From => self.conditions_of_joins(),
            What::Expression(expression) => {
                let parts = parts_of(expression);
                let alike = parts.iter().filter_map(|part| self.of_expression(part));
                let somehow = parts.iter().filter_map(|part| self.of_expression(part));
                alike.chain(somehow.map(Self::failing_somehow)).collect()
            }
        }
    }

    fn conditions_of_joins(&self) -> Vec<Self> {
        let SetExpr::Select(select) = self.query.body.as_ref() else {
            return Vec::new();
        };
        let mut all_rows = select.as_ref().clone();
        let mut conditions = Vec::new();
        for join in all_rows.from.iter_mut().flat_map(|from| &mut from.joins) {
            conditions.extend(condition_of(&join.join_operator));
            join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
        }
        let all_rows = Self {
            query: self.with_body(&SetExpr::Select(Box::new(all_rows))),
            what: What::From,
            ..*self
        };
        let conditions = conditions.iter();
        let conditions = conditions.filter_map(|condition| all_rows.of_expression(condition));
        conditions.map(Self::failing_somehow).collect()
    }

    fn smaller_queries(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        if let Some(with) = &self.query.with {
            for (place, table) in with.cte_tables.iter().enumerate() {
                let before = With {
                    cte_tables: with.cte_tables[..place].to_vec(),
                    ..with.clone()
                };
                smaller.push(Self::of_query(within(Some(&before), &table.query)));
            }
        }
        match self.query.body.as_ref() {
            SetExpr::SetOperation { left, right, .. } => {
                smaller.extend([left, right].map(|branch| Self::of_query(self.with_body(branch))));
            }
            SetExpr::Query(query) => {
                smaller.push(Self::of_query(within(self.query.with.as_ref(), query)));
            }
            SetExpr::Select(select) => smaller.extend(self.of_select(select)),
            _ => {}
        }
        smaller
    }

    fn of_select(&self, select: &Select) -> Vec<Self> {
        let tables = select.from.iter().flat_map(|from| {
            let joined = from.joins.iter().map(|join| &join.relation);
            [&from.relation].into_iter().chain(joined)
        });
        let derived = tables.filter_map(|table| match table {
            TableFactor::Derived {
                lateral: false,
                subquery,
                ..
            } => Some(Self::of_query(within(self.query.with.as_ref(), subquery))),
            _ => None,
        });
        let one = Expr::Value(Value::Number("1".to_owned(), false).into());
        let from = self.of_expression(&one).map(|part| Self {
            what: What::From,
            place: self.place,
            ..part
        });
        let rows = select.selection.as_ref().and_then(|selection| {
            let mut part = self.of_expression(selection)?;
            let filtered = Select {
                selection: Some(selection.clone()),
                ..self.selecting(&one)?
            };
            part.query = self.with_body(&SetExpr::Select(Box::new(filtered)));
            Some(part)
        });
        let selected = select.projection.iter().filter_map(|item| match item {
            SelectItem::UnnamedExpr(expression) => Some(expression),
            SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        });
        let selected = selected.filter_map(|expression| self.of_expression(expression));
        derived.chain(from).chain(rows).chain(selected).collect()
    }

    /// One expression over what this SELECT reads; none where this is no SELECT.
    fn of_expression(&self, expression: &Expr) -> Option<Self> {
        let select = self.selecting(expression)?;
        Some(Self {
            query: self.with_body(&SetExpr::Select(Box::new(select))),
            place: expression.span(),
            what: What::Expression(Box::new(expression.clone())),
            may_fail_somehow: false,
        })
    }

    fn selecting(&self, expression: &Expr) -> Option<Select> {
        let SetExpr::Select(select) = self.query.body.as_ref() else {
            return None;
        };
        Some(Select {
            distinct: None,
            projection: vec![SelectItem::UnnamedExpr(expression.clone())],
            selection: None,
            group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
            having: None,
            qualify: None,
            ..select.as_ref().clone()
        })
    }

    /// Another body below the same WITH, in no order.
    fn with_body(&self, body: &SetExpr) -> Query {
        Query {
            body: Box::new(body.clone()),
            order_by: None,
            limit_clause: None,
            fetch: None,
            ..self.query.clone()
        }
    }
}

fn condition_of(join: &JoinOperator) -> Option<Expr> {
    let (JoinOperator::Join(constraint)
    | JoinOperator::Inner(constraint)
    | JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)
    | JoinOperator::Right(constraint)
    | JoinOperator::RightOuter(constraint)
    | JoinOperator::FullOuter(constraint)) = join
    else {
        return None;
    };
    match constraint {
        JoinConstraint::On(condition) => Some(condition.clone()),
        _ => None,
    }
}

/// A query that knows the tables of a WITH around it.
fn within(with: Option<&With>, query: &Query) -> Query {
    let mut query = query.clone();
    let own = query.with.take();
    let tables = [with, own.as_ref()].into_iter().flatten();
    query.with = own.as_ref().or(with).map(|with| With {
        cte_tables: tables.flat_map(|with| with.cte_tables.clone()).collect(),
        ..with.clone()
    });
    query.with.take_if(|with| with.cte_tables.is_empty());
    query
}

/// What an expression is made of, one level down and without subqueries.
fn parts_of(expression: &Expr) -> Vec<Expr> {
    let mut reader = Parts::default();
    let ControlFlow::Continue(()) = Visit::visit(expression, &mut reader);
    reader.found
}

#[derive(Default)]
struct Parts {
    /// How many expressions, and how many subqueries, are being visited.
    expressions: usize,
    subqueries: usize,
    found: Vec<Expr>,
}

impl Visitor for Parts {
    type Break = Infallible;

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        self.subqueries += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<Self::Break> {
        self.subqueries -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        self.expressions += 1;
        if self.expressions == 2 && self.subqueries == 0 {
            self.found.push(expression.clone());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _expression: &Expr) -> ControlFlow<Self::Break> {
        self.expressions -= 1;
        ControlFlow::Continue(())
    }
}
