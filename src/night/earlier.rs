//! Today's users against the snapshots of a week and of four weeks ago, for the matrices of these
//! periods: each is read along with today's rows, and only what a matrix is of.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, ident};
use datafusion::prelude::DataFrame;

use crate::engine::{EngineError, Session, reading_whole_files, stream_ahead_of};
use crate::ground::SnapshotDate;
use crate::migration::{Matrices, Measures, Period, REVENUE};
use crate::plan::Plan;
use crate::publish::{Publication, missing, published_snapshot};
use crate::storage::Location;
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::{Dimensions, Settled};
use crate::tiles::{USER_ID, UserRange};

use super::error::NightError;
use super::previous_join::{PreviousJoin, PreviousRows};
use super::settled::{SettledStream, in_order, of_range};

/// What the engine was doing when it failed.
const STAGE: &str = "reading the snapshots of a week and four weeks before";

/// An earlier snapshot of a range of users, on its way.
pub(super) struct EarlierSnapshot {
    matrices: Matrices,
    join: PreviousJoin,
}

/// The rows of an earlier snapshot that matrices are of, and which matrices.
#[derive(Clone)]
pub(super) struct EarlierRows {
    period: Period,
    date: SnapshotDate,
    rows: DataFrame,
}

/// The publications that matrices go back to, as far as there are any.
pub(super) fn earlier_publications(plan: &Plan) -> impl Iterator<Item = (Period, &Publication)> {
    let periods = [
        (Period::Week, plan.week_ago()),
        (Period::Month, plan.month_ago()),
    ];
    let periods = periods.into_iter();
    periods.filter_map(|(period, publication)| Some((period, publication?)))
}

/// The earlier snapshots that are published.
pub(super) async fn earlier_rows(
    session: &Session,
    output: &Location,
    plan: &Plan,
    dimensions: &Dimensions,
) -> Result<Vec<EarlierRows>, NightError> {
    let mut earlier = Vec::new();
    for (period, publication) in earlier_publications(plan) {
        let rows = snapshot_of(session, output, publication).await?;
        let rows = columns_counted(rows, dimensions);
        let rows = rows.map_err(EngineError::during(STAGE))?;
        earlier.push(EarlierRows::new(period, publication.snapshot_date, rows));
    }
    Ok(earlier)
}

/// The snapshot of a publication, with the columns that it has.
pub(super) async fn snapshot_of(
    session: &Session,
    output: &Location,
    publication: &Publication,
) -> Result<DataFrame, NightError> {
    let snapshot = published_snapshot(output, publication, &session.runtime()).await?;
    let snapshot = snapshot.ok_or_else(|| missing(publication, TIER_SNAPSHOT.name))?;
    let rows = session.read(Arc::new(snapshot));
    Ok(rows.map_err(EngineError::during(STAGE))?)
}

/// The columns that matrices are of.
pub(super) fn columns_counted(rows: DataFrame, dimensions: &Dimensions) -> EngineResult<DataFrame> {
    let known = dimensions.in_snapshot(rows.schema().as_arrow());
    let names = known.iter().map(|dimension| dimension.name.as_str());
    let columns = [USER_ID, REVENUE].into_iter().chain(names);
    rows.select(columns.map(ident).collect::<Vec<Expr>>())
}

impl EarlierRows {
    /// Rows of an earlier snapshot, with the columns that matrices are of.
    pub(super) fn new(period: Period, date: SnapshotDate, rows: DataFrame) -> Self {
        Self { period, date, rows }
    }

    /// The matrices of them, in which nobody is counted yet.
    #[cfg(feature = "cluster")]
    pub(super) fn matrices(&self, dimensions: &Dimensions) -> Matrices {
        Matrices::new(self.period, Some(self.date), dimensions)
    }

    /// Starts to read those of a range of users.
    pub(super) async fn open(
        self,
        range: &UserRange,
        dimensions: &Dimensions,
    ) -> Result<EarlierSnapshot, EngineError> {
        let rows = in_order(of_range(self.rows, range).map_err(EngineError::during(STAGE))?);
        let rows = reading_whole_files(rows.map_err(EngineError::during(STAGE))?);
        let rows = stream_ahead_of(rows, "earlier tier_snapshot").await;
        Ok(EarlierSnapshot {
            matrices: Matrices::new(self.period, Some(self.date), dimensions),
            join: PreviousJoin::open(rows.map_err(EngineError::during(STAGE))?),
        })
    }
}

impl EarlierSnapshot {
    /// Counts today's next users, and those of the earlier snapshot before the last of them who are
    /// gone.
    pub(super) async fn observe(
        &mut self,
        settled: &mut SettledStream,
        today: &Settled,
    ) -> Result<(), EngineError> {
        let joined = self.join.join(&today.rows).await;
        let PreviousRows { previous, gone } = joined.map_err(EngineError::during(STAGE))?;
        let counted = self.count(settled, &previous, today);
        counted.map_err(EngineError::during(STAGE))?;
        for gone in gone {
            self.count_gone(settled, gone)?;
        }
        Ok(())
    }

    /// Counts everybody who comes after today's last user.
    pub(super) async fn finish(
        mut self,
        settled: &mut SettledStream,
    ) -> Result<Matrices, EngineError> {
        while let Some(gone) = self.join.rest().await.map_err(EngineError::during(STAGE))? {
            self.count_gone(settled, gone)?;
        }
        Ok(self.matrices)
    }

    fn count(
        &mut self,
        settled: &mut SettledStream,
        earlier: &RecordBatch,
        today: &Settled,
    ) -> Result<(), ArrowError> {
        let dimensions = settled.since(earlier, today)?;
        let measures = Measures::of(&today.rows)?;
        self.matrices.count(&measures, &dimensions);
        Ok(())
    }

    fn count_gone(
        &mut self,
        settled: &mut SettledStream,
        gone: RecordBatch,
    ) -> Result<(), EngineError> {
        let gone = settled.gone(gone)?;
        let measures = Measures::of_gone(&gone.rows);
        let measures = measures.map_err(EngineError::during(STAGE))?;
        self.matrices.count(&measures, &gone.dimensions);
        Ok(())
    }
}
