//! The models of a project as tables of a session, registered in graph order.
//!
//! | schema | what the session holds |
//! |---|---|
//! | sources, reference | scans and CSV rows |
//! | staging | the good rows, without `reject_reason` and `warning`; all rows under `<name>(all)` |
//! | rollups | rows per day and user; each `windows(...)` call under a name of its own |
//! | the others | views, or rows computed once and kept aside |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::DataType;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, ident};
use datafusion::prelude::DataFrame;

use crate::engine::{Session, reference_to};
use crate::ground::{Diagnostic, Problems, SnapshotDate, SqlSchema, TableName, sql_type};
use crate::job::{ColumnType, contract_columns};
use crate::models::{Model, Parameters, explain, planner};
use crate::tiles::{DAY, Rollup, TileFile, TileRows, USER_ID, UserRanges, windows};

use super::contracted::{ID_TYPES, TIMES_HELP, as_contracted};
use super::project::Project;

/// The column of staging that says why a row is left out.
pub(crate) const REJECT_REASON: &str = "reject_reason";

/// The column of staging with a remark on a row that is kept.
pub(crate) const WARNING: &str = "warning";

/// The plans of a project in one session.
pub struct Catalog<'a> {
    /// The session.
    pub session: &'a Session,
    project: &'a Project,
    snapshot_date: SnapshotDate,
    /// The plans made so far, where each model is planned once; none where it is planned anew each time.
    plans: Option<Mutex<BTreeMap<TableName, LogicalPlan>>>,
    rollups: BTreeMap<String, Rollup>,
    /// The rows that windows are merged from, by rollup; none before there are any.
    tiles: BTreeMap<String, Vec<TileRows>>,
    /// The ranges of users that they are merged in.
    ranges: Arc<UserRanges>,
    /// Models that could not be planned, and those that read them.
    unplanned: BTreeSet<TableName>,
    /// The latter alone, in the order in which they would have been planned.
    passed_over: Vec<TableName>,
}

impl<'a> Catalog<'a> {
    /// Registers the reference tables; sources are registered by the caller.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn open(
        session: &'a Session,
        project: &'a Project,
        snapshot_date: SnapshotDate,
    ) -> Result<Self, DataFusionError> {
        for reference in &project.references {
            let rows = reference.rows.clone();
            let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
            session.register(&reference.name, Arc::new(table))?;
        }
        Ok(Self {
            session,
            project,
            snapshot_date,
            plans: None,
            rollups: BTreeMap::new(),
            tiles: BTreeMap::new(),
            ranges: Arc::default(),
            unplanned: project.broken().clone(),
            passed_over: Vec::new(),
        })
    }

    /// The same catalog, which plans a model once, whatever is registered later.
    pub(crate) fn planning_once(self) -> Self {
        Self {
            plans: Some(Mutex::default()),
            ..self
        }
    }

    /// Plans and registers the models of some schemas, in graph order. Models that read what
    /// could not be planned are passed over.
    ///
    /// # Errors
    /// Every problem of every model.
    pub async fn register_models(
        &mut self,
        schemas: &[SqlSchema],
        parameters: &Parameters,
    ) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for model in self.project.graph.models() {
            if !schemas.contains(&model.name.schema) {
                continue;
            }
            if !self.may_plan(model) {
                continue;
            }
            let registered = self.register_model(model, parameters).await;
            if problems.keep_all(registered).is_none() {
                self.leave_out(&model.name);
            }
        }
        problems.or_ok(())
    }

    /// Whether everything that a model reads has been planned; if not, the model is passed over.
    pub(crate) fn may_plan(&mut self, model: &Model) -> bool {
        let mut read = model.reads.iter().map(|read| &read.table);
        let may_plan = !read.any(|table| self.unplanned.contains(table));
        if !may_plan {
            self.pass_over(&model.name);
        }
        may_plan && !self.unplanned.contains(&model.name)
    }

    /// Leaves a model unplanned, and remembers that nothing was found wrong with it.
    pub(crate) fn pass_over(&mut self, model: &TableName) {
        if self.unplanned.insert(model.clone()) {
            self.passed_over.push(model.clone());
        }
    }

    /// Models that read this table are passed over from here on.
    pub(crate) fn leave_out(&mut self, table: &TableName) {
        self.unplanned.insert(table.clone());
    }

    /// The models that were not planned because something they read could not be.
    pub(crate) fn passed_over(&self) -> &[TableName] {
        &self.passed_over
    }

    /// Whether a model has been planned.
    pub(crate) fn has_planned(&self, model: &Model) -> bool {
        !self.unplanned.contains(&model.name)
    }

    /// A rollup that has been registered.
    pub fn rollup(&self, name: &str) -> Option<&Rollup> {
        self.rollups.get(name)
    }

    /// Gives the windows of a rollup their rows: models registered from here on read them.
    pub fn set_tiles(&mut self, rollup: &str, tiles: Vec<TileRows>) {
        self.tiles.insert(rollup.to_owned(), tiles);
    }

    /// Cuts the users of windows into ranges: models registered from here on read them so. They are cut from
    /// the tiles, which come first.
    pub(crate) fn set_ranges(&mut self, ranges: UserRanges) {
        self.ranges = Arc::new(ranges);
    }

    /// The ranges of users that windows are merged in.
    pub(crate) fn ranges(&self) -> &Arc<UserRanges> {
        &self.ranges
    }

    /// What windows are merged from, by rollup.
    #[cfg(feature = "cluster")]
    pub(crate) fn tiles_by_rollup(&self) -> impl Iterator<Item = (&String, &Vec<TileRows>)> {
        self.tiles.iter()
    }

    /// The tiles that windows are merged from, of all rollups.
    pub(crate) fn tiles(&self) -> impl Iterator<Item = &TileFile> {
        self.tiles.values().flatten().flat_map(|rows| &rows.tiles)
    }

    /// Plans one model without registering it, or gives the plan made before, where each is planned once.
    ///
    /// # Errors
    /// Every problem of the model.
    pub async fn plan(
        &self,
        model: &Model,
        parameters: &Parameters,
    ) -> Result<LogicalPlan, Problems> {
        if let Some(plan) = self.planned(&model.name) {
            return Ok(plan);
        }
        self.register_windows(model)?;
        let parameters = parameters.clone().with_snapshot_date(self.snapshot_date);
        let plan = planner::plan(&self.session.state(), model, &parameters).await?;
        if let Some(plans) = &self.plans {
            let mut plans = plans.lock().unwrap_or_else(PoisonError::into_inner);
            plans.insert(model.name.clone(), plan.clone());
        }
        Ok(plan)
    }

    fn planned(&self, model: &TableName) -> Option<LogicalPlan> {
        let plans = self.plans.as_ref()?.lock();
        let plans = plans.unwrap_or_else(PoisonError::into_inner);
        plans.get(model).cloned()
    }

    /// As [`Catalog::plan`], below the model's name, so that rows that cannot be computed are reported
    /// with it.
    ///
    /// # Errors
    /// Every problem of the model.
    pub(crate) async fn plan_by_name(
        &self,
        model: &Model,
        parameters: &Parameters,
    ) -> Result<LogicalPlan, Problems> {
        let plan = self.plan(model, parameters).await?;
        let named = LogicalPlanBuilder::from(plan).alias(reference_to(&model.name));
        named
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| explain(&error, &model.file))
    }

    /// A table's rows, to be selected from and executed.
    ///
    /// # Errors
    /// The engine's, when there is no such table: a bug.
    pub async fn table(&self, name: &TableName) -> Result<DataFrame, DataFusionError> {
        self.session.table(name).await
    }

    /// All rows of a staging table, rejected ones too, of the days that pass `days`.
    ///
    /// # Errors
    /// The engine's, when there is no such table: a bug.
    pub(crate) async fn rows_with_rejected(
        &self,
        staging: &TableName,
        days: Option<&Expr>,
    ) -> Result<DataFrame, DataFusionError> {
        let rows = self.table(&all_rows_of(staging)).await?;
        match days {
            Some(days) => rows.filter(days.clone()),
            None => Ok(rows),
        }
    }

    async fn register_model(
        &mut self,
        model: &Model,
        parameters: &Parameters,
    ) -> Result<(), Problems> {
        let plan = self.plan(model, parameters).await?;
        let explained = |error: DataFusionError| explain(&error, &model.file);
        match model.name.schema {
            SqlSchema::Staging => {
                let plan = as_contracted(&model.name.name, plan).map_err(explained)?;
                check_staging(model, &plan)?;
                let all = all_rows_of(&model.name);
                self.session
                    .register_view(&all, plan.clone())
                    .map_err(explained)?;
                let good = good_rows(plan).map_err(explained)?;
                self.session
                    .register_view(&model.name, good)
                    .map_err(explained)
            }
            SqlSchema::Rollups => {
                let rollup = Rollup::derive(model, &plan)?;
                let rows = rollup.daily(None).map_err(explained)?;
                self.rollups.insert(model.name.name.clone(), rollup);
                self.session
                    .register_view(&model.name, rows)
                    .map_err(explained)
            }
            _ => self
                .session
                .register_view(&model.name, plan)
                .map_err(explained),
        }
    }

    /// Registers the result of every `windows(...)` call of a model.
    fn register_windows(&self, model: &Model) -> Result<(), Problems> {
        let mut problems = Problems::default();
        for read in &model.reads {
            let Some(call) = &read.windows else {
                continue;
            };
            let Some(wanted) = problems.keep_all(windows::parse(model, call)) else {
                continue;
            };
            let Some(rollup) = self.rollups.get(&read.table.name) else {
                continue;
            };
            let name = TableName::new(SqlSchema::Rollups, call.table_name(&read.table.name));
            let tiles = self
                .tiles
                .get(&read.table.name)
                .map_or(&[][..], Vec::as_slice);
            let merged = windows::over(&name.name, rollup, &wanted, tiles);
            let merged = merged.in_ranges(Arc::clone(&self.ranges));
            let registered = self.session.register(&name, Arc::new(merged));
            problems.keep(registered.map_err(|error| {
                Diagnostic::at(&model.file, read.place.clone(), error.strip_backtrace())
            }));
        }
        problems.or_ok(())
    }
}

/// The name under which all rows of a staging table stand, rejected ones too.
fn all_rows_of(staging: &TableName) -> TableName {
    TableName::new(SqlSchema::Staging, format!("{}(all)", staging.name))
}

/// The rows without a reason to reject them, and without the columns about that.
fn good_rows(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    let schema = Arc::clone(plan.schema());
    let kept = schema.fields().iter().map(|field| field.name().as_str());
    let kept = kept.filter(|name| ![REJECT_REASON, WARNING].contains(name));
    let kept: Vec<Expr> = kept.map(ident).collect();
    let mut rows = LogicalPlanBuilder::from(plan);
    if schema.has_column_with_unqualified_name(REJECT_REASON) {
        rows = rows.filter(col(REJECT_REASON).is_null())?;
    }
    rows.project(kept)?.build()
}

/// Staging must give every row a day and a user, and the contract's columns their types.
fn check_staging(model: &Model, plan: &LogicalPlan) -> Result<(), Problems> {
    let schema = plan.schema();
    let mut problems = Problems::default();
    for required in [DAY, USER_ID] {
        if !schema.has_column_with_unqualified_name(required) {
            let message = format!("`{}` has no column `{required}`", model.name);
            let help = "a staging model selects day and user_id beside its own columns";
            problems.push(Diagnostic::at(&model.file, model.head(), message).help(help));
        }
    }
    if let Ok(field) = schema.field_with_unqualified_name(USER_ID)
        && !ID_TYPES.contains(field.data_type())
    {
        let message = format!(
            "`{USER_ID}` of `{}` is {}; it must be BIGINT or VARCHAR",
            model.name,
            sql_type(field.data_type()),
        );
        let help = format!(
            "write {}, or the same with BIGINT, alike in all staging models",
            model.cast_of(USER_ID, "VARCHAR")
        );
        let place = model.place_selecting(USER_ID);
        problems.push(Diagnostic::at(&model.file, place, message).help(help));
    }
    for column in contract_columns(&model.name.name) {
        let Some(expected) = column.column_type.arrow() else {
            continue;
        };
        let Ok(field) = schema.field_with_unqualified_name(&column.name) else {
            continue;
        };
        if !is_same_type(field.data_type(), &expected) {
            let message = format!(
                "`{}` of `{}` is {}; it must be {}",
                column.name,
                model.name,
                sql_type(field.data_type()),
                column.column_type
            );
            let help = match column.column_type {
                ColumnType::Timestamp => TIMES_HELP.to_owned(),
                other => format!("write {}", model.cast_of(&column.name, &other.to_string())),
            };
            let place = model.place_selecting(&column.name);
            problems.push(Diagnostic::at(&model.file, place, message).help(help));
        }
    }
    problems.or_ok(())
}

/// The same type, text being text however it is held.
fn is_same_type(found: &DataType, expected: &DataType) -> bool {
    let is_text = |data_type: &DataType| {
        matches!(
            data_type,
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8
        )
    };
    found == expected || (is_text(found) && is_text(expected))
}
