//! Everything that can be wrong with a job before any data is read:
//!
//! 1. reference files have each column and each key once, true and false in one spelling, numbers in plain
//!    digits, and the actions that the job turns on; where they do not, what follows is left out
//! 2. every model is planned on empty tables; those that read a broken one are passed over
//! 3. `dim_tier` is read for the dimensions
//! 4. the rules of the tier models are proved to [cover](crate::tiers::coverage) them
//! 5. what is published has the columns and types it needs
//! 6. what any model [compares](crate::tiers::literals) with a dimension or a metric is one
//! 7. every model is one that the engine can [compute](crate::pack::runnable)
//! 8. audits that read reference files alone find nothing
//!
//! Problems of all these steps are reported at once. Where there are none, what may be meant otherwise is
//! [remarked on](remarks): nothing is refused for it.

mod problems;
mod remarks;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;

use crate::audits::{self, Audit};
use crate::calibration::fit_given;
use crate::drafts::{SNAPSHOT_DATE, TableSpec};
use crate::engine::{EngineError, Session, empty};
use crate::ground::{Diagnostic, Problems, Severity, SnapshotDate, SqlSchema, TableName};
use crate::job::{CalibrationChoice, Job, Workspace};
use crate::models::{Model, Parameters, rounded_sums};
use crate::night::{NightError, Specs};
use crate::pack::{
    Catalog, ID_TYPES, PackError, Project, Shape, UPSTREAM, column_comments, cut_points,
    disagreement, made_by_tierline, marts, metrics_of, own_warnings, register_sources, required,
    runnable, session_of, unknown_actions_on, unusable_actions,
};
use crate::tables::{self, DIM_TIER, Maker, TIER_SNAPSHOT};
use crate::tiers::coverage::{self, Findings, TierModel};
use crate::tiers::literals::Listed;
use crate::tiers::{Dimensions, FALLING, Settling};
use crate::tiles::USER_ID;

use self::problems::Found;

/// A job without problems.
pub(crate) struct Checked {
    /// Its pack.
    pub project: Project,
    /// What is worth a look, each as a warning.
    pub warnings: Problems,
    /// The tables that it publishes, as readers find them, in the order of the list.
    pub tables: Vec<Arc<TableSpec>>,
}

/// Checks a job: file, SQL, reference files, bands, dimensions, and the contract of the tables.
/// Sources are taken to be as declared, and ids to be of the [type](crate::pack) that brings
/// fewer problems.
///
/// # Errors
/// Every problem found.
pub(crate) async fn check(job: &Job, snapshot_date: SnapshotDate) -> Result<Checked, NightError> {
    let mut found = Found::default();
    found.keep(Workspace::open(job));
    let (project, problems) = match Project::load_what_parses(job) {
        Ok(loaded) => loaded,
        Err(problems) => return Err(found.and(problems)),
    };
    found.keep(problems.or_ok(()));
    let mut of_references = reference_problems(job, &project);
    if !of_references.0.is_empty() {
        // What SQL makes of them would be told in other words.
        let note = "SQL is not checked until the problems above are fixed";
        of_references.push(Diagnostic::note(note));
        return Err(found.and(of_references));
    }
    let models = async |id_type: &DataType| {
        let mut of_models = Found::default();
        let told = check_models(job, &project, snapshot_date, id_type, &mut of_models).await;
        Ok((of_models, told))
    };
    let (of_models, mut told) = with_fewer_problems(models).await?;
    found.extend(of_models);
    found.or_ok(told.not_checked)?;
    let mut warnings = remarks::of_project(&project, job);
    warnings.extend(Problems(told.warnings));
    let place = |spec: &Arc<TableSpec>| project.tables.names().position(|name| name == spec.name());
    told.tables.sort_by_key(place);
    Ok(Checked {
        tables: told.tables,
        project,
        warnings,
    })
}

/// Values of reference files that are not what they seem, or are there twice, and lines of actions that
/// would give wrong lists.
pub(crate) fn reference_problems(job: &Job, project: &Project) -> Problems {
    let mut problems = remarks::reference_values(project);
    problems.extend(unknown_actions_on(project, job));
    problems.extend(unusable_actions(project));
    problems
}

/// What is said of the models besides problems.
#[derive(Default)]
struct Told {
    /// Which of them could not be looked at.
    not_checked: Option<Diagnostic>,
    /// What is worth a look.
    warnings: Vec<Diagnostic>,
    /// The tables that are published.
    tables: Vec<Arc<TableSpec>>,
}

/// Plans every model, proves the rules, and checks the shape of everything that is published.
async fn check_models(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
    id_type: &DataType,
    found: &mut Found,
) -> Told {
    let Some(session) = found.keep(session_of(job)) else {
        return Told::default();
    };
    let check = Check::open(job, project, &session, snapshot_date, id_type);
    let Some(mut check) = found.keep(check) else {
        return Told::default();
    };
    check.tiers(found).await;
    let shape = check.shape(found).await;
    if let Some(shape) = &shape
        && let Some(findings) = found.keep(check.rules(&shape.dimensions).await)
    {
        found.keep(findings.wrong.or_ok(()));
        found.keep(findings.unreachable.or_ok(()));
        found.keep(check.forgotten(&shape.dimensions).await);
    }
    let tables = check.published(shape.as_ref(), found).await;
    let audits = check
        .catalog
        .register_models(&[SqlSchema::Audits], &check.parameters)
        .await;
    found.keep(audits);
    found.keep(check.audits_of_references().await);
    let (wrong, mut warnings) = match &shape {
        Some(shape) => check.literals(shape).await,
        None => Default::default(),
    };
    found.keep(Problems(wrong).or_ok(()));
    let runnable = runnable::check(&check.catalog, project, &check.parameters);
    found.keep(runnable.await);
    warnings.extend(check.rounded_sums().await);
    warnings.extend(check.warnings_in_part(shape.as_ref()).await);
    Told {
        not_checked: not_checked(check.catalog.passed_over()),
        warnings,
        tables,
    }
}

/// Plans all that a night computes, before one begins that would come to its last models late. What a night
/// does not fail for is not looked for; [`check`] does that.
///
/// # Errors
/// Every problem found.
pub(crate) async fn check_computable(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<(), NightError> {
    let of = async |id_type: &DataType| {
        let found = not_computable(job, project, snapshot_date, id_type).await?;
        Ok((found, ()))
    };
    let (found, ()) = with_fewer_problems(of).await?;
    found.or_ok(None)
}

/// What `of` finds by the type of ids that brings fewer problems; it hears of texts only where numbers bring some.
async fn with_fewer_problems<T>(
    of: impl AsyncFn(&DataType) -> Result<(Found, T), NightError>,
) -> Result<(Found, T), NightError> {
    let [numbers, texts] = &ID_TYPES;
    let by_numbers = of(numbers).await?;
    if by_numbers.0.len() == 0 {
        return Ok(by_numbers);
    }
    let by_texts = of(texts).await?;
    match by_texts.0.len() < by_numbers.0.len() {
        true => Ok(by_texts),
        false => Ok(by_numbers),
    }
}

async fn not_computable(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
    id_type: &DataType,
) -> Result<Found, NightError> {
    let session = session_of(job)?;
    let mut check = Check::open(job, project, &session, snapshot_date, id_type)?;
    let mut found = Found::default();
    check.tiers(&mut found).await;
    let shape = check.shape(&mut found).await;
    check.published(shape.as_ref(), &mut found).await;
    let audits = check
        .catalog
        .register_models(&[SqlSchema::Audits], &check.parameters)
        .await;
    found.keep(audits);
    found.keep(runnable::check(&check.catalog, project, &check.parameters).await);
    Ok(found)
}

/// Refuses rules that would leave users without a value, or give one that dim_tier does not list,
/// before a night begins. Whatever keeps the rules from being examined, the night itself will
/// name.
///
/// # Errors
/// Every such rule.
pub(crate) async fn check_rules(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<(), NightError> {
    let of = async |id_type: &DataType| wrong_rules(job, project, snapshot_date, id_type).await;
    let (_, wrong) = with_fewer_problems(of).await?;
    Ok(wrong.or_ok(())?)
}

/// What else is wrong up to the rules, and the rules that are, where they can be examined.
async fn wrong_rules(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
    id_type: &DataType,
) -> Result<(Found, Problems), NightError> {
    let session = session_of(job)?;
    let mut check = Check::open(job, project, &session, snapshot_date, id_type)?;
    let mut others = Found::default();
    check.tiers(&mut others).await;
    let wrong = match check.shape(&mut others).await {
        Some(shape) => check.rules(&shape.dimensions).await?.wrong,
        None => Problems::default(),
    };
    Ok((others, wrong))
}

/// A job being checked in a session of empty tables.
struct Check<'a> {
    job: &'a Job,
    project: &'a Project,
    catalog: Catalog<'a>,
    /// Those of the project, and stand-ins for cut points.
    parameters: Parameters,
    snapshot_date: SnapshotDate,
}

impl<'a> Check<'a> {
    fn open(
        job: &'a Job,
        project: &'a Project,
        session: &'a Session,
        snapshot_date: SnapshotDate,
        id_type: &DataType,
    ) -> Result<Self, NightError> {
        register_sources(job, session, id_type).map_err(EngineError::during("checking sources"))?;
        let catalog = Catalog::open(session, project, snapshot_date);
        Ok(Self {
            job,
            project,
            catalog: catalog
                .map_err(EngineError::during("reading references"))?
                .planning_once(),
            parameters: project.parameters.clone().comparing_with_week_ago(true),
            snapshot_date,
        })
    }

    /// Plans everything up to the tier models.
    async fn tiers(&mut self, found: &mut Found) {
        let upstream = self
            .catalog
            .register_models(&UPSTREAM, &self.parameters)
            .await;
        found.keep(upstream);
        let disagreement = disagreement(&self.catalog, self.project).await;
        let disagreement =
            found.keep(disagreement.map_err(EngineError::during("checking user ids")));
        let disagreement = Problems(disagreement.flatten().into_iter().collect());
        found.keep(disagreement.or_ok(()));
        let parameters = self.parameters.clone();
        match cut_points::stand_ins(&self.catalog, self.project, parameters).await {
            Ok(parameters) => {
                self.parameters = parameters;
                let given = self.given_cut_points().await;
                found.keep(given);
            }
            // Without cut points their parameters would seem to be misspelt.
            Err(_) => self.pass_over(SqlSchema::Tiers),
        }
        let tiers = self
            .catalog
            .register_models(&[SqlSchema::Tiers], &self.parameters)
            .await;
        found.keep(tiers);
    }

    /// Cut points that the job gives must be those of the calibration models' metrics.
    async fn given_cut_points(&self) -> Result<(), Problems> {
        let CalibrationChoice::ByHand(given) = &self.job.calibration else {
            return Ok(());
        };
        match cut_points::metrics(&self.catalog, self.project).await {
            Ok(metrics) => fit_given(self.job, given, &metrics).map(|_| ()),
            Err(PackError::Problems(found)) => Err(found),
            // The models' own problems are reported with the models.
            Err(_) => Ok(()),
        }
    }

    fn pass_over(&mut self, schema: SqlSchema) {
        for model in self.project.graph.in_schema(schema) {
            self.catalog.pass_over(&model.name);
        }
    }

    /// What `dim_tier` lists, when it can be read.
    async fn shape(&mut self, found: &mut Found) -> Option<Shape> {
        let model = required(self.project, &DIM_TIER).ok();
        let model = model.filter(|model| self.catalog.may_plan(model))?;
        let read = Shape::read(&self.catalog, self.project, self.job, &self.parameters).await;
        let read = found.keep(read);
        if read.is_none() {
            self.catalog.leave_out(&model.name);
        }
        read
    }

    /// What the rules of the tier models do not cover.
    async fn rules(&self, dimensions: &Dimensions) -> Result<Findings, NightError> {
        let mut tiers = Vec::new();
        for model in self.project.graph.in_schema(SqlSchema::Tiers) {
            if self.catalog.has_planned(model) {
                let plan = self.catalog.plan(model, &self.parameters).await?;
                tiers.push(TierModel { model, plan });
            }
        }
        Ok(coverage::check(&tiers, dimensions, &cut_points::STAND_INS))
    }

    /// Literals that are compared with a dimension and are none of its values, which are refused, and those that
    /// are no metric, each as a warning.
    async fn literals(&self, shape: &Shape) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let metrics = metrics_of(self.project);
        let listed = Listed {
            dimensions: &shape.dimensions,
            warnings: &shape.warnings,
            metrics: metrics.as_ref(),
        };
        let mut problems = Problems::default();
        for model in self.project.graph.models() {
            let schemas = [SqlSchema::Tiers, SqlSchema::Publish, SqlSchema::Audits];
            if !schemas.contains(&model.name.schema) || !self.catalog.has_planned(model) {
                continue;
            }
            // What does not plan is reported elsewhere.
            if let Ok(plan) = self.catalog.plan(model, &self.parameters).await {
                problems.extend(listed.check(model, &plan, &self.parameters));
            }
        }
        let is_wrong = |literal: &Diagnostic| literal.severity == Severity::Error;
        problems.0.into_iter().partition(is_wrong)
    }

    /// Checks the shape of what is published, and registers it for audits.
    async fn published(&mut self, shape: Option<&Shape>, found: &mut Found) -> Vec<Arc<TableSpec>> {
        let snapshot = required(self.project, &TIER_SNAPSHOT).ok();
        if let (Some(snapshot), None) = (snapshot, shape) {
            self.catalog.pass_over(&snapshot.name);
        }
        let snapshot = snapshot.filter(|snapshot| self.catalog.may_plan(snapshot));
        let schemas = match (snapshot, shape) {
            (Some(_), Some(shape)) => found.keep(self.schemas(shape).await),
            _ => None,
        };
        let Some((settled, dim_tier)) = schemas else {
            let required = tables::made_by(Maker::RequiredModel);
            let required = required.map(|table| TableName::new(SqlSchema::Publish, table.name));
            for table in required.chain(made_by_tierline()) {
                self.catalog.leave_out(&table);
            }
            return Vec::new();
        };
        let comments = shape.map(|shape| column_comments(self.project, shape));
        let specs = Specs::new(&settled, &dim_tier, &comments.unwrap_or_default());
        let specs = found.keep(specs).into_iter().flat_map(Specs::all);
        let mut specs: Vec<_> = specs.collect();
        let registered = register_published(self.catalog.session, &settled, &dim_tier);
        found.keep(registered.map_err(EngineError::during("checking")));
        specs.extend(self.marts(found).await);
        specs
    }

    /// Runs the audits that read reference files alone: what these find would block every night.
    async fn audits_of_references(&self) -> Result<(), NightError> {
        let mut problems = Problems::default();
        for model in self.project.graph.in_schema(SqlSchema::Audits) {
            if !self.reads_references_alone(model) || !self.catalog.has_planned(model) {
                continue;
            }
            let audit = Audit {
                name: model.name.name.clone(),
                help: format!("mend the reference file; the query is {}", model.file.name),
                plan: self.catalog.plan(model, &self.parameters).await?,
            };
            let failed = audits::failed(self.catalog.session, &audit).await;
            if let Some(failed) = failed.map_err(EngineError::during("running audits"))? {
                let message = "an audit of reference files would block every night".to_owned();
                let found = Diagnostic::at(&model.file, model.head(), message);
                problems.push(found.help(failed.to_string()));
            }
        }
        Ok(problems.or_ok(())?)
    }

    fn reads_references_alone(&self, audit: &Model) -> bool {
        let upstream = self.project.graph.upstream(&audit.name);
        let mut read = upstream.iter().filter(|table| **table != audit.name);
        read.all(|table| table.schema == SqlSchema::Reference)
    }

    /// Plans the marts, and registers them for each other and for audits.
    async fn marts(&mut self, found: &mut Found) -> Vec<Arc<TableSpec>> {
        let mut specs = Vec::new();
        for (model, table) in marts::models(self.project) {
            if !self.catalog.may_plan(model) {
                self.catalog.pass_over(&model.name);
                continue;
            }
            let planned = marts::plan(&self.catalog, (model, table), &self.parameters).await;
            let registered = planned.and_then(|(rows, spec)| {
                let plan = rows.logical_plan().clone();
                let registered = self.catalog.session.register_view(&model.name, plan);
                registered.map_err(EngineError::during("checking"))?;
                Ok(spec)
            });
            match found.keep(registered) {
                Some(spec) => specs.push(spec),
                None => self.catalog.leave_out(&model.name),
            }
        }
        specs
    }

    /// The columns of the settled snapshot and of `dim_tier`.
    async fn schemas(&self, shape: &Shape) -> Result<(SchemaRef, SchemaRef), NightError> {
        let raw = shape.raw_snapshot(&self.catalog, self.project, self.job, &self.parameters);
        let raw = raw.await?;
        let settling = Settling::new(
            &raw.schema,
            &shape.dimensions,
            &shape.warnings,
            self.snapshot_date,
        );
        Ok((settling.schema(), shape.dim_tier.schema()))
    }

    /// Refuses tier models that look like dimensions, but are neither listed nor selected.
    async fn forgotten(&self, dimensions: &Dimensions) -> Result<(), Problems> {
        let Ok(snapshot) = required(self.project, &TIER_SNAPSHOT) else {
            return Ok(());
        };
        let Ok(snapshot) = self.catalog.plan(snapshot, &self.parameters).await else {
            // Its problems are reported where its columns are checked.
            return Ok(());
        };
        let readers = self.project.graph.reader_counts();
        let mut problems = Problems::default();
        for model in self.project.graph.in_schema(SqlSchema::Tiers) {
            let name = model.name.name.as_str();
            let is_listed = dimensions.iter().any(|dimension| dimension.name == name);
            let is_selected = snapshot.schema().has_column_with_unqualified_name(name);
            let is_used = is_listed || is_selected || readers.contains_key(&model.name);
            if is_used || !self.catalog.has_planned(model) {
                continue;
            }
            let plan = self.catalog.plan(model, &self.parameters).await?;
            if plan.schema().has_column_with_unqualified_name(name) {
                problems.push(forgotten(model));
            }
        }
        problems.or_ok(())
    }
}

impl Check<'_> {
    /// Aggregates whose last digits depend on the order of rows.
    async fn rounded_sums(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for model in self.project.graph.models() {
            if !self.catalog.has_planned(model) {
                continue;
            }
            // What does not plan is reported elsewhere.
            if let Ok(plan) = self.catalog.plan(model, &self.parameters).await {
                found.extend(rounded_sums(model, &plan));
            }
        }
        found
    }

    /// Warnings that the snapshot lacks, and those that people see by their names alone.
    async fn warnings_in_part(&self, shape: Option<&Shape>) -> Vec<Diagnostic> {
        let model = own_warnings::model(self.project);
        let snapshot = required(self.project, &TIER_SNAPSHOT).ok();
        let (Some(shape), Some(model), Some(snapshot)) = (shape, model, snapshot) else {
            return Vec::new();
        };
        let plans = (
            own_warnings::fields(&self.catalog, self.project).await,
            self.catalog.plan(snapshot, &self.parameters).await,
        );
        // What does not plan is reported elsewhere.
        let (Ok(warnings), Ok(selected)) = plans else {
            return Vec::new();
        };
        let is_read_elsewhere = self.project.graph.reader_counts().get(&model.name) > Some(&1);
        let remarks = warnings.iter().filter_map(|field| {
            let name = field.name();
            let is_published = selected.schema().has_column_with_unqualified_name(name);
            match field.data_type() {
                _ if name == USER_ID => None,
                DataType::Boolean if shape.own_warnings.contains(name) => {
                    Some(remarks::warning_without_labels(self.project, model, name))
                }
                DataType::Boolean if is_published && name == FALLING => {
                    Some(remarks::own_falling_warning(model))
                }
                DataType::Boolean if !is_published && !is_read_elsewhere => {
                    Some(remarks::unpublished_warning(model, name))
                }
                DataType::Boolean => None,
                other => Some(remarks::no_warning(model, name, other)),
            }
        });
        remarks.collect()
    }
}

fn forgotten(model: &Model) -> Diagnostic {
    let name = &model.name.name;
    let message = format!(
        "`{}` has a column `{name}` that nothing publishes",
        model.name
    );
    Diagnostic::at(&model.file, model.head(), message).help(format!(
        "list its values under [dimensions.{name}] in the job, or in reference/dim_tier.csv and select {name}.{name} in publish/tier_snapshot.sql"
    ))
}

fn not_checked(passed_over: &[TableName]) -> Option<Diagnostic> {
    let names: Vec<String> = passed_over
        .iter()
        .map(|table| format!("`{table}`"))
        .collect();
    let message = format!(
        "not checked until the problems above are fixed: {}",
        names.join(", ")
    );
    (!names.is_empty()).then(|| Diagnostic::note(message))
}

/// Empty tables with the published columns, for audits to be planned on.
fn register_published(
    session: &Session,
    settled: &Schema,
    dim_tier: &Schema,
) -> Result<(), DataFusionError> {
    let user_id = settled
        .field_with_name(USER_ID)
        .map_or(DataType::Int64, |field| field.data_type().clone());
    let of_migration = tables::made_by(Maker::Migration);
    let of_migration = of_migration.map(|table| (table, dated(&table.schema(&user_id))));
    let required = [
        (&TIER_SNAPSHOT, dated(settled)),
        (&DIM_TIER, Arc::new(dim_tier.clone())),
    ];
    for (table, schema) in of_migration.chain(required) {
        let name = TableName::new(SqlSchema::Publish, table.name);
        session.register(&name, empty(schema))?;
    }
    marts::register_nothing_before(session, &dated(settled))
}

fn dated(schema: &Schema) -> SchemaRef {
    let date = Field::new(SNAPSHOT_DATE, DataType::Date32, true);
    let fields = schema.fields().iter().map(|field| field.as_ref().clone());
    Arc::new(Schema::new(fields.chain([date]).collect::<Vec<_>>()))
}
