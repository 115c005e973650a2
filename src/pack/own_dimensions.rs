//! Dimensions that the job declares in addition to those of `dim_tier`: a model `tiers/<name>.sql` and a
//! list of values are all it takes for the snapshot, the migration, the matrix, the summary and
//! the audits to have them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::error::ArrowError;
use datafusion::common::JoinType;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{col, ident};
use datafusion::prelude::DataFrame;

use crate::engine::{EngineError, texts};
use crate::ground::{Diagnostic, Problems, Severity, SqlSchema, TableName, verb_for};
use crate::job::{Job, OwnDimension};
use crate::models::Model;
use crate::tiles::USER_ID;

use super::catalog::Catalog;
use super::error::PackError;
use super::project::Project;

/// The rows of `dim_tier` with those of the job's own dimensions behind them: ranks by place, no
/// labels but the values themselves, no playbooks.
///
/// # Errors
/// A dimension that `dim_tier` lists already.
pub(super) fn with_rows(dim_tier: RecordBatch, job: &Job) -> Result<RecordBatch, PackError> {
    let arrow = EngineError::during("adding the job's dimensions to dim_tier");
    let listed = texts(&dim_tier, "dimension").map_err(&arrow)?;
    // What the pack's SQL never leaves NULL may be so in the rows that are added.
    let dim_tier = nullable(&dim_tier).map_err(&arrow)?;
    let mut problems = Problems::default();
    let mut batches = vec![dim_tier.clone()];
    for (name, dimension) in &job.dimensions {
        if listed.iter().flatten().any(|listed| listed == name) {
            let message = format!("`{name}` is a dimension of the SQL pack's dim_tier already");
            problems.push(
                job.problem(&format!("dimensions.{name}"), message)
                    .help("list it in one of the two places"),
            );
            continue;
        }
        batches.push(rows_of(&dim_tier, name, dimension).map_err(&arrow)?);
    }
    problems.or_ok(())?;
    Ok(concat_batches(&dim_tier.schema(), &batches).map_err(arrow)?)
}

/// The same rows, in columns of which each may be NULL.
fn nullable(rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = rows.schema();
    let fields = schema.fields().iter();
    let fields = fields.map(|field| field.as_ref().clone().with_nullable(true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), rows.columns().to_vec())
}

fn rows_of(
    dim_tier: &RecordBatch,
    name: &str,
    dimension: &OwnDimension,
) -> Result<RecordBatch, ArrowError> {
    let rank = |place: usize| dimension.ranked.then_some(place as i64);
    let ranked = dimension.tiers.iter().enumerate();
    let mut tiers: Vec<_> = ranked.map(|(place, tier)| (tier, rank(place))).collect();
    if dimension.ranked {
        // Best first, as dim_tier.csv lists them.
        tiers.reverse();
    }
    let ranks: Int64Array = tiers.iter().map(|(_, rank)| *rank).collect();
    let values = StringArray::from_iter_values(tiers.iter().map(|(tier, _)| tier));
    let values: ArrayRef = Arc::new(values);
    let columns = dim_tier
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let column: ArrayRef = match field.name().as_str() {
                "dimension" => Arc::new(StringArray::from(vec![name; tiers.len()])),
                "tier" | "label_en" => Arc::clone(&values),
                "rank" => Arc::new(ranks.clone()),
                _ => new_null_array(field.data_type(), tiers.len()),
            };
            cast(&column, field.data_type())
        })
        .collect::<Result<_, _>>()?;
    RecordBatch::try_new(dim_tier.schema(), columns)
}

/// The rows of the snapshot with the columns of the job's own dimensions behind them, but for
/// those that the snapshot selects itself.
///
/// # Errors
/// A dimension without a model that gives it, or whose model lacks its columns.
pub(super) async fn with_columns(
    snapshot: DataFrame,
    catalog: &Catalog<'_>,
    project: &Project,
    job: &Job,
) -> Result<DataFrame, PackError> {
    let mut problems = Problems::default();
    let mut joined = snapshot;
    for name in job.dimensions.keys() {
        if joined.schema().has_column_with_unqualified_name(name) {
            continue;
        }
        let table = TableName::new(SqlSchema::Tiers, name);
        let Some(model) = project.graph.model(&table) else {
            problems.push(without_model(job, name));
            continue;
        };
        if !catalog.has_planned(model) {
            problems.push(not_planned(job, model));
            continue;
        }
        let tiers = catalog.table(&table).await;
        let tiers = tiers.map_err(EngineError::during("reading tiers"))?;
        let lacks = |column: &&str| !tiers.schema().has_column_with_unqualified_name(column);
        let lacking: Vec<&str> = [USER_ID, name].into_iter().filter(lacks).collect();
        if !lacking.is_empty() {
            problems.push(without_columns(model, name, &lacking));
            continue;
        }
        let with_dimension = join(joined, tiers, name);
        joined = with_dimension.map_err(EngineError::during("joining tiers"))?;
    }
    problems.or_ok(joined).map_err(PackError::from)
}

fn without_model(job: &Job, name: &str) -> Diagnostic {
    let message = format!("dimension `{name}` has no model");
    job.problem(&format!("dimensions.{name}"), message)
        .help(format!(
            "add tiers/{name}.sql to the SQL pack, with one row per user: user_id and {name}"
        ))
}

/// What is wrong with the model is reported with the models.
fn not_planned(job: &Job, model: &Model) -> Diagnostic {
    let name = &model.name.name;
    let message = format!(
        "dimension `{name}` is not checked until `{}` is fixed",
        model.name
    );
    Diagnostic {
        severity: Severity::Note,
        ..job.problem(&format!("dimensions.{name}"), message)
    }
}

fn without_columns(model: &Model, name: &str, lacking: &[&str]) -> Diagnostic {
    let what = verb_for(lacking.len(), "column", "columns");
    let columns = lacking.join("` and `");
    let message = format!("`{}` lacks the {what} `{columns}`", model.name);
    Diagnostic::at(&model.file, model.head(), message).help(format!(
        "the job's dimension `{name}` is read from it, one row per user: user_id and {name}"
    ))
}

/// A user without a row in `tiers` has no value, which an audit refuses.
fn join(snapshot: DataFrame, tiers: DataFrame, name: &str) -> EngineResult<DataFrame> {
    let user_of_tiers = format!("user of {name}");
    let tiers = tiers.select(vec![
        col(USER_ID).alias(&user_of_tiers),
        ident(name).alias(name),
    ])?;
    let joined = snapshot.join(tiers, JoinType::Left, &[USER_ID], &[&user_of_tiers], None)?;
    joined.drop_columns(&[&user_of_tiers])
}
