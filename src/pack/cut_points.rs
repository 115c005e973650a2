//! The calibration of a run: the users of every metric of the calibration model counted as of D,
//! and cut points computed from them, or given by hand and compared with them.

use std::collections::{BTreeSet, HashMap};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::error::Result as EngineResult;
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use crate::calibration::{
    Calibration, Histogram, Histograms, Metric, POPULATION, SCORES, parameter_name, users_parameter,
};
use crate::engine::EngineError;
use crate::ground::{Diagnostic, ExactNumber, Problems, SqlSchema, TableName};
use crate::job::ParameterValue;
use crate::models::{Graph, Parameters};

use super::catalog::Catalog;
use super::error::PackError;
use super::project::Project;

/// Cut points that only have the right type and order. They are numbers that no rule compares
/// with for another reason, so that a rule shows where it uses them.
pub(crate) const STAND_INS: [i64; 4] = [1_000_003, 2_000_003, 3_000_017, 4_000_037];

/// The digits of the largest BIGINT.
const BIGINT_DIGITS: u8 = 19;

/// Counts the users of every metric of every calibration model.
///
/// # Errors
/// Metrics that are not whole numbers or decimals.
pub(crate) async fn measure(
    catalog: &mut Catalog<'_>,
    project: &Project,
) -> Result<Histograms, PackError> {
    let engine = EngineError::during("calibrating");
    // Planned again, so that the features kept by now are read and not computed again for each
    // metric.
    catalog
        .register_models(&[SqlSchema::Calibration], &project.parameters)
        .await?;
    let mut counted = Histograms::default();
    for model in project.graph.in_schema(SqlSchema::Calibration) {
        let users = catalog.table(&model.name).await.map_err(&engine)?;
        let metrics = check_metrics(&users, &model.name)?;
        let histograms = histograms(users, &metrics).await.map_err(&engine)?;
        let names = metrics.into_iter().map(|metric| metric.name);
        counted.0.extend(names.zip(histograms));
    }
    Ok(counted)
}

/// The metrics: the columns of the calibration models.
///
/// # Errors
/// Metrics that are not whole numbers or decimals.
pub(crate) async fn metrics(
    catalog: &Catalog<'_>,
    project: &Project,
) -> Result<Vec<Metric>, PackError> {
    let mut metrics = Vec::new();
    for model in project.graph.in_schema(SqlSchema::Calibration) {
        let users = catalog.table(&model.name).await;
        let users = users.map_err(EngineError::during("checking metrics"))?;
        metrics.extend(check_metrics(&users, &model.name)?);
    }
    Ok(metrics)
}

/// The parameters of a calibration, cut points with the values of [`STAND_INS`] and one user for each
/// score, so that models can be planned before there is a calibration.
pub(crate) async fn stand_ins(
    catalog: &Catalog<'_>,
    project: &Project,
    parameters: Parameters,
) -> EngineResult<Parameters> {
    let one = ParameterValue::Integer(1);
    let mut stand_ins = parameters.with(POPULATION, one.clone());
    for model in project.graph.in_schema(SqlSchema::Calibration) {
        let users = catalog.table(&model.name).await?;
        for field in users.schema().fields() {
            for (k, cut_point) in (1..).zip(STAND_INS) {
                let value = ParameterValue::Integer(cut_point);
                stand_ins = stand_ins.with(parameter_name(field.name(), k), value);
            }
            for k in 1..=SCORES {
                stand_ins = stand_ins.with(users_parameter(field.name(), k), one.clone());
            }
        }
    }
    Ok(stand_ins)
}

/// The models that name a cut point, and those that read such a model, directly or not.
pub(crate) fn scored_models<'a>(
    graph: &'a Graph,
    calibration: &Calibration,
) -> BTreeSet<&'a TableName> {
    let metrics = calibration.metrics.iter();
    let cut_points: BTreeSet<String> = metrics
        .flat_map(|points| (1..=points.cuts.len()).map(|k| parameter_name(&points.metric, k)))
        .collect();
    let mut scored = BTreeSet::new();
    for model in graph.models() {
        let reads_scored = model.reads.iter().any(|read| scored.contains(&read.table));
        if reads_scored || !model.parameters().is_disjoint(&cut_points) {
            scored.insert(&model.name);
        }
    }
    scored
}

fn check_metrics(users: &DataFrame, model: &TableName) -> Result<Vec<Metric>, Problems> {
    let mut problems = Problems::default();
    let mut metrics = Vec::new();
    for field in users.schema().fields() {
        match digits_of(field.data_type()) {
            Some((digits, scale)) => metrics.push(Metric {
                name: field.name().clone(),
                digits,
                scale,
            }),
            None => {
                let message = format!(
                    "metric `{}` of `{model}` is {}",
                    field.name(),
                    field.data_type()
                );
                problems.push(
                    Diagnostic::new(message)
                        .help("CAST it AS BIGINT or DECIMAL: cut points are exact"),
                );
            }
        }
    }
    problems.or_ok(metrics)
}

/// How many digits exact numbers of a type have, and how many of them behind the point; none for
/// other types.
fn digits_of(data_type: &DataType) -> Option<(u8, u8)> {
    match data_type {
        DataType::Int64 => Some((BIGINT_DIGITS, 0)),
        DataType::Decimal128(digits, scale) => Some((*digits, u8::try_from(*scale).ok()?)),
        _ => None,
    }
}

/// How many users have each value, column by column, in one pass.
async fn histograms(users: DataFrame, metrics: &[Metric]) -> EngineResult<Vec<Histogram>> {
    let mut counts = vec![HashMap::new(); metrics.len()];
    let mut rows = users.execute_stream().await?;
    while let Some(batch) = rows.try_next().await? {
        for (column, counts) in batch.columns().iter().zip(&mut counts) {
            for unscaled in (0..column.len()).filter_map(|row| unscaled(column, row)) {
                *counts.entry(unscaled).or_insert(0) += 1;
            }
        }
    }
    let counted = counts.into_iter().zip(metrics);
    let histogram = |(counts, metric): (HashMap<i128, u64>, &Metric)| {
        let scale = metric.scale;
        let users = counts.into_iter();
        users
            .map(|(unscaled, users)| (ExactNumber { unscaled, scale }, users))
            .collect()
    };
    Ok(counted.map(histogram).collect())
}

/// The digits of a value, the point left out.
fn unscaled(values: &ArrayRef, row: usize) -> Option<i128> {
    if values.is_null(row) {
        return None;
    }
    match values.data_type() {
        DataType::Int64 => Some(i128::from(values.as_primitive::<Int64Type>().value(row))),
        DataType::Decimal128(..) => Some(values.as_primitive::<Decimal128Type>().value(row)),
        _ => None,
    }
}
