//! Whole-number arithmetic that fails where the engine's would wrap around.
//!
//! A chain such as `a + b - c` is one function of all of its operands: nested functions would
//! make whoever asks for the type of one walk all those below it, again and again.

use std::hash::Hash;

use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::{DFSchema, DataFusionError, Result};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDFImpl, Signature,
};
use datafusion::physical_expr_common::datum::apply;

use super::strict::field_of_strict;

/// A whole number that outgrew its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "`{expression}`{place} outgrows its type; CAST a side AS DECIMAL(38, 0) before computing, or give rows that cannot be right a reject_reason in staging"
)]
pub struct NumberOverflow {
    /// What SQL computes.
    pub expression: String,
    /// The model, where it is known: `` in features/users.sql``.
    pub place: String,
}

impl From<NumberOverflow> for DataFusionError {
    fn from(overflow: NumberOverflow) -> Self {
        Self::External(Box::new(overflow))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Add,
    Subtract,
    Multiply,
}

impl Step {
    fn of(operator: Operator) -> Option<Self> {
        match operator {
            Operator::Plus => Some(Self::Add),
            Operator::Minus => Some(Self::Subtract),
            Operator::Multiply => Some(Self::Multiply),
            _ => None,
        }
    }

    fn operator(self) -> Operator {
        match self {
            Self::Add => Operator::Plus,
            Self::Subtract => Operator::Minus,
            Self::Multiply => Operator::Multiply,
        }
    }

    /// Whether a chain of this one may go on with the other, from left to right.
    fn goes_on_with(self, other: Self) -> bool {
        (self == Self::Multiply) == (other == Self::Multiply)
    }

    fn compute(self, left: &ColumnarValue, right: &ColumnarValue) -> Result<ColumnarValue> {
        match self {
            Self::Add => apply(left, right, numeric::add),
            Self::Subtract => apply(left, right, numeric::sub),
            Self::Multiply => apply(left, right, numeric::mul),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Negate,
    /// From left to right, one step less than there are operands.
    Chain(Vec<Step>),
}

impl Operation {
    /// What an expression computes of whole numbers of one type, and that type; none when it may
    /// not wrap around.
    pub(super) fn of(node: &Expr, schema: &DFSchema) -> Result<Option<(Self, DataType)>> {
        let (operation, data_type) = match node {
            Expr::BinaryExpr(binary) => {
                let Some(step) = Step::of(binary.op) else {
                    return Ok(None);
                };
                let data_type = type_of(&binary.left, schema)?;
                if !data_type.is_integer() || type_of(&binary.right, schema)? != data_type {
                    return Ok(None);
                }
                (Self::Chain(vec![step]), data_type)
            }
            Expr::Negative(value) => (Self::Negate, type_of(value, schema)?),
            _ => return Ok(None),
        };
        Ok(data_type.is_integer().then_some((operation, data_type)))
    }

    /// One step, behind those that its left side is made of.
    pub(super) fn chained(self, left: Expr, right: Expr) -> (Self, Vec<Expr>) {
        if let (Self::Chain(steps), Expr::ScalarFunction(call)) = (&self, &left)
            && let Some(Self::Chain(before)) = operation_of(&left)
            && let (Some(last), Some(next)) = (before.last(), steps.first())
            && last.goes_on_with(*next)
        {
            let steps = before.iter().chain(steps).copied().collect();
            let operands = call.args.iter().cloned().chain([right]).collect();
            return (Self::Chain(steps), operands);
        }
        (self, vec![left, right])
    }

    fn compute(&self, operands: &[ColumnarValue]) -> Result<ColumnarValue> {
        let Some((first, others)) = operands.split_first() else {
            return datafusion::common::exec_err!("arithmetic without operands");
        };
        match self {
            Self::Negate => apply(first, first, |value, _| numeric::neg(value.get().0)),
            Self::Chain(steps) => {
                let mut steps = steps.iter().zip(others);
                steps.try_fold(first.clone(), |left, (step, right)| {
                    step.compute(&left, right)
                })
            }
        }
    }
}

/// The operation of a checked function.
fn operation_of(expression: &Expr) -> Option<&Operation> {
    checked_of(expression).map(|checked| &checked.operation)
}

pub(super) fn checked_of(expression: &Expr) -> Option<&CheckedArithmetic> {
    match expression {
        Expr::ScalarFunction(call) => call.func.inner().downcast_ref(),
        _ => None,
    }
}

fn type_of(expression: &Expr, schema: &DFSchema) -> Result<DataType> {
    match checked_of(expression) {
        Some(checked) => Ok(checked.data_type.clone()),
        None => expression.get_type(schema),
    }
}

/// Arithmetic of whole numbers of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct CheckedArithmetic {
    pub(super) signature: Signature,
    pub(super) operation: Operation,
    pub(super) data_type: DataType,
    /// What the operators themselves would be called, so that columns keep their names.
    pub(super) schema_name: String,
    pub(super) overflow: NumberOverflow,
}

impl CheckedArithmetic {
    /// The operators that this stands for.
    pub(super) fn unchecked(&self, operands: &[Expr]) -> Option<Expr> {
        let (first, others) = operands.split_first()?;
        let first = first.clone();
        Some(match &self.operation {
            Operation::Negate => Expr::Negative(Box::new(first)),
            Operation::Chain(steps) => {
                let steps = steps.iter().zip(others);
                steps.fold(first, |left, (step, right)| {
                    let right = Box::new(right.clone());
                    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), step.operator(), right))
                })
            }
        })
    }
}

impl ScalarUDFImpl for CheckedArithmetic {
    /// As the engine's plans write it: `+(a, b)`.
    fn name(&self) -> &'static str {
        match &self.operation {
            Operation::Chain(steps) if steps.contains(&Step::Multiply) => "*",
            Operation::Chain(steps) if steps.contains(&Step::Add) => "+",
            Operation::Chain(_) | Operation::Negate => "-",
        }
    }

    fn schema_name(&self, _operands: &[Expr]) -> Result<String> {
        Ok(self.schema_name.clone())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _operands: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(field_of_strict(self.name(), &self.data_type, &arguments))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let computed = self.operation.compute(&arguments.args);
        computed.map_err(|error| match error.find_root() {
            DataFusionError::ArrowError(cause, _)
                if matches!(**cause, ArrowError::ArithmeticOverflow(_)) =>
            {
                self.overflow.clone().into()
            }
            _ => error,
        })
    }
}
