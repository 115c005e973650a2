//! What came of a range of users in another process: files that nobody sees until they are committed, and what
//! was counted of the users on the way.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drafts::{Draft, DraftParts, TableSpec};
use crate::ground::SnapshotDate;
use crate::migration::{Matrices, MatrixCounts, Migration, MigrationCounts};
use crate::storage::Location;
use crate::tiers::{SettledCounts, Settling};

use crate::night::users_of_range::WrittenUsers;

/// The users of a range, written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RangeFiles {
    snapshot: DraftParts,
    moves: DraftParts,
    migration: MigrationCounts,
    earlier: Vec<MatrixCounts>,
    settling: SettledCounts,
}

/// What the users of a range are counted and written into, still empty.
pub(in crate::night) struct EmptyRange<'a> {
    pub output: &'a Location,
    pub date: SnapshotDate,
    pub snapshot: &'a Arc<TableSpec>,
    pub moves: &'a Arc<TableSpec>,
    pub migration: Migration,
    pub earlier: Vec<Matrices>,
    pub settling: Settling,
}

impl RangeFiles {
    pub(super) fn of(written: WrittenUsers) -> Self {
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
