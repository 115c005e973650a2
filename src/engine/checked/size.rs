//! How large values may be that functions make of small ones: `repeat`, `lpad`, `replace`, `regexp_replace`,
//! `generate_series`.
//!
//! The engine allocates what such a call asks for at once and without an account of it, and a program
//! that asks for more than there is of memory is aborted.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
};
use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;
use regex::Regex;

/// The most characters or elements of such a value. A batch of them is some hundred megabytes.
const MOST: f64 = 10_000.0;

const MICROSECONDS_OF_DAY: f64 = 86_400_000_000.0;

/// Why values are too large.
pub(super) const TOO_LARGE: &str = "it would make a text of more than 10,000 characters or a list of more than 10,000 elements; bound the argument that says how many by LEAST(.., 10000)";

/// Whether a function would make a value that is larger than that in one of so many rows.
pub(super) fn makes_too_large(
    name: &str,
    arguments: &[ColumnarValue],
    rows: usize,
) -> Result<bool> {
    let sizes = match (name, arguments) {
        ("lpad" | "rpad", [_, count, ..]) | ("array_resize", [_, count]) => numbers(count, rows)?,
        ("repeat" | "array_repeat", [element, count])
        | ("array_resize", [_, count, element, ..]) => {
            times(&numbers(count, rows)?, &element.to_array(rows)?)
        }
        ("range" | "generate_series", arguments) => steps(arguments, rows)?,
        ("replace", [text, from, to]) => {
            replaced(&texts(text, rows)?, &texts(from, rows)?, &texts(to, rows)?)
        }
        ("regexp_replace", [text, pattern, to, flags @ ..]) => {
            let flags = flags.first().map(|flags| texts(flags, rows)).transpose()?;
            let everywhere = flags.is_some_and(|flags| flags.iter().flatten().any(has_global));
            let [text, pattern, to] = [text, pattern, to].map(|argument| texts(argument, rows));
            replaced_by_pattern(&text?, &pattern?, &to?, everywhere)
        }
        _ => return Ok(false),
    };
    Ok(sizes.iter().flatten().any(|size| size > MOST))
}

/// The characters of texts with longer ones put in for parts of them.
fn replaced(texts: &StringArray, from: &StringArray, to: &StringArray) -> Float64Array {
    let rows = texts.iter().zip(from).zip(to);
    let sizes = rows.map(|((text, from), to)| {
        let (text, from, to) = (text?, from?, to?);
        let more = to.len().checked_sub(from.len())?;
        Some(text.len() as f64 + text.matches(from).count() as f64 * more as f64)
    });
    sizes.collect()
}

/// The most characters of texts in which something takes the place of what a pattern finds: once, or at every
/// place. It may repeat what was found, all of which is no longer than the text. What does not double a text is
/// none of our business.
fn replaced_by_pattern(
    texts: &StringArray,
    pattern: &StringArray,
    to: &StringArray,
    everywhere: bool,
) -> Float64Array {
    let sizes = texts
        .iter()
        .zip(pattern)
        .zip(to)
        .map(|((text, pattern), to)| {
            let (text, pattern, to) = (text?, pattern?, to?);
            let length = text.len() as f64;
            let repeats = to.matches('\\').count().max(1) as f64;
            let put_in = to.len() as f64;
            let grown = |times: f64| {
                Some(length * repeats + times * put_in).filter(|size| *size > 2.0 * length)
            };
            let size = grown(if everywhere { length + 1.0 } else { 1.0 })?;
            if size <= MOST || !everywhere {
                return Some(size);
            }
            // What is no pattern is the engine's to refuse.
            let found = Regex::new(pattern).ok()?.find_iter(text).count();
            grown(found as f64)
        });
    sizes.collect()
}

fn has_global(flags: &str) -> bool {
    flags.contains('g')
}

fn texts(argument: &ColumnarValue, rows: usize) -> Result<StringArray> {
    let texts = cast(&argument.to_array(rows)?, &DataType::Utf8)?;
    Ok(texts.as_string::<i32>().clone())
}

fn times(count: &Float64Array, element: &ArrayRef) -> Float64Array {
    let rows = count.iter().enumerate();
    let sizes = rows.map(|(row, count)| Some(count? * weight(element, row)));
    sizes.collect()
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
fn steps(arguments: &[ColumnarValue], rows: usize) -> Result<Float64Array> {
    let all = |number| Float64Array::from(vec![number; rows]);
    let (from, to, step) = match arguments {
        [to] => (all(0.0), numbers(to, rows)?, all(1.0)),
        [from, to] => (numbers(from, rows)?, numbers(to, rows)?, all(1.0)),
        [from, to, step, ..] => (
            numbers(from, rows)?,
            numbers(to, rows)?,
            numbers(step, rows)?,
        ),
        [] => return Ok(all(0.0)),
    };
    let series = from.iter().zip(&to).zip(&step);
    // A step of nothing is the engine's to refuse.
    let elements = series.map(|((from, to), step)| {
        Some((to? - from?) / step?).filter(|elements| elements.is_finite())
    });
    Ok(elements.collect())
}

/// Numbers, or the microseconds of times and intervals.
fn numbers(argument: &ColumnarValue, rows: usize) -> Result<Float64Array> {
    let array = argument.to_array(rows)?;
    let numbers = match array.data_type() {
        DataType::Interval(_) => {
            let intervals = cast(&array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
            let microseconds = intervals.iter().map(|interval| {
                let interval = interval?;
                let days = f64::from(interval.months) * 28.0 + f64::from(interval.days);
                Some(days * MICROSECONDS_OF_DAY + interval.nanoseconds as f64 / 1_000.0)
            });
            return Ok(microseconds.collect());
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            let times = cast(&array, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            cast(&times, &DataType::Int64)?
        }
        _ => array,
    };
    let numbers = cast(&numbers, &DataType::Float64)?;
    Ok(numbers.as_primitive::<Float64Type>().clone())
}
