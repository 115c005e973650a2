//! What a run puts on record besides its tables.

use std::collections::BTreeMap;

use crate::ground::SnapshotDate;

use super::TableVersion;

/// What a run puts on record besides its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The date to publish.
    pub snapshot_date: SnapshotDate,
    /// The date that movements were counted from; none for the first.
    pub previous_snapshot_date: Option<SnapshotDate>,
    /// The run that had published that date; none where there is none.
    pub previous_run_id: Option<String>,
    /// The run that publishes.
    pub run_id: String,
    /// The job, such as `tierline/nightly`.
    pub application: String,
    /// Everything the run read, as one hash.
    pub input_fingerprint: String,
    /// The source files among it.
    pub source_fingerprint: String,
    /// The SQL the run was made with.
    pub sql_fingerprint: String,
    /// The cut points the run was made with.
    pub cutpoints_id: String,
    /// The record of all rules the run was made by.
    pub rules_fingerprint: Option<String>,
    /// Whether the rules are those of an earlier run and not the job's own: then the tables' columns
    /// stay as they are.
    pub is_by_earlier_rules: bool,
    /// Tables that the run leaves alone, as what it replaces had recorded them.
    pub left_alone: BTreeMap<String, TableVersion>,
    /// The rules of each dimension as fingerprints.
    pub tier_rules: Option<String>,
    /// Names the record of the days of the sources.
    pub source_record: Option<String>,
    /// The files of each source as fingerprints.
    pub source_files: Option<String>,
}
