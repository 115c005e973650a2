//! Who moved between any two published dates: the shown values of one snapshot joined with those of
//! the other.
//!
//! | shown on `from` | shown on `to` | flow |
//! |---|---|---|
//! | a | b | a to b |
//! | a | user is not there | a, and left |
//! | user was not there | b | entered, and b |
//!
//! Both snapshots are read as their publications recorded them, each user's id, revenue and the one
//! dimension at a time. Revenue is that of `to`; of users who left, that of `from`, as in
//! `tier_migration_matrix`.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::error::Result as EngineResult;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::logical_expr::{ident, lit, when};
use datafusion::prelude::DataFrame;

use crate::engine::{EngineError, Session, all_rows};
use crate::ground::{Diagnostic, Problems, SnapshotDate};
use crate::inputs::ParquetFiles;
use crate::job::Job;
use crate::migration::REVENUE;
use crate::night::NightError;
use crate::publish::{Publication, missing, published_snapshot};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::{Dimension, Dimensions};
use crate::tiles::USER_ID;

use super::dimension::Flow;
use super::flows::FlowRows;
use super::{Opened, Overview, dim_tier};

/// What the rows are read for, in messages.
const COUNTING: &str = "counting moves";

impl Overview {
    /// Reads the published date `to`, the newest unless told otherwise, with the moves since `from`
    /// instead of those of its night: in the named dimension, or in all.
    ///
    /// # Errors
    /// Dates that are not published or not in this order, a dimension that there is not, and
    /// whatever keeps the tables from being read.
    pub(crate) async fn between(
        job: &Job,
        from: SnapshotDate,
        to: Option<SnapshotDate>,
        dimension: Option<&str>,
    ) -> Result<Self, NightError> {
        let opened = Opened::of(job).await?;
        let now = opened.publication(to).await?;
        check_order(from, now.snapshot_date)?;
        let before = opened.publication(Some(from)).await?;
        let mut overview = Box::pin(Self::of(&opened, now)).await?;
        if let Some(name) = dimension {
            overview.dimensions = vec![overview.dimension(name)?.clone()];
        }
        let sides = Sides {
            before: snapshot(&opened, before).await?,
            now: snapshot(&opened, now).await?,
        };
        let listed = Dimensions::listed(&dim_tier(&opened.session).await?)?;
        for shown in &mut overview.dimensions {
            let dimension = listed.iter().find(|listed| listed.name == shown.name);
            shown.flows = match dimension {
                Some(dimension) => {
                    let flows = Box::pin(sides.flows(&opened.session, dimension)).await;
                    flows.map_err(EngineError::during(COUNTING))?
                }
                None => Vec::new(),
            };
        }
        overview.previous_snapshot_date = Some(from);
        overview.previous_cutpoints_id = Some(before.cutpoints_id.clone());
        Ok(overview)
    }
}

fn check_order(from: SnapshotDate, to: SnapshotDate) -> Result<(), Problems> {
    if from < to {
        return Ok(());
    }
    let message = format!("--from {from} is not before --to {to}");
    let help = "give two published dates, the earlier one as --from";
    Err(Problems(vec![Diagnostic::new(message).help(help)]))
}

/// A published snapshot with the columns that its files have.
async fn snapshot(
    opened: &Opened,
    publication: &Publication,
) -> Result<Arc<ParquetFiles>, NightError> {
    let runtime = opened.session.runtime();
    let rows = published_snapshot(&opened.output, publication, &runtime).await?;
    let rows = rows.ok_or_else(|| missing(publication, TIER_SNAPSHOT.name))?;
    Ok(Arc::new(rows))
}

/// The two snapshots.
struct Sides {
    before: Arc<ParquetFiles>,
    now: Arc<ParquetFiles>,
}

impl Sides {
    /// The flows in a dimension; none where one of the snapshots does not have it.
    async fn flows(&self, session: &Session, dimension: &Dimension) -> EngineResult<Vec<Flow>> {
        let [before, now] = [&self.before, &self.now].map(|files| side(session, files, dimension));
        let (Some(before), Some(now)) = (before?, now?) else {
            return Ok(Vec::new());
        };
        let rows = all_rows(matrix(before, now)?).await?;
        let flows = FlowRows::of(&rows)?;
        let flows = (0..rows.num_rows()).map(|row| flows.flow(dimension, row));
        Ok(in_order(flows.collect(), dimension))
    }
}

/// The flows in the order of the dimension's tiers, where they come from first; tiers that are listed
/// no more by name behind them, and those who entered or left last.
fn in_order(mut flows: Vec<Flow>, dimension: &Dimension) -> Vec<Flow> {
    let place = |tier: &Option<String>| {
        let mut tiers = dimension.tiers.iter();
        let listed = tiers.position(|listed| tier.as_ref() == Some(&listed.name));
        (tier.is_none(), listed.is_none(), listed, tier.clone())
    };
    flows.sort_by_key(|flow| (place(&flow.from), place(&flow.to)));
    flows
}

/// The columns of a snapshot that are needed, where it has the dimension.
fn side(
    session: &Session,
    files: &Arc<ParquetFiles>,
    dimension: &Dimension,
) -> EngineResult<Option<DataFrame>> {
    let rows = session.read(Arc::clone(files) as _)?;
    if !dimension.is_in(rows.schema().as_arrow()) {
        return Ok(None);
    }
    let tier = ident(&dimension.name).alias("tier");
    Ok(Some(rows.select(vec![
        ident(USER_ID),
        tier,
        ident(REVENUE),
    ])?))
}

/// Users and revenue from each tier to each other one, as `tier_migration_matrix` has them.
fn matrix(before: DataFrame, now: DataFrame) -> EngineResult<DataFrame> {
    let before = before.select(vec![
        ident(USER_ID).alias("user_before"),
        ident("tier").alias("from_tier"),
        ident(REVENUE).alias("revenue_before"),
    ])?;
    let now = now.select(vec![
        ident(USER_ID).alias("user_now"),
        ident("tier").alias("to_tier"),
        ident(REVENUE).alias("revenue_now"),
    ])?;
    let both = before.join(now, JoinType::Full, &["user_before"], &["user_now"], None)?;
    let revenue = when(ident("user_now").is_null(), ident("revenue_before"))
        .otherwise(ident("revenue_now"))?;
    both.aggregate(
        vec![ident("from_tier"), ident("to_tier")],
        vec![count(lit(1)).alias("users"), sum(revenue).alias(REVENUE)],
    )
}
