//! Aggregates that give the same whatever the order of rows, or fail.
//!
//! | written | computed as |
//! |---|---|
//! | `SUM` of BIGINT, unsigned too | a sum of DECIMAL, which does not wrap around, and a failure when it outgrows BIGINT |
//! | `MIN`, `MAX` of DOUBLE | those of [keys](super::float_order) in which NaN and -0.0 have one place |
//!
//! The same goes for those over a window, `SUM(..) OVER (..)`. Sums of DOUBLE round at each addition: they are left to whoever writes them, but for rollups,
//! which refuse them.
//!
//! Sums can go once [numeric overflow is an error](https://github.com/apache/datafusion/issues/17539);
//! that NaN and -0.0 have one place is what tierline promises, and stays.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, Window, WindowFunctionDefinition, cast,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::by_model::{ModelFile, rewrite_by_model};
use super::checked::as_written;
use super::float_order::{from_key, to_key};
use super::projected::{project_as, replaced};
use super::sums::{SumOverflow, widen, within};

/// Computes aggregates in a way that no order of rows can change.
#[derive(Debug)]
pub(super) struct ComputeExactly;

impl OptimizerRule for ComputeExactly {
    fn name(&self) -> &str {
        "compute_exactly"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        rewrite_by_model(plan, &mut |plan, model| {
            let new = match &plan {
                LogicalPlan::Aggregate(aggregate) => exact(aggregate, model)?,
                LogicalPlan::Window(window) => exact_over_rows(window, model)?,
                _ => None,
            };
            Ok(replaced(plan, new))
        })
    }
}

/// What becomes of a column above the aggregate.
enum Above {
    Same,
    Within(DataType, SumOverflow),
    FromKey(DataType),
}

impl Above {
    fn of(self, column: Expr) -> Expr {
        match self {
            Self::Same => column,
            Self::Within(data_type, overflow) => within(column, data_type, overflow),
            Self::FromKey(data_type) => cast(from_key(column), data_type),
        }
    }
}

/// The same aggregate with its columns computed otherwise; none when there is nothing to change.
fn exact(aggregate: &Aggregate, model: Option<&ModelFile>) -> Result<Option<LogicalPlan>> {
    let input = aggregate.input.schema();
    let Some((computed, above)) = exact_columns(&aggregate.aggr_expr, input, model)? else {
        return Ok(None);
    };
    let input = Arc::clone(&aggregate.input);
    let computed = Aggregate::try_new(input, aggregate.group_expr.clone(), computed)?;
    project_above(&aggregate.schema, LogicalPlan::Aggregate(computed), above).map(Some)
}

/// As [`exact`], for aggregates over windows of rows.
fn exact_over_rows(window: &Window, model: Option<&ModelFile>) -> Result<Option<LogicalPlan>> {
    let input = window.input.schema();
    let Some((computed, above)) = exact_columns(&window.window_expr, input, model)? else {
        return Ok(None);
    };
    let computed = Window::try_new(computed, Arc::clone(&window.input))?;
    project_above(&window.schema, LogicalPlan::Window(computed), above).map(Some)
}

/// The aggregates as they are computed, and what becomes of them; none when nothing changes.
fn exact_columns(
    written: &[Expr],
    input: &DFSchema,
    model: Option<&ModelFile>,
) -> Result<Option<(Vec<Expr>, Vec<Above>)>> {
    let mut computed = Vec::new();
    let mut above = Vec::new();
    for (index, expression) in written.iter().enumerate() {
        let (expression, of_column) = match column_of(expression, input, model)? {
            Some((other, of_column)) => (other.alias(format!("exact {index}")), of_column),
            None => (expression.clone(), Above::Same),
        };
        computed.push(expression);
        above.push(of_column);
    }
    let changes = above.iter().any(|above| !matches!(above, Above::Same));
    Ok(changes.then_some((computed, above)))
}

/// The columns of `schema` from those of `computed`, of which the last are the aggregates.
fn project_above(
    schema: &DFSchemaRef,
    computed: LogicalPlan,
    above: Vec<Above>,
) -> Result<LogicalPlan> {
    let others = schema.fields().len() - above.len();
    let above = (0..others).map(|_| Above::Same).chain(above);
    let columns = computed.schema().columns().into_iter().map(Expr::Column);
    let values = columns.zip(above).map(|(column, above)| above.of(column));
    let values: Vec<Expr> = values.collect();
    project_as(schema, values, computed)
}

/// How an aggregate is computed instead, and what is made of its column.
fn column_of(
    expression: &Expr,
    input: &DFSchema,
    model: Option<&ModelFile>,
) -> Result<Option<(Expr, Above)>> {
    let mut call = expression.clone().unalias_nested().data;
    let (function, arguments) = match &mut call {
        Expr::AggregateFunction(call) => (call.func.name(), &mut call.params.args),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => {
                (function.name(), &mut call.params.args)
            }
            WindowFunctionDefinition::WindowUDF(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(value) = arguments.first() else {
        return Ok(None);
    };
    let above = match (function, value.get_type(input)?) {
        ("sum", data_type @ (DataType::Int64 | DataType::UInt64)) => {
            let summed = as_written(value)?;
            let sum = format!("`sum({summed})`{}", ModelFile::place(model));
            widen(arguments, &data_type);
            Above::Within(data_type, SumOverflow { sum })
        }
        ("min" | "max", data_type @ (DataType::Float64 | DataType::Float32)) => {
            *arguments = std::mem::take(arguments).into_iter().map(to_key).collect();
            Above::FromKey(data_type)
        }
        _ => return Ok(None),
    };
    Ok(Some((call, above)))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::error::DataFusionError;

    use super::super::{EngineLimits, Session};
    use super::*;

    async fn answer(sql: &str) -> Result<String, DataFusionError> {
        let limits = EngineLimits::default();
        let context = Session::open(&limits, [], [])?;
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
    async fn sums_over_rows_and_of_unsigned_numbers_do_not_wrap_around() {
        let two = "FROM (VALUES (1, 6000000000000000000), (2, 6000000000000000000)) AS t(k, n)";
        let over = |sum: &str| format!("SELECT {sum} OVER (ORDER BY k) AS s {two} ORDER BY k");
        let error = answer(&over("SUM(n)")).await.unwrap_err().to_string();
        assert!(error.contains("outgrows its type"), "{error}");
        let sums = answer(&over("SUM(n / 6000000000000000000)")).await;
        assert_eq!(sums.unwrap(), "|1| |2|");
        let last = "SUM(n) OVER (ORDER BY k ROWS BETWEEN CURRENT ROW AND CURRENT ROW)";
        let sums = answer(&format!("SELECT {last} AS s, k {two} ORDER BY k")).await;
        assert_eq!(
            sums.unwrap(),
            "|6000000000000000000|1| |6000000000000000000|2|"
        );
        let unsigned = "SELECT SUM(CAST(n AS BIGINT UNSIGNED)) AS s FROM (VALUES {}) AS t(n)";
        let sum = |values: &str| unsigned.replace("{}", values);
        let sums = answer(&sum("(9223372036854775807), (9223372036854775807), (1)")).await;
        assert_eq!(sums.unwrap(), "|18446744073709551615|");
        let sums = answer(&sum("(9223372036854775807), (9223372036854775807), (2)")).await;
        assert!(sums.is_err(), "{sums:?}");
    }

    #[tokio::test]
    async fn arithmetic_of_whole_numbers_does_not_wrap_around() {
        let from =
            "FROM (VALUES (9223372036854775807, 2147483647, -9223372036854775807)) AS t(a, i, m)";
        for (wraps, shown) in [
            ("a + 1", "t.a + 1"),
            ("m - 2", "t.m - 2"),
            ("a * 2", "t.a * 2"),
            ("-(m - 1)", "t.m"),
            ("CAST(i AS INT) + CAST(1 AS INT)", "+"),
            ("CAST(i AS INT) * CAST(i AS INT)", "*"),
            (
                "CAST(1 AS SMALLINT) * CAST(32767 AS SMALLINT) + CAST(i / i AS SMALLINT)",
                "+",
            ),
            (
                "CAST(1 AS BIGINT UNSIGNED) - CAST(i AS BIGINT UNSIGNED)",
                "-",
            ),
            ("9223372036854775807 + 1", "+"),
            ("MAX(a) OVER () + 1", "+"),
        ] {
            let error = answer(&format!("SELECT {wraps} AS x {from}")).await;
            let error = error.expect_err(wraps).to_string();
            assert!(error.contains("outgrows its type"), "{wraps}: {error}");
            assert!(error.contains(shown), "{wraps}: {error}");
        }
        let grouped = format!("SELECT MAX(a + 1) AS x {from} GROUP BY i * i");
        assert!(answer(&grouped).await.is_err());
        let within = format!(
            "SELECT a - 1 AS x, i * 2 AS y, -m AS z, a + NULL AS n, CASE WHEN a < 0 THEN a + 1 END AS c,
                CAST(a AS DECIMAL(38, 0)) + 1 AS d, SUM(i + 1) AS s {from} WHERE i + 1 > 5 GROUP BY a, i, m, i + 2"
        );
        assert_eq!(
            answer(&within).await.unwrap(),
            "|9223372036854775806|4294967294|9223372036854775807|||9223372036854775808|2147483648|"
        );
    }

    #[tokio::test]
    async fn grouping_sets_do_not_wrap_around() {
        let from = "FROM (VALUES (9223372036854775807, 'x'), (1, 'y')) AS t(a, k)";
        for sets in [
            "GROUPING SETS ((a + 1), (k))",
            "ROLLUP (a + 1, k)",
            "CUBE (k, a + 1)",
            "ROLLUP (k, CAST(a AS INT))",
        ] {
            let error = answer(&format!("SELECT COUNT(*) AS c {from} GROUP BY {sets}")).await;
            let error = error.expect_err(sets).to_string();
            let is_told = error.contains("outgrows its type") || error.contains("cast to INT");
            assert!(is_told, "{sets}: {error}");
        }
        let counted = "SELECT a - 1 AS low, k, COUNT(*) AS c, GROUPING(a - 1) AS g FROM (VALUES (5, 'x'), (5, 'y')) AS t(a, k) GROUP BY ROLLUP (a - 1, k) ORDER BY low, k";
        assert_eq!(
            answer(counted).await.unwrap(),
            "|4|x|1|0| |4|y|1|0| |4||2|0| |||2|1|"
        );
    }

    /// As SQL has them, in sums and in each other.
    #[tokio::test]
    async fn errors_show_operators() {
        let from = "FROM (VALUES (9223372036854775807, 1, '7')) AS t(a, b, c)";
        for (computed, shown) in [
            ("SUM(a - b) + SUM(a)", "sum(t.a - t.b)"),
            (
                "SUM(a - b + CAST(c AS BIGINT) + 1)",
                "`t.a - t.b + t.c + 1`",
            ),
            ("-(a - b) - b - 5 * b", "- t.b - 5 * t.b"),
            ("COALESCE(a - b, b) + 5", "coalesce(t.a - t.b, t.b) + 5"),
        ] {
            let sql = format!("SELECT {computed} AS x {from}, (VALUES (1), (2)) AS u(x)");
            let error = answer(&sql).await.expect_err(computed).to_string();
            assert!(error.to_lowercase().contains(shown), "{computed}: {error}");
            assert!(!error.contains("checked"), "{computed}: {error}");
        }
    }

    /// A column without a name is called as the engine calls it.
    #[tokio::test]
    async fn columns_keep_their_names() {
        let sql = "SELECT x.\"t.a - t.b + t.c\" AS y FROM (SELECT t.a - t.b + CAST(t.c AS BIGINT) FROM (VALUES (9, 1, '7')) AS t(a, b, c)) AS x";
        assert_eq!(answer(sql).await.unwrap(), "|15|");
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
