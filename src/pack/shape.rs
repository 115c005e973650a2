//! The shape of what a night publishes: the tiers that `dim_tier` lists, read once, and the raw
//! snapshot compared with them.
//!
//! 1. [`Shape::read`]: the rows of `dim_tier`, those of the job's own dimensions, and warnings that
//!    have none.
//! 2. [`Shape::raw_snapshot`]: the snapshot before it is settled, refused unless it has every
//!    column that is listed or that tierline itself reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;

use crate::engine::EngineError;
use crate::ground::{Diagnostic, Problems, SqlSchema, sql_type};
use crate::job::Job;
use crate::migration;
use crate::models::{Model, Parameters};
use crate::tables::{DIM_TIER, TIER_SNAPSHOT};
use crate::tiers::{Dimensions, FALLING, FALLING_OF, Settling, is_listed_twice, warnings};
use crate::tiles::USER_ID;

use super::catalog::Catalog;
use super::error::PackError;
use super::own_dimensions;
use super::own_warnings;
use super::project::{Project, required};

/// The columns that say how a row was made.
const ORIGIN: [&str; 2] = ["cutpoints_id", "run_id"];

/// What `dim_tier` lists.
pub(crate) struct Shape {
    /// Its rows, whose order is that of dimensions and tiers everywhere.
    pub dim_tier: RecordBatch,
    /// The dimensions, with the job's grace and hold.
    pub dimensions: Dimensions,
    /// The columns of warnings, in the order of `dim_tier`.
    pub warnings: Vec<String>,
    /// Those of them that the pack's SQL does not list.
    pub own_warnings: Vec<String>,
}

/// Today's rows as SQL gives them.
pub(crate) struct RawSnapshot {
    rows: DataFrame,
    /// Their columns, with those that say where they come from.
    pub schema: Schema,
}

impl Shape {
    /// Reads `dim_tier`. The tier models must be registered.
    ///
    /// # Errors
    /// A model that does not plan, and rows that cannot be a list of tiers.
    pub(crate) async fn read(
        catalog: &Catalog<'_>,
        project: &Project,
        job: &Job,
        parameters: &Parameters,
    ) -> Result<Self, PackError> {
        let dim_tier = read_dim_tier(catalog, project, parameters).await?;
        let dim_tier = own_dimensions::with_rows(dim_tier, job)?;
        let unlisted = own_warnings::unlisted(&dim_tier, catalog, project, parameters);
        let own_warnings = Box::pin(unlisted).await?;
        let dim_tier = own_warnings::with_rows(dim_tier, &own_warnings)?;
        Self::of_rows(dim_tier, own_warnings, project, job)
    }

    /// The shape that the rows of `dim_tier` give, those of `own_warnings` among them.
    ///
    /// # Errors
    /// Rows that cannot be a list of tiers.
    pub(crate) fn of_rows(
        dim_tier: RecordBatch,
        own_warnings: Vec<String>,
        project: &Project,
        job: &Job,
    ) -> Result<Self, PackError> {
        let dimensions = Dimensions::read(&dim_tier, job, &project.hold_days(job));
        let dimensions = dimensions.map_err(|problems| by_line(problems, project))?;
        let warnings = warnings(&dim_tier).map_err(|problems| by_line(problems, project))?;
        Ok(Self {
            dim_tier,
            dimensions,
            warnings,
            own_warnings,
        })
    }

    /// Plans the snapshot before it is settled.
    ///
    /// # Errors
    /// A snapshot without a dimension that `dim_tier` lists, or without what tierline itself reads.
    pub(crate) async fn raw_snapshot(
        &self,
        catalog: &Catalog<'_>,
        project: &Project,
        job: &Job,
        parameters: &Parameters,
    ) -> Result<RawSnapshot, PackError> {
        let model = required(project, &TIER_SNAPSHOT)?;
        let plan = catalog.plan_by_name(model, parameters).await?;
        let rows = catalog.session.plan(plan);
        let rows = Box::pin(own_dimensions::with_columns(rows, catalog, project, job)).await?;
        self.check(model, rows.schema().as_arrow())?;
        let rows = self.without_unknown_warnings(rows);
        let rows = rows.map_err(EngineError::during("reading warnings"))?;
        let schema = rows.schema().as_arrow();
        let origin = ORIGIN.map(|name| Field::new(name, DataType::Utf8, true));
        let fields = schema.fields().iter().map(|field| field.as_ref().clone());
        let schema = Schema::new(fields.chain(origin).collect::<Vec<_>>());
        Ok(RawSnapshot { rows, schema })
    }

    /// The rows, in which what is not known raises no warning: false in place of NULL.
    fn without_unknown_warnings(&self, rows: DataFrame) -> datafusion::error::Result<DataFrame> {
        let fields = rows.schema().fields().clone();
        let columns = fields.iter().map(|field| {
            let column = ident(field.name());
            match self.warnings.contains(field.name()) && field.is_nullable() {
                true => coalesce(vec![column, lit(false)]).alias(field.name()),
                false => column,
            }
        });
        rows.select(columns.collect::<Vec<_>>())
    }

    fn check(&self, model: &Model, schema: &Schema) -> Result<(), Problems> {
        let dimensions = self.dimensions.iter().map(|dimension| &*dimension.name);
        let mut found: Vec<Diagnostic> = Vec::new();
        found.extend(dimensions.filter_map(|name| missing_dimension(model, schema, name)));
        found.extend(missing_user_id(model, schema));
        // Settling makes one of them, unless the snapshot does.
        let has_value = self
            .dimensions
            .iter()
            .any(|dimension| dimension.name == FALLING_OF);
        let is_selected = schema.field_with_name(FALLING).is_ok();
        let warnings = self.warnings.iter();
        let warnings = warnings.filter(|name| *name != FALLING || is_selected || !has_value);
        found.extend(warnings.filter_map(|name| missing_warning(model, schema, name)));
        found.extend(missing_measures(model, schema));
        Problems(found).or_ok(())
    }
}

impl RawSnapshot {
    /// The rows with the columns that say how they were made.
    pub(crate) fn with_origin(
        self,
        cutpoints_id: &str,
        run_id: &str,
    ) -> datafusion::error::Result<DataFrame> {
        let [cutpoints_column, run_column] = ORIGIN;
        self.rows
            .with_column(cutpoints_column, lit(cutpoints_id))?
            .with_column(run_column, lit(run_id))
    }
}

/// What the engine was doing when it failed.
const READING: &str = "reading dim_tier";

async fn read_dim_tier(
    catalog: &Catalog<'_>,
    project: &Project,
    parameters: &Parameters,
) -> Result<RecordBatch, PackError> {
    let engine = EngineError::during(READING);
    let plan = catalog
        .plan_by_name(required(project, &DIM_TIER)?, parameters)
        .await?;
    let schema = Arc::new(plan.schema().as_arrow().clone());
    let rows = catalog.session.plan(plan);
    // One partition after the other: collected together, the parts of a UNION ALL come in the
    // order in which they happen to be done.
    let partitions = rows.collect_partitioned().await.map_err(&engine)?;
    let batches: Vec<RecordBatch> = partitions.into_iter().flatten().collect();
    Ok(concat_batches(&schema, &batches).map_err(EngineError::during(READING))?)
}

/// The same problems, but values that are listed twice by the lines of `dim_tier`'s file, where that has them
/// twice.
fn by_line(mut problems: Problems, project: &Project) -> Problems {
    let file = project.reference(DIM_TIER.name);
    let lines = file.map_or_else(Vec::new, |file| file.repeated_keys(&["dimension", "tier"]));
    if !lines.is_empty() && problems.0.iter().any(is_listed_twice) {
        problems.0.retain(|problem| !is_listed_twice(problem));
        problems.0.extend(lines);
    }
    problems
}

/// A dimension needs a column of its name.
fn missing_dimension(model: &Model, schema: &Schema, dimension: &str) -> Option<Diagnostic> {
    if schema.field_with_name(dimension).is_ok() {
        return None;
    }
    let message = format!(
        "`{}` has no column `{dimension}`, which dim_tier lists as a dimension",
        model.name
    );
    let help = "select the column there, or take the dimension out of dim_tier";
    Some(Diagnostic::at(&model.file, model.head(), message).help(help))
}

/// Every row is a user's.
fn missing_user_id(model: &Model, schema: &Schema) -> Option<Diagnostic> {
    if schema.field_with_name(USER_ID).is_ok() {
        return None;
    }
    let message = format!("`{}` has no column `{USER_ID}`", model.name);
    Some(Diagnostic::at(&model.file, model.head(), message))
}

/// A warning needs a column of its name that is true or false.
fn missing_warning(model: &Model, schema: &Schema, warning: &str) -> Option<Diagnostic> {
    if has_type(schema, warning, |found| *found == DataType::Boolean) {
        return None;
    }
    let (message, help) = match schema.field_with_name(warning) {
        Ok(field) => (
            format!(
                "`{}` has `{warning}` as a {}, and dim_tier lists it as a warning",
                model.name,
                sql_type(field.data_type())
            ),
            "make it true or false where it comes from, in tiers/warnings.sql as a rule, or take it out of dim_tier",
        ),
        Err(_) => (
            format!(
                "`{}` needs a column `{warning}` of type BOOLEAN, which dim_tier lists as a warning",
                model.name
            ),
            "select the column there, or take the warning out of dim_tier",
        ),
    };
    Some(Diagnostic::at(&model.file, model.head(), message).help(help))
}

/// The measures that the matrix and the summary add up.
fn missing_measures(model: &Model, schema: &Schema) -> Vec<Diagnostic> {
    let is_money: fn(&DataType) -> bool = |found| matches!(found, DataType::Decimal128(_, 2));
    let is_count: fn(&DataType) -> bool = |found| *found == DataType::Int64;
    let measures = [
        (migration::REVENUE, "DECIMAL(18,2)", is_money),
        (migration::ORDERS, "BIGINT", is_count),
        (migration::INTERACTIONS, "BIGINT", is_count),
    ];
    let missing = measures
        .into_iter()
        .filter(|(column, _, fits)| !has_type(schema, column, fits));
    let problem = |(column, sql_type, _)| {
        let message = format!(
            "`{}` needs a column `{column}` of type {sql_type}",
            model.name
        );
        Diagnostic::at(&model.file, model.place_of_alias(column), message)
            .help("the migration matrix and the summary sum it")
    };
    missing.map(problem).collect()
}

fn has_type(schema: &Schema, column: &str, fits: impl Fn(&DataType) -> bool) -> bool {
    let found = schema.field_with_name(column);
    found.is_ok_and(|field| fits(field.data_type()))
}

/// What the columns of the snapshot mean: the pack's own comments, the later schema's winning,
/// and those of the columns that settling adds.
pub(crate) fn column_comments(project: &Project, shape: &Shape) -> BTreeMap<String, String> {
    let mut comments = BTreeMap::new();
    for schema in [SqlSchema::Features, SqlSchema::Tiers, SqlSchema::Publish] {
        for model in project.graph.in_schema(schema) {
            comments.extend(model.column_comments());
        }
    }
    let dimensions = shape.dimensions.iter();
    comments.extend(dimensions.flat_map(Settling::column_comments));
    let warnings = shape.warnings.iter();
    comments.extend(warnings.flat_map(|name| Settling::comments_of_warning(name)));
    comments.extend(TIER_SNAPSHOT.comments());
    comments
}
