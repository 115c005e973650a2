//! The tables of a publication, opened at the versions that it recorded.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::Result as EngineResult;
use datafusion::prelude::DataFrame;

use crate::engine::{EngineError, all_rows};
use crate::ground::SnapshotDate;
use crate::night::NightError;
use crate::overview::Opened;
use crate::publish::{Publication, published_dates, published_table};

/// What tables are read for, in messages.
pub(super) const STAGE: &str = "reading figures for a report";

/// A publication whose tables are read.
#[derive(Clone, Copy)]
pub(super) struct Published<'a> {
    pub opened: &'a Opened,
    pub publication: &'a Publication,
}

impl Published<'_> {
    /// The rows of the date; none where it was published without the table.
    pub(super) async fn table(&self, name: &str) -> Result<Option<DataFrame>, NightError> {
        let rows = published_table(&self.opened.output, self.publication, name).await?;
        let rows = rows.map(|rows| self.opened.session.read(Arc::new(rows)));
        Ok(rows.transpose().map_err(EngineError::during(STAGE))?)
    }
}

/// The rows of some dates; none where no date was published with the table.
pub(super) async fn dated(
    opened: &Opened,
    name: &str,
    dates: &[SnapshotDate],
) -> Result<Option<DataFrame>, NightError> {
    let Opened {
        output,
        publications,
        session,
    } = opened;
    let rows = published_dates(output, publications, name, dates).await?;
    let rows = rows.map(|(rows, _)| session.read(Arc::new(rows)));
    Ok(rows.transpose().map_err(EngineError::during(STAGE))?)
}

/// The rows of a plan that may fail.
pub(super) async fn collected(rows: EngineResult<DataFrame>) -> Result<RecordBatch, NightError> {
    let failed = EngineError::during(STAGE);
    Ok(Box::pin(all_rows(rows.map_err(&failed)?))
        .await
        .map_err(&failed)?)
}

/// Whether a table has a column.
pub(super) fn has(rows: &DataFrame, column: &str) -> bool {
    rows.schema().has_column_with_unqualified_name(column)
}
