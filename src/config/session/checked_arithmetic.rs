//! Whole-number arithmetic that fails where the engine's would wrap around.
//!
//! `+`, `-`, `*` and the sign of whole numbers are computed by functions that give the same value
//! in the same type, or an error that names the expression, and the model where a plan still
//! knows it: below the name of a table of the pack lies that table's model.

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Datum, Scalar};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DataFusionError, Result, TableReference};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// The most characters of an expression that an error shows.
const MOST_SHOWN: usize = 120;

/// A whole number that outgrew its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "`{expression}`{place} outgrows its type; CAST a side AS DECIMAL(38, 0) before computing, or give rows that cannot be right a reject_reason in staging"
)]
pub struct NumberOverflow {
    /// What SQL computes.
    pub expression: String,
    /// The model, where it is known: `` in `features.users` ``.
    pub place: String,
}

impl NumberOverflow {
    fn of(expression: &Expr, model: Option<&str>) -> Self {
        let text = expression.human_display().to_string();
        let shown = match text.char_indices().nth(MOST_SHOWN) {
            Some((end, _)) => format!("{}..", &text[..end]),
            None => text,
        };
        Self {
            expression: shown,
            place: model.map_or_else(String::new, |model| format!(" in `{model}`")),
        }
    }
}

impl From<NumberOverflow> for DataFusionError {
    fn from(overflow: NumberOverflow) -> Self {
        Self::External(Box::new(overflow))
    }
}

/// Puts checked functions in place of the arithmetic of whole numbers.
#[derive(Debug)]
pub(super) struct CheckArithmetic;

impl OptimizerRule for CheckArithmetic {
    fn name(&self) -> &str {
        "check_arithmetic"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        checked(plan, None)
    }
}

/// A plan, of `model` if one is known, with all of its arithmetic checked.
fn checked(plan: LogicalPlan, model: Option<&str>) -> Result<Transformed<LogicalPlan>> {
    let named = model_named_by(&plan);
    let model = named.as_deref().or(model);
    plan.map_children(|child| checked(child, model))?
        .transform_data(|plan| plan.map_subqueries(|subquery| checked(subquery, model)))?
        .transform_data(|plan| with_checked_expressions(plan, model))
}

/// The table of the pack whose plan lies below.
fn model_named_by(plan: &LogicalPlan) -> Option<String> {
    let LogicalPlan::SubqueryAlias(alias) = plan else {
        return None;
    };
    match &alias.alias {
        TableReference::Partial { schema, table } | TableReference::Full { schema, table, .. } => {
            Some(format!("{schema}.{table}"))
        }
        TableReference::Bare { .. } => None,
    }
}

fn with_checked_expressions(
    plan: LogicalPlan,
    model: Option<&str>,
) -> Result<Transformed<LogicalPlan>> {
    let schema = schema_below(&plan)?;
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expression| {
        // The sets of GROUPING SETS are columns by the time that they are computed.
        if matches!(expression, Expr::GroupingSet(_)) {
            return Ok(Transformed::no(expression));
        }
        let name = names.save(&expression);
        let rewritten = expression.transform_up(|node| checked_node(node, &schema, model))?;
        Ok(rewritten.update_data(|expression| name.restore(expression)))
    })?;
    if rewritten.transformed {
        return rewritten.map_data(LogicalPlan::recompute_schema);
    }
    Ok(rewritten)
}

/// The columns that a plan's expressions read. The filters of a scan read the table's own, also
/// those that it does not give.
fn schema_below(plan: &LogicalPlan) -> Result<DFSchema> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())
        }
        plan => Ok(merge_schema(&plan.inputs())),
    }
}

fn checked_node(node: Expr, schema: &DFSchema, model: Option<&str>) -> Result<Transformed<Expr>> {
    let Some(operation) = Operation::of(&node, schema)? else {
        return Ok(Transformed::no(node));
    };
    let function = ScalarUDF::from(CheckedArithmetic {
        signature: Signature::any(operation.operands(), Volatility::Immutable),
        operation,
        overflow: NumberOverflow::of(&node, model),
    });
    let operands = match node {
        Expr::BinaryExpr(binary) => vec![*binary.left, *binary.right],
        Expr::Negative(value) => vec![*value],
        other => vec![other],
    };
    Ok(Transformed::yes(function.call(operands)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Negate,
}

impl Operation {
    /// What an expression computes of whole numbers of one type; none when it may not wrap.
    fn of(node: &Expr, schema: &DFSchema) -> Result<Option<Self>> {
        Ok(match node {
            Expr::BinaryExpr(binary) => {
                let operation = match binary.op {
                    Operator::Plus => Self::Add,
                    Operator::Minus => Self::Subtract,
                    Operator::Multiply => Self::Multiply,
                    _ => return Ok(None),
                };
                let data_type = binary.left.get_type(schema)?;
                let is_whole =
                    data_type.is_integer() && binary.right.get_type(schema)? == data_type;
                is_whole.then_some(operation)
            }
            Expr::Negative(value) if value.get_type(schema)?.is_integer() => Some(Self::Negate),
            _ => None,
        })
    }

    fn operands(self) -> usize {
        match self {
            Self::Negate => 1,
            Self::Add | Self::Subtract | Self::Multiply => 2,
        }
    }

    fn compute(self, operands: &[Box<dyn Datum>]) -> Result<ArrayRef, ArrowError> {
        match (self, operands) {
            (Self::Add, [left, right]) => numeric::add(left.as_ref(), right.as_ref()),
            (Self::Subtract, [left, right]) => numeric::sub(left.as_ref(), right.as_ref()),
            (Self::Multiply, [left, right]) => numeric::mul(left.as_ref(), right.as_ref()),
            (Self::Negate, [value]) => numeric::neg(value.get().0),
            _ => Err(ArrowError::InvalidArgumentError(
                "another number of operands".to_owned(),
            )),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedArithmetic {
    signature: Signature,
    operation: Operation,
    overflow: NumberOverflow,
}

impl ScalarUDFImpl for CheckedArithmetic {
    fn name(&self) -> &'static str {
        match self.operation {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_subtract",
            Operation::Multiply => "checked_multiply",
            Operation::Negate => "checked_negate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, operands: &[DataType]) -> Result<DataType> {
        match operands.first() {
            Some(data_type) => Ok(data_type.clone()),
            None => datafusion::common::plan_err!("{} takes whole numbers", self.name()),
        }
    }

    /// NULL only where an operand may be, as the operators have it.
    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let fields = arguments.arg_fields;
        let types: Vec<DataType> = fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let is_nullable = fields.iter().any(|field| field.is_nullable());
        let data_type = self.return_type(&types)?;
        Ok(Arc::new(Field::new(self.name(), data_type, is_nullable)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let is_one_value = arguments.args.iter().all(is_scalar);
        let operands = arguments.args.into_iter().map(|value| {
            Ok(match value {
                ColumnarValue::Array(values) => Box::new(values) as Box<dyn Datum>,
                ColumnarValue::Scalar(value) => Box::new(Scalar::new(value.to_array()?)),
            })
        });
        let operands: Vec<Box<dyn Datum>> = operands.collect::<Result<_>>()?;
        let computed = self
            .operation
            .compute(&operands)
            .map_err(|error| match error {
                ArrowError::ArithmeticOverflow(_) => self.overflow.clone().into(),
                other => DataFusionError::from(other),
            })?;
        match is_one_value {
            true => datafusion::common::ScalarValue::try_from_array(&computed, 0)
                .map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(computed)),
        }
    }
}
