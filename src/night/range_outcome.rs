//! What came of a range of users in another process: files that nobody sees until they are committed, and what
//! was counted of the users on the way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drafts::{Draft, DraftParts, TableSpec};
use crate::ground::SnapshotDate;
use crate::migration::{Matrices, MatrixCounts, Migration, MigrationCounts};
use crate::storage::Location;
use crate::tiers::{SettledCounts, Settling};

use super::error::NightError;
use super::refused_range::RefusedRange;
use super::users_of_range::WrittenUsers;

/// What came of a range.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum RangeOutcome {
    /// Its users are written.
    Written(RangeFiles),
    /// They cannot be, be it tried again or elsewhere.
    Refused(RefusedRange),
}

/// The users of a range, written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RangeFiles {
    snapshot: DraftParts,
    moves: DraftParts,
    migration: MigrationCounts,
    earlier: Vec<MatrixCounts>,
    settling: SettledCounts,
}

impl RangeOutcome {
    /// What came of a range; the error itself where it is worth another try.
    pub(super) fn of(written: Result<WrittenUsers, NightError>) -> Result<Self, NightError> {
        match written {
            Ok(written) => Ok(Self::Written(RangeFiles::of(written))),
            Err(error) => match RefusedRange::of(&error) {
                Some(refused) => Ok(Self::Refused(refused)),
                None => Err(error),
            },
        }
    }
}

/// What the users of a range are counted and written into, still empty.
pub(super) struct EmptyRange<'a> {
    pub output: &'a Location,
    pub date: SnapshotDate,
    pub snapshot: &'a Arc<TableSpec>,
    pub moves: &'a Arc<TableSpec>,
    pub migration: Migration,
    pub earlier: Vec<Matrices>,
    pub settling: Settling,
}

impl RangeFiles {
    fn of(written: WrittenUsers) -> Self {
        Self {
            snapshot: written.snapshot.into_parts(),
            moves: written.moves.into_parts(),
            migration: written.migration.counts(),
            earlier: written.earlier.iter().map(Matrices::counts).collect(),
            settling: written.settling.counts(),
        }
    }

    /// The users, as if they had been written here.
    pub(super) fn written(self, mut into: EmptyRange<'_>) -> WrittenUsers {
        let EmptyRange { output, date, .. } = into;
        into.migration.add_counts(&self.migration);
        for (matrices, counts) in into.earlier.iter_mut().zip(&self.earlier) {
            matrices.add_counts(counts);
        }
        into.settling.add_counts(&self.settling);
        WrittenUsers {
            snapshot: Draft::of_parts(output, into.snapshot, date, self.snapshot),
            moves: Draft::of_parts(output, into.moves, date, self.moves),
            migration: into.migration,
            earlier: into.earlier,
            settling: into.settling,
        }
    }
}
