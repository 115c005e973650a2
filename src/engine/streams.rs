//! Queries on their way: planned, their plan logged for whoever asks, and started.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, SendableRecordBatchStream, displayable,
    execute_stream, execute_stream_partitioned,
};
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::interruptible::beneath_merge;

/// Batches that a query is ahead of whoever reads them.
const BATCHES_AHEAD: usize = 4;

/// The query with files read from start to end: parts of a sorted file that are read at the same
/// time would only have to be merged again.
pub(crate) fn reading_whole_files(rows: DataFrame) -> DataFrame {
    let (state, plan) = rows.into_parts();
    let mut config = state.config().clone();
    config.options_mut().optimizer.repartition_file_scans = false;
    let state = SessionStateBuilder::new_from_existing(state).with_config(config);
    DataFrame::new(state.build(), plan)
}

/// Starts a query in a task of its own, so that it computes while its reader does something with
/// what it has got; `--log-level debug` shows its plan.
pub(crate) async fn stream_ahead_of(
    rows: DataFrame,
    table: &str,
) -> Result<SendableRecordBatchStream> {
    let (plan, session) = planned(rows, table).await?;
    Ok(ahead_of(execute_stream(plan, session)?))
}

/// As [`stream_ahead_of`], of a query with an order whose rows can be computed in so many ranges of that
/// order: a stream of each, in the order of the ranges. Of any other query it is one stream.
pub(crate) async fn streams_ahead_of(
    rows: DataFrame,
    table: &str,
    ranges: usize,
) -> Result<Vec<SendableRecordBatchStream>> {
    let (plan, session) = planned(rows, table).await?;
    let in_ranges = beneath_merge(&plan).filter(|plan| match plan.output_partitioning() {
        Partitioning::Range(found) => found.partition_count() == ranges,
        _ => false,
    });
    Ok(match in_ranges {
        Some(plan) => {
            let streams = execute_stream_partitioned(plan, session)?;
            streams.into_iter().map(ahead_of).collect()
        }
        None => vec![ahead_of(execute_stream(plan, session)?)],
    })
}

fn ahead_of(mut rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut ahead = RecordBatchReceiverStream::builder(rows.schema(), BATCHES_AHEAD);
    let sender = ahead.tx();
    ahead.spawn(async move {
        while let Some(batch) = rows.next().await {
            // Nobody reads on: the query was given up.
            if sender.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    });
    ahead.build()
}

async fn planned(
    rows: DataFrame,
    table: &str,
) -> Result<(Arc<dyn ExecutionPlan>, Arc<TaskContext>)> {
    let session = Arc::new(rows.task_ctx());
    let plan = rows.create_physical_plan().await?;
    tracing::debug!(
        table.name = table,
        "{}",
        displayable(plan.as_ref()).indent(false)
    );
    Ok((plan, session))
}
