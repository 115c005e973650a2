//! One night, decided but not done.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use chrono::NaiveDate;

use crate::calibration::KeptIds;
use crate::drafts::TableColumn;
use crate::ground::{Fingerprint, SnapshotDate, SqlSchema, TableName};
use crate::inputs::{Manifest, SourceHistory, SourceRecord};
use crate::pack::Project;
use crate::publish::{Inspection, LostFiles, Publication, Publications};
use crate::tables::Tables;

use super::affected::Affected;
use super::calibration_plan::CalibrationPlan;
use super::circumstances::Accepted;
use super::days_had::DaysHad;
use super::out_of_reach::OutOfReach;
use super::planned_action::PlannedAction;
use super::rollups::RollupTiles;
use super::rules::HistoryStarts;

/// One night, decided but not done.
#[derive(Debug)]
pub struct Plan {
    /// The name of the job, for messages.
    pub job: String,
    /// The snapshot date, D.
    pub snapshot_date: SnapshotDate,
    /// What each source has on D and before.
    pub sources: Vec<SourcePlan>,
    /// The visible files by source; those of expired days are not among them.
    pub manifests: BTreeMap<String, Manifest>,
    /// The visible days of each source, the expired ones too.
    pub histories: BTreeMap<String, SourceHistory>,
    /// Files of later days, of sources whose visible days have all expired: they show what the
    /// source delivers, and no row of them is read.
    pub later: BTreeMap<String, Manifest>,
    /// What earlier runs have known of all days.
    pub known: SourceRecord,
    /// The days that D had when it was published.
    pub(super) had: DaysHad,
    /// What may be done about history that is gone.
    pub accepted: Accepted,
    /// From which day on models see expired days, where earlier ones were given up.
    pub history_starts: HistoryStarts,
    /// From which day on features that read staging directly see it by now.
    pub scan_starts: HistoryStarts,
    /// Why the record of the rules that D follows on cannot be read, where it cannot.
    pub unread_rules: Option<String>,
    /// Expired days that the night needs, and that nothing gives.
    pub out_of_reach: Vec<OutOfReach>,
    /// All rules of the job, as one hash.
    pub rules_fingerprint: Fingerprint,
    /// Whether the rules are those of an earlier publication of D, and not the job's own.
    pub is_by_earlier_rules: bool,
    /// Everything that the rows of D depend on, as one hash.
    pub input_fingerprint: Fingerprint,
    /// Whether anything is to be done, and what it replaces.
    pub action: PlannedAction,
    /// The cut points that D is scored by.
    pub cutpoints_id: String,
    /// Where they come from.
    pub calibration: CalibrationPlan,
    /// Whether the job pins them.
    pub is_pinned: bool,
    /// The calibrations kept so far.
    pub calibrations: KeptIds,
    /// The publication that this night's tiers follow on.
    pub previous: Option<Publication>,
    /// Other published dates that would come out otherwise today, or will once D is published.
    pub affected: Vec<Affected>,
    /// The tiles of every rollup; none when there is nothing to do.
    pub tiles: Vec<RollupTiles>,
    /// The visible source files, as one hash.
    pub source_fingerprint: Fingerprint,
    /// Days between the previous snapshot and D that were never published.
    pub gaps: Vec<NaiveDate>,
    /// The models, each after what it reads.
    pub models: Vec<TableName>,
    /// How many ranges its users are cut into, at most.
    pub ranges: NonZeroUsize,
    /// The models that need all users at once, so that the snapshot is computed in one range.
    pub undivided: Vec<TableName>,
    /// What is published.
    pub tables: Tables,
    /// Whether a model reads who was listed for what on earlier dates.
    pub reads_earlier_actions: bool,
    /// Features that read staging directly, and so the whole history.
    pub history_scans: Vec<TableName>,
    /// Everything published so far.
    pub publications: Publications,
    /// What is worth a warning about the sources' files, in words.
    pub delivery_warnings: Vec<String>,
    /// Whether the tables are as the publications say; a run puts right what is not.
    pub inspection: Inspection,
    /// Published files that are gone, so that their dates are to be made again.
    pub lost: Vec<LostFiles>,
    /// The columns that tables may lose.
    pub may_drop: Vec<TableColumn>,
    /// Whether the same command goes on with other dates, which may be those that are affected.
    pub is_followed: bool,
}

/// What a source has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlan {
    /// The source's name.
    pub name: String,
    /// How many files are visible.
    pub files: usize,
    /// How many days they are spread over.
    pub days: usize,
    /// How large they are together, as listed.
    pub bytes: u64,
    /// The first and the last of those days.
    pub span: Option<(NaiveDate, NaiveDate)>,
    /// The version of the Delta table that the source is; none for a folder of files.
    pub delta_version: Option<u64>,
}

impl Plan {
    /// The affected dates that were published by other rules than those of this plan.
    pub(super) fn by_other_rules(&self) -> Vec<SnapshotDate> {
        let is_other = |affected: &&Affected| {
            let published = self.publications.newest_for(affected.date);
            let rules = published.and_then(|published| published.rules_fingerprint.as_ref());
            rules.is_some_and(|rules| *rules != self.rules_fingerprint.as_str())
        };
        let affected = self.affected.iter().filter(is_other);
        affected.map(|affected| affected.date).collect()
    }

    /// The run that publishes D, which is the same for the same inputs.
    pub fn run_id(&self) -> String {
        let fingerprint = self.input_fingerprint.short();
        format!("{}-{fingerprint}", self.snapshot_date)
    }

    /// The publication of D - 7.
    pub fn week_ago(&self) -> Option<&Publication> {
        self.publications.week_before(self.snapshot_date)
    }

    /// The publication of D - 28.
    pub fn month_ago(&self) -> Option<&Publication> {
        self.publications.month_before(self.snapshot_date)
    }

    /// Whether no later date is published.
    pub fn is_newest(&self) -> bool {
        let latest = self.publications.latest_date();
        latest.is_none_or(|latest| latest <= self.snapshot_date)
    }

    /// Whether D is scored by a calibration of a later date, as it is before all of them.
    pub(super) fn is_before_all_calibrations(&self) -> bool {
        let is_used = matches!(self.calibration, CalibrationPlan::Use(_));
        is_used && !self.is_pinned && self.calibrations.newest(self.snapshot_date).is_none()
    }

    /// The days of a source whose files the night opens: those that tiles are made from, all of
    /// them for models that read staging directly, and the newest, which shows what the source
    /// delivers today.
    pub fn days_opened(&self, project: &Project, source: &str) -> BTreeSet<NaiveDate> {
        let Some(manifest) = self.manifests.get(source) else {
            return BTreeSet::new();
        };
        if self.is_scanned_whole(project, source) {
            return manifest.days();
        }
        let for_tiles = self
            .tiles
            .iter()
            .flat_map(|tiles| tiles.days_read(manifest));
        let newest = manifest.files.last().map(|file| file.day);
        for_tiles.chain(newest).collect()
    }

    /// Whether a model that is not made of tiles reads a source.
    fn is_scanned_whole(&self, project: &Project, source: &str) -> bool {
        let source = TableName::new(SqlSchema::Sources, source);
        let models = project.graph.models().iter();
        let outside_tiles = models.filter(|model| {
            !matches!(
                model.name.schema,
                SqlSchema::Staging | SqlSchema::Rollups | SqlSchema::Publish | SqlSchema::Audits
            )
        });
        let directly = outside_tiles.flat_map(|model| &model.reads).filter(|read| {
            let is_by_windows = read.windows.is_some();
            matches!(read.table.schema, SqlSchema::Staging | SqlSchema::Rollups) && !is_by_windows
        });
        let mut tables = directly.map(|read| &read.table);
        tables.any(|table| project.graph.upstream(table).contains(&source))
    }
}
