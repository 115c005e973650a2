//! What a plan is decided from: listings and small records, read before anything is concluded.

use std::collections::BTreeMap;

use crate::calibration::KeptIds;
use crate::drafts::TableColumn;
use crate::ground::{Fingerprint, SnapshotDate, TableName};
use crate::inputs::{SourceHistory, SourceRecord};
use crate::publish::{Inspection, LostFiles, Publications};
use crate::tiles::StoredTiles;

use super::affected::Affected;
use super::calibration_plan::CalibrationPlan;
use super::circumstances::Accepted;
use super::days_had::{DaysBySource, DaysHad};
use super::rollups::RollupInputs;
use super::rules::HistoryStarts;

/// The state of sources and output when the plan is made.
#[derive(Debug)]
pub struct Facts {
    /// The snapshot date, D.
    pub(super) snapshot_date: SnapshotDate,
    /// The days of each source, those after D too.
    pub(super) all_days: BTreeMap<String, SourceHistory>,
    /// The days of each source up to D.
    pub(super) visible: BTreeMap<String, SourceHistory>,
    /// What earlier runs have known of all days.
    pub(super) known: SourceRecord,
    /// Everything published so far.
    pub(super) publications: Publications,
    /// Whether the tables are as the publications say.
    pub(super) inspection: Inspection,
    /// Published files that are gone.
    pub(super) lost: Vec<LostFiles>,
    /// What may be done about history that is gone.
    pub(super) accepted: Accepted,
    /// From which day on models see expired days.
    pub(super) history_starts: HistoryStarts,
    /// Why the record of the rules that D follows on cannot be read, where it cannot.
    pub(super) unread_rules: Option<String>,
    /// Published dates whose files are others today.
    pub(super) affected: Vec<Affected>,
    /// The calibrations kept so far.
    pub(super) calibrations: KeptIds,
    /// Where the cut points come from.
    pub(super) calibration: CalibrationPlan,
    /// Whether the rules are those that D was published by.
    pub(super) is_by_earlier_rules: bool,
    /// The visible source files that SQL reads, as one hash.
    pub(super) source_fingerprint: Fingerprint,
    /// The days that D had when it was published.
    pub(super) had: DaysHad,
    /// The columns that tables may lose.
    pub(super) may_drop: Vec<TableColumn>,
    /// The models of the snapshot that need all users at once, where there is something to compute.
    pub(super) undivided: Vec<TableName>,
    /// What there is of the history; none where D is published as it would be today.
    pub(super) stored: Option<StoredHistory>,
}

/// What there is of the history of the sources besides their files.
#[derive(Debug, Default)]
pub(super) struct StoredHistory {
    /// The stored tiles of each rollup.
    pub(super) rollups: Vec<(RollupInputs, StoredTiles)>,
    /// The features that read staging directly, with the expired days among what they would read.
    pub(super) scans: Vec<(TableName, DaysBySource)>,
}
