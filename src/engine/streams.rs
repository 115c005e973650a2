//! Queries on their way: planned, their plan logged for whoever asks, and started.

use std::sync::Arc;

use datafusion::common::SplitPoint;
#[cfg(feature = "cluster")]
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
#[cfg(feature = "cluster")]
use datafusion::datasource::{memory::MemorySourceConfig, source::DataSourceExec};
use datafusion::error::Result;
use datafusion::execution::{SessionStateBuilder, TaskContext};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ExecutionPlan, ExecutionPlanProperties, Partitioning, SendableRecordBatchStream, displayable,
    execute_stream,
};
#[cfg(feature = "cluster")]
use datafusion::physical_plan::{
    empty::EmptyExec, placeholder_row::PlaceholderRowExec, streaming::StreamingTableExec,
};
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::interruptible::beneath_merge;

/// Batches that a query is ahead of whoever reads them.
const BATCHES_AHEAD: usize = 4;

/// The query with files read from start to end: parts of a sorted file that are read at the same
/// time would only have to be merged again.
pub(crate) fn reading_whole_files(rows: DataFrame) -> DataFrame {
    planned_by(rows, |options| {
        options.optimizer.repartition_file_scans = false;
    })
}

/// The query, which is planned with other options than its session has.
fn planned_by(rows: DataFrame, set: impl FnOnce(&mut ConfigOptions)) -> DataFrame {
    let (state, plan) = rows.into_parts();
    let mut config = state.config().clone();
    set(config.options_mut());
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

/// A part of the rows of a query, which nobody computes yet.
pub(crate) struct PlannedRows {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    /// Which of its partitions; all of them when none.
    partition: Option<usize>,
}

impl PlannedRows {
    /// Starts to compute them in a task of their own.
    pub(crate) fn stream(self) -> Result<SendableRecordBatchStream> {
        let Self { plan, context, .. } = self;
        Ok(ahead_of(match self.partition {
            Some(partition) => plan.execute(partition, context)?,
            None => execute_stream(plan, context)?,
        }))
    }
}

/// Nodes that bring rows of several partitions together, or deal them out anew. A scalar subquery over users has
/// one below it.
#[cfg(feature = "cluster")]
const EXCHANGES: [&str; 3] = [
    "RepartitionExec",
    "CoalescePartitionsExec",
    "SortPreservingMergeExec",
];

#[cfg(feature = "cluster")]
impl PlannedRows {
    /// Whether they are computed from the users of their range and from constants alone, so that another process
    /// computes the same without having seen the other ranges. What says that they are not: rows that are brought
    /// together from several ranges, and files of any kind.
    pub(crate) fn depend_on_their_range_alone(&self) -> bool {
        let mut does = self.partition.is_some();
        let walked = self.plan.apply(|node| {
            let is_exchange = EXCHANGES.contains(&node.name());
            let is_leaf = node.children().is_empty();
            does &= !is_exchange && (!is_leaf || is_range_or_constant(node));
            Ok(TreeNodeRecursion::Continue)
        });
        does && walked.is_ok()
    }
}

/// Whether a leaf has the rows of a range in each partition, or is a table of constants.
#[cfg(feature = "cluster")]
fn is_range_or_constant(leaf: &Arc<dyn ExecutionPlan>) -> bool {
    if leaf.is::<StreamingTableExec>() {
        return matches!(leaf.output_partitioning(), Partitioning::Range(_));
    }
    let source = leaf.downcast_ref::<DataSourceExec>();
    let constants = source.map(|source| source.data_source().is::<MemorySourceConfig>());
    constants.unwrap_or_else(|| leaf.is::<PlaceholderRowExec>() || leaf.is::<EmptyExec>())
}

/// The rows of a query with an order, in the ranges of that order between these points, where each range can
/// be computed by itself; else all as one.
pub(crate) async fn planned_in_ranges(
    rows: DataFrame,
    table: &str,
    split_points: &[SplitPoint],
) -> Result<Vec<PlannedRows>> {
    let ranges = split_points.len() + 1;
    // With more partitions than ranges the engine would deal rows out anew.
    let rows = match ranges {
        1 => rows,
        _ => planned_by(rows, |options| {
            options.execution.target_partitions = ranges;
        }),
    };
    let (plan, context) = planned(rows, table).await?;
    let is_by_its_order = |plan: &Arc<dyn ExecutionPlan>, order: &LexOrdering| {
        let Partitioning::Range(found) = plan.output_partitioning() else {
            return false;
        };
        *found.ordering() == *order && found.split_points() == split_points
    };
    let in_ranges = beneath_merge(&plan).filter(|(plan, order)| is_by_its_order(plan, order));
    let part = |plan: &Arc<dyn ExecutionPlan>, partition| PlannedRows {
        plan: Arc::clone(plan),
        context: Arc::clone(&context),
        partition,
    };
    Ok(match in_ranges {
        Some((plan, _)) => (0..ranges).map(|range| part(&plan, Some(range))).collect(),
        None => vec![part(&plan, None)],
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
