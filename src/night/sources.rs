//! The sources of a night as tables of its session.
//!
//! 1. [`Run::read_sources`]: the footers of the files to open are read; day D without a row is not
//!    whole.
//! 2. [`Run::stage`]: each source becomes a scan of its visible files, with the declared columns,
//!    and the staging models are planned over them. Files that lack what these read, or have it in
//!    a type that does not fit, are refused, and so are user ids that [disagree](crate::pack),
//!    with each other or with the previous snapshot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ident};
use datafusion::prelude::DataFrame;

use crate::engine::{EngineError, empty};
use crate::ground::{Problems, SqlSchema, TableName};
use crate::inputs::{
    InputError, InputFile, ParquetFiles, Shortfall, Shortfalls, schema, without_rows,
};
use crate::job::{ColumnType, Incomplete, Job, Workspace};
use crate::pack::{Catalog, Project, check_previous, stage};
use crate::plan::{Plan, doubled};
use crate::publish::{missing, published_snapshot};
use crate::storage::Location;
use crate::tables::TIER_SNAPSHOT;
use crate::tiles::{DAY, TileError, USER_ID};

use super::context::{Run, open_session};
use super::error::NightError;
use super::report::Report;
use super::scenario::Scenario;

/// Columns by source.
pub(super) type SourceColumns = BTreeMap<String, BTreeSet<String>>;

/// What is known of the files that a night opens, by source.
pub(super) type Footers<'a> = BTreeMap<&'a str, Vec<schema::FileSchema>>;

/// The inputs of a night, tried without a row being read.
#[derive(Debug)]
pub struct InputsTried {
    /// How many files the night opens.
    pub files: usize,
    /// What is worth a look about them.
    pub warnings: Vec<String>,
}

/// Reads the footers of the files that a night opens, and plans staging over them.
///
/// # Errors
/// Files that cannot be read, or that staging cannot read as they are.
pub async fn try_inputs(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    plan: &Plan,
) -> Result<InputsTried, NightError> {
    let session = open_session(job, workspace)?;
    let run = Run {
        job,
        workspace,
        plan,
        scenario: Scenario::of(plan, project),
        inspection: &plan.inspection,
        session: &session,
        writes_tables: false,
    };
    let mut report = Report::default();
    let files = run.read_sources(&mut report).await?;
    let previous = run.previous_snapshot().await?;
    let no_texts = SourceColumns::new();
    run.stage(&files, &no_texts, previous.as_ref()).await?;
    Ok(InputsTried {
        files: files.values().map(Vec::len).sum(),
        warnings: report.warnings,
    })
}

impl Run<'_> {
    /// Reads the footers of the files to open, by source.
    pub(super) async fn read_sources(
        &self,
        report: &mut Report,
    ) -> Result<Footers<'_>, NightError> {
        let runtime = self.session.runtime();
        let mut files = BTreeMap::new();
        for (name, manifest) in &self.plan.manifests {
            let read = match self.workspace.sources.get(name) {
                Some(location) => {
                    let days = self.plan.days_opened(self.scenario.project, name);
                    let opened = match self.plan.later.get(name) {
                        Some(later) => later.clone(),
                        None => manifest.on(&days),
                    };
                    schema::read(&opened, location, &runtime).await?
                }
                None => Vec::new(),
            };
            report.warnings.extend(doubled(name, &read));
            files.insert(name.as_str(), read);
        }
        self.check_rows(&files, report)?;
        Ok(files)
    }

    /// The snapshot that the scenario follows on, with the columns that it had.
    pub(super) async fn previous_snapshot(&self) -> Result<Option<DataFrame>, NightError> {
        let Some(previous) = self.scenario.previous else {
            return Ok(None);
        };
        let runtime = self.session.runtime();
        let table = published_snapshot(&self.workspace.output, previous, &runtime).await?;
        let table = table.ok_or_else(|| missing(previous, TIER_SNAPSHOT.name))?;
        let rows = self.session.read(Arc::new(table));
        let rows = rows.map_err(EngineError::during("reading the previous snapshot"))?;
        Ok(Some(rows))
    }

    /// Registers each source with the declared columns, and the staging and rollup models over
    /// them. `texts` are IDs that are texts although the files have numbers.
    pub(super) async fn stage(
        &self,
        files: &Footers<'_>,
        texts: &SourceColumns,
        previous: Option<&DataFrame>,
    ) -> Result<Catalog<'_>, NightError> {
        let folders = [SqlSchema::Staging, SqlSchema::Rollups];
        let date = self.scenario.date;
        let register = |id_type: &DataType| {
            let mut resolved = self.resolved(files, texts, id_type);
            resolved.try_for_each(|(name, source)| self.register_source(name, &source))
        };
        let staged = stage(
            self.session,
            self.scenario.project,
            date,
            &folders,
            register,
        )
        .await?;
        let sources = self.resolved(files, texts, &staged.id_type).collect();
        self.check_sources(&staged.catalog, &sources).await?;
        let disagreement = Problems(staged.disagreement.into_iter().collect());
        let agreed = disagreement.or_ok(staged.catalog);
        let catalog = agreed.map_err(InputError::Refused)?;
        if let Some(previous) = previous {
            check_previous(&catalog, self.scenario.project, previous).await?;
        }
        Ok(catalog)
    }

    /// The declared columns of each source, as its files have them.
    fn resolved<'a>(
        &self,
        files: &'a Footers<'_>,
        texts: &'a SourceColumns,
        id_type: &DataType,
    ) -> impl Iterator<Item = (&'a str, schema::SourceSchema)> {
        files.iter().map(|(name, files)| {
            let declared = &self.job.sources[*name].columns;
            let resolved = schema::resolve(name, declared, files, id_type);
            let resolved = match texts.get(*name) {
                Some(texts) => resolved.with_texts(texts),
                None => resolved,
            };
            (*name, resolved)
        })
    }

    /// The IDs, read as numbers so far, that the column with [texts](TileError::Texts) of a tile is
    /// made from; those of users are not among them.
    pub(super) fn numbers_behind(
        &self,
        catalog: &Catalog<'_>,
        unfit: &TileError,
        texts: &SourceColumns,
    ) -> EngineResult<SourceColumns> {
        let TileError::Texts { rollup, column, .. } = unfit else {
            return Ok(SourceColumns::new());
        };
        let Some(rollup) = catalog.rollup(&rollup.name) else {
            return Ok(SourceColumns::new());
        };
        let rows = LogicalPlanBuilder::from(rollup.daily(None)?).project([ident(column)])?;
        let optimized = self.session.optimized(&rows.build()?)?;
        let mut behind = columns_scanned(&optimized)?;
        for (source, columns) in &mut behind {
            let declared = self.job.sources.get(source).map(|source| &source.columns);
            let ids = declared.into_iter().flatten();
            let ids = ids.filter(|column| column.column_type == ColumnType::Id);
            let ids: BTreeSet<&str> = ids.map(|column| column.name.as_str()).collect();
            let known = texts.get(source);
            columns.retain(|column| {
                let is_text = known.is_some_and(|known| known.contains(column));
                column != USER_ID && ids.contains(column.as_str()) && !is_text
            });
        }
        behind.retain(|_, columns| !columns.is_empty());
        Ok(behind)
    }

    /// Day D must have rows as well as files, where a source says that a day is to be whole.
    fn check_rows(&self, files: &Footers<'_>, report: &mut Report) -> Result<(), InputError> {
        let date = self.plan.snapshot_date;
        let mut shortfalls = Shortfalls::default();
        for (name, files) in files {
            let Some(text) = without_rows(name, files, date.day()) else {
                continue;
            };
            match self.job.sources[*name].delivery.incomplete {
                Incomplete::Wait => shortfalls.0.push(Shortfall::Incomplete(text)),
                Incomplete::Warn => report.warnings.push(format!("{text} for {date}")),
            }
        }
        shortfalls.or_ready(date)
    }

    fn register_source(&self, name: &str, source: &schema::SourceSchema) -> EngineResult<()> {
        let table = TableName::new(SqlSchema::Sources, name);
        let manifest = &self.plan.manifests[name];
        let Some(location) = self.workspace.sources.get(name) else {
            let partition = Arc::new(partition());
            let fields = source.columns.fields().iter().cloned().chain([partition]);
            let columns = Schema::new(fields.collect::<Vec<_>>());
            return self.session.register(&table, empty(Arc::new(columns)));
        };
        let through = self.scenario.data_through;
        let visible = manifest.files.iter().filter(|file| file.day <= through);
        let scan = files_of_source(location, name, visible, Arc::clone(&source.columns));
        self.session.register(&table, Arc::new(scan))
    }

    /// Refuses files that lack what staging SQL reads, or have it in a type that does not fit.
    async fn check_sources(
        &self,
        catalog: &Catalog<'_>,
        sources: &BTreeMap<&str, schema::SourceSchema>,
    ) -> Result<(), NightError> {
        let engine = EngineError::during("checking sources");
        let mut problems = Problems::default();
        for model in self.scenario.project.graph.in_schema(SqlSchema::Staging) {
            let rows = catalog
                .rows_with_rejected(&model.name, None)
                .await
                .map_err(&engine)?;
            let optimized = rows.into_optimized_plan().map_err(&engine)?;
            for (source, used) in columns_scanned(&optimized).map_err(&engine)? {
                if let Some(schema) = sources.get(source.as_str()) {
                    let place_of = |column: &str| model.place_of(column);
                    problems.keep_all(schema.require(&used, &model.file, place_of));
                }
            }
        }
        Ok(problems.or_ok(()).map_err(InputError::Refused)?)
    }
}

/// The column with the day of a partition.
fn partition() -> Field {
    Field::new(DAY, DataType::Date32, false)
}

/// Files of a source as a table of `columns` and the day.
pub(super) fn files_of_source<'a>(
    location: &Location,
    name: &str,
    files: impl Iterator<Item = &'a InputFile> + Clone,
    columns: SchemaRef,
) -> ParquetFiles {
    let values = files.clone().filter(|file| !file.values.is_empty());
    let values = values.map(|file| (file.object.location.clone(), file.values.clone()));
    let objects = files.map(|file| {
        let day = ScalarValue::Date32(Some(file.day.to_epoch_days()));
        (file.object.clone(), day)
    });
    ParquetFiles::partitioned(
        location.root.clone(),
        objects.collect(),
        columns,
        Arc::new(partition()),
    )
    .of_source(name)
    .with_values(values.collect())
}

/// The source columns that an optimized plan reads, in subqueries too, by source.
fn columns_scanned(plan: &LogicalPlan) -> EngineResult<SourceColumns> {
    let mut scanned = SourceColumns::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.schema() == Some(SqlSchema::Sources.as_str())
        {
            let columns = scan
                .projected_schema
                .fields()
                .iter()
                .map(|field| field.name().clone());
            let in_filters = scan.filters.iter().flat_map(|filter| {
                filter
                    .column_refs()
                    .into_iter()
                    .map(|column| column.name.clone())
                    .collect::<Vec<_>>()
            });
            let entry = scanned
                .entry(scan.table_name.table().to_owned())
                .or_default();
            entry.extend(columns.chain(in_filters));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(scanned)
}
