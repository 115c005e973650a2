//! The first calibration: the cut points of every metric of the calibration model, computed over
//! the scored users as of D.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::error::Result as EngineResult;
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use crate::ground::{Diagnostic, Folder, Problems, SnapshotDate, TableName};
use crate::tiers::calibration::{Calibration, parameter_name};
use crate::tiers::{CutPoints, Histogram, MetricValue, calibrate};

use super::{Catalog, Project, RunError};
use crate::config::job::ParameterValue;
use crate::models::Parameters;

/// Cut points that only have the right type and order. They are numbers that no rule compares
/// with for another reason, so that a rule shows where it uses them.
pub(super) const STAND_INS: [i64; 4] = [1_000_003, 2_000_003, 3_000_017, 4_000_037];

/// Calibrates every column of every calibration model.
///
/// # Errors
/// Metrics that are not whole numbers or decimals, or have too few distinct values.
pub(super) async fn measure(
    catalog: &Catalog<'_>,
    project: &Project,
    as_of: SnapshotDate,
) -> Result<Calibration, RunError> {
    let engine = RunError::engine("calibrating");
    let mut metrics: Vec<CutPoints> = Vec::new();
    let mut population = 0;
    for model in project.graph.in_folder(Folder::Calibration) {
        let users = catalog.table(&model.name).await.map_err(&engine)?;
        check_metrics(&users, &model.name)?;
        let fields = users.schema().fields().clone();
        let histograms = histograms(users).await.map_err(&engine)?;
        for (field, histogram) in fields.iter().zip(&histograms) {
            population = population.max(histogram.values().sum());
            metrics.push(calibrate(field.name(), histogram)?);
        }
    }
    Ok(Calibration::first(as_of, population, metrics))
}

/// The cut parameters with the values of [`STAND_INS`], so that tier models can be planned before
/// there is a calibration.
pub(super) async fn stand_ins(
    catalog: &Catalog<'_>,
    project: &Project,
    parameters: Parameters,
) -> EngineResult<Parameters> {
    let mut stand_ins = parameters;
    for model in project.graph.in_folder(Folder::Calibration) {
        let users = catalog.table(&model.name).await?;
        for field in users.schema().fields() {
            for (k, cut_point) in (1..).zip(STAND_INS) {
                let value = ParameterValue::Integer(cut_point);
                stand_ins = stand_ins.with(parameter_name(field.name(), k), value);
            }
        }
    }
    Ok(stand_ins)
}

fn check_metrics(users: &DataFrame, model: &TableName) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for field in users.schema().fields() {
        if !matches!(
            field.data_type(),
            DataType::Int64 | DataType::Decimal128(..)
        ) {
            let message = format!(
                "metric `{}` of `{model}` is {}",
                field.name(),
                field.data_type()
            );
            problems.push(
                Diagnostic::new(message).help("CAST it AS BIGINT or DECIMAL: cut points are exact"),
            );
        }
    }
    problems.or_ok(())
}

/// How many users have each value, column by column, in one pass.
async fn histograms(users: DataFrame) -> EngineResult<Vec<Histogram>> {
    let mut counts = vec![HashMap::new(); users.schema().fields().len()];
    let mut rows = users.execute_stream().await?;
    while let Some(batch) = rows.try_next().await? {
        for (column, counts) in batch.columns().iter().zip(&mut counts) {
            for value in (0..column.len()).filter_map(|row| metric_value(column, row)) {
                *counts.entry(value).or_insert(0) += 1;
            }
        }
    }
    Ok(counts
        .into_iter()
        .map(|counts| counts.into_iter().collect())
        .collect())
}

fn metric_value(values: &ArrayRef, row: usize) -> Option<MetricValue> {
    if values.is_null(row) {
        return None;
    }
    match values.data_type() {
        DataType::Int64 => Some(MetricValue {
            unscaled: i128::from(values.as_primitive::<Int64Type>().value(row)),
            scale: 0,
        }),
        DataType::Decimal128(_, scale) => Some(MetricValue {
            unscaled: values.as_primitive::<Decimal128Type>().value(row),
            scale: scale.unsigned_abs(),
        }),
        _ => None,
    }
}
