//! Warnings without a line in `dim_tier`: every BOOLEAN of `tiers/warnings.sql` that the snapshot
//! has is a warning, and one file is all it takes for the snapshot to say since when, for the
//! migration to have it raised and cleared, and for `show` to count it.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Fields};
use datafusion::sql::sqlparser::ast::{SelectItem, TableFactor};

use crate::engine::EngineError;
use crate::ground::{Diagnostic, Problems, SqlSchema, TableName, is_plain_name};
use crate::models::{Model, Parameters};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::{WARNING, warnings};

use super::catalog::Catalog;
use super::dim_tier_rows::{self, AddedRow};
use super::error::PackError;
use super::project::{Project, required};
use super::queries::{called, factors, select_of};

/// The model whose columns of true and false are warnings.
const WARNINGS: &str = "warnings";

/// The model of warnings, where the pack has one.
pub(crate) fn model(project: &Project) -> Option<&Model> {
    let name = TableName::new(SqlSchema::Tiers, WARNINGS);
    project.graph.model(&name)
}

/// The warnings of the snapshot that `dim_tier` does not list.
///
/// # Errors
/// Rows that cannot be a list of warnings, and the engine's.
pub(super) async fn unlisted(
    dim_tier: &RecordBatch,
    catalog: &Catalog<'_>,
    project: &Project,
    parameters: &Parameters,
) -> Result<Vec<String>, PackError> {
    let Some(model) = model(project) else {
        return Ok(Vec::new());
    };
    let fields = fields(catalog, project).await?;
    let mut unlisted = booleans(&fields);
    let listed = warnings(dim_tier)?;
    unlisted.retain(|name| !listed.contains(name));
    if unlisted.is_empty() {
        return Ok(unlisted);
    }
    let snapshot_model = required(project, &TIER_SNAPSHOT)?;
    let snapshot = catalog.plan(snapshot_model, parameters);
    // What does not plan is reported where its rows are wanted.
    let Ok(snapshot) = snapshot.await else {
        return Ok(Vec::new());
    };
    let called = name_in(snapshot_model, &model.name);
    let named = |name: &str| {
        let fields = snapshot.schema().iter();
        fields
            .filter(|(_, field)| field.name() == name)
            .collect::<Vec<_>>()
    };
    let taken = unlisted.iter().filter(|name| named(name).len() > 1);
    let taken = taken.map(|name| name_is_taken(model, name));
    let nameless = nameless(model, &fields, |name| !named(name).is_empty());
    Problems(taken.chain(nameless).collect()).or_ok(())?;
    // What the snapshot makes of such a column, or has from elsewhere, is for dim_tier to say.
    unlisted.retain(|name| match named(name)[..] {
        [(Some(table), field)] => {
            *field.data_type() == DataType::Boolean && called.as_deref() == Some(table.table())
        }
        _ => false,
    });
    Ok(unlisted)
}

/// The warnings that are named by what they are computed of, as far as they are published. None where an item of
/// the model is more than a column.
fn nameless(
    model: &Model,
    fields: &Fields,
    is_published: impl Fn(&str) -> bool,
) -> Vec<Diagnostic> {
    let items = select_of(model).map_or(&[][..], |select| &select.projection);
    if items.len() != fields.len() {
        return Vec::new();
    }
    let nameless = items.iter().zip(fields).filter(|(_, field)| {
        let (name, is_warning) = (field.name(), *field.data_type() == DataType::Boolean);
        is_warning && !is_plain_name(name) && is_published(name)
    });
    let problem = |(item, _): (&SelectItem, _)| {
        let message = "a warning has no name";
        Diagnostic::at(&model.file, model.place_of_part(item), message)
            .help("name it: `... AS saved_not_bought`")
    };
    nameless.map(problem).collect()
}

/// What a query calls a table that it selects from.
fn name_in(query: &Model, table: &TableName) -> Option<String> {
    let mut factors = factors(&select_of(query)?.from);
    let is_table = |factor: &&TableFactor| match factor {
        TableFactor::Table { name, .. } => name.to_string() == table.to_string(),
        _ => false,
    };
    factors.find(is_table).and_then(called)
}

fn name_is_taken(model: &Model, name: &str) -> Diagnostic {
    let message = format!("the snapshot has another column `{name}`");
    Diagnostic::at(&model.file, model.place_of_alias(name), message)
        .help("give the warning another name")
}

/// The rows of `dim_tier` with those of such warnings behind them.
pub(super) fn with_rows(
    dim_tier: RecordBatch,
    warnings: &[String],
) -> Result<RecordBatch, PackError> {
    let rows = warnings.iter().map(|name| AddedRow {
        dimension: WARNING,
        tier: name,
        rank: None,
    });
    let added = dim_tier_rows::with_rows(dim_tier, &rows.collect::<Vec<_>>());
    Ok(added.map_err(EngineError::during("adding warnings to dim_tier"))?)
}

/// The columns of true and false.
fn booleans(fields: &Fields) -> Vec<String> {
    let booleans = fields.iter();
    let booleans = booleans.filter(|field| *field.data_type() == DataType::Boolean);
    booleans.map(|field| field.name().clone()).collect()
}

/// The columns of the model of warnings; none where it does not plan.
pub(crate) async fn fields(
    catalog: &Catalog<'_>,
    project: &Project,
) -> Result<Fields, EngineError> {
    let Some(model) = model(project).filter(|model| catalog.has_planned(model)) else {
        return Ok(Fields::empty());
    };
    let rows = catalog.table(&model.name).await;
    let rows = rows.map_err(EngineError::during("reading the columns of warnings"))?;
    Ok(rows.schema().fields().clone())
}
