//! Instants of any unit as microseconds in UTC: exactly, or refused.
//!
//! | the file's unit | is | refused |
//! |---|---|---|
//! | seconds, milliseconds | multiplied | beyond what microseconds can hold |
//! | microseconds | taken as it is | |
//! | nanoseconds | rounded down, before 1970 too | |
//! | INT96 | taken from the engine in microseconds | outside the years 1 to 9999 |
//!
//! An INT96 can hold any day of eleven million years, and the reader of Parquet lets microseconds
//! wrap around silently. What wraps around from within half a million years of today lands far
//! outside the years that its writers support, and so is noticed.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Schema, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::DataFusionError;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;

use crate::engine::Refused;

use super::int96;

/// 0001-01-01T00:00:00Z and the last microsecond of 9999-12-31.
const INT96_MICROSECONDS: std::ops::RangeInclusive<i64> =
    -62_135_596_800_000_000..=253_402_300_799_999_999;

/// What a column of a file holds as instants, in microseconds.
#[derive(Debug, Clone)]
pub(super) struct Instant {
    column: Arc<dyn PhysicalExpr>,
    declared: FieldRef,
}

impl Instant {
    /// Reads `column`, a column of a file, as `declared`, a column of microseconds.
    pub(super) fn of(column: Arc<dyn PhysicalExpr>, declared: &FieldRef) -> Self {
        Self {
            column,
            declared: Arc::clone(declared),
        }
    }

    fn read(&self, instants: &ArrayRef) -> Result<ArrayRef> {
        let DataType::Timestamp(unit, zone) = instants.data_type() else {
            return Err(unexpected(instants.data_type()));
        };
        let microseconds = match unit {
            TimeUnit::Second => {
                self.scaled(instants.as_primitive::<TimestampSecondType>(), 1_000_000)?
            }
            TimeUnit::Millisecond => {
                self.scaled(instants.as_primitive::<TimestampMillisecondType>(), 1_000)?
            }
            TimeUnit::Microsecond if zone.as_deref() == Some(int96::ZONE) => {
                self.of_int96(instants.as_primitive())?
            }
            TimeUnit::Microsecond => instants.as_primitive::<TimestampMicrosecondType>().clone(),
            TimeUnit::Nanosecond => {
                let instants = instants.as_primitive::<TimestampNanosecondType>();
                instants.unary(|nanoseconds| nanoseconds.div_euclid(1_000))
            }
        };
        let DataType::Timestamp(_, zone) = self.declared.data_type() else {
            return Err(unexpected(self.declared.data_type()));
        };
        Ok(Arc::new(microseconds.with_timezone_opt(zone.clone())))
    }

    fn scaled<T: ArrowPrimitiveType<Native = i64>>(
        &self,
        instants: &PrimitiveArray<T>,
        factor: i64,
    ) -> Result<TimestampMicrosecondArray> {
        instants.try_unary(|instant| {
            let microseconds = instant.checked_mul(factor);
            microseconds.ok_or_else(|| self.refused("the years -290307 to 294246"))
        })
    }

    fn of_int96(&self, instants: &TimestampMicrosecondArray) -> Result<TimestampMicrosecondArray> {
        instants.try_unary(|instant| match INT96_MICROSECONDS.contains(&instant) {
            true => Ok(instant),
            false => Err(self.refused("the years 1 to 9999, those of INT96")),
        })
    }

    fn refused(&self, range: &'static str) -> DataFusionError {
        let column = self.column.downcast_ref::<Column>();
        let column = column.map_or_else(
            || self.declared.name().clone(),
            |of_file| of_file.name().to_owned(),
        );
        Refused::Instant { column, range }.into()
    }
}

fn unexpected(found: &DataType) -> DataFusionError {
    DataFusionError::Internal(format!("instants of type {found}"))
}

impl PhysicalExpr for Instant {
    fn data_type(&self, _of_file: &Schema) -> Result<DataType> {
        Ok(self.declared.data_type().clone())
    }

    fn nullable(&self, _of_file: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        let mut instants = self.column.evaluate(rows)?.into_array(rows.num_rows())?;
        if let DataType::Dictionary(_, values) = instants.data_type() {
            instants = cast(&instants, values)?;
        }
        self.read(&instants).map(ColumnarValue::Array)
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
            .ok_or_else(|| DataFusionError::Internal("an instant of no column".to_owned()))?;
        Ok(Arc::new(Self::of(column, &self.declared)))
    }

    fn fmt_sql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt_sql(formatter)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "instant({})", self.column)
    }
}

impl PartialEq for Instant {
    fn eq(&self, other: &Self) -> bool {
        self.column.eq(&other.column) && self.declared == other.declared
    }
}

impl Eq for Instant {}

impl Hash for Instant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.column.hash(state);
        self.declared.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    };
    use datafusion::arrow::datatypes::Field;

    use super::*;

    /// Noon of 2026-03-01 in microseconds.
    const NOON: i64 = 1_772_366_400_000_000;
    /// 9999-12-31 in seconds.
    const NEVER: i64 = 253_402_214_400;

    fn read(instants: impl Array + 'static) -> std::result::Result<Vec<Option<i64>>, String> {
        let instants: ArrayRef = Arc::new(instants);
        let of_file = Field::new("Until", instants.data_type().clone(), true);
        let rows =
            RecordBatch::try_new(Arc::new(Schema::new(vec![of_file])), vec![instants]).unwrap();
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let declared: FieldRef = Arc::new(Field::new("until", utc.clone(), true));
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new("Until", 0));
        let read = Instant::of(column, &declared).evaluate(&rows);
        let read = read.map_err(|error| error.strip_backtrace())?;
        let read = read.into_array(rows.num_rows()).unwrap();
        assert_eq!(*read.data_type(), utc);
        Ok(read
            .as_primitive::<TimestampMicrosecondType>()
            .iter()
            .collect())
    }

    #[test]
    fn instants_of_every_unit_are_as_written() {
        let micros = |seconds: i64| Some(seconds * 1_000_000);
        let seconds = TimestampSecondArray::from(vec![Some(NEVER), None]);
        assert_eq!(read(seconds), Ok(vec![micros(NEVER), None]));
        let millis = TimestampMillisecondArray::from(vec![NEVER * 1_000, -1]);
        assert_eq!(read(millis), Ok(vec![micros(NEVER), Some(-1_000)]));
        let local = TimestampMicrosecondArray::from(vec![NOON, i64::MAX, i64::MIN]);
        assert_eq!(
            read(local),
            Ok(vec![Some(NOON), Some(i64::MAX), Some(i64::MIN)])
        );
        let zoned = TimestampMicrosecondArray::from(vec![NOON]).with_timezone("+09:00");
        assert_eq!(read(zoned), Ok(vec![Some(NOON)]));
    }

    /// The last nanosecond of 1969 is no instant of 1970.
    #[test]
    fn nanoseconds_are_rounded_down() {
        let nanos = TimestampNanosecondArray::from(vec![1_999, -1, -1_000, i64::MAX, i64::MIN]);
        let rounded = [1, -1, -1, i64::MAX / 1_000, i64::MIN / 1_000 - 1];
        assert_eq!(read(nanos), Ok(rounded.map(Some).to_vec()));
    }

    #[test]
    fn what_microseconds_cannot_hold_is_refused() {
        // The year 300000.
        let far = 9_404_918_380_800;
        let refused =
            "External error: column `Until` has an instant outside the years -290307 to 294246";
        assert_eq!(
            read(TimestampSecondArray::from(vec![far])),
            Err(refused.to_owned())
        );
        assert_eq!(
            read(TimestampMillisecondArray::from(vec![-far * 1_000])),
            Err(refused.to_owned())
        );
    }

    #[test]
    fn int96_that_wrapped_around_is_refused() {
        let int96 = |micros: i64| {
            read(TimestampMicrosecondArray::from(vec![micros]).with_timezone(int96::ZONE))
        };
        for written in [NOON, NEVER * 1_000_000, *INT96_MICROSECONDS.start()] {
            assert_eq!(int96(written), Ok(vec![Some(written)]));
        }
        // The year 300000 is in the distant past once it has wrapped around.
        let wrapped = 9_404_918_380_800_i64.wrapping_mul(1_000_000);
        assert!(wrapped < 0);
        let refused = "External error: column `Until` has an instant outside the years 1 to 9999, those of INT96";
        assert_eq!(int96(wrapped), Err(refused.to_owned()));
    }
}
