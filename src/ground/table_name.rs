//! Table names: a SQL schema and a table in it, `features.purchases`. The schemas are the folders of
//! the SQL pack, and those of the tables of earlier dates.

use std::fmt;
use std::str::FromStr;

/// The schemas that SQL knows, in the order in which data flows through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SqlSchema {
    /// The declared inputs as they are in storage.
    Sources,
    /// CSV files of the pack.
    Reference,
    /// The company's columns mapped to the contract's.
    Staging,
    /// Mergeable aggregates per user.
    Rollups,
    /// One row per user.
    Features,
    /// The metrics that cut points are calibrated on.
    Calibration,
    /// The dimensions, one row per user.
    Tiers,
    /// The published tables.
    Publish,
    /// The tables of the previous publication.
    Previous,
    /// The tables of the date seven days before.
    WeekAgo,
    /// The tables of the date 28 days before.
    MonthAgo,
    /// The tables of many dates before.
    History,
    /// Queries that return offending rows.
    Audits,
}

impl SqlSchema {
    /// Every schema, in the order of flow.
    pub const ALL: [Self; 13] = [
        Self::Sources,
        Self::Reference,
        Self::Staging,
        Self::Rollups,
        Self::Features,
        Self::Calibration,
        Self::Tiers,
        Self::Publish,
        Self::Previous,
        Self::WeekAgo,
        Self::MonthAgo,
        Self::History,
        Self::Audits,
    ];

    /// The schema's name in SQL, and the folder's name in the pack.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sources => "sources",
            Self::Reference => "reference",
            Self::Staging => "staging",
            Self::Rollups => "rollups",
            Self::Features => "features",
            Self::Calibration => "calibration",
            Self::Tiers => "tiers",
            Self::Publish => "publish",
            Self::Previous => "previous",
            Self::WeekAgo => "week_ago",
            Self::MonthAgo => "month_ago",
            Self::History => "history",
            Self::Audits => "audits",
        }
    }

    /// Whether the pack has `.sql` files for this schema.
    pub fn holds_models(self) -> bool {
        !matches!(self, Self::Sources | Self::Reference) && !self.is_published_before()
    }

    /// Whether its tables are those of earlier publications.
    pub fn is_published_before(self) -> bool {
        matches!(
            self,
            Self::Previous | Self::WeekAgo | Self::MonthAgo | Self::History
        )
    }
}

impl fmt::Display for SqlSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The full name of a table: schema and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The folder of the pack, or what stands for one.
    pub schema: SqlSchema,
    /// The stem of its file, such as `orders` of `staging/orders.sql`.
    pub name: String,
}

/// A name that is not `schema.name`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TableNameError {
    /// No schema in front.
    #[error("`{given}` is not a full table name; write folder and name, such as features.users")]
    NotQualified {
        /// The text as given.
        given: String,
    },
    /// A schema that does not exist.
    #[error("`{schema}` is not a folder of tables")]
    UnknownSchema {
        /// The schema as given.
        schema: String,
    },
}

impl TableName {
    /// `schema.name`.
    pub fn new(schema: SqlSchema, name: impl Into<String>) -> Self {
        Self {
            schema,
            name: name.into(),
        }
    }
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let Some((schema, name)) = given.split_once('.') else {
            return Err(TableNameError::NotQualified {
                given: given.to_owned(),
            });
        };
        let known = SqlSchema::ALL
            .into_iter()
            .find(|known| known.as_str() == schema);
        let schema = known.ok_or_else(|| TableNameError::UnknownSchema {
            schema: schema.to_owned(),
        })?;
        Ok(Self::new(schema, name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}
/// Whether a name reads the same in every engine without quotes: `^[a-z][a-z0-9_]*$`.
pub fn is_plain_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_lowercase()) && name.bytes().all(plain)
}
