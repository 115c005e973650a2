//! The rollups of a project as a plan sees them, before any file is opened: which windows are
//! asked of each, what defines its rows, and which source files its tiles depend on.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator, col, lit};

use crate::engine::{EngineError, Session};
use crate::ground::{Fingerprint, Problems, SnapshotDate, SqlSchema, TableName};
use crate::inputs::{KnownDay, Manifest, SourceHistory};
use crate::job::{Job, encodings};
use crate::models::ReferenceTable;
use crate::pack::{Catalog, Project, register_declared, session_of};
use crate::tiles::{
    Addresses, Change, DAY, Definition, DefinitionBefore, Rollup, SourceDays, StoredTile,
    StoredTiles, TileBuild, TilePlan, Window, windows,
};

use super::error::PlanError;
use super::tiles_before::definition_before;

/// A day that no source has, to see how far a condition on the day reaches.
const PROBE: i32 = i32::MIN / 2;

/// A rollup that windows are asked of.
#[derive(Debug, Clone)]
pub struct RollupInputs {
    /// What defines its rows.
    pub definition: Definition,
    /// All windows that some model asks for.
    pub windows: BTreeSet<Window>,
    /// Sources of which a day of the rollup needs that day's files alone.
    pub by_day: BTreeSet<String>,
    /// Sources of which every day of the rollup needs all files.
    pub whole: BTreeSet<String>,
}

/// The tiles of one rollup for a night, and what they were planned from.
#[derive(Debug, Clone)]
pub struct RollupTiles {
    /// The rollup and its sources.
    pub inputs: RollupInputs,
    /// The tiles of the night.
    pub plan: TilePlan,
    addresses: Addresses,
    stored: StoredTiles,
    snapshot_date: SnapshotDate,
    /// Expired days of sources of which every tile needs all files.
    expired_of_whole: BTreeSet<NaiveDate>,
}

impl RollupTiles {
    /// Plans the tiles of a rollup, which sees expired days from `start` on.
    pub(super) fn plan(
        inputs: RollupInputs,
        histories: &BTreeMap<String, SourceHistory>,
        start: Option<NaiveDate>,
        stored: StoredTiles,
        snapshot_date: SnapshotDate,
    ) -> Self {
        let expired_of_whole = inputs.expired_of_whole(histories, start);
        let days = inputs.source_days(histories, start, snapshot_date);
        let addresses = Addresses::new(&inputs.definition, days);
        let stored = stored.found_by(&addresses);
        let plan = TilePlan::make(
            &inputs.definition.rollup,
            &inputs.windows,
            snapshot_date,
            &addresses,
            &stored,
        );
        Self {
            inputs,
            plan,
            addresses,
            stored,
            snapshot_date,
            expired_of_whole,
        }
    }

    /// Expired days of sources that staging reads across days: no tile can be made without them.
    pub(super) fn expired_of_whole(&self) -> &BTreeSet<NaiveDate> {
        &self.expired_of_whole
    }

    /// The same, seeing expired days from `start` on.
    pub(super) fn starting(
        self,
        histories: &BTreeMap<String, SourceHistory>,
        start: NaiveDate,
    ) -> Self {
        Self::plan(
            self.inputs,
            histories,
            Some(start),
            self.stored,
            self.snapshot_date,
        )
    }

    /// The days that tiles would have to be made of and that cannot be read any more.
    pub(super) fn days_out_of_reach(&self) -> BTreeSet<NaiveDate> {
        self.plan.out_of_reach(&self.addresses)
    }

    /// How the stored tiles that hold some of these days differ from what the night asks for.
    pub(super) fn change_since_stored(&self, days: &BTreeSet<NaiveDate>) -> Change {
        let holding = self.stored.addresses_holding_any(days);
        match self.addresses.change_from_any(holding) {
            Change::New if self.stored.addresses().next().is_some() => Change::Files,
            change => change,
        }
    }

    /// The stored tiles that hold days which cannot be read any more.
    pub(super) fn irreplaceable(&self) -> impl Iterator<Item = &StoredTile> {
        self.stored.holding_any(self.addresses.unreadable())
    }

    /// The plan without a stored tile that turned out to be damaged.
    #[must_use]
    pub(crate) fn without(&self, damaged: &crate::tiles::Address) -> Self {
        let mut stored = self.stored.clone();
        stored.forget(damaged);
        self.replanned(stored)
    }

    /// The plan with tiles that were stored since.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub(crate) fn with(&self, made: impl IntoIterator<Item = StoredTile>) -> Self {
        let mut stored = self.stored.clone();
        made.into_iter().for_each(|tile| stored.add(tile));
        self.replanned(stored)
    }

    fn replanned(&self, stored: StoredTiles) -> Self {
        let plan = TilePlan::make(
            &self.plan.rollup,
            &self.inputs.windows,
            self.snapshot_date,
            &self.addresses,
            &stored,
        );
        Self {
            plan,
            stored,
            ..self.clone()
        }
    }

    /// The days of a source whose files are read.
    pub fn days_read(&self, manifest: &Manifest) -> BTreeSet<NaiveDate> {
        let builds: Vec<&TileBuild> = self.plan.builds.iter().collect();
        self.days_read_for(&builds, manifest)
    }

    /// The days of a source whose files are read to make some of the tiles.
    pub(crate) fn days_read_for(
        &self,
        builds: &[&TileBuild],
        manifest: &Manifest,
    ) -> BTreeSet<NaiveDate> {
        let source = &manifest.source;
        if self.inputs.by_day.contains(source) {
            let days = builds.iter().flat_map(|build| &build.days);
            return days.copied().collect();
        }
        let mut builds = builds.iter();
        let reads_sources = builds.any(|build| !build.days.is_empty() || build.before.is_some());
        match self.inputs.whole.contains(source) && reads_sources {
            true => manifest.days(),
            false => BTreeSet::new(),
        }
    }
}

impl RollupInputs {
    /// The expired days from `start` on of sources that are read whole.
    fn expired_of_whole(
        &self,
        histories: &BTreeMap<String, SourceHistory>,
        start: Option<NaiveDate>,
    ) -> BTreeSet<NaiveDate> {
        let whole = self.whole.iter();
        let histories = whole.filter_map(|source| histories.get(source));
        let expired = histories.flat_map(SourceHistory::expired);
        let expired = expired.filter(|day| start.is_none_or(|start| *day >= start));
        expired.collect()
    }

    /// What the rollup's days depend on. Of expired days those from `start` on count.
    pub(super) fn source_days(
        &self,
        histories: &BTreeMap<String, SourceHistory>,
        start: Option<NaiveDate>,
        snapshot_date: SnapshotDate,
    ) -> SourceDays {
        let is_given_up = |day: NaiveDate, known: &KnownDay| {
            known.is_expired && start.is_some_and(|start| day < start)
        };
        let days_of = |sources: &BTreeSet<String>| {
            let histories = sources.iter().filter_map(|source| histories.get(source));
            let days = histories.flat_map(|history| &history.days);
            let days = days.filter(|(day, known)| !is_given_up(**day, known));
            days.collect::<Vec<_>>()
        };
        let mut by_day: BTreeMap<NaiveDate, Vec<&str>> = BTreeMap::new();
        let mut unreadable = BTreeSet::new();
        for (day, known) in days_of(&self.by_day) {
            by_day
                .entry(*day)
                .or_default()
                .push(known.fingerprint.as_str());
            unreadable.extend(known.is_expired.then_some(*day));
        }
        let whole = days_of(&self.whole);
        // Rows of a day may then come from files of any day.
        for (day, _) in &whole {
            by_day.entry(**day).or_default();
        }
        if whole.iter().any(|(_, known)| known.is_expired) {
            let first = by_day.keys().next().copied();
            let days = first.into_iter().flat_map(|first| first.iter_days());
            unreadable.extend(days.take_while(|day| *day <= snapshot_date.day()));
        }
        let fingerprinted = by_day.into_iter().map(|(day, files)| {
            let builder = Fingerprint::builder();
            (day, builder.parts("source", files).finish())
        });
        SourceDays {
            by_day: fingerprinted.collect(),
            of_all_days: whole
                .into_iter()
                .map(|(_, known)| known.fingerprint.clone())
                .collect(),
            unreadable,
        }
    }
}

/// Every rollup that some model reads through `windows(...)`.
///
/// # Errors
/// Problems of the staging and rollup models.
pub(super) async fn inputs_of_rollups(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Vec<RollupInputs>, PlanError> {
    let windows = windows_by_rollup(project)?;
    let session = session_of(job)?;
    let schemas = [SqlSchema::Staging, SqlSchema::Rollups];
    let catalog = register_declared(job, project, snapshot_date, &session, &schemas).await?;
    let mut inputs = Vec::new();
    for rollup in rollups_of(&catalog, &windows) {
        let name = &rollup.name;
        let tables = project.graph.upstream(&rollup.name);
        let sources = job.sources_among(&tables).map(|(name, _)| name.as_str());
        let (by_day, whole) = reach(&session, &rollup, sources.collect())
            .map_err(EngineError::during("planning tiles"))?;
        inputs.push(RollupInputs {
            definition: definition(job, project, &rollup, &tables, snapshot_date)?,
            windows: windows[&name.name].clone(),
            by_day,
            whole,
        });
    }
    Ok(inputs)
}

fn rollups_of(catalog: &Catalog<'_>, windows: &BTreeMap<String, BTreeSet<Window>>) -> Vec<Rollup> {
    let rollups = windows.keys().filter_map(|name| catalog.rollup(name));
    rollups.cloned().collect()
}

fn windows_by_rollup(project: &Project) -> Result<BTreeMap<String, BTreeSet<Window>>, Problems> {
    let mut by_rollup: BTreeMap<String, BTreeSet<Window>> = BTreeMap::new();
    for model in project.graph.models() {
        for read in &model.reads {
            if let Some(call) = &read.windows {
                let wanted = windows::parse(model, call)?;
                by_rollup
                    .entry(read.table.name.clone())
                    .or_default()
                    .extend(wanted);
            }
        }
    }
    Ok(by_rollup)
}

/// The sources whose scans a condition on the rollup's day reaches, and the others, of those that it reads.
fn reach(
    session: &Session,
    rollup: &Rollup,
    sources: BTreeSet<&str>,
) -> EngineResult<(BTreeSet<String>, BTreeSet<String>)> {
    let probe = lit(ScalarValue::Date32(Some(PROBE)));
    let of_probe = scans_of(session, rollup.daily(Some(col(DAY).eq(probe)))?)?;
    let (mut by_day, mut whole) = (BTreeSet::new(), BTreeSet::new());
    for (source, is_reached) in of_probe {
        let sources = if is_reached { &mut by_day } else { &mut whole };
        sources.insert(source);
    }
    // A condition of staging that the probe can never meet leaves no scan behind.
    let is_missing = |source: &&str| !by_day.contains(*source) && !whole.contains(*source);
    if sources.iter().any(is_missing) {
        let all = scans_of(session, rollup.daily(None)?)?;
        let all = all.into_iter().map(|(source, _)| source);
        whole.extend(all.filter(|source| !by_day.contains(source)));
    }
    // A source that is read both ways is read whole.
    by_day.retain(|source| !whole.contains(source));
    Ok((by_day, whole))
}

/// The sources that a plan scans, in subqueries too, and whether the probe reaches the scan.
fn scans_of(session: &Session, rows: LogicalPlan) -> EngineResult<Vec<(String, bool)>> {
    let mut scans = Vec::new();
    let optimized = session.optimized(&rows)?;
    optimized.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.schema() == Some(SqlSchema::Sources.as_str())
        {
            let is_reached = scan.filters.iter().any(is_about_probe);
            scans.push((scan.table_name.table().to_owned(), is_reached));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scans)
}

fn is_about_probe(filter: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return false;
    };
    let is_probe = |side: &Expr| matches!(side, Expr::Literal(ScalarValue::Date32(Some(PROBE)), _));
    let is_day = |side: &Expr| matches!(side, Expr::Column(column) if column.name == DAY);
    *op == Operator::Eq && ((is_day(left) && is_probe(right)) || (is_probe(left) && is_day(right)))
}

/// What a rollup's rows are defined by, besides files. `tables` are those behind it.
fn definition(
    job: &Job,
    project: &Project,
    rollup: &Rollup,
    tables: &BTreeSet<TableName>,
    snapshot_date: SnapshotDate,
) -> Result<Definition, Problems> {
    let parameters = project.parameters.clone().with_snapshot_date(snapshot_date);
    let models = tables.iter().filter_map(|table| project.graph.model(table));
    let models = models.map(|model| model.fingerprint(&parameters));
    let sources = job.sources_among(tables);
    let sources = sources.map(|(name, source)| encodings::of_source(name, source));
    let references = project.references.iter();
    let references: Vec<_> = references
        .filter(|reference| tables.contains(&reference.name))
        .collect();
    let named = |found: &ReferenceTable, text: &str| format!("{}\n{text}", found.name);
    let texts = references.iter();
    let texts = texts.map(|found| named(found, &found.canonical_text()));
    let files = references
        .iter()
        .map(|found| named(found, &found.file.text));
    Ok(Definition {
        rollup: rollup.name.clone(),
        engine: rollup.engine_version().map(str::to_owned),
        models: models.collect(),
        sources: sources.collect(),
        references: texts.collect(),
        before: DefinitionBefore {
            references: files.collect(),
            ..definition_before(job, project, tables.iter(), &parameters)?
        },
    })
}
