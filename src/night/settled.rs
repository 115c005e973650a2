//! The users of a scenario in order, settled against the previous snapshot: the rows that a night
//! publishes, as a stream for each range of users.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, col};
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::DataFrame;
use futures::TryStreamExt;

use crate::engine::{
    EngineError, PlannedRows, planned_in_ranges, reading_whole_files, stream_ahead_of,
};
use crate::ground::SnapshotDate;
use crate::job::Job;
use crate::migration;
use crate::models::Parameters;
use crate::pack::{Catalog, Project, Shape};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::{DelayLimits, Settled, SettledDimension, Settling};
use crate::tiles::{USER_ID, UserRange, UserRanges};

use super::context::Run;
use super::error::NightError;
use super::previous_join::{PreviousJoin, PreviousRows};
use super::tiers::Tiers;

/// What the engine was doing when it failed.
pub(super) const STAGE: &str = "writing the snapshot";

/// The rows of a scenario, planned.
pub(super) struct SettledRows {
    /// The ranges of users that they may be computed in.
    ranges: Arc<UserRanges>,
    /// Today's rows as SQL gives them, in user order.
    today: DataFrame,
    /// Those of the previous snapshot.
    previous: Option<DataFrame>,
    settling: Settling,
}

/// The rows of a range of users, planned.
pub(super) struct SettledRange {
    /// Which users.
    pub range: UserRange,
    today: PlannedRows,
    previous: Option<DataFrame>,
    settling: Settling,
}

/// The rows of a range of users, on their way.
pub(super) struct SettledStream {
    /// None once they are through.
    today: Option<SendableRecordBatchStream>,
    previous: Option<PreviousJoin>,
    settling: Settling,
}

/// The next users.
pub(super) struct SettledUsers {
    /// Rows of the snapshot; none once they are through.
    pub today: Option<Settled>,
    /// Users of the previous snapshot who are not there today, with what they had. They come before
    /// the last of today's.
    pub gone: Vec<Settled>,
}

/// How the snapshot of a date is settled.
pub(super) struct Settlement<'a> {
    pub project: &'a Project,
    pub job: &'a Job,
    pub date: SnapshotDate,
    pub parameters: &'a Parameters,
    pub shape: &'a Shape,
    /// How far grace and hold go.
    pub limits: DelayLimits,
    pub cutpoints_id: &'a str,
    pub run_id: &'a str,
}

impl Run<'_> {
    /// How the scenario is settled, made by the run of an id.
    pub(super) fn settlement<'a>(&'a self, tiers: &'a Tiers, run_id: &'a str) -> Settlement<'a> {
        Settlement {
            project: self.scenario.project,
            job: self.job,
            date: self.scenario.date,
            parameters: &tiers.parameters,
            shape: &tiers.shape,
            limits: tiers.scoring.delay_limits(self),
            cutpoints_id: &tiers.calibration.id,
            run_id,
        }
    }
}

impl Settlement<'_> {
    /// The settled rows. `previous` are the rows of the snapshot that they follow on, with the columns that
    /// this one had.
    pub(super) async fn rows(
        self,
        catalog: &Catalog<'_>,
        previous: Option<&DataFrame>,
    ) -> Result<SettledRows, NightError> {
        let engine = EngineError::during("planning the snapshot");
        let shape = self.shape;
        let raw = shape
            .raw_snapshot(catalog, self.project, self.job, self.parameters)
            .await?;
        let settling = Settling::new(&raw.schema, &shape.dimensions, &shape.warnings, self.date);
        let today = raw.with_origin(self.cutpoints_id, self.run_id);
        let today = today.map_err(&engine)?;
        let today = in_order(today).map_err(EngineError::during(STAGE))?;
        let previous = previous.map(|previous| columns_settled(previous, shape));
        Ok(SettledRows {
            ranges: Arc::clone(catalog.ranges()),
            today,
            previous: previous.transpose().map_err(EngineError::during(STAGE))?,
            settling: settling.within(self.limits),
        })
    }
}

#[cfg(feature = "cluster")]
impl SettledRange {
    /// Whether another process can compute them without the users of other ranges.
    pub(super) fn depends_on_its_users_alone(&self) -> bool {
        self.today.depend_on_their_range_alone()
    }

    /// What settles them, which has settled nobody yet.
    pub(super) fn settling(&self) -> Settling {
        self.settling.clone()
    }
}

/// The columns of the previous snapshot that settling and the migration read.
fn columns_settled(previous: &DataFrame, shape: &Shape) -> EngineResult<DataFrame> {
    let columns = previous.schema().as_arrow();
    let columns = Settling::previous_columns(&shape.dimensions, &shape.warnings, columns);
    let names = [USER_ID, migration::REVENUE].into_iter();
    let names = names.chain(columns.iter().map(String::as_str));
    let rows = previous.clone();
    rows.select(names.map(col).collect::<Vec<Expr>>())
}

/// The rows of a range of users.
pub(super) fn of_range(rows: DataFrame, range: &UserRange) -> EngineResult<DataFrame> {
    match range.condition() {
        Some(condition) => rows.filter(condition),
        None => Ok(rows),
    }
}

/// The rows in the order of users, which published ones are in already.
pub(super) fn in_order(rows: DataFrame) -> EngineResult<DataFrame> {
    rows.sort(vec![col(USER_ID).sort(true, true)])
}

impl SettledRows {
    /// The columns of the snapshot.
    pub(super) fn schema(&self) -> SchemaRef {
        self.settling.schema()
    }

    /// The rows of each range, where each can be computed by itself, and else all of them as one.
    pub(super) async fn in_ranges(self) -> Result<Vec<SettledRange>, EngineError> {
        let planned = async {
            let user_id = self.today.schema().field_with_unqualified_name(USER_ID)?;
            let split_points = self.ranges.split_points(user_id.data_type())?;
            planned_in_ranges(self.today, TIER_SNAPSHOT.name, &split_points).await
        };
        let planned = planned.await.map_err(EngineError::during(STAGE))?;
        if planned.len() < self.ranges.count() {
            let table = TIER_SNAPSHOT.name;
            tracing::info!(
                table.name = table,
                "computed as one range: it needs all users at once"
            );
        }
        let ranges: Vec<UserRange> = match planned.len() {
            1 => vec![self.ranges.within().clone()],
            _ => self.ranges.iter().collect(),
        };
        let rows = planned.into_iter().zip(ranges);
        let rows = rows.map(|(today, range)| SettledRange {
            range,
            today,
            previous: self.previous.clone(),
            settling: self.settling.clone(),
        });
        Ok(rows.collect())
    }
}

impl SettledRange {
    /// Starts to compute them.
    pub(super) async fn stream(self) -> Result<SettledStream, EngineError> {
        let engine = EngineError::during(STAGE);
        let previous = match self.previous {
            Some(rows) => {
                let rows = previous_in(rows, &self.range).await;
                Some(rows.map_err(&engine)?)
            }
            None => None,
        };
        Ok(SettledStream {
            today: Some(self.today.stream().map_err(&engine)?),
            previous,
            settling: self.settling,
        })
    }
}

/// Starts to read the previous rows of a range of users.
async fn previous_in(rows: DataFrame, range: &UserRange) -> EngineResult<PreviousJoin> {
    let rows = reading_whole_files(in_order(of_range(rows, range)?)?);
    let rows = stream_ahead_of(rows, "previous tier_snapshot").await?;
    Ok(PreviousJoin::open(rows))
}

impl SettledStream {
    /// The next users; none once all are through.
    pub(super) async fn next(&mut self) -> Result<Option<SettledUsers>, EngineError> {
        let engine = EngineError::during(STAGE);
        if let Some(today) = &mut self.today {
            if let Some(batch) = today.try_next().await.map_err(&engine)? {
                return self.settle(&batch).await.map(Some);
            }
            self.today = None;
        }
        let Some(previous) = &mut self.previous else {
            return Ok(None);
        };
        let Some(gone) = previous.rest().await.map_err(&engine)? else {
            return Ok(None);
        };
        Ok(Some(SettledUsers {
            today: None,
            gone: vec![self.gone(gone)?],
        }))
    }

    /// A batch of today's users.
    async fn settle(&mut self, today: &RecordBatch) -> Result<SettledUsers, EngineError> {
        let engine = EngineError::during(STAGE);
        let joined = match &mut self.previous {
            Some(previous) => Some(previous.join(today).await.map_err(&engine)?),
            None => None,
        };
        let (previous, gone) = match joined {
            Some(PreviousRows { previous, gone }) => (Some(previous), gone),
            None => (None, Vec::new()),
        };
        let settled = self.settling.settle(today, previous.as_ref());
        let gone = gone.into_iter().map(|gone| self.gone(gone));
        Ok(SettledUsers {
            gone: gone.collect::<Result<_, _>>()?,
            today: Some(settled.map_err(EngineError::during(STAGE))?),
        })
    }

    /// Users who are gone, with what they had.
    pub(super) fn gone(&mut self, gone: RecordBatch) -> Result<Settled, EngineError> {
        let gone = self.settling.gone(gone);
        gone.map_err(EngineError::during("counting users who are gone"))
    }

    /// The dimensions of settled users against those of an earlier snapshot.
    pub(super) fn since(
        &mut self,
        earlier: &RecordBatch,
        now: &Settled,
    ) -> Result<Vec<SettledDimension>, ArrowError> {
        self.settling.since(earlier, now)
    }

    /// What has settled the rows that are through.
    pub(super) fn into_settling(self) -> Settling {
        self.settling
    }
}
