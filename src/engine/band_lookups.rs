//! Lookups in bands of a reference table: a CASE instead of a join.
//!
//! ```text
//! t LEFT JOIN bands ON total BETWEEN bands.low AND bands.high
//!     = SELECT t.*, CASE WHEN total BETWEEN 13 AND 15 THEN 'high_value' .. END AS tier, .. FROM t
//! ```
//!
//! The rows of a reference table are known when a query is planned. Where no two of its bands
//! overlap, each row of the left side meets at most one, and nothing is to be joined: a join on a
//! range compares everything with everything and loses the order of the users.
//!
//! Can go once the engine joins on ranges in the order of the left side, without comparing all with
//! all; there is no issue for it upstream.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::common::{DFSchemaRef, JoinType, Result, ScalarValue};
use datafusion::datasource::{MemTable, source_as_provider};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Between, Expr, Join, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;

use super::node_rule::NodeRule;

/// Bands beyond this many stay a join.
const MOST_BANDS: usize = 64;

/// Turns left joins with disjoint bands of a reference table into CASE expressions.
pub(super) fn look_up_bands() -> NodeRule {
    NodeRule::bottom_up("look_up_bands", |plan| match plan {
        LogicalPlan::Join(join) => looked_up(join),
        _ => Ok(None),
    })
}

fn looked_up(join: &Join) -> Result<Option<LogicalPlan>> {
    let Some(Expr::Between(between)) = &join.filter else {
        return Ok(None);
    };
    let is_lookup = join.join_type == JoinType::Left && join.on.is_empty() && !between.negated;
    let is_of_left = is_of(&between.expr, join.left.schema());
    if !is_lookup || !is_of_left {
        return Ok(None);
    }
    let Some(rows) = rows_of(&join.right)? else {
        return Ok(None);
    };
    let Some(bands) = disjoint_bands(between, &rows, join.right.schema())? else {
        return Ok(None);
    };
    let left = join.left.schema().columns().into_iter().map(Expr::Column);
    let right = join.right.schema().iter().enumerate();
    let right = right.map(|(index, (qualifier, field))| {
        let value = case(between, &bands, &rows, index)?;
        Ok(value.alias_qualified(qualifier.cloned(), field.name()))
    });
    let columns: Vec<Expr> = left.map(Ok).chain(right).collect::<Result<_>>()?;
    LogicalPlanBuilder::from(Arc::unwrap_or_clone(Arc::clone(&join.left)))
        .project(columns)?
        .build()
        .map(Some)
}

/// Whether an expression names columns of `schema` only.
fn is_of(expression: &Expr, schema: &DFSchemaRef) -> bool {
    expression
        .column_refs()
        .into_iter()
        .all(|column| schema.has_column(column))
}

/// The rows of a reference table, where a plan is nothing but its scan under some name.
fn rows_of(plan: &LogicalPlan) -> Result<Option<RecordBatch>> {
    let scan = match plan {
        LogicalPlan::SubqueryAlias(alias) => return rows_of(&alias.input),
        LogicalPlan::TableScan(scan) => scan,
        _ => return Ok(None),
    };
    if scan.projection.is_some() || !scan.filters.is_empty() || scan.fetch.is_some() {
        return Ok(None);
    }
    let provider = source_as_provider(&scan.source)?;
    let Some(table) = provider.downcast_ref::<MemTable>() else {
        return Ok(None);
    };
    let mut batches = Vec::new();
    for partition in &table.batches {
        let Ok(rows) = partition.try_read() else {
            return Ok(None);
        };
        batches.extend(rows.iter().cloned());
    }
    let rows = concat_batches(&scan.source.schema(), &batches)?;
    Ok(Some(rows).filter(|rows| (1..=MOST_BANDS).contains(&rows.num_rows())))
}

/// The first and last value of each row's band; none when two bands overlap or one has no end.
fn disjoint_bands(
    between: &Between,
    rows: &RecordBatch,
    schema: &DFSchemaRef,
) -> Result<Option<Vec<(ScalarValue, ScalarValue)>>> {
    if !is_of(&between.low, schema) || !is_of(&between.high, schema) {
        return Ok(None);
    }
    let lows = values_of(&between.low, rows, schema)?;
    let highs = values_of(&between.high, rows, schema)?;
    let bands: Vec<(ScalarValue, ScalarValue)> = lows.into_iter().zip(highs).collect();
    if bands
        .iter()
        .any(|(low, high)| low.is_null() || high.is_null())
    {
        return Ok(None);
    }
    let overlap = |index: usize, (low, high): &(ScalarValue, ScalarValue)| {
        let others = bands[index + 1..].iter();
        let mut others = others;
        others.any(|(other_low, other_high)| low <= other_high && other_low <= high)
    };
    let is_overlapping = bands
        .iter()
        .enumerate()
        .any(|(index, band)| overlap(index, band));
    Ok(Some(bands).filter(|_| !is_overlapping))
}

/// An expression's value for each row.
fn values_of(
    expression: &Expr,
    rows: &RecordBatch,
    schema: &DFSchemaRef,
) -> Result<Vec<ScalarValue>> {
    let simplify = SimplifyContext::builder().with_schema(Arc::clone(schema));
    let simplified = ExprSimplifier::new(simplify.build()).simplify(expression.clone())?;
    let expression = create_physical_expr(
        &simplified,
        schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )?;
    let values = expression.evaluate(rows)?.into_array(rows.num_rows())?;
    (0..rows.num_rows())
        .map(|row| ScalarValue::try_from_array(&values, row))
        .collect()
}

/// The value of the table's column `index` in the band that the row falls into.
fn case(
    between: &Between,
    bands: &[(ScalarValue, ScalarValue)],
    rows: &RecordBatch,
    index: usize,
) -> Result<Expr> {
    let branches = bands.iter().enumerate().map(|(row, (low, high))| {
        let falls = between
            .expr
            .as_ref()
            .clone()
            .between(lit(low.clone()), lit(high.clone()));
        let value = ScalarValue::try_from_array(rows.column(index), row)?;
        Ok((Box::new(falls), Box::new(lit(value))))
    });
    let branches = branches.collect::<Result<Vec<_>>>()?;
    Ok(Expr::Case(Case::new(None, branches, None)))
}
