//! Which casts depend on the value: those to types that lack a value of the other.

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// Whether some value of the one type has none in the other.
pub(super) fn may_fail(found: &DataType, wanted: &DataType) -> bool {
    let found = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    if found.is_string() {
        return wanted.is_numeric() || wanted.is_temporal() || *wanted == DataType::Boolean;
    }
    if found.is_temporal() && wanted.is_temporal() {
        return fineness(wanted) > fineness(found);
    }
    if found.is_binary() {
        return wanted.is_string();
    }
    if !found.is_numeric() || !wanted.is_numeric() || wanted.is_floating() {
        return false;
    }
    match (digits_of(found), digits_of(wanted)) {
        (Some(found), Some(wanted)) => !wanted.holds(&found),
        _ => true,
    }
}

/// The unit of instants, of which finer ones reach fewer; none of other times.
fn fineness(times: &DataType) -> Option<TimeUnit> {
    match times {
        DataType::Timestamp(unit, _) => Some(*unit),
        _ => None,
    }
}

/// What exact numbers of a type are.
struct Digits {
    is_decimal: bool,
    is_signed: bool,
    /// Before the point; of whole numbers as many as the largest of them has.
    whole: i16,
    behind: i16,
}

impl Digits {
    fn holds(&self, other: &Self) -> bool {
        if self.is_decimal {
            // A rounded number may have one digit more.
            let rounds = other.behind > self.behind;
            return self.whole >= other.whole + i16::from(rounds);
        }
        let is_signed = self.is_signed || !other.is_signed;
        let is_wider = match self.is_signed == other.is_signed {
            true => self.whole >= other.whole,
            false => self.whole > other.whole,
        };
        !other.is_decimal && is_signed && is_wider
    }
}

fn digits_of(data_type: &DataType) -> Option<Digits> {
    let (is_signed, whole) = match data_type {
        DataType::Int8 => (true, 3),
        DataType::UInt8 => (false, 3),
        DataType::Int16 => (true, 5),
        DataType::UInt16 => (false, 5),
        DataType::Int32 => (true, 10),
        DataType::UInt32 => (false, 10),
        DataType::Int64 => (true, 19),
        DataType::UInt64 => (false, 20),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => {
            return Some(Digits {
                is_decimal: true,
                is_signed: true,
                whole: i16::from(*precision) - i16::from(*scale),
                behind: i16::from(*scale),
            });
        }
        _ => return None,
    };
    Some(Digits {
        is_decimal: false,
        is_signed,
        whole,
        behind: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_that_depend_on_the_value_are_known_by_their_types() {
        let decimal = |precision, scale| DataType::Decimal128(precision, scale);
        let instant = |unit| DataType::Timestamp(unit, None);
        for (found, wanted, expected) in [
            (DataType::Utf8View, DataType::Float64, true),
            (DataType::Utf8, DataType::Date32, true),
            (DataType::Utf8, DataType::Utf8View, false),
            (DataType::Int64, DataType::Utf8View, false),
            (DataType::Int32, DataType::Int64, false),
            (DataType::Int64, DataType::Int32, true),
            (DataType::UInt32, DataType::Int64, false),
            (DataType::UInt64, DataType::Int64, true),
            (DataType::Int8, DataType::UInt64, true),
            (DataType::UInt32, DataType::Int32, true),
            (DataType::Int64, DataType::Float64, false),
            (DataType::Float64, DataType::Int64, true),
            (DataType::Float64, decimal(18, 2), true),
            (DataType::Int64, decimal(19, 0), false),
            (DataType::Int64, decimal(18, 2), true),
            (decimal(18, 2), decimal(18, 2), false),
            (decimal(18, 2), decimal(20, 2), false),
            (decimal(18, 2), decimal(17, 1), true),
            (decimal(18, 2), decimal(18, 1), false),
            (decimal(5, 0), DataType::Int64, true),
            (DataType::Date32, DataType::Int32, false),
            (DataType::Date32, instant(TimeUnit::Nanosecond), true),
            (
                instant(TimeUnit::Microsecond),
                instant(TimeUnit::Nanosecond),
                true,
            ),
            (
                instant(TimeUnit::Nanosecond),
                instant(TimeUnit::Microsecond),
                false,
            ),
            (instant(TimeUnit::Microsecond), DataType::Date32, false),
            (DataType::Binary, DataType::Utf8, true),
        ] {
            assert_eq!(may_fail(&found, &wanted), expected, "{found} to {wanted}");
        }
    }
}
