//! Numbers of DOUBLE by whole numbers in the same order, in which everything has its one place:
//! -0.0 is 0.0, and NaN comes after all others. The smallest and the largest of them do not
//! depend on the order in which they are seen.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The key of NaN.
const LAST: i64 = i64::MAX;

/// The key of a number.
fn key_of(number: f64) -> i64 {
    match number {
        _ if number.is_nan() => LAST,
        0.0 => 0,
        _ => flipped(number.to_bits().cast_signed()),
    }
}

/// The number of a key.
fn number_of(key: i64) -> f64 {
    match key {
        LAST => f64::NAN,
        _ => f64::from_bits(flipped(key).cast_unsigned()),
    }
}

/// Negative numbers count down where their bits count up. Twice is nothing.
fn flipped(bits: i64) -> i64 {
    match bits < 0 {
        true => bits ^ i64::MAX,
        false => bits,
    }
}

/// The keys of an array of DOUBLE or FLOAT.
///
/// # Errors
/// Values of another type.
pub fn keys_of(numbers: &ArrayRef) -> Result<ArrayRef> {
    let numbers = cast(numbers, &DataType::Float64)?;
    let numbers = numbers.as_primitive::<Float64Type>();
    Ok(Arc::new(numbers.unary::<_, Int64Type>(key_of)))
}

/// The numbers of an array of keys.
pub fn numbers_of(keys: &ArrayRef) -> ArrayRef {
    let keys = keys.as_primitive::<Int64Type>();
    Arc::new(keys.unary::<_, Float64Type>(number_of))
}

/// The key of an expression of DOUBLE.
pub(super) fn to_key(number: Expr) -> Expr {
    ScalarUDF::from(FloatOrder::new(Direction::ToKey)).call(vec![number])
}

/// The number of an expression that is a key.
pub(super) fn from_key(key: Expr) -> Expr {
    ScalarUDF::from(FloatOrder::new(Direction::FromKey)).call(vec![key])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Direction {
    ToKey,
    FromKey,
}

/// The functions that SQL is given.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatOrder {
    signature: Signature,
    direction: Direction,
}

impl FloatOrder {
    fn new(direction: Direction) -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
            direction,
        }
    }
}

impl ScalarUDFImpl for FloatOrder {
    fn name(&self) -> &'static str {
        match self.direction {
            Direction::ToKey => "float_key",
            Direction::FromKey => "float_of_key",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.direction {
            Direction::ToKey => DataType::Int64,
            Direction::FromKey => DataType::Float64,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [values] = arguments.args.as_slice() else {
            return datafusion::common::exec_err!("{} takes one value", self.name());
        };
        let values = values.to_array(arguments.number_rows)?;
        Ok(ColumnarValue::Array(match self.direction {
            Direction::ToKey => keys_of(&values)?,
            Direction::FromKey => numbers_of(&values),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn everything_has_its_one_place() {
        let numbers = [
            f64::NEG_INFINITY,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            2.5,
            f64::INFINITY,
            f64::NAN,
        ];
        let keys = numbers.map(key_of);
        assert!(keys.is_sorted_by(|left, right| left < right), "{keys:?}");
        assert_eq!(key_of(-0.0), key_of(0.0));
        assert_eq!(key_of(-f64::NAN), key_of(f64::NAN));
    }

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_their_numbers(left in any::<f64>(), right in any::<f64>()) {
            prop_assert_eq!(number_of(key_of(left)), left);
            prop_assert_eq!(left.partial_cmp(&right), Some(key_of(left).cmp(&key_of(right))));
        }
    }
}
