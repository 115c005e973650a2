//! What rejected rows are counted in: rows of source files, read as they were listed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ground::SnapshotDate;
use crate::inputs::ShippedFile;

/// The rows of a staging table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RejectTask {
    pub staging: String,
    pub snapshot_date: SnapshotDate,
}

/// Those of some days.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RejectPiece {
    pub days: BTreeSet<NaiveDate>,
    /// The files of these days, by source.
    pub files: BTreeMap<String, Vec<ShippedFile>>,
}
