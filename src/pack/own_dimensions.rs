//! Dimensions that the job declares in addition to those of `dim_tier`: a model `tiers/<name>.sql` and a
//! list of values are all it takes for the snapshot, the migration, the matrix, the summary and
//! the audits to have them.

use datafusion::arrow::array::RecordBatch;
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
use super::dim_tier_rows::{self, AddedRow};
use super::error::PackError;
use super::project::Project;

/// The rows of `dim_tier` with those of the job's own dimensions behind them: ranks by place.
///
/// # Errors
/// A dimension that `dim_tier` lists already.
pub(super) fn with_rows(dim_tier: RecordBatch, job: &Job) -> Result<RecordBatch, PackError> {
    let arrow = EngineError::during("adding the job's dimensions to dim_tier");
    let listed = texts(&dim_tier, "dimension").map_err(&arrow)?;
    let mut problems = Problems::default();
    let mut added = Vec::new();
    for (name, dimension) in &job.dimensions {
        if listed.iter().flatten().any(|listed| listed == name) {
            let message = format!("`{name}` is a dimension of the SQL pack's dim_tier already");
            problems.push(
                job.problem(&format!("dimensions.{name}"), message)
                    .help("list it in one of the two places"),
            );
            continue;
        }
        added.extend(rows_of(name, dimension));
    }
    problems.or_ok(())?;
    Ok(dim_tier_rows::with_rows(dim_tier, &added).map_err(arrow)?)
}

fn rows_of<'a>(name: &'a str, dimension: &'a OwnDimension) -> Vec<AddedRow<'a>> {
    let ranked = dimension.tiers.iter().enumerate();
    let rows = ranked.map(|(place, tier)| AddedRow {
        dimension: name,
        tier,
        rank: dimension.ranked.then_some(place as i64),
    });
    match dimension.ranked {
        // Best first, as dim_tier.csv lists them.
        true => rows.rev().collect(),
        false => rows.collect(),
    }
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
        let model = project.graph.model(&table);
        let Some(model) = model.filter(|model| catalog.has_planned(model)) else {
            let has_file = project.texts.contains_key(&format!("tiers/{name}.sql"));
            problems.push(match has_file {
                true => not_planned(job, &table),
                false => without_model(job, name),
            });
            continue;
        };
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
fn not_planned(job: &Job, model: &TableName) -> Diagnostic {
    let name = &model.name;
    let message = format!("dimension `{name}` is not checked until `{model}` is fixed");
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
