//! Columns of the inputs: the contract's, and those that a job declares.

use std::fmt;
use std::str::FromStr;

use datafusion::arrow::datatypes::{DataType, TimeUnit};

/// The sources of the contract, and whether a job may leave them out.
pub(super) const CONTRACT_SOURCES: [(&str, bool); 3] =
    [("orders", false), ("engagement", false), ("users", true)];

pub(super) const TYPES_HELP: &str = "types are BIGINT, VARCHAR, ID (BIGINT or VARCHAR, as the files have it), DECIMAL(p, s), DOUBLE, BOOLEAN, DATE and TIMESTAMP";

/// A column that staging SQL may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the files and in SQL.
    pub name: String,
    /// The type that SQL sees.
    pub column_type: ColumnType,
    /// Whether files may lack it; it is NULL then.
    pub optional: bool,
}

/// The type of an input column as SQL sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// BIGINT or VARCHAR, whichever the files have; one of them in all files.
    Id,
    /// 64-bit integer.
    BigInt,
    /// Text.
    Varchar,
    /// Exact decimal of a precision and scale.
    Decimal(u8, i8),
    /// 64-bit floating point.
    Double,
    /// True or false.
    Boolean,
    /// Calendar date.
    Date,
    /// Instant in UTC, to the microsecond.
    Timestamp,
}

impl ColumnType {
    /// The type as a job file declares it.
    pub fn declared(self) -> String {
        match self {
            Self::Id => "ID".to_owned(),
            other => other.to_string(),
        }
    }

    /// The Arrow type; none for [`ColumnType::Id`], which the files decide.
    pub fn arrow(self) -> Option<DataType> {
        Some(match self {
            Self::Id => return None,
            Self::BigInt => DataType::Int64,
            Self::Varchar => DataType::Utf8,
            Self::Decimal(precision, scale) => DataType::Decimal128(precision, scale),
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        })
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => formatter.write_str("BIGINT or VARCHAR"),
            Self::BigInt => formatter.write_str("BIGINT"),
            Self::Varchar => formatter.write_str("VARCHAR"),
            Self::Decimal(precision, scale) => write!(formatter, "DECIMAL({precision},{scale})"),
            Self::Double => formatter.write_str("DOUBLE"),
            Self::Boolean => formatter.write_str("BOOLEAN"),
            Self::Date => formatter.write_str("DATE"),
            Self::Timestamp => formatter.write_str("TIMESTAMP"),
        }
    }
}

/// A type name that is not known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown type `{given}`")]
pub struct UnknownType {
    /// The name as given.
    given: String,
}

impl FromStr for ColumnType {
    type Err = UnknownType;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownType {
            given: given.to_owned(),
        };
        let upper = given.trim().to_uppercase();
        Ok(match upper.as_str() {
            "ID" => Self::Id,
            "BIGINT" => Self::BigInt,
            "VARCHAR" | "TEXT" | "STRING" => Self::Varchar,
            "DOUBLE" => Self::Double,
            "BOOLEAN" => Self::Boolean,
            "DATE" => Self::Date,
            "TIMESTAMP" => Self::Timestamp,
            other => decimal(other).ok_or_else(unknown)?,
        })
    }
}

/// `DECIMAL(18, 2)`, up to 38 digits.
fn decimal(text: &str) -> Option<ColumnType> {
    let digits = text.strip_prefix("DECIMAL")?.trim();
    let (precision, scale) = digits
        .strip_prefix('(')?
        .strip_suffix(')')?
        .split_once(',')?;
    let precision: u8 = precision.trim().parse().ok()?;
    let scale: i8 = scale.trim().parse().ok()?;
    let fits = (1..=38).contains(&precision) && (0..=precision as i8).contains(&scale);
    fits.then_some(ColumnType::Decimal(precision, scale))
}

/// The columns that the default staging SQL reads from a source of the contract; none for other
/// sources.
pub fn contract_columns(source: &str) -> Vec<Column> {
    use ColumnType::{BigInt, Decimal, Id, Timestamp, Varchar};
    let money = Decimal(18, 2);
    let columns: &[(&str, ColumnType, bool)] = match source {
        "orders" => &[
            ("order_id", Id, false),
            ("user_id", Id, false),
            ("ordered_at", Timestamp, false),
            ("amount", money, false),
            ("status", Varchar, false),
            ("discount", money, true),
            ("channel", Varchar, true),
            ("category", Varchar, true),
        ],
        "engagement" => &[
            ("user_id", Id, false),
            ("occurred_at", Timestamp, false),
            ("event_type", Varchar, false),
            ("duration_seconds", BigInt, true),
            ("content_id", Id, true),
            ("channel", Varchar, true),
            ("campaign_id", Id, true),
        ],
        "users" => &[
            ("user_id", Id, false),
            ("registered_at", Timestamp, false),
            ("acquisition_cost", money, true),
        ],
        _ => &[],
    };
    let column = |(name, column_type, optional): &(&str, ColumnType, bool)| Column {
        name: (*name).to_owned(),
        column_type: *column_type,
        optional: *optional,
    };
    columns.iter().map(column).collect()
}
