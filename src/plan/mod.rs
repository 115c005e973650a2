//! What a night would do, as a value: printed by `tierline plan`, carried out by `tierline run`.
//! Made from listings and small records alone; no input file and no tile is opened.

mod affected;
mod deliveries;
mod drops;
mod error;
mod facts;
mod history;
mod lost_files;
mod remarks;
mod retired;
mod rollups;
mod rules;
mod scans;
mod text;
mod tiles_before;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::calibration::{Calibration, KeptIds};
use crate::drafts::TableColumn;
use crate::ground::{Fingerprint, Folder, SnapshotDate, TableName};
use crate::inputs::{Manifest, SourceHistory, SourceRecord};
use crate::job::{CalibrationChoice, GivenCuts, Job, Workspace};
use crate::pack::Project;
use crate::publish::{Inspection, LostFiles, Publication, Publications};
use crate::tiles::StoredTiles;

use self::affected::files_read;
use self::deliveries::oddities;
use self::facts::Facts;
use self::rollups::inputs_of_rollups;

pub(crate) use affected::Found;
pub use affected::{Affected, AffectedBy};
pub(crate) use deliveries::doubled;
pub use error::PlanError;
pub(crate) use facts::list_sources;
pub use history::{Accepted, Because, HeldInTiles, HistoryError, OutOfReach};
pub(crate) use history::{check_doubts, histories, known_days, refuse, seen_then};
pub(crate) use lost_files::{dates_of_history, remark};
pub(crate) use remarks::remarks_on;
pub use rollups::{RollupInputs, RollupTiles};
pub(crate) use rules::fingerprint;
pub use rules::{HistoryStarts, Rules};

/// Part of every input fingerprint: raised when the same inputs would give other rows.
const ROWS_VERSION: &str = "4";

/// What has changed where published files are gone: the same rows are published anew.
const LOST_FILES: &str = "published files, which are missing";

/// How long ago `week_ago` is.
const WEEK: Days = Days::new(7);

/// What a night is planned with besides the job.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// What may be done about history that is gone.
    pub accepted: Accepted,
    /// The rules that D was published by, which [made](Rules::job) the job; none for the job's own.
    pub rules: Option<&'a Rules>,
    /// Whether the rules are those that D was published by, be they the job's own by chance. Then
    /// the columns of the tables stay as they are: others may have come since.
    pub is_by_rules_of_then: bool,
}

/// One night, decided but not done.
#[derive(Debug)]
pub struct Plan {
    /// The job's name.
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
    /// Whether anything is to be done, and what it replaces.
    pub action: PlannedAction,
    /// Where the cut points come from.
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
    /// Features that read staging directly, and so the whole history.
    pub history_scans: Vec<TableName>,
    /// Everything published so far.
    pub publications: Publications,
    /// What is odd about the sources' files, in words.
    pub oddities: Vec<String>,
    /// Whether the tables are as the publications say; a run puts right what is not.
    pub inspection: Inspection,
    /// Published files that are gone, so that their dates are to be made anew.
    pub lost: Vec<LostFiles>,
    /// The columns that tables may lose; none unless [allowed](Self::allowing_drops).
    pub may_drop: Vec<TableColumn>,
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
    /// Their bytes.
    pub bytes: u64,
    /// The first and the last of those days.
    pub span: Option<(NaiveDate, NaiveDate)>,
    /// The version of the Delta table that the source is; none for a folder of files.
    pub delta_version: Option<u64>,
}

/// Whether the night has anything to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedAction {
    /// D is published from exactly these inputs.
    Nothing {
        /// The run that published it.
        run_id: String,
    },
    /// D is not published yet.
    Publish,
    /// D is published from other inputs.
    Replace {
        /// The run that published it.
        run_id: String,
        /// What is other than it was then.
        changed: Vec<&'static str>,
    },
}

/// Where the cut points come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalibrationPlan {
    /// A kept calibration.
    Use(Calibration),
    /// There is none yet: this run calibrates.
    Calibrate,
    /// Cut points given by hand that are not those of the newest calibration: this run keeps them.
    Keep(Vec<GivenCuts>),
}

impl CalibrationPlan {
    fn id(&self) -> Option<&str> {
        match self {
            Self::Use(calibration) => Some(&calibration.id),
            Self::Calibrate | Self::Keep(_) => None,
        }
    }
}

impl Plan {
    /// As [`make_with`](Self::make_with), by the job's own rules, with nothing accepted.
    ///
    /// # Errors
    /// Stores that fail, records that cannot be read, required partitions that are missing.
    pub async fn make(
        job: &Job,
        project: &Project,
        workspace: &Workspace,
        snapshot_date: SnapshotDate,
    ) -> Result<Self, PlanError> {
        let usual = Circumstances::default();
        Box::pin(Self::make_with(
            job,
            project,
            workspace,
            snapshot_date,
            usual,
        ))
        .await
    }

    /// Lists the sources, reads the publications and calibrations, and decides.
    ///
    /// # Errors
    /// Stores that fail, records that cannot be read, required partitions that are missing.
    pub async fn make_with(
        job: &Job,
        project: &Project,
        workspace: &Workspace,
        snapshot_date: SnapshotDate,
        circumstances: Circumstances<'_>,
    ) -> Result<Self, PlanError> {
        let facts = Facts::gather(job, project, workspace, snapshot_date, circumstances).await?;
        let mut plan = Self::decide(job, project, snapshot_date, facts);
        if !matches!(plan.action, PlannedAction::Nothing { .. }) {
            plan.plan_tiles(job, project, workspace).await?;
            // From which day on models see history is part of what D is published from.
            plan.action = plan.action(project);
        }
        plan.affected = plan.affected_others();
        Ok(plan)
    }

    /// What follows from the facts; tiles are planned after it, as they need lists of their own.
    fn decide(job: &Job, project: &Project, snapshot_date: SnapshotDate, facts: Facts) -> Self {
        let source_fingerprint = files_read(&project.graph, &facts.visible, snapshot_date);
        let manifests: BTreeMap<String, Manifest> = facts
            .visible
            .iter()
            .map(|(name, history)| (name.clone(), history.manifest.clone()))
            .collect();
        let previous = facts.publications.previous_to(snapshot_date).cloned();
        let models = project.graph.models().iter();
        let mut plan = Self {
            job: job.name.clone(),
            snapshot_date,
            sources: manifests.values().map(source_plan).collect(),
            action: PlannedAction::Publish,
            affected: facts.affected,
            tiles: Vec::new(),
            source_fingerprint,
            gaps: gaps(previous.as_ref(), snapshot_date),
            models: models.map(|model| model.name.clone()).collect(),
            history_scans: history_scans(project),
            manifests,
            later: later_files(&facts.visible, &facts.all_days),
            histories: facts.visible,
            known: facts.known,
            accepted: facts.accepted,
            rules_fingerprint: rules::fingerprint(job, project, &facts.history_starts),
            history_starts: facts.history_starts,
            scan_starts: HistoryStarts::new(),
            unread_rules: facts.unread_rules,
            out_of_reach: Vec::new(),
            is_by_earlier_rules: facts.is_by_earlier_rules,
            calibration: facts.calibration,
            is_pinned: matches!(job.calibration, CalibrationChoice::Pinned(_)),
            calibrations: facts.calibrations,
            previous,
            publications: facts.publications,
            inspection: facts.inspection,
            lost: facts.lost,
            oddities: Vec::new(),
            may_drop: Vec::new(),
        };
        plan.oddities = oddities(job, &plan);
        plan.action = plan.action(project);
        plan
    }

    /// The affected dates but D itself. Publishing D affects the next date after it, and every
    /// affected date those that follow on it; not so one that is published anew as it was.
    fn affected_others(&self) -> Vec<Affected> {
        let is_moving = match &self.action {
            PlannedAction::Nothing { .. } => false,
            PlannedAction::Publish => true,
            PlannedAction::Replace { changed, .. } => changed[..] != [LOST_FILES],
        };
        let moving = is_moving.then_some(self.snapshot_date);
        let first = self.affected.iter();
        let first = first.filter(|affected| affected.by != AffectedBy::LostFiles);
        let first = first.map(|affected| affected.date).chain(moving).min();
        let mut others: BTreeMap<SnapshotDate, AffectedBy> = BTreeMap::new();
        if let Some(first) = first {
            let dates = self.publications.dates();
            let later = dates.range(first..);
            others.extend(later.map(|date| (*date, AffectedBy::Snapshot)));
        }
        let known = self.affected.iter();
        others.extend(known.map(|known| (known.date, known.by)));
        others.remove(&self.snapshot_date);
        let others = others.into_iter();
        others.map(|(date, by)| Affected { date, by }).collect()
    }

    /// The same plan with the tiles of D, also when there is nothing to publish.
    ///
    /// # Errors
    /// Stores that fail, and rollups that tiles cannot be made of.
    pub async fn with_tiles(
        mut self,
        job: &Job,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<Self, PlanError> {
        if self.tiles.is_empty() {
            self.plan_tiles(job, project, workspace).await?;
        }
        Ok(self)
    }

    /// Plans the tiles of every rollup, and finds out what expired days keep from being had.
    async fn plan_tiles(
        &mut self,
        job: &Job,
        project: &Project,
        workspace: &Workspace,
    ) -> Result<(), PlanError> {
        for inputs in inputs_of_rollups(job, project, self.snapshot_date).await? {
            let name = inputs.definition.rollup.clone();
            let Workspace { output, layout, .. } = workspace;
            let stored = StoredTiles::list(output, layout, &name.name).await?;
            let date = self.snapshot_date;
            let given_up = self.history_starts.remove(&name);
            // Today's rules see what there are tiles of, whatever had to be given up before.
            let mut start = given_up.filter(|_| self.is_by_earlier_rules);
            let mut tiles = RollupTiles::plan(inputs, &self.histories, start, stored, date);
            while let Some(missing) = tiles.out_of_reach() {
                let needed = missing.start_after().filter(|needed| {
                    self.accepted.shorter_history || given_up.is_some_and(|start| *needed <= start)
                });
                let Some(needed) = needed else {
                    self.out_of_reach.push(missing);
                    break;
                };
                start = Some(needed);
                tiles = tiles.starting(&self.histories, needed);
            }
            self.history_starts
                .extend(start.map(|start| (name.clone(), start)));
            self.tiles.push(tiles);
        }
        self.check_scans(job, project, workspace).await?;
        self.rules_fingerprint = rules::fingerprint(job, project, &self.history_starts);
        Ok(())
    }

    /// The affected dates that were published by other rules than those of this plan.
    fn by_other_rules(&self) -> Vec<SnapshotDate> {
        let is_other = |affected: &&Affected| {
            let published = self.publications.newest_for(affected.date);
            let rules = published.and_then(|published| published.rules_fingerprint.as_ref());
            rules.is_some_and(|rules| *rules != self.rules_fingerprint.as_str())
        };
        let affected = self.affected.iter().filter(is_other);
        affected.map(|affected| affected.date).collect()
    }

    /// The publication of D - 7.
    pub fn week_ago(&self) -> Option<&Publication> {
        let week_ago = SnapshotDate::on(self.snapshot_date.day() - WEEK);
        self.publications.newest_for(week_ago)
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
        let source = TableName::new(Folder::Sources, source);
        let models = project.graph.models().iter();
        let outside_tiles = models.filter(|model| {
            !matches!(
                model.name.folder,
                Folder::Staging | Folder::Rollups | Folder::Publish | Folder::Audits
            )
        });
        let directly = outside_tiles.flat_map(|model| &model.reads).filter(|read| {
            let is_by_windows = read.windows.is_some();
            matches!(read.table.folder, Folder::Staging | Folder::Rollups) && !is_by_windows
        });
        let mut tables = directly.map(|read| &read.table);
        tables.any(|table| project.graph.upstream(table).contains(&source))
    }

    /// Everything that the night's rows depend on, given the calibration they are scored by. What
    /// earlier dates have depended on is part of the run that the previous snapshot comes from.
    pub fn input_fingerprint(&self, project: &Project, cutpoints_id: &str) -> Fingerprint {
        let compares_with_week_ago = project.graph.compares_with_week_ago();
        let week_ago = self.week_ago().filter(|_| compares_with_week_ago);
        let run_of =
            |published: &Publication| format!("{} {}", published.snapshot_date, published.run_id);
        Fingerprint::builder()
            .part("rows version", ROWS_VERSION)
            .part("snapshot date", &self.snapshot_date.to_string())
            .nested("rules", &self.rules_fingerprint)
            .part("cut points", cutpoints_id)
            .parts("previous", self.previous.as_ref().map(run_of))
            .parts("week ago", week_ago.map(run_of))
            .nested("source files", &self.source_fingerprint)
            .finish()
    }

    /// Whether D is published already, and from the same inputs.
    fn action(&self, project: &Project) -> PlannedAction {
        let Some(published) = self.publications.newest_for(self.snapshot_date) else {
            return PlannedAction::Publish;
        };
        let run_id = published.run_id.clone();
        let has_same_inputs = self.calibration.id().is_some_and(|id| {
            self.input_fingerprint(project, id).as_str() == published.input_fingerprint
        });
        if has_same_inputs && !self.lacks_files() {
            return PlannedAction::Nothing { run_id };
        }
        let mut changed = match has_same_inputs {
            true => Vec::new(),
            false => self.changes_since(project, published),
        };
        changed.extend(self.lacks_files().then_some(LOST_FILES));
        PlannedAction::Replace { run_id, changed }
    }

    /// What is other than when `published` was; whatever the record does not tell apart is the
    /// job's settings.
    fn changes_since(&self, project: &Project, published: &Publication) -> Vec<&'static str> {
        let previous = self.previous.as_ref().map(|previous| &previous.run_id);
        let is_comparable = Project::can_tell_apart(&published.sql_fingerprint);
        let is_changed = [
            ("how tierline records SQL", !is_comparable),
            (
                "source files",
                published.source_fingerprint != self.source_fingerprint.as_str(),
            ),
            (
                "SQL or parameters",
                is_comparable && published.sql_fingerprint != project.sql_fingerprint(),
            ),
            (
                "cut points",
                self.calibration.id() != Some(published.cutpoints_id.as_str()),
            ),
            (
                "the snapshot before it",
                published.previous_run_id.as_ref() != previous,
            ),
        ];
        let changed = is_changed.into_iter().filter(|(_, is_changed)| *is_changed);
        let changed: Vec<_> = changed.map(|(what, _)| what).collect();
        match changed.is_empty() {
            true => vec!["settings of the job"],
            false => changed,
        }
    }
}

/// The first readable day after D of each source of which no visible file is left.
fn later_files(
    visible: &BTreeMap<String, SourceHistory>,
    all_days: &BTreeMap<String, SourceHistory>,
) -> BTreeMap<String, Manifest> {
    let bare = visible.iter();
    let bare =
        bare.filter(|(_, history)| history.manifest.files.is_empty() && !history.days.is_empty());
    let later = bare.filter_map(|(name, _)| {
        let manifest = &all_days.get(name)?.manifest;
        let day = manifest.files.first()?.day;
        Some((name.clone(), manifest.on(&BTreeSet::from([day]))))
    });
    later.collect()
}

fn source_plan(manifest: &Manifest) -> SourcePlan {
    let days = manifest.days();
    SourcePlan {
        name: manifest.source.clone(),
        files: manifest.files.len(),
        days: days.len(),
        bytes: manifest.size_bytes(),
        span: days.first().copied().zip(days.last().copied()),
        delta_version: manifest.delta_version,
    }
}

/// The days after the previous snapshot and before D.
fn gaps(previous: Option<&Publication>, snapshot_date: SnapshotDate) -> Vec<NaiveDate> {
    let Some(previous) = previous else {
        return Vec::new();
    };
    let first = previous.snapshot_date.day() + Days::new(1);
    first
        .iter_days()
        .take_while(|day| *day < snapshot_date.day())
        .collect()
}

fn history_scans(project: &Project) -> Vec<TableName> {
    // The rows of a rollup but for its windows are computed from staging.
    let reads_staging = |model: &&crate::models::Model| {
        model.reads.iter().any(|read| match read.table.folder {
            Folder::Staging => true,
            Folder::Rollups => read.windows.is_none(),
            _ => false,
        })
    };
    let features = project.graph.in_folder(Folder::Features);
    features
        .filter(reads_staging)
        .map(|model| model.name.clone())
        .collect()
}
