//! Aggregates that give the same whatever the order of rows, or fail.
//!
//! | written | computed as |
//! |---|---|
//! | `SUM` of BIGINT | a sum of DECIMAL, which does not wrap around, and a failure when it outgrows BIGINT |
//! | `MIN`, `MAX` of DOUBLE | those of [keys](super::float_order) in which NaN and -0.0 have one place |
//!
//! Sums of DOUBLE round at each addition: they are left to whoever writes them, but for rollups,
//! which refuse them.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan, cast};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::float_order::{from_key, to_key};
use super::projected::{project_as, replaced};
use super::sums::{SumOverflow, widened, within_bigint};

/// Computes aggregates in a way that no order of rows can change.
#[derive(Debug)]
pub(super) struct ComputeExactly;

impl OptimizerRule for ComputeExactly {
    fn name(&self) -> &str {
        "compute_exactly"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let new = match &plan {
            LogicalPlan::Aggregate(aggregate) => exact(aggregate)?,
            _ => None,
        };
        Ok(replaced(plan, new))
    }
}

/// What becomes of a column above the aggregate.
enum Above {
    Same,
    WithinBigint(SumOverflow),
    FromKey(DataType),
}

/// The same aggregate with its columns computed otherwise; none when there is nothing to change.
fn exact(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    let input = aggregate.input.schema();
    let mut computed = Vec::new();
    let mut above = Vec::new();
    for (index, expression) in aggregate.aggr_expr.iter().enumerate() {
        let (expression, of_column) = match column_of(expression, input)? {
            Some((other, of_column)) => (other.alias(format!("exact {index}")), of_column),
            None => (expression.clone(), Above::Same),
        };
        computed.push(expression);
        above.push(of_column);
    }
    if above.iter().all(|above| matches!(above, Above::Same)) {
        return Ok(None);
    }
    let groups = aggregate.schema.fields().len() - above.len();
    let above = (0..groups).map(|_| Above::Same).chain(above);
    let input = Arc::clone(&aggregate.input);
    let computed = Aggregate::try_new(input, aggregate.group_expr.clone(), computed)?;
    let columns = computed.schema.columns().into_iter().map(Expr::Column);
    let values: Vec<Expr> = columns
        .zip(above)
        .map(|(column, above)| match above {
            Above::Same => column,
            Above::WithinBigint(overflow) => within_bigint(column, overflow),
            Above::FromKey(data_type) => cast(from_key(column), data_type),
        })
        .collect();
    project_as(&aggregate.schema, values, LogicalPlan::Aggregate(computed)).map(Some)
}

/// How an aggregate is computed instead, and what is made of its column.
fn column_of(expression: &Expr, input: &DFSchema) -> Result<Option<(Expr, Above)>> {
    let name = expression.schema_name().to_string();
    let Expr::AggregateFunction(call) = expression.clone().unalias_nested().data else {
        return Ok(None);
    };
    let Some(value) = call.params.args.first() else {
        return Ok(None);
    };
    let data_type = value.get_type(input)?;
    Ok(match (call.func.name(), data_type) {
        ("sum", DataType::Int64) => {
            let overflow = SumOverflow {
                sum: format!("`{name}`"),
            };
            Some((widened(call), Above::WithinBigint(overflow)))
        }
        ("min" | "max", data_type @ (DataType::Float64 | DataType::Float32)) => {
            Some((keyed(call), Above::FromKey(data_type)))
        }
        _ => None,
    })
}

/// The smallest or largest key in place of the smallest or largest number.
fn keyed(mut call: AggregateFunction) -> Expr {
    let values = std::mem::take(&mut call.params.args);
    call.params.args = values.into_iter().map(to_key).collect();
    Expr::AggregateFunction(call)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::error::DataFusionError;

    use super::super::{EngineLimits, open};
    use super::*;

    async fn answer(sql: &str) -> Result<String, DataFusionError> {
        let limits = EngineLimits {
            threads: NonZeroUsize::MIN,
            memory_bytes: None,
            spill_folder: None,
        };
        let context = open(&limits, [], [])?;
        let rows = context.sql(sql).await?.collect().await?;
        let table = pretty_format_batches(&rows)?.to_string();
        let lines = table.lines().skip(3).filter(|line| line.starts_with('|'));
        let cells = lines.map(|line| line.split_whitespace().collect::<String>());
        Ok(cells.collect::<Vec<_>>().join(" "))
    }

    #[tokio::test]
    async fn a_sum_of_bigint_does_not_wrap_around() {
        let two = "FROM (VALUES (6000000000000000000), (6000000000000000000)) AS t(n)";
        let error = answer(&format!("SELECT SUM(n) AS points {two}"))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("the sum `sum(t.n)` outgrows its type"),
            "{text}"
        );
        let negative = format!("SELECT SUM(-n + 3) AS points, COUNT(*) AS c {two}");
        assert!(answer(&negative).await.is_err());
        let sums = "SELECT k, SUM(n) AS s, SUM(n) FILTER (WHERE n > 1) AS f, COUNT(*) AS c
            FROM (VALUES ('a', 1), ('a', 2), ('b', NULL)) AS t(k, n) GROUP BY k ORDER BY k";
        assert_eq!(answer(sums).await.unwrap(), "|a|3|2|2| |b|||1|");
        let huge = "SELECT SUM(n) FROM (VALUES (9223372036854775807), (1), (-1)) AS t(n)";
        assert_eq!(answer(huge).await.unwrap(), "|9223372036854775807|");
    }

    #[tokio::test]
    async fn extremes_of_double_have_one_place_for_nan_whatever_the_order() {
        for values in [
            ["1.0", "'NaN'", "2.0"],
            ["'NaN'", "1.0", "2.0"],
            ["2.0", "1.0", "'NaN'"],
        ] {
            let values = values
                .map(|value| format!("(CAST({value} AS DOUBLE))"))
                .join(", ");
            let sql =
                format!("SELECT MIN(x) AS low, MAX(x) AS high FROM (VALUES {values}) AS t(x)");
            assert_eq!(answer(&sql).await.unwrap(), "|1.0|NaN|", "{values}");
        }
    }

    #[tokio::test]
    async fn correlated_sums_are_as_they_were() {
        let sql = "SELECT o.k, (SELECT SUM(t.n) FROM (VALUES ('a', 1), ('a', 2)) AS t(k, n) WHERE t.k = o.k) AS s
            FROM (VALUES ('a'), ('b')) AS o(k) ORDER BY o.k";
        assert_eq!(answer(sql).await.unwrap(), "|a|3| |b||");
    }
}
