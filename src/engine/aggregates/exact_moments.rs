//! `AVG`, `VAR`, `VAR_POP`, `STDDEV` and `STDDEV_POP` of exact numbers, exactly.
//!
//! A group keeps how many numbers there are, their sum and the sum of their squares, of DECIMAL
//! and so without rounding; one division at the end gives the value. The engine's own keep means
//! of DOUBLE, which round at each row and each merge.
//!
//! | value | of count n, sum s, squares q | type |
//! |---|---|---|
//! | `AVG` | s / n | that of the engine: DOUBLE of whole numbers; of DECIMAL a DECIMAL, cut off as the engine does |
//! | `VAR_POP` | (n q - s²) / n² | DOUBLE |
//! | `VAR` | (n q - s²) / n (n - 1), NULL of one number | DOUBLE |
//! | `STDDEV_POP`, `STDDEV` | the roots of these | DOUBLE |

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array,
    Int64Array, new_empty_array,
};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Decimal256Type, DecimalType, Field, FieldRef, Int64Type, i256,
};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::one_group::OneGroup;
use crate::engine::sums::SumOverflow;

/// Digits of a sum, and of a sum of squares: what is summed has ten fewer than the one, and half
/// of that of the other.
const SUM_DIGITS: u8 = 38;
const SQUARES_DIGITS: u8 = 76;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The average.
    Average,
    /// The variance of all there are, or of a sample.
    Variance {
        /// Whether they are a sample.
        of_sample: bool,
    },
    /// The root of the variance.
    Deviation {
        /// Whether they are a sample.
        of_sample: bool,
    },
}

/// The function over one DECIMAL of at most [`MOST_DIGITS`](crate::engine::MOST_DIGITS) digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExactMoments {
    name: &'static str,
    signature: Signature,
    moment: Moment,
    value_type: DataType,
    overflow: SumOverflow,
}

impl Moment {
    /// What an aggregate of the engine computes, if it is one of these.
    pub fn of_function(name: &str) -> Option<(&'static str, Self)> {
        let variance = |of_sample| Self::Variance { of_sample };
        let deviation = |of_sample| Self::Deviation { of_sample };
        Some(match name {
            "avg" => ("avg", Self::Average),
            "var" => ("var", variance(true)),
            "var_pop" => ("var_pop", variance(false)),
            "stddev" => ("stddev", deviation(true)),
            "stddev_pop" => ("stddev_pop", deviation(false)),
            _ => return None,
        })
    }
}

impl ExactMoments {
    /// The function of a name, whose value has this type; `overflow` is what it says of sums that
    /// no state can hold.
    pub fn new(
        (name, moment): (&'static str, Moment),
        value_type: DataType,
        overflow: SumOverflow,
    ) -> Self {
        Self {
            name,
            signature: Signature::any(1, Volatility::Immutable),
            moment,
            value_type,
            overflow,
        }
    }

    fn groups(&self, fields: &[FieldRef]) -> Result<Moments> {
        let DataType::Decimal128(_, scale) = fields[0].data_type() else {
            return exec_err!("{} of {}", self.name, fields[0].data_type());
        };
        Ok(Moments {
            function: self.clone(),
            scale: *scale,
            counts: Vec::new(),
            sums: Vec::new(),
            squares: Vec::new(),
        })
    }
}

impl AggregateUDFImpl for ExactMoments {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.value_type.clone())
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let groups = self.groups(arguments.input_fields)?;
        let field = |name: &str, of| Arc::new(Field::new(name, of, true));
        let mut fields = vec![
            field("count", DataType::Int64),
            field("sum", DataType::Decimal128(SUM_DIGITS, groups.scale)),
        ];
        if groups.keeps_squares() {
            let of = DataType::Decimal256(SQUARES_DIGITS, 2 * groups.scale);
            fields.push(field("squares", of));
        }
        Ok(fields)
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let groups = self.groups(arguments.expr_fields)?;
        let nothing = new_empty_array(arguments.expr_fields[0].data_type());
        Ok(Box::new(OneGroup::of(Box::new(groups), &[nothing])?))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        arguments: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.groups(arguments.expr_fields)?))
    }
}

/// The counts and sums of many groups.
struct Moments {
    function: ExactMoments,
    /// Of what is summed.
    scale: i8,
    counts: Vec<i64>,
    sums: Vec<i128>,
    /// As many as there are groups, all zero where nobody asks for them.
    squares: Vec<i256>,
}

/// What a row or a state adds to a group.
struct Addend {
    count: i64,
    sum: i128,
    squares: i256,
}

impl Moments {
    fn keeps_squares(&self) -> bool {
        self.function.moment != Moment::Average
    }

    fn grow(&mut self, count: usize) {
        let count = count.max(self.counts.len());
        self.counts.resize(count, 0);
        self.sums.resize(count, 0);
        self.squares.resize(count, i256::ZERO);
    }

    fn add(&mut self, group: usize, addend: &Addend) -> Result<()> {
        let count = self.counts[group].checked_add(addend.count);
        let sum = self.sums[group].checked_add(addend.sum);
        let squares = self.squares[group].checked_add(addend.squares);
        let (Some(count), Some(sum), Some(squares)) = (count, sum, squares) else {
            return Err(self.function.overflow.clone().into());
        };
        let is_within = Decimal128Type::is_valid_decimal_precision(sum, SUM_DIGITS)
            && Decimal256Type::is_valid_decimal_precision(squares, SQUARES_DIGITS);
        if !is_within {
            return Err(self.function.overflow.clone().into());
        }
        self.counts[group] = count;
        self.sums[group] = sum;
        self.squares[group] = squares;
        Ok(())
    }

    /// The average as a DECIMAL; none when it has no room there.
    fn average(&self, count: i64, sum: i128, precision: u8, scale: i8) -> Option<i128> {
        let shift = u32::try_from(scale - self.scale).ok()?;
        let shifted = i256::from_i128(sum).checked_mul(power_of_ten(shift)?)?;
        let average = shifted.checked_div(i256::from_i128(count.into()))?;
        let average = average.to_i128()?;
        Decimal128Type::is_valid_decimal_precision(average, precision).then_some(average)
    }

    /// The value of a group that has numbers; none where there is none, and a failure where the
    /// numbers of the division have no room.
    fn value(&self, count: i64, sum: i128, squares: i256) -> Result<Option<f64>> {
        let divided = match self.function.moment {
            Moment::Average => self.quotient(i256::from_i128(sum), count, 1, 1),
            Moment::Variance { of_sample } | Moment::Deviation { of_sample } => {
                let others = count - i64::from(of_sample);
                if others == 0 {
                    return Ok(None);
                }
                let sum = i256::from_i128(sum);
                let squared = sum.checked_mul(sum);
                let spread = squares.checked_mul(i256::from_i128(count.into()));
                let spread = spread.zip(squared);
                let spread = spread.and_then(|(spread, squared)| spread.checked_sub(squared));
                spread.and_then(|spread| self.quotient(spread, count, others, 2))
            }
        };
        let value = divided.ok_or_else(|| self.function.overflow.clone())?;
        Ok(Some(match self.function.moment {
            Moment::Deviation { .. } => value.sqrt(),
            Moment::Average | Moment::Variance { .. } => value,
        }))
    }

    /// A number of so many times the scale's digits, divided once.
    fn quotient(&self, number: i256, count: i64, others: i64, scales: u32) -> Option<f64> {
        let digits = u32::try_from(self.scale).ok()? * scales;
        let divisor = i256::from_i128(i128::from(count) * i128::from(others));
        let divisor = divisor.checked_mul(power_of_ten(digits)?)?;
        Some(nearest(number) / nearest(divisor))
    }

    fn doubles(&self, counts: &[i64], sums: &[i128], squares: &[i256]) -> Result<ArrayRef> {
        let groups = counts.iter().zip(sums).zip(squares);
        let values = groups.map(|((count, sum), squares)| match count {
            0 => Ok(None),
            _ => self.value(*count, *sum, *squares),
        });
        let values: Float64Array = values.collect::<Result<Vec<_>>>()?.into();
        Ok(Arc::new(values))
    }

    fn decimals(
        &self,
        counts: &[i64],
        sums: &[i128],
        (precision, scale): (u8, i8),
    ) -> Result<ArrayRef> {
        let groups = counts.iter().zip(sums);
        let values = groups.map(|(count, sum)| match count {
            0 => Ok(None),
            _ => {
                let average = self.average(*count, *sum, precision, scale);
                let average = average.ok_or_else(|| self.function.overflow.clone())?;
                Ok(Some(average))
            }
        });
        let values: Decimal128Array = values.collect::<Result<Vec<_>>>()?.into();
        Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
    }
}

fn power_of_ten(digits: u32) -> Option<i256> {
    i256::from_i128(10).checked_pow(digits)
}

/// The nearest number of DOUBLE.
fn nearest(number: i256) -> f64 {
    match number.to_i128() {
        Some(number) => number as f64,
        None => number.to_string().parse().unwrap_or(f64::NAN),
    }
}

impl GroupsAccumulator for Moments {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.grow(count);
        let values = values[0].as_primitive::<Decimal128Type>();
        let passes = |row| filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
        for (row, group) in groups.iter().enumerate() {
            if values.is_null(row) || !passes(row) {
                continue;
            }
            let value = values.value(row);
            let squares = match self.keeps_squares() {
                true => i256::from_i128(value).checked_mul(i256::from_i128(value)),
                false => Some(i256::ZERO),
            };
            let addend = Addend {
                count: 1,
                sum: value,
                squares: squares.ok_or_else(|| self.function.overflow.clone())?,
            };
            self.add(*group, &addend)?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let counts = emit_to.take_needed(&mut self.counts);
        let sums = emit_to.take_needed(&mut self.sums);
        let squares = emit_to.take_needed(&mut self.squares);
        match self.function.value_type {
            DataType::Decimal128(precision, scale) => {
                self.decimals(&counts, &sums, (precision, scale))
            }
            _ => self.doubles(&counts, &sums, &squares),
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let counts = emit_to.take_needed(&mut self.counts);
        let sums = emit_to.take_needed(&mut self.sums);
        let squares = emit_to.take_needed(&mut self.squares);
        let sums = Decimal128Array::from(sums).with_precision_and_scale(SUM_DIGITS, self.scale)?;
        let mut state: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(counts)), Arc::new(sums)];
        if self.keeps_squares() {
            let squares = Decimal256Array::from(squares);
            let squares = squares.with_precision_and_scale(SQUARES_DIGITS, 2 * self.scale)?;
            state.push(Arc::new(squares));
        }
        Ok(state)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], count: usize) -> Result<()> {
        self.grow(count);
        let counts = states[0].as_primitive::<Int64Type>();
        let sums = states[1].as_primitive::<Decimal128Type>();
        let squares = states
            .get(2)
            .map(|squares| squares.as_primitive::<Decimal256Type>());
        for (row, group) in groups.iter().enumerate() {
            if counts.is_null(row) {
                continue;
            }
            let addend = Addend {
                count: counts.value(row),
                sum: sums.value(row),
                squares: squares.map_or(i256::ZERO, |squares| squares.value(row)),
            };
            self.add(*group, &addend)?;
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let each: Vec<usize> = (0..rows).collect();
        let mut alone = Self {
            function: self.function.clone(),
            counts: Vec::new(),
            sums: Vec::new(),
            squares: Vec::new(),
            ..*self
        };
        alone.update_batch(values, &each, filter, rows)?;
        alone.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
            + self.sums.capacity() * size_of::<i128>()
            + self.squares.capacity() * size_of::<i256>()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::*;

    /// The value of all numbers as one group, and of the same in two parts that are merged.
    fn values(name: &str, value_type: DataType, numbers: &[i128]) -> [String; 2] {
        let moment = Moment::of_function(name).unwrap();
        let overflow = SumOverflow::of("rollups.purchases", "x");
        let function = ExactMoments::new(moment, value_type, overflow);
        let field = Arc::new(Field::new("x", DataType::Decimal128(28, 2), true));
        let column = |numbers: &[i128]| -> ArrayRef {
            let numbers = Decimal128Array::from(numbers.to_vec());
            Arc::new(numbers.with_precision_and_scale(28, 2).unwrap())
        };
        let groups = || function.groups(&[Arc::clone(&field)]).unwrap();
        let filled = |numbers: &[i128]| {
            let mut groups = groups();
            let places = vec![0; numbers.len()];
            let column = [column(numbers)];
            groups.update_batch(&column, &places, None, 1).unwrap();
            groups
        };
        let mut whole = filled(numbers);
        let (left, right) = numbers.split_at(numbers.len() / 2);
        let mut merged = groups();
        for part in [right, left] {
            let state = filled(part).state(EmitTo::All).unwrap();
            merged.merge_batch(&state, &[0], 1).unwrap();
        }
        [&mut whole, &mut merged].map(|groups| {
            let value = groups.evaluate(EmitTo::All).unwrap();
            array_value_to_string(&value, 0).unwrap()
        })
    }

    #[test]
    fn values_are_exact_up_to_one_division() {
        let cents = [100, 200, 200, 500];
        let double = DataType::Float64;
        for (name, expected) in [
            ("avg", "2.5"),
            ("var_pop", "2.25"),
            ("var", "3.0"),
            ("stddev_pop", "1.5"),
            ("stddev", "1.7320508075688772"),
        ] {
            let found = values(name, double.clone(), &cents);
            assert_eq!(found, [expected, expected], "{name}");
        }
        let average = values("avg", DataType::Decimal128(32, 6), &[100, 100, 101]);
        assert_eq!(average, ["1.003333", "1.003333"]);
        assert_eq!(values("var", double.clone(), &[100]), ["", ""]);
        assert_eq!(values("var_pop", double.clone(), &[100]), ["0.0", "0.0"]);
        assert_eq!(values("avg", double, &[]), ["", ""]);
    }

    /// Where sums of DOUBLE have lost the differences long before.
    #[test]
    fn large_numbers_keep_their_differences() {
        let large = 10_i128.pow(27);
        let numbers = [large, large + 100, large + 200];
        let found = values("var_pop", DataType::Float64, &numbers);
        assert_eq!(found[0], found[1]);
        let found: f64 = found[0].parse().unwrap();
        assert!((found - 2.0 / 3.0).abs() < 1e-15, "{found}");
    }

    /// In the rows of one tile, and where tiles are merged.
    #[test]
    fn sums_that_no_state_can_hold_fail_by_the_name_of_the_column() {
        let overflow = SumOverflow::of("rollups.purchases", "x");
        let moment = Moment::of_function("avg").unwrap();
        let function = ExactMoments::new(moment, DataType::Float64, overflow);
        let field = Arc::new(Field::new("x", DataType::Decimal128(28, 0), true));
        let mut groups = function.groups(&[field]).unwrap();
        let most = 10_i128.pow(38) - 1;
        let sums = Decimal128Array::from(vec![most]);
        let sums = sums.with_precision_and_scale(SUM_DIGITS, 0).unwrap();
        let state: [ArrayRef; 2] = [Arc::new(Int64Array::from(vec![1])), Arc::new(sums)];
        groups.merge_batch(&state, &[0], 1).unwrap();
        let merged = groups.merge_batch(&state, &[0], 1);
        let one = Decimal128Array::from(vec![1]);
        let one: ArrayRef = Arc::new(one.with_precision_and_scale(28, 0).unwrap());
        let added = groups.update_batch(&[one], &[0], None, 1);
        for failed in [merged, added] {
            let error = failed.unwrap_err().to_string();
            assert!(
                error.contains("`x` of `rollups.purchases` outgrows"),
                "{error}"
            );
        }
    }
}
