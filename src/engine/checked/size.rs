//! How large values may be that functions make of small ones: `repeat`, `lpad`, `generate_series`.
//!
//! The engine allocates what such a call asks for at once and without an account of it, and a program
//! that asks for more than there is of memory is aborted.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;

/// The most characters or elements of such a value. A batch of them is some hundred megabytes.
const MOST: f64 = 10_000.0;

/// The functions that make such values.
const MAKE_LARGE: [&str; 7] = [
    "lpad",
    "rpad",
    "repeat",
    "array_repeat",
    "array_resize",
    "range",
    "generate_series",
];

/// Why values are too large.
pub(super) const TOO_LARGE: &str = "it would make a text of more than 10,000 characters or a list of more than 10,000 elements; bound the argument that says how many by LEAST(.., 10000)";

/// Whether a function would make a value that is larger than that in some row.
pub(super) fn makes_too_large(name: &str, arguments: &[ColumnarValue]) -> Result<bool> {
    if !MAKE_LARGE.contains(&name) {
        return Ok(false);
    }
    let arguments = ColumnarValue::values_to_arrays(arguments)?;
    let rows = arguments.first().map_or(0, |argument| argument.len());
    let size = match (name, &arguments[..]) {
        ("lpad" | "rpad", [_, count, ..]) => number(count)?,
        ("repeat" | "array_repeat", [element, count]) => times(count, Some(element))?,
        ("array_resize", [_, count, element @ ..]) => times(count, element.first())?,
        ("range" | "generate_series", arguments) => steps(arguments)?,
        _ => return Ok(false),
    };
    Ok((0..rows).any(|row| size(row) > MOST))
}

/// What there is of each row.
type OfRow = Box<dyn Fn(usize) -> f64>;

fn times(count: &ArrayRef, element: Option<&ArrayRef>) -> Result<OfRow> {
    let (count, element) = (number(count)?, element.cloned());
    Ok(Box::new(move |row| {
        count(row) * element.as_ref().map_or(1.0, |element| weight(element, row))
    }))
}

/// The characters of a text, the elements of a list with what each of them is; of others 1.
fn weight(array: &ArrayRef, row: usize) -> f64 {
    let own = match array.data_type() {
        _ if array.is_null(row) => 1.0,
        DataType::Utf8 => array.as_string::<i32>().value(row).len() as f64,
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).len() as f64,
        DataType::Utf8View => array.as_string_view().value(row).len() as f64,
        DataType::List(_) => {
            let elements = array.as_list::<i32>().value(row);
            (0..elements.len()).map(|row| weight(&elements, row)).sum()
        }
        _ => 1.0,
    };
    own.max(1.0)
}

/// How many elements a series has: from, to and step, of which the first and the last may be missing.
fn steps(arguments: &[ArrayRef]) -> Result<OfRow> {
    let zero: OfRow = Box::new(|_| 0.0);
    let one: OfRow = Box::new(|_| 1.0);
    let (from, to, step) = match arguments {
        [to] => (zero, number(to)?, one),
        [from, to] => (number(from)?, number(to)?, one),
        [from, to, step, ..] => (number(from)?, number(to)?, number(step)?),
        [] => return Ok(zero),
    };
    // A step of nothing is the engine's to refuse.
    Ok(Box::new(move |row| {
        let elements = (to(row) - from(row)) / step(row);
        if elements.is_finite() { elements } else { 0.0 }
    }))
}

/// A number, or the microseconds of a time; of NULL 0.
fn number(array: &ArrayRef) -> Result<OfRow> {
    Ok(match array.data_type() {
        DataType::Interval(_) => {
            let unit = DataType::Interval(IntervalUnit::MonthDayNano);
            let intervals = cast(array, &unit)?;
            let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>().clone();
            Box::new(move |row| {
                let interval = intervals.value(row);
                let days = f64::from(interval.months) * 28.0 + f64::from(interval.days);
                days * MICROSECONDS_OF_DAY + interval.nanoseconds as f64 / 1_000.0
            })
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let times = cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            let times = times.as_primitive::<TimestampMicrosecondType>().clone();
            Box::new(move |row| {
                if times.is_null(row) {
                    0.0
                } else {
                    times.value(row) as f64
                }
            })
        }
        DataType::Float64 => {
            let numbers = array.as_primitive::<Float64Type>().clone();
            Box::new(move |row| {
                if numbers.is_null(row) {
                    0.0
                } else {
                    numbers.value(row)
                }
            })
        }
        _ => {
            let numbers = cast(array, &DataType::Int64)?;
            let numbers = numbers.as_primitive::<Int64Type>().clone();
            Box::new(move |row| {
                if numbers.is_null(row) {
                    0.0
                } else {
                    numbers.value(row) as f64
                }
            })
        }
    })
}

const MICROSECONDS_OF_DAY: f64 = 86_400_000_000.0;
