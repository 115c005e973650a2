//! How published tables relate to snapshot dates.

use crate::ground::SnapshotDate;

/// The column that partitions every dated table.
pub const SNAPSHOT_DATE: &str = "snapshot_date";

/// How a table relates to snapshot dates.
///
/// | | partitioned by `snapshot_date` | a publication replaces |
/// |---|---|---|
/// | `EveryDate` | yes | the rows of its own date |
/// | `NewestDate` | yes | every row, so that only its own date remains |
/// | `Undated` | no | every row |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dating {
    /// Keeps the rows of every date: `tier_snapshot`.
    EveryDate,
    /// Keeps the rows of the newest date alone: `tier_current`.
    NewestDate,
    /// Keeps rows that belong to no date: `dim_tier`.
    Undated,
}

impl Dating {
    /// Whether the date is a partition value, and so in no file.
    pub fn is_partitioned(self) -> bool {
        self != Self::Undated
    }

    /// Whether the table keeps the rows of one state alone, so that each publication replaces them
    /// all.
    pub fn is_kept_whole(self) -> bool {
        self != Self::EveryDate
    }

    /// The date whose rows a publication of `date` replaces; none when it replaces every row.
    pub fn replaced_by(self, date: Option<SnapshotDate>) -> Option<SnapshotDate> {
        date.filter(|_| !self.is_kept_whole())
    }
}
