//! Values of a file that are of another kind than the declared column: exactly, or refused.
//!
//! | the file has | declared | is |
//! |---|---|---|
//! | a UUID, or another text of 16 bytes | VARCHAR | `8c7b2c1e-...`, in lower case |
//! | bytes | VARCHAR | their text in UTF-8; refused when they are none |
//! | doubles that are whole numbers | VARCHAR | `7`, as where the same column is BIGINT; refused from 2^53 on, where another number may have been meant |
//! | doubles that are NaN | VARCHAR | NULL: writers put it where a value is missing |
//! | other numbers, dates, instants, truth values | VARCHAR | their text, as CAST writes it |
//! | unsigned integers of 64 bits | BIGINT | the same number; refused beyond 2^63 - 1 |
//!
//! The engine knows nothing of such an expression and so prunes no rows by it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options};
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type, Schema};
use datafusion::common::DataFusionError;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

use crate::engine::Refused;

use super::schema::USER_ID;

/// How many bytes a UUID has.
const UUID_BYTES: i32 = 16;

/// 2^53: below it every whole number is a double of its own.
const WHOLE_DOUBLES: f64 = 9_007_199_254_740_992.0;

/// 2^24, the same of numbers of 32 bits.
const WHOLE_FLOATS: f64 = 16_777_216.0;

/// Whether a column of a file is read by a conversion, and not by a plain cast.
pub(super) fn is_converted(found: &DataType, declared: &DataType) -> bool {
    let plain = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    match declared {
        DataType::Utf8 | DataType::Utf8View => !plain.is_string(),
        DataType::Int64 => *plain == DataType::UInt64,
        _ => false,
    }
}

/// What a column of a file holds, as the declared column.
#[derive(Debug, Clone)]
pub(super) struct Converted {
    column: Arc<dyn PhysicalExpr>,
    declared: FieldRef,
}

impl Converted {
    /// Reads `column`, a column of a file, as `declared`.
    pub(super) fn of(column: Arc<dyn PhysicalExpr>, declared: &FieldRef) -> Self {
        Self {
            column,
            declared: Arc::clone(declared),
        }
    }

    fn read(&self, values: &ArrayRef) -> Result<ArrayRef> {
        let exactly = |values: &ArrayRef, what: &str| {
            let exact = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            let converted = cast_with_options(values, self.declared.data_type(), &exact);
            converted.map_err(|_| self.refused(what))
        };
        match values.data_type() {
            DataType::FixedSizeBinary(UUID_BYTES) => {
                let uuids = values.as_fixed_size_binary().iter();
                let texts: StringViewArray = uuids.map(|uuid| uuid.map(uuid_text)).collect();
                let texts: ArrayRef = Arc::new(texts);
                Ok(cast(&texts, self.declared.data_type())?)
            }
            DataType::FixedSizeBinary(_) => exactly(
                &cast(values, &DataType::Binary)?,
                "has bytes that are no text",
            ),
            // What was taken for texts unseen.
            DataType::Utf8View => exactly(
                &cast(values, &DataType::BinaryView)?,
                "has bytes that are no text",
            ),
            DataType::Utf8 | DataType::LargeUtf8 => exactly(
                &cast(values, &DataType::LargeBinary)?,
                "has bytes that are no text",
            ),
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                exactly(values, "has bytes that are no text")
            }
            DataType::Float32 | DataType::Float64 => {
                let texts = double_texts(values)?.ok_or_else(|| self.refused(&self.inexact()))?;
                let texts: ArrayRef = Arc::new(texts);
                Ok(cast(&texts, self.declared.data_type())?)
            }
            _ => exactly(values, &self.beyond_bigint()),
        }
    }

    /// Why a number of floating point has no text of its own.
    fn inexact(&self) -> String {
        let name = self.declared.name();
        format!(
            "has a floating-point number so large that other whole numbers are the same one, so that it may not be the one that was meant; deliver whole numbers or texts, or, to take it as it is, declare {name} = \"DOUBLE\" under the columns of the source and write CAST(CAST({name} AS DECIMAL(38, 0)) AS VARCHAR) AS {name} in staging SQL"
        )
    }

    /// What to do about a number that BIGINT does not hold.
    fn beyond_bigint(&self) -> String {
        let types = match self.declared.name().as_str() {
            USER_ID => "VARCHAR, alike in all sources",
            _ => "VARCHAR, or as DECIMAL(20, 0) if it is a number to compute with",
        };
        format!("has a number beyond 9223372036854775807; declare it as {types}")
    }

    fn refused(&self, what: &str) -> DataFusionError {
        Refused::Value {
            column: self.declared.name().clone(),
            what: what.to_owned(),
        }
        .into()
    }
}

/// `8c7b2c1e-52f1-4a0b-9d5e-0f6f4d1b2a3c`.
fn uuid_text(uuid: &[u8]) -> String {
    let mut text = String::with_capacity(2 * uuid.len() + 4);
    for (place, byte) in uuid.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0xf] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

/// `7` and `7.5`: writers hold whole numbers as doubles where a value is missing. None where some
/// number may stand for others, too.
fn double_texts(values: &ArrayRef) -> Result<Option<StringViewArray>> {
    let all_whole_numbers = match values.data_type() {
        DataType::Float32 => WHOLE_FLOATS,
        _ => WHOLE_DOUBLES,
    };
    let doubles = cast(values, &DataType::Float64)?;
    let as_cast = cast(values, &DataType::Utf8)?;
    let doubles = doubles.as_primitive::<Float64Type>();
    let is_large = |double: f64| double.abs() >= all_whole_numbers;
    if doubles.iter().flatten().any(is_large) {
        return Ok(None);
    }
    let texts = doubles.iter().zip(as_cast.as_string::<i32>());
    let texts = texts.map(|(double, text)| match double? {
        double if double.is_nan() => None,
        double if double.fract() == 0.0 => Some(format!("{:.0}", double + 0.0)),
        _ => text.map(str::to_owned),
    });
    Ok(Some(texts.collect()))
}

impl PhysicalExpr for Converted {
    fn data_type(&self, _of_file: &Schema) -> Result<DataType> {
        Ok(self.declared.data_type().clone())
    }

    fn nullable(&self, _of_file: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        let mut values = self.column.evaluate(rows)?.into_array(rows.num_rows())?;
        if let DataType::Dictionary(_, of_values) = values.data_type() {
            values = cast(&values, of_values)?;
        }
        self.read(&values).map(ColumnarValue::Array)
    }

    fn return_field(&self, _of_file: &Schema) -> Result<FieldRef> {
        Ok(Arc::clone(&self.declared))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.column]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let column = children.pop();
        let column = column
            .ok_or_else(|| DataFusionError::Internal("a conversion of no column".to_owned()))?;
        Ok(Arc::new(Self::of(column, &self.declared)))
    }

    fn fmt_sql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt_sql(formatter)
    }
}

impl fmt::Display for Converted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "converted({})", self.column)
    }
}

impl PartialEq for Converted {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column) && self.declared == other.declared
    }
}

impl Eq for Converted {}

impl Hash for Converted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.declared.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        BinaryArray, Decimal128Array, FixedSizeBinaryArray, Float32Array, Float64Array, Int64Array,
        UInt64Array,
    };
    use datafusion::arrow::datatypes::{Field, Int64Type};
    use datafusion::physical_expr::expressions::Column;

    use super::*;

    fn read(values: impl Array + 'static, to: DataType) -> std::result::Result<ArrayRef, String> {
        let values: ArrayRef = Arc::new(values);
        assert!(is_converted(values.data_type(), &to));
        let of_file = Field::new("x", values.data_type().clone(), true);
        let rows =
            RecordBatch::try_new(Arc::new(Schema::new(vec![of_file])), vec![values]).unwrap();
        let declared: FieldRef = Arc::new(Field::new("x", to, true));
        let read = Converted::of(Arc::new(Column::new("x", 0)), &declared).evaluate(&rows);
        let read = read.map_err(|error| error.strip_backtrace())?;
        Ok(read.into_array(rows.num_rows()).unwrap())
    }

    fn texts(values: impl Array + 'static) -> std::result::Result<Vec<Option<String>>, String> {
        let read = read(values, DataType::Utf8View)?;
        let texts = read.as_string_view().iter();
        Ok(texts.map(|text| text.map(str::to_owned)).collect())
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn everything_has_a_text() {
        assert_eq!(
            texts(Int64Array::from(vec![Some(-7), None])),
            Ok(vec![some("-7"), None])
        );
        let cents = Decimal128Array::from(vec![1_050]);
        let cents = cents.with_precision_and_scale(18, 2).unwrap();
        assert_eq!(texts(cents), Ok(vec![some("10.50")]));
        let bytes = BinaryArray::from_opt_vec(vec![Some("ü7".as_bytes()), None]);
        assert_eq!(texts(bytes), Ok(vec![some("ü7"), None]));
        let uuid: Vec<u8> = (0..16).collect();
        let uuids = FixedSizeBinaryArray::try_from_iter([uuid].into_iter()).unwrap();
        assert_eq!(
            texts(uuids),
            Ok(vec![some("00010203-0405-0607-0809-0a0b0c0d0e0f")])
        );
        let latin = BinaryArray::from_vec(vec![b"\xfc".as_slice()]);
        assert_eq!(
            texts(latin),
            Err("External error: column `x` has bytes that are no text".to_owned())
        );
    }

    #[test]
    fn whole_numbers_have_one_text_whatever_holds_them() {
        let doubles = vec![
            Some(7.0),
            Some(-0.0),
            Some(7.5),
            Some(f64::NAN),
            None,
            Some(-12.0),
        ];
        let expected = ["7", "0", "7.5", "", "", "-12"];
        let expected: Vec<_> = expected
            .map(|text| some(text).filter(|text| !text.is_empty()))
            .into();
        assert_eq!(texts(Float64Array::from(doubles)), Ok(expected));
    }

    #[test]
    fn doubles_that_may_be_several_whole_numbers_are_refused() {
        let largest = WHOLE_DOUBLES - 1.0;
        let read = texts(Float64Array::from(vec![largest]));
        assert_eq!(read, Ok(vec![some("9007199254740991")]));
        for large in [WHOLE_DOUBLES, -1e300, f64::INFINITY] {
            let refused = texts(Float64Array::from(vec![large])).unwrap_err();
            assert!(
                refused.contains("column `x` has a floating-point number"),
                "{refused}"
            );
        }
        texts(Float32Array::from(vec![16_777_216.0])).unwrap_err();
    }

    #[test]
    fn unsigned_integers_are_the_same_number_or_refused() {
        let fits = read(UInt64Array::from(vec![7]), DataType::Int64).unwrap();
        assert_eq!(fits.as_primitive::<Int64Type>().value(0), 7);
        let refused = read(UInt64Array::from(vec![u64::MAX]), DataType::Int64).unwrap_err();
        assert!(
            refused.contains("has a number beyond 9223372036854775807"),
            "{refused}"
        );
    }
}
