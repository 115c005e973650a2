//! Who moved in each dimension, since the night before, the week before and four weeks before.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use serde::Serialize;

use crate::engine::{EngineError, optional_texts};
use crate::migration::Period;
use crate::night::NightError;
use crate::overview::{Flow, Overview, flows_of};
use crate::tables::TIER_MIGRATION_MATRIX;
use crate::tiers::Dimensions;

use super::published::{Published, STAGE, collected};

/// The moves of one period.
#[derive(Debug, Serialize)]
pub(super) struct Moves {
    /// `night`, `week`, `month`, or `between` for a date that was asked for.
    period: &'static str,
    /// The date of the snapshot that they are counted from.
    since: String,
    /// By dimension the users from each tier to each other one, those who stayed among them.
    dimensions: BTreeMap<String, Vec<Flow>>,
}

impl Moves {
    /// Those of a date that was asked for.
    pub(super) fn between(overview: &Overview) -> Option<Self> {
        let since = overview.previous_snapshot_date?.to_string();
        let dimensions = overview.dimensions.iter();
        let dimensions = dimensions.map(|found| (found.name.clone(), found.flows.clone()));
        Some(Self {
            period: "between",
            since,
            dimensions: dimensions.collect(),
        })
    }

    /// Whether they are those of a period.
    pub(super) fn is_over(&self, period: Period) -> bool {
        self.period == period.as_str()
    }

    /// Those that were published with the date, of each period that has any.
    pub(super) async fn published(
        published: Published<'_>,
        listed: &Dimensions,
    ) -> Result<Vec<Self>, NightError> {
        let Some(rows) = published.table(TIER_MIGRATION_MATRIX.name).await? else {
            return Ok(Vec::new());
        };
        let rows = collected(Ok(rows)).await?;
        let periods = [Period::Night, Period::Week, Period::Month].into_iter();
        let found: Result<Vec<_>, ArrowError> = periods
            .filter_map(|period| of_period(&rows, listed, period).transpose())
            .collect();
        Ok(found.map_err(EngineError::during(STAGE))?)
    }
}

fn of_period(
    rows: &RecordBatch,
    listed: &Dimensions,
    period: Period,
) -> Result<Option<Moves>, ArrowError> {
    let periods = optional_texts(rows, "period")?;
    let since = optional_texts(rows, "previous_snapshot_date")?;
    let is_of_period = |found: &Option<String>| match found {
        Some(found) => found == period.as_str(),
        None => period == Period::Night,
    };
    let first = periods.iter().position(is_of_period);
    let Some(since) = first.and_then(|row| since.into_iter().nth(row).flatten()) else {
        return Ok(None);
    };
    let dimensions = listed.iter();
    let dimensions = dimensions.map(|dimension| {
        let flows = flows_of(dimension, rows, period)?;
        Ok((dimension.name.clone(), flows))
    });
    Ok(Some(Moves {
        period: period.as_str(),
        since,
        dimensions: dimensions.collect::<Result<_, ArrowError>>()?,
    }))
}
