//! `IN (SELECT ...)` below OR, CASE and the like, with NULLs.
//!
//! | `x IN (SELECT y ...)` | SQL | the engine |
//! |---|---|---|
//! | one y is x | TRUE | TRUE |
//! | no y is x, and one is NULL | NULL | FALSE |
//! | x is NULL, and there is a y | NULL | FALSE |
//! | otherwise | FALSE | FALSE |
//!
//! The engine heeds NULLs where such a condition stands alone or is joined with others by AND. Elsewhere
//! it marks the rows that have a match and no more, so that NOT IN took in rows which SQL leaves
//! out. Here whatever may be NULL is looked up, too.
//!
//! Can go once [mark joins know NULLs](https://github.com/apache/datafusion/pull/25338),
//! [correlated ones too](https://github.com/apache/datafusion/issues/25347).

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Subquery, lit, not, when,
};

use super::node_rule::NodeRule;

/// Gives conditions with IN the three values that they have in SQL; runs before the engine's rules.
pub(super) fn look_up_nulls() -> NodeRule {
    NodeRule::top_down("look_up_nulls", |plan| match plan {
        LogicalPlan::Filter(filter) => three_valued(filter),
        _ => Ok(None),
    })
}

/// The same filter; none when nothing in it may be NULL.
fn three_valued(filter: &Filter) -> Result<Option<LogicalPlan>> {
    let schema = filter.input.schema();
    let mut is_new = false;
    let mut conditions = split_conjunction_owned(filter.predicate.clone());
    for condition in &mut conditions {
        if stands_alone(condition) {
            continue;
        }
        let looked_up = condition.clone().transform_up(|expression| {
            let new = match &expression {
                Expr::InSubquery(lookup) => with_nulls(lookup, schema)?,
                _ => None,
            };
            Ok(match new {
                Some(new) => Transformed::yes(new),
                None => Transformed::no(expression),
            })
        })?;
        is_new |= looked_up.transformed;
        *condition = looked_up.data;
    }
    let Some(predicate) = conjunction(conditions).filter(|_| is_new) else {
        return Ok(None);
    };
    let filter = Filter::try_new(predicate, Arc::clone(&filter.input))?;
    Ok(Some(LogicalPlan::Filter(filter)))
}

/// Whether the engine joins the condition by itself.
fn stands_alone(condition: &Expr) -> bool {
    match condition {
        Expr::Not(inner) => matches!(inner.as_ref(), Expr::InSubquery(_)),
        condition => matches!(condition, Expr::InSubquery(_)),
    }
}

/// The lookup with its NULLs; none when it cannot have any.
fn with_nulls(lookup: &InSubquery, schema: &DFSchema) -> Result<Option<Expr>> {
    let InSubquery {
        expr: value,
        subquery,
        negated,
    } = lookup;
    let (table, field) = subquery.subquery.schema().qualified_field(0);
    let mut nulls = Vec::new();
    if field.is_nullable() {
        let found = Expr::Column(Column::new(table.cloned(), field.name()));
        let found = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
            .filter(found.is_null())?
            .build()?;
        nulls.push(any_row(subquery, found)?);
    }
    if value.nullable(schema).unwrap_or(true) {
        let any = any_row(subquery, subquery.subquery.as_ref().clone())?;
        nulls.push(value.as_ref().clone().is_null().and(any));
    }
    let Some(is_null) = nulls.into_iter().reduce(Expr::or) else {
        return Ok(None);
    };
    let is_found = Expr::InSubquery(InSubquery {
        negated: false,
        ..lookup.clone()
    });
    let unknown = lit(ScalarValue::Boolean(None));
    let looked_up = when(is_found, lit(true))
        .when(is_null, unknown)
        .otherwise(lit(false))?;
    Ok(Some(match negated {
        true => not(looked_up),
        false => looked_up,
    }))
}

/// Whether there is a row. Of rows that are the same for all one is enough.
fn any_row(subquery: &Subquery, rows: LogicalPlan) -> Result<Expr> {
    let rows = match subquery.outer_ref_columns.is_empty() {
        true => LogicalPlanBuilder::from(rows).limit(0, Some(1))?.build()?,
        false => rows,
    };
    Ok(Expr::Exists(Exists {
        subquery: subquery.with_plan(Arc::new(rows)),
        negated: false,
    }))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;

    use super::super::{EngineLimits, Session};

    /// The numbers of the rows that a condition takes: 1 to 3, and NULL as 0.
    async fn taken(condition: &str) -> Vec<i64> {
        let limits = EngineLimits::default();
        let context = Session::open(&limits, [], []).unwrap();
        let sql = format!(
            "SELECT COALESCE(x, 0) AS x FROM (VALUES (1), (2), (3), (NULL)) AS l(x) WHERE {condition} ORDER BY x"
        );
        let rows = context.sql(&sql).await.unwrap().collect().await.unwrap();
        let numbers = rows.iter().flat_map(|rows| {
            let numbers = rows.column(0).as_primitive::<Int64Type>();
            numbers.values().to_vec()
        });
        numbers.collect()
    }

    const NONE: [i64; 0] = [];

    const WITH_NULL: &str = "(SELECT y FROM (VALUES (1), (NULL)) AS r(y))";
    const WITHOUT: &str = "(SELECT y FROM (VALUES (1), (NULL)) AS r(y) WHERE y IS NOT NULL)";
    const NOTHING: &str = "(SELECT y FROM (VALUES (1), (NULL)) AS r(y) WHERE y > 1)";

    #[tokio::test]
    async fn not_in_below_or_is_unknown_where_a_null_is_among_the_values() {
        assert_eq!(taken(&format!("x NOT IN {WITH_NULL}")).await, NONE);
        assert_eq!(taken(&format!("x > 2 OR x NOT IN {WITH_NULL}")).await, [3]);
        assert_eq!(taken(&format!("x > 2 OR x IN {WITH_NULL}")).await, [1, 3]);
        assert_eq!(taken(&format!("x > 2 OR x NOT IN {WITHOUT}")).await, [2, 3]);
        // Of nothing even NULL is not among them.
        assert_eq!(
            taken(&format!("x > 2 OR x NOT IN {NOTHING}")).await,
            [0, 1, 2, 3]
        );
    }

    #[tokio::test]
    async fn its_third_value_is_seen_by_whatever_is_above() {
        assert_eq!(
            taken(&format!("(x IN {WITH_NULL}) IS NULL")).await,
            [0, 2, 3]
        );
        assert_eq!(taken(&format!("(x NOT IN {WITHOUT}) IS NULL")).await, [0]);
        assert_eq!(taken(&format!("NOT (x IN {WITHOUT} OR x > 2)")).await, [2]);
        let branch = |lookup: &str| {
            format!("CASE WHEN x NOT IN {lookup} THEN 1 WHEN x IN {lookup} THEN 2 ELSE 3 END = 3")
        };
        assert_eq!(taken(&branch(WITH_NULL)).await, [0, 2, 3]);
        assert_eq!(taken(&branch(NOTHING)).await, NONE);
    }

    /// The values differ from row to row.
    #[tokio::test]
    async fn values_of_the_row_itself_are_looked_up_alike() {
        let of_row = "(SELECT y FROM (VALUES (1, 1), (2, NULL), (3, 4)) AS r(k, y) WHERE k = x)";
        assert_eq!(taken(&format!("x > 7 OR x NOT IN {of_row}")).await, [0, 3]);
        assert_eq!(taken(&format!("(x IN {of_row}) IS NULL")).await, [2]);
    }
}
