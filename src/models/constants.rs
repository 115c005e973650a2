//! What in an expression depends on no row, computed ahead.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, Result, ScalarValue};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};

/// The expression with every part that names no column computed: `DATE '2026-03-06' - 30` becomes
/// `DATE '2026-02-04'`.
///
/// # Errors
/// Parts that cannot be computed, such as a text cast to a number.
pub(crate) fn folded(expression: &Expr) -> Result<Expr> {
    let folded = expression.clone().transform_down(|node| {
        if matches!(node, Expr::Literal(..)) || !is_constant(&node)? {
            return Ok(Transformed::no(node));
        }
        let literal = Expr::Literal(value_of(&node)?, None);
        Ok(Transformed::new(literal, true, TreeNodeRecursion::Jump))
    })?;
    Ok(folded.data)
}

fn is_constant(expression: &Expr) -> Result<bool> {
    let depends = expression.exists(|node| {
        Ok(!matches!(
            node,
            Expr::Literal(..)
                | Expr::BinaryExpr(_)
                | Expr::Not(_)
                | Expr::Negative(_)
                | Expr::IsNull(_)
                | Expr::IsNotNull(_)
                | Expr::Between(_)
                | Expr::InList(_)
                | Expr::Case(_)
                | Expr::Cast(_)
                | Expr::TryCast(_)
                | Expr::ScalarFunction(_)
        ))
    })?;
    Ok(!depends && !expression.is_volatile())
}

fn value_of(expression: &Expr) -> Result<ScalarValue> {
    let computed = computable(expression, DFSchema::empty_ref())?;
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &one_row)?;
    ScalarValue::try_from_array(&computed.evaluate(&row)?.into_array(1)?, 0)
}

/// The expression as the engine computes it over rows of `schema`.
///
/// # Errors
/// What the engine cannot compute.
pub(crate) fn computable(expression: &Expr, schema: &DFSchemaRef) -> Result<Arc<dyn PhysicalExpr>> {
    // The engine computes some functions, such as COALESCE, only in their simplified form.
    let simplifying = SimplifyContext::builder()
        .with_schema(Arc::clone(schema))
        .build();
    let simplified = ExprSimplifier::new(simplifying).simplify(expression.clone())?;
    create_physical_expr(
        &simplified,
        schema,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;
    use datafusion::logical_expr::{cast, col, lit};

    use super::folded;

    #[test]
    fn only_what_names_no_column_is_computed() {
        let written = col("a").gt(lit(2_i64) + lit(3_i64)).and(col("b"));
        let expected = col("a").gt(lit(5_i64)).and(col("b"));
        assert_eq!(folded(&written).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_computed_is_an_error() {
        let written = col("a").gt(cast(lit("three"), DataType::Int64));
        assert!(folded(&written).is_err());
    }
}
