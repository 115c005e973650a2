//! Queries that are given up when a signal ends the process, or a night's time is up, however long they
//! compute without reading anything: each plan looks for that before each of its batches, and so do its
//! joins and what else makes many rows of few. Whoever aggregates or sorts these asks for all of them at
//! once. A panic on the way is an error of the query as well.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, StreamExt};

use crate::ground::{GivenUp, interruption};

use super::panicked::or_panicked;

/// How the names of operators end that make many rows of few.
const MAKE_ROWS: [&str; 3] = ["JoinExec", "UnnestExec", "RecursiveQueryExec"];

/// Puts [`HeedSignalsExec`] above every plan and what makes rows in it; the last of the rules.
#[derive(Debug)]
pub(super) struct HeedSignals;

impl PhysicalOptimizerRule for HeedSignals {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let heeding = plan.transform_up(|node| {
            let makes_rows = MAKE_ROWS.iter().any(|end| node.name().ends_with(end));
            Ok(match makes_rows {
                true => Transformed::yes(HeedSignalsExec::above(node)),
                false => Transformed::no(node),
            })
        })?;
        Ok(HeedSignalsExec::above(heeding.data))
    }

    fn name(&self) -> &str {
        "heed_signals"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The rows of its input, or an error once a signal has come.
#[derive(Debug)]
struct HeedSignalsExec(Arc<dyn ExecutionPlan>);

impl HeedSignalsExec {
    fn above(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self(plan))
    }
}

/// What a plan merges at its end to have its rows in an order, with its partitions still apart, and that
/// order; none when it merges nothing, or takes the first rows of what it has merged.
pub(super) fn beneath_merge(
    plan: &Arc<dyn ExecutionPlan>,
) -> Option<(Arc<dyn ExecutionPlan>, LexOrdering)> {
    if let Some(HeedSignalsExec(input)) = plan.downcast_ref::<HeedSignalsExec>() {
        let (input, order) = beneath_merge(input)?;
        return Some((HeedSignalsExec::above(input), order));
    }
    // Subqueries are computed once, by whichever partition comes first.
    if let Some(with_subqueries) = plan.downcast_ref::<ScalarSubqueryExec>() {
        let (input, order) = beneath_merge(with_subqueries.input())?;
        let subqueries = with_subqueries.subqueries().to_vec();
        let results = with_subqueries.results().clone();
        let plan = ScalarSubqueryExec::new(input, subqueries, results);
        return Some((Arc::new(plan), order));
    }
    let merge = plan.downcast_ref::<SortPreservingMergeExec>()?;
    let is_whole = merge.fetch().is_none();
    is_whole.then(|| (Arc::clone(merge.input()), merge.expr().clone()))
}

impl DisplayAs for HeedSignalsExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HeedSignalsExec")
    }
}

impl ExecutionPlan for HeedSignalsExec {
    fn name(&self) -> &str {
        "HeedSignalsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self(children.swap_remove(0))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.0.execute(partition, context)?;
        Ok(Box::pin(UntilSignal {
            rows,
            signal: interruption().given_up().boxed(),
            is_over: false,
        }))
    }
}

/// Rows until a signal comes.
struct UntilSignal {
    rows: SendableRecordBatchStream,
    signal: BoxFuture<'static, GivenUp>,
    is_over: bool,
}

impl Stream for UntilSignal {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        if let Poll::Ready(given_up) = self.signal.poll_unpin(context) {
            self.is_over = true;
            return Poll::Ready(Some(Err(DataFusionError::External(Box::new(given_up)))));
        }
        match or_panicked(|| self.rows.poll_next_unpin(context)) {
            Ok(poll) => poll,
            Err(panicked) => {
                self.is_over = true;
                Poll::Ready(Some(Err(DataFusionError::External(Box::new(panicked)))))
            }
        }
    }
}

impl RecordBatchStream for UntilSignal {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Schema;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
    use futures::stream;

    use super::*;

    #[tokio::test]
    async fn a_panic_ends_a_query_with_an_error() {
        let schema = Arc::new(Schema::empty());
        let batches = stream::iter(0..3).map(|number| match number {
            1 => panic!("a length cannot be"),
            _ => Ok(RecordBatch::new_empty(Arc::new(Schema::empty()))),
        });
        let rows = RecordBatchStreamAdapter::new(schema, batches);
        let mut rows = UntilSignal {
            rows: Box::pin(rows),
            signal: interruption().given_up().boxed(),
            is_over: false,
        };
        assert!(rows.next().await.unwrap().is_ok());
        let told = rows.next().await.unwrap().unwrap_err().to_string();
        assert!(told.contains("a length cannot be"), "{told}");
        assert!(rows.next().await.is_none());
    }
}
