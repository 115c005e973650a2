//! Nested loop joins that do not fit in memory fail, and say so. The engine would compute their left side
//! anew and spill it (`initiate_fallback` of DataFusion 55's `NestedLoopJoinStream`): a plan whose input was
//! dealt out panics then, and of several partitions each gives the left rows that it has no match for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use datafusion::common::resources_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, NestedLoopJoinExecBuilder};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use super::join_rule::JoinRule;

/// More than a pool with a limit has.
const MORE_THAN_ALL: usize = usize::MAX / 2;

/// Has the left side of every nested loop join computed once; runs after the engine's rules.
pub(super) fn loop_joins_fit_in_memory() -> JoinRule<NestedLoopJoinExec> {
    JoinRule::new("loop_joins_fit_in_memory", computing_once)
}

/// The same join over [`OnceExec`].
fn computing_once(join: &NestedLoopJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let left = Arc::new(OnceExec::of(Arc::clone(join.left())));
    let right = Arc::clone(join.right());
    let join = NestedLoopJoinExecBuilder::new(left, right, *join.join_type())
        .with_filter(join.filter().cloned())
        .with_projection_ref(join.projection().clone());
    Ok(Some(Arc::new(join.build()?)))
}

/// The rows of its input, the first time that they are asked for; after that memory is used up.
#[derive(Debug)]
struct OnceExec {
    input: Arc<dyn ExecutionPlan>,
    was_asked: AtomicBool,
}

impl OnceExec {
    fn of(input: Arc<dyn ExecutionPlan>) -> Self {
        Self {
            input,
            was_asked: AtomicBool::new(false),
        }
    }
}

impl DisplayAs for OnceExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnceExec")
    }
}

impl ExecutionPlan for OnceExec {
    fn name(&self) -> &str {
        "OnceExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
        Ok(Arc::new(Self::of(children.swap_remove(0))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if self.was_asked.swap(true, Ordering::Relaxed) {
            // The pool's own error says how much there is.
            let join = MemoryConsumer::new("NestedLoopJoin");
            join.register(context.memory_pool())
                .try_grow(MORE_THAN_ALL)?;
            return resources_err!("a nested loop join does not fit in memory");
        }
        self.input.execute(partition, context)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
    use datafusion::common::config::ConfigOptions;
    use datafusion::common::{DataFusionError, JoinType};
    use datafusion::datasource::memory::MemorySourceConfig;
    use datafusion::execution::memory_pool::FairSpillPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use datafusion::physical_optimizer::PhysicalOptimizerRule;
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::repartition::RepartitionExec;
    use datafusion::physical_plan::{Partitioning, collect};

    use super::*;

    fn numbers(column: &str, count: i64) -> Arc<dyn ExecutionPlan> {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
        let rows = RecordBatch::try_from_iter([(column, values)]).unwrap();
        let schema = rows.schema();
        MemorySourceConfig::try_new_exec(&[vec![rows]], schema, None).unwrap()
    }

    /// A left side that was dealt out, beside one row.
    fn join() -> Arc<dyn ExecutionPlan> {
        let dealt = Partitioning::RoundRobinBatch(2);
        let left = RepartitionExec::try_new(numbers("left", 100_000), dealt).unwrap();
        let left = Arc::new(CoalescePartitionsExec::new(Arc::new(left)));
        let join =
            NestedLoopJoinExec::try_new(left, numbers("right", 1), None, &JoinType::Inner, None);
        loop_joins_fit_in_memory()
            .optimize(Arc::new(join.unwrap()), &ConfigOptions::new())
            .unwrap()
    }

    async fn rows_with(memory_bytes: usize) -> Result<usize> {
        let pool = Arc::new(FairSpillPool::new(memory_bytes));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(pool)
            .build_arc()?;
        let context = Arc::new(TaskContext::default().with_runtime(runtime));
        let batches = collect(join(), context).await?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    /// With DataFusion 55.2 the second panicked: "partition not used yet".
    #[tokio::test]
    async fn one_that_does_not_fit_says_that_memory_is_used_up() {
        assert_eq!(rows_with(100 << 20).await.unwrap(), 100_000);
        let error = rows_with(400_000).await.unwrap_err();
        let root = error.find_root();
        assert!(
            matches!(root, DataFusionError::ResourcesExhausted(_)),
            "{root}"
        );
    }
}
