//! Models of the snapshot that need all users at once: with one of them, a night of several ranges of users
//! computes its snapshot in one.
//!
//! ```text
//! recency_days - AVG(recency_days) OVER ()        needs all users: the average is theirs
//! SUM(orders) OVER (PARTITION BY user_id)         does not
//! ```

use datafusion::error::Result as EngineResult;
use datafusion::prelude::{DataFrame, col};

use crate::engine::{EngineError, Session, planned_in_ranges};
use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::job::Job;
use crate::models::Model;
use crate::pack::{PackError, Project, UPSTREAM, cut_points, register_declared};
use crate::tables::TIER_SNAPSHOT;
use crate::tiles::{USER_ID, UserId, UserRanges, fuse_full_joins};

use super::error::PlanError;

/// What the planning of such models is called in errors.
const STAGE: &str = "looking for models that need all users at once";

/// The models behind the snapshot, it included, that cannot be computed range by range, but for those that
/// read such a one. None where the snapshot can be computed so, where the job has one range, and where the models
/// cannot be planned before their files are seen.
///
/// # Errors
/// Tables that some reader would not open.
pub(super) async fn undivided(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Vec<TableName>, PlanError> {
    if job.ranges.is_none_or(|ranges| ranges.get() == 1) {
        return Ok(Vec::new());
    }
    match named(job, project, snapshot_date).await {
        // Ids, say, are of another type in the files than is taken for granted here.
        Err(PlanError::Pack(error @ (PackError::Problems(_) | PackError::Engine(_)))) => {
            tracing::debug!(%error, "nobody knows yet whether a model needs all users at once");
            Ok(Vec::new())
        }
        named => named,
    }
}

async fn named(
    job: &Job,
    project: &Project,
    snapshot_date: SnapshotDate,
) -> Result<Vec<TableName>, PlanError> {
    let engine = EngineError::during(STAGE);
    let session = Session::open(&job.engine, [], [fuse_full_joins()]).map_err(&engine)?;
    let mut catalog = register_declared(job, project, snapshot_date, &session, &UPSTREAM).await?;
    // Any two will do.
    let ranges = UserRanges::split_at(UserId::Number(0));
    catalog.set_ranges(ranges.clone());
    let features = [SqlSchema::Features, SqlSchema::Calibration];
    let parameters = project.parameters.clone();
    catalog.register_models(&features, &parameters).await?;
    let parameters = cut_points::stand_ins(&catalog, project, parameters).await;
    let parameters = parameters.map_err(&engine)?;
    catalog
        .register_models(&[SqlSchema::Tiers], &parameters)
        .await?;
    let is_in_ranges = async |model: &Model| {
        let plan = catalog.plan_by_name(model, &parameters).await?;
        let found = is_in_ranges(session.plan(plan), &model.name, &ranges).await;
        Ok::<_, PlanError>(found.map_err(&engine)?)
    };
    let graph = &project.graph;
    let snapshot = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
    let Some(model) = graph.model(&snapshot) else {
        return Ok(Vec::new());
    };
    if is_in_ranges(model).await? {
        return Ok(Vec::new());
    }
    let behind = graph.upstream(&snapshot);
    let schemas = [SqlSchema::Features, SqlSchema::Tiers, SqlSchema::Publish];
    let mut undivided: Vec<TableName> = Vec::new();
    for model in graph.models() {
        let (name, read) = (&model.name, graph.upstream(&model.name));
        let is_said = undivided.iter().any(|model| read.contains(model));
        let is_of_users = read.iter().any(|table| table.schema == SqlSchema::Rollups);
        if is_said || !is_of_users || !behind.contains(name) || !schemas.contains(&name.schema) {
            continue;
        }
        if !is_in_ranges(model).await? {
            undivided.push(name.clone());
        }
    }
    Ok(undivided)
}

/// Whether rows can be computed range by range, each from the users of that range alone. Rows that are not of
/// users stand in nobody's way.
async fn is_in_ranges(
    rows: DataFrame,
    name: &TableName,
    ranges: &UserRanges,
) -> EngineResult<bool> {
    let Ok(user_id) = rows.schema().field_with_unqualified_name(USER_ID) else {
        return Ok(true);
    };
    let split_points = ranges.split_points(user_id.data_type())?;
    let rows = rows.sort(vec![col(USER_ID).sort(true, true)])?;
    let planned = planned_in_ranges(rows, &name.name, &split_points).await?;
    Ok(planned.len() == ranges.count())
}
