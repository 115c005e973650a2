//! Operators that fail by their name: `/` and `%`, arithmetic of exact numbers with digits behind the
//! point and of times, and matches of regular expressions.
//!
//! A chain such as `a + b - c` is one function of all of its operands, as in
//! [whole-number arithmetic](super::checked_arithmetic).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr as Computation, Column, lit};

use super::by_model::ModelFile;
use super::checked::{as_written, as_written_behind, cut, field_of_strict};
use super::checked_failures::Computed;

/// The same expression by a checked function, if it is an operator that may fail.
pub(super) fn checked_operator(
    node: Expr,
    schema: &DFSchema,
    model: Option<&ModelFile>,
) -> Result<Transformed<Expr>> {
    let Expr::BinaryExpr(binary) = &node else {
        return Ok(Transformed::no(node));
    };
    // What has no type before it is planned further is the engine's.
    let (Ok(left), Ok(right)) = (
        type_of(&binary.left, schema),
        type_of(&binary.right, schema),
    ) else {
        return Ok(Transformed::no(node));
    };
    if !may_fail(binary.op, &left, &right) {
        return Ok(Transformed::no(node));
    }
    let Ok(data_type) = node.get_type(schema) else {
        return Ok(Transformed::no(node));
    };
    let schema_name = node.schema_name().to_string();
    let computed = Computed::of(&node, written(&node)?, model);
    let Expr::BinaryExpr(binary) = node else {
        return Ok(Transformed::no(node));
    };
    let (operators, operands) = chained(binary);
    let function = ScalarUDF::from(CheckedOperator {
        signature: Signature::any(operands.len(), Volatility::Immutable),
        operators,
        data_type,
        schema_name,
        computed,
    });
    Ok(Transformed::yes(function.call(operands)))
}

/// Whether an operator fails for some values of these types. Whole numbers are added and multiplied
/// by [`checked_arithmetic`](super::checked_arithmetic), and doubles know no failure.
fn may_fail(operator: Operator, left: &DataType, right: &DataType) -> bool {
    use Operator::{
        Divide, Minus, Modulo, Multiply, Plus, RegexIMatch, RegexMatch, RegexNotIMatch,
        RegexNotMatch,
    };
    let is_one = |is: fn(&DataType) -> bool| is(left) || is(right);
    match operator {
        Divide | Modulo => !is_one(DataType::is_floating),
        Plus | Minus | Multiply => is_one(DataType::is_decimal) || is_one(DataType::is_temporal),
        RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch => true,
        _ => false,
    }
}

fn checked_of(expression: &Expr) -> Option<&CheckedOperator> {
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

/// An expression as SQL has it; of a chain, the text of its beginning is known.
fn written(node: &Expr) -> Result<String> {
    if let Expr::BinaryExpr(binary) = node
        && let Some(before) = goes_on(binary)
    {
        let (before, right) = (
            &before.computed.expression,
            as_written_behind(binary.op, &binary.right)?,
        );
        return Ok(cut(format!("{before} {} {right}", binary.op)));
    }
    as_written(node)
}

/// The chain that an operator goes on with, from left to right.
fn goes_on(binary: &BinaryExpr) -> Option<&CheckedOperator> {
    let before = checked_of(&binary.left)?;
    let is_sum = |operator: Operator| matches!(operator, Operator::Plus | Operator::Minus);
    let last = *before.operators.last()?;
    let is_same_kind =
        is_sum(last) == is_sum(binary.op) && last.precedence() == binary.op.precedence();
    is_same_kind.then_some(before)
}

/// One operator, behind those that its left side is made of.
fn chained(binary: BinaryExpr) -> (Vec<Operator>, Vec<Expr>) {
    if let Some(before) = goes_on(&binary)
        && let Expr::ScalarFunction(call) = binary.left.as_ref()
    {
        let operators = before.operators.iter().copied().chain([binary.op]);
        let right = binary.right.as_ref().clone();
        let operands = call.args.iter().cloned().chain([right]);
        return (operators.collect(), operands.collect());
    }
    (vec![binary.op], vec![*binary.left, *binary.right])
}

/// Operators as the engine has them, but for what they say when they fail.
#[derive(Debug)]
pub(super) struct CheckedOperator {
    signature: Signature,
    /// From left to right, one less than there are operands.
    operators: Vec<Operator>,
    data_type: DataType,
    /// What the operators themselves would be called, so that columns keep their names.
    schema_name: String,
    computed: Computed,
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
