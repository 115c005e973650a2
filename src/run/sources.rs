//! The sources of a night as tables of its session.
//!
//! 1. [`Run::register_sources`]: the footers of the files to open are read and held against the
//!    declared columns; each source becomes a scan of its visible files.
//! 2. [`Run::check_rows`]: day D without a row is not whole.
//! 3. [`Run::check_sources`]: files that lack what staging SQL reads, or have it in a type that does
//!    not fit, are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use crate::config::job::Incomplete;
use crate::ground::{Diagnostic, Folder, Problems, TableName};
use crate::inputs::{InputError, ParquetFiles, Shortfall, Shortfalls, schema, without_rows};
use crate::tiles::{DAY, USER_ID};

use super::catalog::{all_rows_of, empty, register};
use super::context::Run;
use super::deliveries::doubled;
use super::project::keep_all;
use super::{Catalog, Report, RunError};

impl Run<'_> {
    /// Reads the footers of the files to open and registers each source with the declared
    /// columns.
    pub(super) async fn register_sources(
        &self,
        report: &mut Report,
    ) -> Result<BTreeMap<String, schema::SourceSchema>, RunError> {
        let runtime = self.context.runtime_env();
        let mut files = BTreeMap::new();
        for (name, manifest) in &self.plan.manifests {
            let read = match self.workspace.sources.get(name) {
                Some(location) => {
                    let days = self.plan.days_opened(self.project, name);
                    let opened = match self.plan.later.get(name) {
                        Some(later) => later.clone(),
                        None => manifest.on(&days),
                    };
                    schema::read(&opened, location, &runtime).await?
                }
                None => Vec::new(),
            };
            report.warnings.extend(doubled(name, &read));
            files.insert(name, read);
        }
        self.check_rows(&files, report)?;
        let id_type = self.user_id_type(&files);
        let mut resolved = BTreeMap::new();
        for (name, files) in &files {
            let declared = &self.job.sources[*name].columns;
            let source = schema::resolve(name, declared, files, &id_type);
            resolved.insert((*name).clone(), source);
        }
        user_ids_agree(&resolved)
            .or_ok(())
            .map_err(InputError::Refused)?;
        for (name, source) in &resolved {
            self.register_source(name, source)
                .map_err(RunError::engine("registering sources"))?;
        }
        Ok(resolved)
    }

    /// Day D must have rows as well as files, where a source says that a day is to be whole.
    fn check_rows(
        &self,
        files: &BTreeMap<&String, Vec<schema::FileSchema>>,
        report: &mut Report,
    ) -> Result<(), InputError> {
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

    /// The type of user ids: as in the first source that has files.
    fn user_id_type(&self, files: &BTreeMap<&String, Vec<schema::FileSchema>>) -> DataType {
        let first = files.iter().find_map(|(name, files)| {
            let declared = &self.job.sources[*name].columns;
            let source = schema::resolve(name, declared, files.get(..1)?, &DataType::Int64);
            source.type_of(USER_ID).cloned()
        });
        first.unwrap_or(DataType::Int64)
    }

    fn register_source(
        &self,
        name: &str,
        source: &schema::SourceSchema,
    ) -> datafusion::error::Result<()> {
        let table = TableName::new(Folder::Sources, name);
        let partition = Arc::new(Field::new(DAY, DataType::Date32, false));
        let manifest = &self.plan.manifests[name];
        let Some(location) = self.workspace.sources.get(name) else {
            let fields = source.columns.fields().iter().cloned().chain([partition]);
            return register(
                self.context,
                &table,
                empty(Arc::new(Schema::new(fields.collect::<Vec<_>>()))),
            );
        };
        let values = manifest.files.iter();
        let values = values.filter(|file| !file.values.is_empty());
        let values = values.map(|file| (file.object.location.clone(), file.values.clone()));
        let files = manifest.files.iter().map(|file| {
            let day = ScalarValue::Date32(Some(file.day.to_epoch_days()));
            (file.object.clone(), day)
        });
        let scan = ParquetFiles::partitioned(
            location.root.clone(),
            files.collect(),
            Arc::clone(&source.columns),
            partition,
        )
        .of_source(name)
        .with_values(values.collect());
        register(self.context, &table, Arc::new(scan))
    }

    /// Refuses files that lack what staging SQL reads, or have it in a type that does not fit.
    pub(super) async fn check_sources(
        &self,
        catalog: &Catalog<'_>,
        sources: &BTreeMap<String, schema::SourceSchema>,
    ) -> Result<(), RunError> {
        let engine = RunError::engine("checking sources");
        let mut problems = Problems::default();
        for model in self.project.graph.in_folder(Folder::Staging) {
            let rows = catalog
                .table(&all_rows_of(&model.name))
                .await
                .map_err(&engine)?;
            let optimized = rows.into_optimized_plan().map_err(&engine)?;
            for (source, used) in columns_scanned(&optimized).map_err(&engine)? {
                if let Some(schema) = sources.get(&source) {
                    keep_all(&mut problems, schema.require(&used, &model.file.name));
                }
            }
        }
        Ok(problems.or_ok(()).map_err(InputError::Refused)?)
    }
}

/// The source columns that an optimized plan reads, in subqueries too, by source.
fn columns_scanned(
    plan: &LogicalPlan,
) -> datafusion::error::Result<BTreeMap<String, BTreeSet<String>>> {
    let mut scanned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && scan.table_name.schema() == Some(Folder::Sources.as_str())
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

/// User ids must have one type in all sources that have them.
fn user_ids_agree(sources: &BTreeMap<String, schema::SourceSchema>) -> Problems {
    let mut problems = Problems::default();
    let typed: Vec<(&String, &DataType)> = sources
        .iter()
        .filter_map(|(name, source)| Some((name, source.type_of(USER_ID)?)))
        .collect();
    if let Some((first, first_type)) = typed.first() {
        for (name, data_type) in &typed[1..] {
            if data_type != first_type {
                let message = format!(
                    "user_id is {} in source `{first}` and {} in source `{name}`",
                    schema::sql_name(first_type),
                    schema::sql_name(data_type)
                );
                problems.push(Diagnostic::new(message).help("deliver one type in all sources"));
            }
        }
    }
    problems
}
