//! A user's newest rows of `tier_migration`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, StringArray};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{ident, lit};
use serde::Serialize;

use crate::engine::{EngineError, all_rows, integers, texts};
use crate::ground::SnapshotDate;
use crate::night::NightError;
use crate::overview::Opened;
use crate::publish::{Publication, published_dates};
use crate::tables::{SNAPSHOT_DATE, TIER_MIGRATION};
use crate::tiles::USER_ID;

/// In how many published dates moves are looked for.
const DATES_OF_MOVES: usize = 90;

/// How many moves are told.
const MOST_MOVES: usize = 10;

/// A row of `tier_migration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct UserMove {
    /// The date on which the value was another than in the snapshot before.
    pub snapshot_date: String,
    /// What it is a value of.
    pub dimension: String,
    /// The value before; none for a user who was not there.
    pub from: Option<String>,
    /// The value since; none for a user who is no longer there.
    pub to: Option<String>,
    /// entered, left, up, down, or lateral.
    pub direction: String,
    /// For how many days the value before was shown.
    pub days_in_previous_tier: Option<i64>,
}

/// The user's newest moves as of the date.
pub(super) async fn newest_moves(
    opened: &Opened,
    publication: &Publication,
    user: ScalarValue,
) -> Result<Vec<UserMove>, NightError> {
    let dates = opened.publications.dates();
    let dates = dates.range(..=publication.snapshot_date).rev();
    let dates: Vec<SnapshotDate> = dates.take(DATES_OF_MOVES).copied().collect();
    let (output, publications) = (&opened.output, &opened.publications);
    let migration = published_dates(output, publications, TIER_MIGRATION.name, &dates).await?;
    let Some((migration, _)) = migration else {
        return Ok(Vec::new());
    };
    let newest = async {
        let rows = opened.session.read(Arc::new(migration))?;
        let rows = rows.filter(ident(USER_ID).eq(lit(user)))?;
        let order = vec![
            ident(SNAPSHOT_DATE).sort(false, false),
            ident("dimension").sort(true, false),
        ];
        let rows = rows.sort(order)?.limit(0, Some(MOST_MOVES))?;
        let rows = all_rows(rows).await?;
        Ok(moves(&rows)?)
    };
    let newest: EngineResult<_> = Box::pin(newest).await;
    Ok(newest.map_err(EngineError::during("reading tier_migration"))?)
}

fn moves(rows: &RecordBatch) -> Result<Vec<UserMove>, ArrowError> {
    let (dates, dimensions) = (texts(rows, SNAPSHOT_DATE)?, texts(rows, "dimension")?);
    let (from, to) = (texts(rows, "from_tier")?, texts(rows, "to_tier")?);
    let directions = texts(rows, "direction")?;
    let days = integers(rows, "days_in_previous_tier")?;
    let side = |tiers: &StringArray, row| tiers.is_valid(row).then(|| tiers.value(row).to_owned());
    let user_move = |row| UserMove {
        snapshot_date: dates.value(row).to_owned(),
        dimension: dimensions.value(row).to_owned(),
        from: side(&from, row),
        to: side(&to, row),
        direction: directions.value(row).to_owned(),
        days_in_previous_tier: days.is_valid(row).then(|| days.value(row)),
    };
    Ok((0..rows.num_rows()).map(user_move).collect())
}
