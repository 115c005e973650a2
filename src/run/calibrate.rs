//! New cut points as of a date, beside those that a run of the date scores by.
//!
//! 1. [`propose`]: sources, tiles and features as a night computes them, without a publication;
//!    the new cut points over the scored users.
//! 2. `compare`: the tier models under the old cut points and under the new ones, and how many
//!    users have which value under which.
//! 3. [`Proposal::keep`]: the new cut points kept for good, when they are wanted.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::JoinType;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{col, ident, lit};
use datafusion::prelude::DataFrame;
use serde::Serialize;

use crate::config::job::{CalibrationChoice, Job};
use crate::ground::{Folder, SnapshotDate, TableName};
use crate::tiers::calibration::Calibration;
use crate::tiers::{CutPoints, Dimension, Histograms};
use crate::tiles::USER_ID;

use super::context::{Run, open_session};
use super::features::Featured;
use super::shape::Shape;
use super::stages::{Progress, Stages};
use super::{CalibrationPlan, Catalog, Plan, Project, Report, RunError, Workspace, cut_points};

/// How the columns of scores end.
const SCORE_SUFFIX: &str = "_score";

/// New cut points and what they would change.
#[derive(Debug, Clone, Serialize)]
pub struct Proposal {
    /// The snapshot date whose users were measured.
    pub snapshot_date: String,
    /// How many users are scored.
    pub population: u64,
    /// The cut points that a run of the date scores by.
    pub old: Old,
    /// The id that the new cut points have or would get.
    pub new_id: String,
    /// The calibration that has the new cut points already.
    pub same_as: Option<String>,
    /// Old and new cut points of each metric.
    pub metrics: Vec<MetricChange>,
    /// The scores, as far as there are old ones.
    pub scores: Vec<ValueChange>,
    /// The dimensions in which somebody changes, or nobody does; none without old cut points.
    pub dimensions: Vec<ValueChange>,
    /// Who scores by the new cut points once they are kept.
    pub takers: Takers,
    /// What is worth a look.
    pub warnings: Vec<String>,
    #[serde(skip)]
    new: Calibration,
}

/// The cut points that a run of the date scores by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum Old {
    /// There are none: a run would calibrate.
    None,
    /// A calibration that is kept.
    Kept {
        /// Its id.
        id: String,
    },
    /// Those of the job file, which no run has kept yet.
    ByHand,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MetricChange {
    /// The old cut points with the users of today.
    pub old: Option<CutPoints>,
    /// The new ones.
    pub new: CutPoints,
}

/// A column whose values depend on cut points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The column.
    pub name: String,
    /// How many users have another value under the new cut points.
    pub changed: u64,
    /// Its values, the unknown ones last.
    pub values: Vec<String>,
    /// Users by their values under the old and the new cut points.
    pub flows: Vec<ValueFlow>,
}

/// Users with one value under the old cut points and one under the new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueFlow {
    /// The value under the old cut points; none for users without one.
    pub from: Option<String>,
    /// The value under the new ones.
    pub to: Option<String>,
    /// How many users.
    pub users: u64,
}

/// Who scores by the new cut points once they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum Takers {
    /// Runs of the date and of later ones.
    Runs {
        /// The first later date that has a calibration of its own.
        until: Option<String>,
        /// The dates that are published by other cut points and would be scored by the new ones
        /// when they are run again.
        published_dates: Vec<String>,
    },
    /// Nobody: the job pins another calibration.
    NobodyWhilePinned {
        /// The id it pins.
        id: String,
    },
    /// Nobody: the job gives its cut points by hand.
    NobodyWhileByHand,
}

impl ValueChange {
    /// How many users there are.
    pub fn users(&self) -> u64 {
        self.flows.iter().map(|flow| flow.users).sum()
    }

    /// How many users have a value, or none, under the old cut points.
    pub fn old_users(&self, value: Option<&str>) -> u64 {
        let flows = self.flows.iter();
        let from = flows.filter(|flow| flow.from.as_deref() == value);
        from.map(|flow| flow.users).sum()
    }

    /// How many users have a value, or none, under the new cut points.
    pub fn new_users(&self, value: Option<&str>) -> u64 {
        let flows = self.flows.iter();
        let to = flows.filter(|flow| flow.to.as_deref() == value);
        to.map(|flow| flow.users).sum()
    }
}

impl Proposal {
    /// Whether runs would score by the same cut points anyway, or could.
    pub fn is_nothing_new(&self) -> bool {
        let is_same = |metric: &MetricChange| {
            let old = metric.old.as_ref();
            old.is_some_and(|old| old.cuts == metric.new.cuts)
        };
        self.same_as.is_some() || self.metrics.iter().all(is_same)
    }

    /// Keeps the new cut points for good.
    ///
    /// # Errors
    /// A store that fails, and another calibration that took the id in the meantime.
    pub async fn keep(&self, workspace: &Workspace) -> Result<(), RunError> {
        let kept = self.new.keep(&workspace.output, &workspace.layout).await;
        Ok(kept?)
    }
}

/// Computes new cut points as of the plan's date, and compares.
///
/// # Errors
/// Whatever keeps the features of the date from being computed, and metrics that cannot be cut.
pub async fn propose(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    plan: Plan,
    progress: Progress<'_>,
) -> Result<Proposal, RunError> {
    let plan = plan.with_tiles(job, project, workspace).await?;
    let context = open_session(job, workspace)?;
    let run = Run {
        job,
        project,
        workspace,
        plan: &plan,
        context: &context,
    };
    Box::pin(propose_in(&run, &mut Stages::new(progress))).await
}

async fn propose_in(run: &Run<'_>, stages: &mut Stages<'_>) -> Result<Proposal, RunError> {
    let plan = run.plan;
    let date = plan.snapshot_date;
    stages.begin("sources");
    let mut report = Report::default();
    let featured = Box::pin(run.compute_features(stages, &mut report)).await?;
    let Featured {
        mut catalog,
        scratch: _scratch,
        tiles: _,
    } = featured;
    stages.begin("cut points");
    let users = cut_points::measure(&mut catalog, run.project).await?;
    let new = Calibration::computed(plan.calibrations.next(date), date, &users)?;
    let old = old_calibration(plan, &users);
    stages.begin("tiers");
    let metrics = metric_changes(old.as_ref(), &new, &users);
    let (scores, dimensions) = match &old {
        Some(old) if metrics.iter().all(|metric| metric.old.is_some()) => {
            Box::pin(compare(run, &mut catalog, [old, &new])).await?
        }
        _ => Default::default(),
    };
    if let Some(old) = &old {
        report.warnings.extend(uncut(&old.id, &metrics));
    }
    Ok(Proposal {
        snapshot_date: date.to_string(),
        population: users.population(),
        same_as: same_calibration(run, &new).await?,
        old: old_source(plan),
        new_id: new.id.clone(),
        metrics,
        scores,
        dimensions,
        takers: takers(run.job, plan, date),
        warnings: report.warnings,
        new,
    })
}

/// The calibration that a run of the date would score by; none when it would calibrate.
fn old_calibration(plan: &Plan, users: &Histograms) -> Option<Calibration> {
    let date = plan.snapshot_date;
    match &plan.calibration {
        CalibrationPlan::Use(calibration) => Some(calibration.clone()),
        CalibrationPlan::Calibrate => None,
        CalibrationPlan::Keep(given) => {
            let id = plan.calibrations.next(date);
            Some(Calibration::by_hand(id, date, given, users))
        }
    }
}

fn old_source(plan: &Plan) -> Old {
    match &plan.calibration {
        CalibrationPlan::Use(calibration) => Old::Kept {
            id: calibration.id.clone(),
        },
        CalibrationPlan::Calibrate => Old::None,
        CalibrationPlan::Keep(_) => Old::ByHand,
    }
}

/// The calibration that runs would take anyway, pinned or newest, when its cut points are the new
/// ones.
async fn same_calibration(run: &Run<'_>, new: &Calibration) -> Result<Option<String>, RunError> {
    let cuts = new.cuts();
    if let CalibrationPlan::Use(old) = &run.plan.calibration
        && old.has_cuts(&cuts)
    {
        return Ok(Some(old.id.clone()));
    }
    let Some(newest) = run.plan.calibrations.newest(run.plan.snapshot_date) else {
        return Ok(None);
    };
    let Workspace { output, layout, .. } = run.workspace;
    let newest = Calibration::read(output, layout, newest).await?;
    Ok(newest.has_cuts(&cuts).then_some(newest.id))
}

fn metric_changes(
    old: Option<&Calibration>,
    new: &Calibration,
    users: &Histograms,
) -> Vec<MetricChange> {
    let old = old.map_or_else(Vec::new, |old| users.counted(&old.cuts()));
    let change = |new: &CutPoints| MetricChange {
        old: old.iter().find(|old| old.metric == new.metric).cloned(),
        new: new.clone(),
    };
    new.metrics.iter().map(change).collect()
}

/// Says that tiers cannot be compared, where metrics have come since the old calibration.
fn uncut(old_id: &str, metrics: &[MetricChange]) -> Option<String> {
    let uncut = metrics.iter().filter(|metric| metric.old.is_none());
    let names: Vec<&str> = uncut.map(|metric| metric.new.metric.as_str()).collect();
    (!names.is_empty()).then(|| {
        let names = names.join("`, `");
        format!("{old_id} has no cut points of `{names}`, so no tier can be compared")
    })
}

/// Who takes the new cut points. A later calibration goes before them on its date and after.
fn takers(job: &Job, plan: &Plan, date: SnapshotDate) -> Takers {
    match &job.calibration {
        CalibrationChoice::Pinned(id) => Takers::NobodyWhilePinned { id: id.clone() },
        CalibrationChoice::ByHand(_) => Takers::NobodyWhileByHand,
        CalibrationChoice::Newest => {
            let until = plan.calibrations.next_date(date);
            let published = plan.publications.dates();
            let taking = published
                .range(date..)
                .take_while(|date| until.is_none_or(|until| **date < until));
            Takers::Runs {
                until: until.map(|until| until.to_string()),
                published_dates: taking.map(SnapshotDate::to_string).collect(),
            }
        }
    }
}

/// The tables of the tiers under one calibration.
struct Scored {
    tables: Vec<(TableName, DataFrame)>,
}

impl Scored {
    /// Plans the tier models anew; tables that were planned before stay as they were.
    async fn plan(
        run: &Run<'_>,
        catalog: &mut Catalog<'_>,
        calibration: &Calibration,
    ) -> Result<Self, RunError> {
        let parameters = calibration.parameters(run.project.parameters.clone());
        catalog
            .register_models(&[Folder::Tiers], &parameters)
            .await?;
        let mut tables = Vec::new();
        for model in run.project.graph.in_folder(Folder::Tiers) {
            let rows = catalog.table(&model.name).await;
            let rows = rows.map_err(RunError::engine("comparing tiers"))?;
            tables.push((model.name.clone(), rows));
        }
        Ok(Self { tables })
    }

    /// The table of a name.
    fn table(&self, name: &TableName) -> Option<&DataFrame> {
        let mut tables = self.tables.iter();
        tables
            .find(|(known, _)| known == name)
            .map(|(_, rows)| rows)
    }

    /// The tables and columns that hold scores.
    fn scores(&self) -> Vec<(TableName, String)> {
        let columns = self.tables.iter().flat_map(|(name, rows)| {
            let fields = rows.schema().fields().iter();
            let scores = fields.filter(|field| {
                field.name().ends_with(SCORE_SUFFIX) && field.data_type().is_integer()
            });
            scores.map(|field| (name.clone(), field.name().clone()))
        });
        columns.collect()
    }
}

/// Counts users by their values under the old and the new cut points: of every score, and of
/// every dimension that has a table of its name.
async fn compare(
    run: &Run<'_>,
    catalog: &mut Catalog<'_>,
    [old, new]: [&Calibration; 2],
) -> Result<(Vec<ValueChange>, Vec<ValueChange>), RunError> {
    let old_tables = Scored::plan(run, catalog, old).await?;
    let new_tables = Scored::plan(run, catalog, new).await?;
    let parameters = new.parameters(run.project.parameters.clone());
    let shape = Shape::read(catalog, run.project, run.job, &parameters).await?;
    let both = |table: &TableName| Some([old_tables.table(table)?, new_tables.table(table)?]);
    let mut scores = Vec::new();
    for (table, column) in new_tables.scores() {
        if let Some(tables) = both(&table) {
            let flows = flows(tables, &column).await;
            let flows = flows.map_err(RunError::engine("comparing scores"))?;
            scores.push(in_order(
                &column,
                (1..=5).map(|score| score.to_string()),
                flows,
            ));
        }
    }
    let mut compared = Vec::new();
    for Dimension { name, tiers, .. } in shape.dimensions.iter() {
        let Some(tables) = both(&TableName::new(Folder::Tiers, name)) else {
            continue;
        };
        if tables.iter().all(|table| has_column(table, name)) {
            let flows = flows(tables, name).await;
            let flows = flows.map_err(RunError::engine("comparing tiers"))?;
            let values = tiers.iter().map(|tier| tier.name.clone());
            compared.push(in_order(name, values, flows));
        }
    }
    Ok((scores, compared))
}

fn has_column(table: &DataFrame, name: &str) -> bool {
    table.schema().has_column_with_unqualified_name(name)
}

/// Flows in the order of the values; values that were not known come after those that were.
fn in_order(
    name: &str,
    values: impl Iterator<Item = String>,
    mut flows: Vec<ValueFlow>,
) -> ValueChange {
    let mut values: Vec<String> = values.collect();
    flows.sort_by(|left, right| (&left.from, &left.to).cmp(&(&right.from, &right.to)));
    let seen = flows.iter().flat_map(|flow| [&flow.from, &flow.to]);
    for value in seen.flatten() {
        if !values.contains(value) {
            values.push(value.clone());
        }
    }
    let position = |value: &Option<String>| {
        let value = value.as_ref();
        let position = value.and_then(|value| values.iter().position(|known| known == value));
        position.unwrap_or(values.len())
    };
    flows.sort_by_key(|flow| (position(&flow.from), position(&flow.to)));
    let changed = flows.iter().filter(|flow| flow.from != flow.to);
    ValueChange {
        name: name.to_owned(),
        changed: changed.map(|flow| flow.users).sum(),
        values,
        flows,
    }
}

/// Users by their value in the first table and in the second. A user whom only one of them has
/// has no value in the other.
async fn flows([old, new]: [&DataFrame; 2], column: &str) -> EngineResult<Vec<ValueFlow>> {
    let side = |rows: &DataFrame, user: &str, value: &str| {
        let columns = [ident(USER_ID).alias(user), ident(column).alias(value)];
        rows.clone().select(columns)
    };
    let old = side(old, "old_user", "from_value")?;
    let new = side(new, "new_user", "to_value")?;
    let both = old.join(new, JoinType::Full, &["old_user"], &["new_user"], None)?;
    let counted = both.aggregate(
        vec![col("from_value"), col("to_value")],
        vec![count(lit(1)).alias("users")],
    )?;
    let mut flows = Vec::new();
    for batch in counted.collect().await? {
        let from = cast(batch.column(0), &DataType::Utf8)?;
        let to = cast(batch.column(1), &DataType::Utf8)?;
        let users = cast(batch.column(2), &DataType::Int64)?;
        let columns = from.as_string::<i32>().iter().zip(to.as_string::<i32>());
        for ((from, to), users) in columns.zip(users.as_primitive::<Int64Type>().values()) {
            flows.push(ValueFlow {
                from: from.map(str::to_owned),
                to: to.map(str::to_owned),
                users: users.unsigned_abs(),
            });
        }
    }
    Ok(flows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(from: Option<&str>, to: Option<&str>, users: u64) -> ValueFlow {
        ValueFlow {
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            users,
        }
    }

    #[test]
    fn users_are_added_up_by_old_and_by_new_value() {
        let flows = vec![
            flow(None, None, 4),
            flow(Some("new"), Some("low"), 1),
            flow(Some("low"), Some("high"), 2),
            flow(Some("high"), Some("high"), 3),
        ];
        let tiers = ["high", "low", "empty"].map(str::to_owned);
        let change = in_order("tier", tiers.into_iter(), flows);
        assert_eq!(change.values, ["high", "low", "empty", "new"]);
        assert_eq!(
            change.flows.first(),
            Some(&flow(Some("high"), Some("high"), 3))
        );
        assert_eq!(change.flows.last(), Some(&flow(None, None, 4)));
        assert_eq!((change.users(), change.changed), (10, 3));
        let users = |value| (change.old_users(value), change.new_users(value));
        assert_eq!(users(Some("high")), (3, 5));
        assert_eq!(users(Some("low")), (2, 1));
        assert_eq!(users(Some("empty")), (0, 0));
        assert_eq!(users(None), (4, 4));
    }
}
