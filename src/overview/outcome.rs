//! What a night that is published found: its alerts, and how many users moved. A later run of the
//! same date that has nothing to do says the same.

use std::collections::BTreeMap;

use datafusion::error::Result as EngineResult;

use crate::engine::{EngineError, Session, integers, texts};
use crate::ground::SnapshotDate;
use crate::job::Job;
use crate::migration::Moves;
use crate::night::{Alert, NightError, alerts_of};
use crate::tables::{ALERTS, TIER_MIGRATION};

use super::{Opened, read_mart, register_published};

/// The table of who moved.
const MIGRATION: &str = TIER_MIGRATION.name;

/// The moves and alerts of a published date.
///
/// # Errors
/// A date that is not published, and whatever keeps its tables from being read.
pub(crate) async fn published_outcome(
    job: &Job,
    date: SnapshotDate,
) -> Result<(Moves, Vec<Alert>), NightError> {
    let opened = Opened::of(job).await?;
    let publication = opened.publication(Some(date)).await?;
    let Opened {
        output, session, ..
    } = &opened;
    let alerts = read_mart(session, output, publication, ALERTS.name, alerts_of).await?;
    register_published(session, output, publication, MIGRATION).await?;
    let moves = count_moves(session).await;
    Ok((
        moves.map_err(EngineError::during("counting moves"))?,
        alerts,
    ))
}

async fn count_moves(session: &Session) -> EngineResult<Moves> {
    let sql = "SELECT dimension, direction, COUNT(*) AS users FROM publish.tier_migration
               GROUP BY dimension, direction";
    let mut moves = Moves::new();
    for batch in session.sql(sql).await?.collect().await? {
        let (dimensions, directions) = (texts(&batch, "dimension")?, texts(&batch, "direction")?);
        let users = integers(&batch, "users")?;
        for row in 0..batch.num_rows() {
            let dimension = dimensions.value(row).to_owned();
            let of_dimension: &mut BTreeMap<String, i64> = moves.entry(dimension).or_default();
            of_dimension.insert(directions.value(row).to_owned(), users.value(row));
        }
    }
    Ok(moves)
}
