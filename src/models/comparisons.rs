//! Comparisons that the engine computes and nobody means: of a day or a time with a number, which
//! counts days or nanoseconds since 1970, and of anything else where WHEN needs true or false.

use std::ops::Range;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Location, Span};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};

use crate::ground::{Diagnostic, Problems, sql_type};

use super::Model;
use super::own_plan::each_node;

/// Refuses such comparisons of a model, in its plan before types are made to fit.
///
/// # Errors
/// Each of them, at the first column in it.
pub(super) fn check(plan: &LogicalPlan, model: &Model) -> Result<(), Problems> {
    let mut problems: Vec<Diagnostic> = Vec::new();
    each_node(plan, model, |node| {
        let schema = merge_schema(&node.inputs());
        let mut found = joined_by(node, &schema);
        for expression in node.expressions() {
            expression.apply(|part| {
                found.extend(unmeant(part, &schema));
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        for problem in found.iter().map(|unmeant| unmeant.explain(model)) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        Ok(())
    })?;
    Problems(problems).or_ok(())
}

/// What nobody means.
enum Unmeant {
    /// A day or a time, and the number that it is compared with.
    TimeWithNumber { time: Side, number: Side },
    /// A condition that is neither true nor false.
    Condition(Side),
}

/// A side of a comparison.
struct Side {
    /// The column, when it is one.
    column: Option<String>,
    /// Where its first column stands.
    first_column: Option<Span>,
    data_type: DataType,
}

/// The comparisons of a join that nobody means.
fn joined_by(node: &LogicalPlan, schema: &DFSchema) -> Vec<Unmeant> {
    let LogicalPlan::Join(join) = node else {
        return Vec::new();
    };
    let pairs = join.on.iter();
    let unmeant = pairs.filter_map(|(left, right)| time_with_number(left, right, schema));
    unmeant.collect()
}

/// The comparisons in an expression itself, not in its parts, that nobody means.
fn unmeant(expression: &Expr, schema: &DFSchema) -> Vec<Unmeant> {
    let with_each = |one: &Expr, others: &[&Expr]| -> Vec<Unmeant> {
        let others = others.iter();
        let compared = others.filter_map(|other| time_with_number(one, other, schema));
        compared.collect()
    };
    match expression {
        Expr::BinaryExpr(binary) if compares(binary.op) => {
            with_each(&binary.left, &[&binary.right])
        }
        Expr::Between(between) => with_each(&between.expr, &[&between.low, &between.high]),
        Expr::InList(list) => with_each(&list.expr, &list.list.iter().collect::<Vec<_>>()),
        Expr::InSubquery(within) => {
            let listed = within.subquery.subquery.schema();
            let column = listed.columns().into_iter().next().map(Expr::Column);
            let compared = column.and_then(|column| {
                unmeant_pair(Side::of(&within.expr, schema)?, Side::of(&column, listed)?)
            });
            compared.into_iter().collect()
        }
        Expr::Case(case) => {
            let whens = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
            match &case.expr {
                Some(compared) => with_each(compared, &whens.collect::<Vec<_>>()),
                None => whens.filter_map(|when| condition(when, schema)).collect(),
            }
        }
        _ => Vec::new(),
    }
}

fn compares(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(
        operator,
        Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom
    )
}

fn time_with_number(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<Unmeant> {
    unmeant_pair(Side::of(left, schema)?, Side::of(right, schema)?)
}

fn unmeant_pair(left: Side, right: Side) -> Option<Unmeant> {
    let (time, number) = match left.data_type.is_numeric() {
        true => (right, left),
        false => (left, right),
    };
    let is_unmeant = is_time(&time.data_type) && number.data_type.is_numeric();
    is_unmeant.then_some(Unmeant::TimeWithNumber { time, number })
}

fn is_time(data_type: &DataType) -> bool {
    use DataType::{Date32, Date64, Time32, Time64, Timestamp};
    matches!(
        data_type,
        Date32 | Date64 | Timestamp(..) | Time32(_) | Time64(_)
    )
}

fn condition(when: &Expr, schema: &DFSchema) -> Option<Unmeant> {
    let side = Side::of(when, schema)?;
    let is_condition = matches!(side.data_type, DataType::Boolean | DataType::Null);
    (!is_condition).then_some(Unmeant::Condition(side))
}

impl Side {
    /// A side, where the engine knows its type before types are made to fit.
    fn of(expression: &Expr, schema: &DFSchema) -> Option<Self> {
        let data_type = expression.get_type(schema).ok()?;
        let mut first_column = None;
        let walked = expression.apply(|part| {
            if let Expr::Column(column) = part
                && let Some(span) = column.spans().first()
            {
                first_column = Some(span);
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        walked.ok()?;
        let column = match expression {
            Expr::Column(column) => Some(column.name.clone()),
            _ => None,
        };
        Some(Self {
            column,
            first_column,
            data_type,
        })
    }

    fn place(&self, model: &Model) -> Option<Range<usize>> {
        let Span { start, end } = self.first_column?;
        let byte = |at: Location| model.file.byte_at(at.line, at.column);
        Some(byte(start)..byte(end).max(byte(start)))
    }

    /// `recency_days` of type BIGINT.
    fn named(&self) -> String {
        let data_type = sql_type(&self.data_type);
        match &self.column {
            Some(column) => format!("`{column}` of type {data_type}"),
            None => format!("a value of type {data_type}"),
        }
    }
}

impl Unmeant {
    fn explain(&self, model: &Model) -> Diagnostic {
        match self {
            Self::TimeWithNumber { time, number } => {
                let place = time.place(model).or_else(|| number.place(model));
                let message = format!(
                    "{} is compared with {}",
                    time.named(),
                    sql_type(&number.data_type)
                );
                let help = "compare days with days, such as DATE '2026-10-01', or count them: $snapshot_date - day";
                Diagnostic::at(&model.file, place.unwrap_or_else(|| model.head()), message)
                    .help(help)
            }
            Self::Condition(side) => {
                let place = side.place(model).unwrap_or_else(|| model.head());
                let message = format!("{} is no condition", side.named());
                Diagnostic::at(&model.file, place, message)
                    .help("WHEN needs what is true or false: compare it, as in WHEN x > 0")
            }
        }
    }
}
