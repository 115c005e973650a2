//! How far back a matrix goes.

use serde::{Deserialize, Serialize};

/// The time between the two snapshots of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// Since the previous snapshot, of whatever date.
    Night,
    /// Since the snapshot of seven days before.
    Week,
    /// Since the snapshot of four weeks before: months of one length, which end on one weekday.
    Month,
}

impl Period {
    /// The word in `tier_migration_matrix`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Night => "night",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}
