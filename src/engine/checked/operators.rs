//! Operators that fail by their name: `/` and `%`, arithmetic of exact numbers with digits behind the
//! point and of times, and matches of regular expressions.
//!
//! A chain such as `a + b - c` is one function of all of its operands, as in
//! [whole-number arithmetic](super::arithmetic).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::Result;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl,
    Signature,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr as Computation, Column, lit};

use super::failure::Computed;
use super::strict::field_of_strict;

/// Whether an operator matches a regular expression.
pub(super) fn is_of_pattern(operator: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(
        operator,
        RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch
    )
}

pub(super) fn checked_of(expression: &Expr) -> Option<&CheckedOperator> {
    match expression {
        Expr::ScalarFunction(call) => call.func.inner().downcast_ref(),
        _ => None,
    }
}

/// Operators as the engine has them, but for what they say when they fail.
#[derive(Debug)]
pub(super) struct CheckedOperator {
    pub(super) signature: Signature,
    /// From left to right, one less than there are operands.
    pub(super) operators: Vec<Operator>,
    pub(super) data_type: DataType,
    /// What the operators themselves would be called, so that columns keep their names.
    pub(super) schema_name: String,
    pub(super) computed: Computed,
}

/// The same operators, wherever they are written: the engine computes them once.
impl PartialEq for CheckedOperator {
    fn eq(&self, other: &Self) -> bool {
        self.schema_name == other.schema_name
            && self.operators == other.operators
            && self.data_type == other.data_type
    }
}

impl Eq for CheckedOperator {}

impl Hash for CheckedOperator {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.schema_name.hash(state);
        self.operators.hash(state);
        self.data_type.hash(state);
    }
}

impl CheckedOperator {
    /// The operators that this stands for.
    pub(super) fn unchecked(&self, operands: &[Expr]) -> Option<Expr> {
        let (first, others) = operands.split_first()?;
        let steps = self.operators.iter().zip(others);
        Some(steps.fold(first.clone(), |left, (operator, right)| {
            let right = Box::new(right.clone());
            Expr::BinaryExpr(BinaryExpr::new(Box::new(left), *operator, right))
        }))
    }

    fn compute(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut columns = Vec::new();
        let mut fields: Vec<FieldRef> = Vec::new();
        let mut operands: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        for (value, field) in arguments.args.iter().zip(&arguments.arg_fields) {
            match value {
                ColumnarValue::Scalar(value) => operands.push(lit(value.clone())),
                ColumnarValue::Array(values) => {
                    operands.push(Arc::new(Column::new(field.name(), columns.len())));
                    columns.push(Arc::clone(values));
                    fields.push(Arc::new(field.as_ref().clone().with_nullable(true)));
                }
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(arguments.number_rows));
        let schema = Arc::new(Schema::new(fields));
        let rows = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let mut operands = operands.into_iter();
        let Some(first) = operands.next() else {
            return datafusion::common::exec_err!("operators without operands");
        };
        let steps = self.operators.iter().zip(operands);
        let computation = steps.fold(first, |left, (operator, right)| {
            Arc::new(Computation::new(left, *operator, right))
        });
        computation.evaluate(&rows)
    }
}

impl ScalarUDFImpl for CheckedOperator {
    /// As the engine's plans write it: `/(a, b)`.
    fn name(&self) -> &'static str {
        match self.operators.last() {
            Some(Operator::Divide) => "/",
            Some(Operator::Modulo) => "%",
            Some(Operator::Multiply) => "*",
            Some(Operator::Plus) => "+",
            Some(Operator::Minus) => "-",
            _ => "~",
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
        let computed = self.compute(&arguments);
        computed.map_err(|error| self.computed.failed(error))
    }
}
