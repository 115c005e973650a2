//! Table names: a folder of the SQL pack and a file in it, `features.purchases`.

use std::fmt;
use std::str::FromStr;

/// The folders of a SQL pack, in the order in which data flows through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
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
    /// The tables of many dates before.
    History,
    /// Queries that return offending rows.
    Audits,
}

impl Folder {
    /// Every folder, in the order of flow.
    pub const ALL: [Self; 12] = [
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
        Self::History,
        Self::Audits,
    ];

    /// The folder's name on disk and the schema's name in SQL.
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
            Self::History => "history",
            Self::Audits => "audits",
        }
    }

    /// Whether the pack holds `.sql` files in this folder.
    pub fn holds_models(self) -> bool {
        !matches!(self, Self::Sources | Self::Reference) && !self.is_published_before()
    }

    /// Whether its tables are those of earlier publications.
    pub fn is_published_before(self) -> bool {
        matches!(self, Self::Previous | Self::WeekAgo | Self::History)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The full name of a table: folder and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// The folder, which is the SQL schema.
    pub folder: Folder,
    /// The file's stem.
    pub name: String,
}

/// A name that is not `folder.name`.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TableNameError {
    /// No folder in front.
    #[error("`{given}` is not a full table name; write folder and name, such as features.users")]
    NotQualified {
        /// The text as given.
        given: String,
    },
    /// A folder that does not exist.
    #[error("`{folder}` is not a folder of tables")]
    UnknownFolder {
        /// The folder as given.
        folder: String,
    },
}

impl TableName {
    /// `folder.name`.
    pub fn new(folder: Folder, name: impl Into<String>) -> Self {
        Self {
            folder,
            name: name.into(),
        }
    }
}

impl FromStr for TableName {
    type Err = TableNameError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let Some((folder, name)) = given.split_once('.') else {
            return Err(TableNameError::NotQualified {
                given: given.to_owned(),
            });
        };
        let known = Folder::ALL
            .into_iter()
            .find(|known| known.as_str() == folder);
        let folder = known.ok_or_else(|| TableNameError::UnknownFolder {
            folder: folder.to_owned(),
        })?;
        Ok(Self::new(folder, name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.folder, self.name)
    }
}
