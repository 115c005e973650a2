//! A published date for people to look at: the users of every tier, and who moved.
//!
//! 1. [`Opened::publication`]: the valid publication of the date, or of the newest.
//! 2. The tables are opened at the versions which that publication recorded, as every reader who
//!    goes by publications finds them.
//! 3. `dim_tier` gives the order of dimensions and tiers, [`counts`] their users and revenue,
//!    `tier_migration_matrix` the flows between them.
//! 4. `kpi_daily` and `alerts` are read as they are, where the publication has them, and [`metrics`] says
//!    how they are called and written.

mod actions;
mod amounts;
mod between;
mod counts;
mod dimension;
mod flows;
mod kpis;
mod labels;
mod metrics;
mod not_published;
mod number_form;
mod opened;
mod outcome;
mod user;

use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::error::Result as EngineResult;
use serde::Serialize;

use crate::engine::{EngineError, Session, texts};
use crate::ground::{Diagnostic, Problems, SnapshotDate, SqlSchema, TableName, did_you_mean};
use crate::job::Job;
use crate::migration::Period;
use crate::night::{Alert, NightError, alerts_of};
use crate::publish::{Publication, missing, published_table};
use crate::storage::Location;
use crate::tables::{
    ALERTS, DIM_TIER, KPI_DAILY, OUR_NAMES, TIER_MIGRATION_MATRIX, TIER_SNAPSHOT, TIER_SUMMARY,
};
use crate::tiers::{Dimension, Dimensions, warnings};

use self::counts::Counts;
use self::flows::FlowRows;

pub(crate) use self::actions::{ActionOverview, ActionsOverview};
pub(crate) use self::amounts::as_money;
pub(crate) use self::labels::{Label, Labels, Playbook};
pub(crate) use self::outcome::published_outcome;
pub(crate) use dimension::{DimensionOverview, Flow, TierOverview};
pub(crate) use kpis::{Kpi, WarningOverview};
pub(crate) use metrics::{MetricForm, Metrics, metrics};
pub(crate) use not_published::{Wish, not_published};
pub(crate) use number_form::NumberForm;
pub(crate) use opened::Opened;
pub(crate) use user::{
    ActionCut, ActionOfUser, ChannelCut, Cuts, Figure, Listing, UserAction, UserMove, UserOverview,
    UserTier, UserWarning,
};

/// The table with what each tier adds up to.
const SUMMARY: &str = TIER_SUMMARY.name;

/// What is published of one date.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Overview {
    /// The snapshot date that is shown.
    pub snapshot_date: SnapshotDate,
    /// The date that moves are counted from; none where nothing was published before.
    pub previous_snapshot_date: Option<SnapshotDate>,
    /// The run that published it.
    pub run_id: String,
    /// The cut points that its scores come from.
    pub cutpoints_id: String,
    /// Those of the date that moves are counted from; none where there is none.
    pub previous_cutpoints_id: Option<String>,
    /// Users in the snapshot.
    pub users: u64,
    /// The dimensions, in the order of `dim_tier`.
    pub dimensions: Vec<DimensionOverview>,
    /// The warnings, in the order of `dim_tier`.
    pub warnings: Vec<WarningOverview>,
    /// The metrics, by name.
    pub kpis: Vec<Kpi>,
    /// What `dim_metric` says of them.
    #[serde(skip)]
    pub metrics: Metrics,
    /// The metrics past their limits, the critical ones first.
    pub alerts: Vec<Alert>,
    /// The tables of the job's own that the date was published in, by name, and its rows in each.
    pub own_tables: Vec<(String, u64)>,
}

impl Overview {
    /// Reads a published date, the newest unless told otherwise.
    ///
    /// # Errors
    /// A date that is not published, and whatever keeps its tables from being read.
    pub(crate) async fn read(job: &Job, date: Option<SnapshotDate>) -> Result<Self, NightError> {
        let opened = Opened::of(job).await?;
        let publication = opened.publication(date).await?;
        Box::pin(Self::of(&opened, publication)).await
    }

    /// Reads what a publication recorded.
    ///
    /// # Errors
    /// Whatever keeps its tables from being read.
    pub(crate) async fn of(opened: &Opened, publication: &Publication) -> Result<Self, NightError> {
        let Opened {
            output, session, ..
        } = opened;
        for table in [
            DIM_TIER.name,
            TIER_SNAPSHOT.name,
            TIER_MIGRATION_MATRIX.name,
        ] {
            register_published(session, output, publication, table).await?;
        }
        let dim_tier = dim_tier(session).await?;
        let (listed, listed_warnings) = (Dimensions::listed(&dim_tier)?, warnings(&dim_tier)?);
        let summary = read_summary(session, output, publication).await?;
        let counts = Counts::of(session, &listed, &listed_warnings, summary.as_ref());
        let counts = Box::pin(counts).await;
        let counts = counts.map_err(EngineError::during("counting users"))?;
        let dimensions = read_dimensions(session, &listed, &counts).await?;
        let warnings = counts.warnings(listed_warnings);
        let kpis = read_mart(session, output, publication, KPI_DAILY.name, kpis::kpis_of).await?;
        let metrics = metrics(opened).await?;
        let alerts = read_mart(session, output, publication, ALERTS.name, alerts_of).await?;
        let snapshot = publication.tables.get(TIER_SNAPSHOT.name);
        let previous = publication.previous_snapshot_date;
        let previous = previous.and_then(|date| opened.publications.newest_for(date));
        Ok(Self {
            snapshot_date: publication.snapshot_date,
            previous_snapshot_date: publication.previous_snapshot_date,
            run_id: publication.run_id.clone(),
            cutpoints_id: publication.cutpoints_id.clone(),
            previous_cutpoints_id: previous.map(|previous| previous.cutpoints_id.clone()),
            users: snapshot.map_or(0, |table| table.rows),
            dimensions,
            warnings,
            kpis,
            metrics,
            alerts,
            own_tables: own_tables(publication),
        })
    }

    /// The dimension of that name.
    ///
    /// # Errors
    /// When there is none: names those that there are.
    pub(crate) fn dimension(&self, name: &str) -> Result<&DimensionOverview, Problems> {
        let mut dimensions = self.dimensions.iter();
        let found = dimensions.find(|dimension| dimension.name == name);
        found.ok_or_else(|| {
            let mut warnings = self.warnings.iter();
            if warnings.any(|warning| warning.name == name) {
                let message = format!("`{name}` is a warning, and no dimension");
                let help = "leave --dimension out to see how many have it; tier_migration has who it was raised and cleared for";
                return Problems(vec![Diagnostic::new(message).help(help)]);
            }
            let names = self
                .dimensions
                .iter()
                .map(|dimension| dimension.name.as_str());
            let near = did_you_mean(name, names.clone());
            let message = format!("there is no dimension `{name}`{near}");
            let known = names.collect::<Vec<_>>().join(", ");
            let help = format!("the dimensions of {} are {known}", self.snapshot_date);
            Problems(vec![Diagnostic::new(message).help(help)])
        })
    }
}

/// The tables that tierline does not have in every job.
fn own_tables(publication: &Publication) -> Vec<(String, u64)> {
    let tables = publication.tables.iter();
    let own = tables.filter(|(name, _)| !OUR_NAMES.contains(&name.as_str()));
    own.map(|(name, version)| (name.clone(), version.rows))
        .collect()
}

/// Registers a table as the publication recorded it.
async fn register_published(
    session: &Session,
    output: &Location,
    publication: &Publication,
    table: &str,
) -> Result<(), NightError> {
    let rows = published_table(output, publication, table).await?;
    let rows = rows.ok_or_else(|| missing(publication, table))?;
    let name = TableName::new(SqlSchema::Publish, table);
    let registered = session.register(&name, Arc::new(rows));
    Ok(registered.map_err(EngineError::during("reading published tables"))?)
}

/// The rows of `dim_tier`, once it is registered.
async fn dim_tier(session: &Session) -> Result<RecordBatch, NightError> {
    let rows = rows_of(session, DIM_TIER.name).await;
    Ok(rows.map_err(EngineError::during("reading dim_tier"))?)
}

/// The rows of `tier_summary`; dates of an earlier version of tierline have none.
async fn read_summary(
    session: &Session,
    output: &Location,
    publication: &Publication,
) -> Result<Option<RecordBatch>, NightError> {
    if !publication.tables.contains_key(SUMMARY) {
        return Ok(None);
    }
    register_published(session, output, publication, SUMMARY).await?;
    let rows = rows_of(session, SUMMARY).await;
    let rows = rows.map_err(EngineError::during("reading tier_summary"))?;
    Ok(Some(rows))
}

/// The dimensions with what was counted of them, and the flows in each.
async fn read_dimensions(
    session: &Session,
    dimensions: &Dimensions,
    counts: &Counts,
) -> Result<Vec<DimensionOverview>, NightError> {
    let matrix = rows_of(session, TIER_MIGRATION_MATRIX.name).await;
    let matrix = matrix.map_err(EngineError::during("reading tier_migration_matrix"))?;
    let overview = |dimension: &Dimension| {
        let flows = flows_of(dimension, &matrix, Period::Night)?;
        Ok(DimensionOverview {
            name: dimension.name.clone(),
            is_ranked: dimension.is_ranked(),
            tiers: counts.tiers(dimension),
            flows,
        })
    };
    let overviews: Result<_, ArrowError> = dimensions.iter().map(overview).collect();
    Ok(overviews.map_err(EngineError::during("reading tier_migration_matrix"))?)
}

/// The rows of a mart; dates of an earlier version of tierline have none.
async fn read_mart<T>(
    session: &Session,
    output: &Location,
    publication: &Publication,
    mart: &str,
    read: fn(&RecordBatch) -> Result<Vec<T>, ArrowError>,
) -> Result<Vec<T>, NightError> {
    if !publication.tables.contains_key(mart) {
        return Ok(Vec::new());
    }
    register_published(session, output, publication, mart).await?;
    let rows = rows_of(session, mart).await;
    let rows = rows.map_err(EngineError::during("reading KPIs"))?;
    Ok(read(&rows).map_err(EngineError::during("reading KPIs"))?)
}

/// The rows of a published table that has been registered.
async fn rows_of(session: &Session, table: &str) -> EngineResult<RecordBatch> {
    session
        .rows(&TableName::new(SqlSchema::Publish, table))
        .await
}

/// The flows of a dimension in a period, of the rows of `tier_migration_matrix`.
pub(crate) fn flows_of(
    dimension: &Dimension,
    matrix: &RecordBatch,
    wanted: Period,
) -> Result<Vec<Flow>, ArrowError> {
    let dimensions = texts(matrix, "dimension")?;
    let flows = FlowRows::of(matrix)?;
    // An older tierline published no others than those of the night, and did not say so.
    let periods = texts(matrix, "period").ok();
    let is_wanted = |row: &usize| {
        let period = periods.as_ref().filter(|periods| periods.is_valid(*row));
        let period = period.map_or(Period::Night.as_str(), |periods| periods.value(*row));
        period == wanted.as_str()
    };
    let rows = (0..matrix.num_rows()).filter(|row| dimensions.value(*row) == dimension.name);
    let rows = rows.filter(is_wanted);
    Ok(rows.map(|row| flows.flow(dimension, row)).collect())
}
