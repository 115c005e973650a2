//! Sums that say when they outgrow their type, where the engine's would wrap around.
//!
//! A SUM of BIGINT is computed as one of DECIMAL, which has room, and [`WithinBigint`] brings it
//! back. A SUM of DECIMAL has ten digits more than what is summed, enough for ten thousand million
//! rows; for that, what is summed may have [`MOST_DIGITS`].

use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::display::FormatOptions;
use datafusion::common::DataFusionError;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, cast,
};

/// Digits of a DECIMAL that may be summed: a sum has ten more, and 38 are the most there are.
pub const MOST_DIGITS: u8 = 28;

/// The DECIMAL that holds every BIGINT.
const EVERY_BIGINT: DataType = DataType::Decimal128(19, 0);

/// The DECIMAL that holds every BIGINT UNSIGNED.
const EVERY_UNSIGNED_BIGINT: DataType = DataType::Decimal128(20, 0);

/// A value that does not fit is an error, not NULL.
pub const EXACT: CastOptions<'static> = CastOptions {
    safe: false,
    format_options: FormatOptions::new(),
};

/// A sum that outgrew its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the sum {sum} outgrows its type; CAST what is summed AS DECIMAL({MOST_DIGITS}, 0), or give rows that cannot be right a reject_reason in staging"
)]
pub struct SumOverflow {
    /// What SQL calls it.
    pub sum: String,
}

impl SumOverflow {
    /// A column of a rollup, or of windows of it.
    pub fn of(rollup: &str, column: &str) -> Self {
        Self {
            sum: format!("`{column}` of `{rollup}`"),
        }
    }
}

impl From<SumOverflow> for DataFusionError {
    fn from(overflow: SumOverflow) -> Self {
        Self::External(Box::new(overflow))
    }
}

/// A SUM of BIGINT, as one of DECIMAL.
#[must_use]
pub fn widened(mut sum: AggregateFunction) -> Expr {
    widen(&mut sum.params.args, &DataType::Int64);
    Expr::AggregateFunction(sum)
}

/// What a SUM of whole numbers of this type sums, as DECIMAL.
pub(super) fn widen(summed: &mut Vec<Expr>, data_type: &DataType) {
    let every = match data_type {
        DataType::UInt64 => EVERY_UNSIGNED_BIGINT,
        _ => EVERY_BIGINT,
    };
    let wide = std::mem::take(summed).into_iter();
    *summed = wide.map(|value| cast(value, every.clone())).collect();
}

/// A [`widened`] sum as BIGINT again.
#[must_use]
pub fn within_bigint(sum: Expr, overflow: SumOverflow) -> Expr {
    within(sum, DataType::Int64, overflow)
}

/// A [`widened`] sum in the type of whole numbers that it had.
pub(super) fn within(sum: Expr, data_type: DataType, overflow: SumOverflow) -> Expr {
    let function = WithinBigint {
        signature: Signature::any(1, Volatility::Immutable),
        data_type,
        overflow,
    };
    ScalarUDF::from(function).call(vec![sum])
}

/// Casts to BIGINT, signed or not, and fails by the name of the sum.
#[derive(Debug, PartialEq, Eq, Hash)]
struct WithinBigint {
    signature: Signature,
    data_type: DataType,
    overflow: SumOverflow,
}

impl ScalarUDFImpl for WithinBigint {
    /// Of what is summed below.
    fn name(&self) -> &'static str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.data_type.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let sums = ColumnarValue::values_to_arrays(&arguments.args)?;
        let sums = sums.first().map(Arc::clone);
        let sums = sums.ok_or_else(|| self.overflow.clone())?;
        let cast = cast_with_options(&sums, &self.data_type, &EXACT);
        Ok(ColumnarValue::Array(
            cast.map_err(|_| self.overflow.clone())?,
        ))
    }
}
