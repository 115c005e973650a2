//! Statements that grow: a column that each step reads twice is of 2^n parts after n steps, once the optimizer
//! has written it out, which takes hours and all memory.
//!
//! ```sql
//! WITH a AS (SELECT s || s AS s FROM t), b AS (SELECT s || s AS s FROM a), .. SELECT s FROM z
//! ```
//!
//! The sizes are added up from below without writing anything out. Groups and windows are computed before what
//! reads them, so that there nothing grows.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, DataFusionError, JoinType, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The most parts that an expression may have by what it reads: with so many, planning takes seconds to minutes.
const MOST: u64 = 100_000;

/// How many times its own parts that are, at the least: a long list of values does not grow.
const TIMES: u64 = 4;

/// Refuses a plan in which an expression would become too large.
///
/// # Errors
/// The expression's column, and what to do.
pub(super) fn check_growth(plan: &LogicalPlan) -> Result<()> {
    sizes(plan).map(|_| ())
}

/// The columns of a node with how many parts each would have.
struct Sizes {
    schema: DFSchemaRef,
    of: Vec<u64>,
}

/// The sizes of a node's columns.
fn sizes(plan: &LogicalPlan) -> Result<Vec<u64>> {
    let mut below = Vec::new();
    for input in plan.inputs() {
        below.push(Sizes {
            schema: Arc::clone(input.schema()),
            of: sizes(input)?,
        });
    }
    let mut computed = Vec::new();
    for expression in plan.expressions() {
        let size = size(&expression, &below)?;
        if size > MOST && size > TIMES.saturating_mul(own_size(&expression)?) {
            return Err(too_large(&expression));
        }
        computed.push(size);
    }
    let passed = || below.iter().flat_map(|input| input.of.iter().copied());
    let columns = plan.schema().fields().len();
    let mut of: Vec<u64> = match plan {
        LogicalPlan::Projection(_) => computed,
        LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Window(_) => passed().collect(),
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => {
                below.last().map_or_else(Vec::new, |right| right.of.clone())
            }
            JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
                below.first().map_or_else(Vec::new, |left| left.of.clone())
            }
            _ => passed().collect(),
        },
        LogicalPlan::Union(_) => largest(&below),
        _ => Vec::new(),
    };
    // What is not known is a column of its own.
    of.resize(columns, 1);
    Ok(of)
}

/// How many parts an expression would have over columns of these sizes.
fn size(expression: &Expr, below: &[Sizes]) -> Result<u64> {
    let mut size: u64 = 0;
    expression.apply(|part| {
        let parts = match part {
            Expr::Column(column) => below.iter().find_map(|input| input.of_column(column)),
            Expr::ScalarSubquery(subquery) => Some(within(&subquery.subquery)?),
            Expr::InSubquery(within_rows) => Some(within(&within_rows.subquery.subquery)?),
            Expr::Exists(exists) => Some(within(&exists.subquery.subquery)?),
            _ => None,
        };
        size = size.saturating_add(parts.unwrap_or(1));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(size)
}

/// How many parts an expression has as it is written.
fn own_size(expression: &Expr) -> Result<u64> {
    size(expression, &[])
}

/// A subquery is computed before what reads it.
fn within(subquery: &LogicalPlan) -> Result<u64> {
    check_growth(subquery).map(|()| 1)
}

impl Sizes {
    fn of_column(&self, column: &Column) -> Option<u64> {
        let index = self.schema.maybe_index_of_column(column)?;
        self.of.get(index).copied()
    }
}

/// Of each column the largest of all inputs.
fn largest(below: &[Sizes]) -> Vec<u64> {
    let mut inputs = below.iter().map(|input| input.of.clone());
    let first = inputs.next().unwrap_or_default();
    inputs.fold(first, |largest, input| {
        let pairs = largest.into_iter().zip(input);
        pairs.map(|(left, right)| left.max(right)).collect()
    })
}

fn too_large(expression: &Expr) -> DataFusionError {
    let column = match expression {
        Expr::Alias(alias) => format!("`{}`", alias.name),
        _ => "an expression".to_owned(),
    };
    DataFusionError::Plan(format!(
        "{column} would have more than 100,000 parts once the columns that it reads are written out, since each step reads those of the one before several times; read them once in each step, or group between the steps"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{EngineLimits, Session};
    use super::*;

    async fn checked(steps: usize, step: &str) -> Result<()> {
        let session = Session::open(&EngineLimits::default(), [], [])?;
        let mut sql = "WITH c0 AS (SELECT s, s AS t FROM (VALUES ('a')) AS v(s))".to_owned();
        for number in 1..=steps {
            let before = number - 1;
            sql += &format!(", c{number} AS (SELECT {step} FROM c{before})");
        }
        sql += &format!(" SELECT s FROM c{steps} WHERE s = 'x'");
        check_growth(session.sql(&sql).await?.logical_plan())
    }

    #[tokio::test]
    async fn what_doubles_with_each_step_is_refused_before_it_takes_long() {
        let doubled = checked(40, "s || s AS s").await.unwrap_err();
        insta::assert_snapshot!(doubled.strip_backtrace(), @"Error during planning: `s` would have more than 100,000 parts once the columns that it reads are written out, since each step reads those of the one before several times; read them once in each step, or group between the steps");
        assert!(
            checked(40, "CASE WHEN s > 'a' THEN s ELSE s END AS s")
                .await
                .is_err()
        );
        assert!(checked(8, "s || s AS s").await.is_ok());
        assert!(checked(40, "s || 'x' AS s").await.is_ok());
        assert!(checked(40, "MAX(s || s) AS s").await.is_ok());
    }
}
