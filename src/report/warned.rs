//! The warnings of a date: how many users have each, since when, and how many are new.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use datafusion::functions_aggregate::expr_fn::{count, min};
use datafusion::logical_expr::{ident, lit};
use serde::Serialize;

use crate::engine::{EngineError, integers, optional_texts, texts};
use crate::night::NightError;
use crate::overview::{Label, Labels, Overview};
use crate::tables::{TIER_MIGRATION, TIER_SNAPSHOT};
use crate::tiers::WARNING;

use super::published::{Published, STAGE, collected, has};

/// A warning.
#[derive(Debug, Serialize)]
pub(super) struct Warned {
    /// The column of the snapshot.
    name: String,
    #[serde(flatten)]
    label: Label,
    /// Users who have it.
    users: i64,
    /// Users who have it since the night; none on a first night, when nobody had it before.
    raised: Option<i64>,
    /// Users who had it the night before, and have it no longer.
    cleared: Option<i64>,
    /// Since when the first of its users has it.
    oldest_since: Option<String>,
}

/// The warnings in the order of `dim_tier`.
pub(super) async fn read(
    published: Published<'_>,
    overview: &Overview,
    labels: &Labels,
) -> Result<Vec<Warned>, NightError> {
    let names: Vec<&str> = overview.warnings.iter().map(|found| &*found.name).collect();
    let mut since = oldest(published, &names).await?;
    let moved = match overview.previous_snapshot_date {
        Some(_) => Some(moved(published).await?),
        None => None,
    };
    let warned = overview.warnings.iter().map(|found| {
        let moved = |direction: &str| {
            let key = (found.name.clone(), direction.to_owned());
            moved
                .as_ref()
                .map(|moved| moved.get(&key).copied().unwrap_or_default())
        };
        Warned {
            label: labels.find(WARNING, &found.name),
            users: found.users,
            raised: moved("raised"),
            cleared: moved("cleared"),
            oldest_since: since.remove(&found.name).flatten(),
            name: found.name.clone(),
        }
    });
    Ok(warned.collect())
}

/// Since when the first user of each warning has it, in one scan of the snapshot.
async fn oldest(
    published: Published<'_>,
    names: &[&str],
) -> Result<BTreeMap<String, Option<String>>, NightError> {
    let Some(rows) = published.table(TIER_SNAPSHOT.name).await? else {
        return Ok(BTreeMap::new());
    };
    let dated = names.iter().filter_map(|name| {
        let since = format!("{name}_since");
        has(&rows, &since).then(|| min(ident(since)).alias(*name))
    });
    let dated: Vec<_> = dated.collect();
    if dated.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = collected(rows.aggregate(Vec::new(), dated)).await?;
    let since = names.iter().map(|name| {
        let since = optional_texts(&found, name)?.into_iter().next().flatten();
        Ok(((*name).to_owned(), since))
    });
    let since: Result<_, ArrowError> = since.collect();
    Ok(since.map_err(EngineError::during(STAGE))?)
}

/// How many users each warning was raised or cleared for.
async fn moved(published: Published<'_>) -> Result<BTreeMap<(String, String), i64>, NightError> {
    let Some(rows) = published.table(TIER_MIGRATION.name).await? else {
        return Ok(BTreeMap::new());
    };
    let of_warnings = ident("direction").in_list(vec![lit("raised"), lit("cleared")], false);
    let groups = vec![ident("dimension"), ident("direction")];
    let users = vec![count(lit(1)).alias("users")];
    let rows = rows.filter(of_warnings);
    let rows = collected(rows.and_then(|rows| rows.aggregate(groups, users))).await?;
    let moved = |rows: &RecordBatch| -> Result<_, ArrowError> {
        let (names, directions) = (texts(rows, "dimension")?, texts(rows, "direction")?);
        let users = integers(rows, "users")?;
        let moved = (0..rows.num_rows()).map(|row| {
            let key = (
                names.value(row).to_owned(),
                directions.value(row).to_owned(),
            );
            (key, users.value(row))
        });
        Ok(moved.collect())
    };
    Ok(moved(&rows).map_err(EngineError::during(STAGE))?)
}
