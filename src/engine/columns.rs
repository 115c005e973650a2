//! Columns of a batch by name and type: the one way in which results are read row by row.

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::arrow::error::ArrowError;

/// A column as text.
///
/// # Errors
/// When there is no such column, or it cannot be text.
pub fn texts(rows: &RecordBatch, name: &str) -> Result<StringArray, ArrowError> {
    Ok(column(rows, name, &DataType::Utf8)?
        .as_string::<i32>()
        .clone())
}

/// A column as texts, NULL as none; none at all where there is no such column.
///
/// # Errors
/// When it cannot be text.
pub fn optional_texts(rows: &RecordBatch, column: &str) -> Result<Vec<Option<String>>, ArrowError> {
    if rows.schema().index_of(column).is_err() {
        return Ok(vec![None; rows.num_rows()]);
    }
    let texts = texts(rows, column)?;
    let texts = (0..rows.num_rows()).map(|row| {
        let is_given = texts.is_valid(row);
        is_given.then(|| texts.value(row).to_owned())
    });
    Ok(texts.collect())
}

/// A column as floating-point numbers.
///
/// # Errors
/// When there is no such column, or it has no numbers.
pub fn numbers(rows: &RecordBatch, name: &str) -> Result<Float64Array, ArrowError> {
    let numbers = column(rows, name, &DataType::Float64)?;
    Ok(numbers.as_primitive::<Float64Type>().clone())
}

/// A column as whole numbers.
///
/// # Errors
/// When there is no such column, or it has no numbers.
pub fn integers(rows: &RecordBatch, name: &str) -> Result<Int64Array, ArrowError> {
    let integers = column(rows, name, &DataType::Int64)?;
    Ok(integers.as_primitive::<Int64Type>().clone())
}

/// A column as decimals of one type.
///
/// # Errors
/// When there is no such column, or its numbers do not fit.
pub fn decimals(
    rows: &RecordBatch,
    name: &str,
    data_type: &DataType,
) -> Result<Decimal128Array, ArrowError> {
    let decimals = column(rows, name, data_type)?;
    Ok(decimals.as_primitive::<Decimal128Type>().clone())
}

fn column(rows: &RecordBatch, name: &str, data_type: &DataType) -> Result<ArrayRef, ArrowError> {
    cast(rows.column(rows.schema().index_of(name)?), data_type)
}
