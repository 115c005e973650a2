//! What scheduler and executors refuse: every plan that is not one of [ours](super::work). Whoever reaches
//! their ports could read files and buckets by other plans.

use std::sync::Arc;

use async_trait::async_trait;
use ballista_core::JobId;
use ballista_core::execution_plans::{ShuffleReaderExec, ShuffleWriterExec};
use ballista_executor::execution_engine::{
    DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor,
};
use datafusion::catalog::Session;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::prelude::SessionConfig;

use super::work::WorkExec;

fn refused() -> DataFusionError {
    DataFusionError::Plan(
        "this cluster carries out the work of tierline alone; send other queries to one of their own"
            .to_owned(),
    )
}

/// Plans no query at all.
#[derive(Debug)]
pub(super) struct NoQueries;

#[async_trait]
impl QueryPlanner for NoQueries {
    async fn create_physical_plan(
        &self,
        _plan: &LogicalPlan,
        _state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Err(refused())
    }
}

/// Executes the stages of our plans.
#[derive(Default)]
pub(super) struct WorkAlone(DefaultExecutionEngine);

impl ExecutionEngine for WorkAlone {
    fn create_query_stage_exec(
        &self,
        job: JobId,
        stage: usize,
        task: usize,
        partitions: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        folder: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        if !is_ours(&plan) {
            return Err(refused());
        }
        let engine = &self.0;
        engine.create_query_stage_exec(job, stage, task, partitions, plan, folder, config)
    }
}

/// Whether a stage is one of the two that our plans have.
fn is_ours(stage: &Arc<dyn ExecutionPlan>) -> bool {
    if !stage.is::<ShuffleWriterExec>() {
        return false;
    }
    let only_child = |node: &Arc<dyn ExecutionPlan>| match node.children()[..] {
        [child] => Some(Arc::clone(child)),
        _ => None,
    };
    let Some(root) = only_child(stage) else {
        return false;
    };
    let Some(input) = only_child(&root) else {
        return false;
    };
    let is_pieces = || {
        let source = input.downcast_ref::<DataSourceExec>();
        source.is_some_and(|source| source.data_source().is::<MemorySourceConfig>())
    };
    match root.is::<WorkExec>() {
        true => is_pieces(),
        false => root.is::<SortPreservingMergeExec>() && input.is::<ShuffleReaderExec>(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;

    use super::super::work::plan_of;
    use super::*;

    fn stage(root: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(ShuffleWriterExec::try_new("job".into(), 1, root, String::new()).unwrap())
    }

    #[test]
    fn stages_of_others_are_refused() {
        let ours = plan_of(b"a task".to_vec(), &vec![Vec::new(); 3]).unwrap();
        let work = Arc::clone(ours.children()[0]);
        let pieces = Arc::clone(work.children()[0]);
        assert!(is_ours(&stage(Arc::clone(&work))));
        let dealt_out: Arc<dyn ExecutionPlan> = Arc::new(CoalescePartitionsExec::new(pieces));
        let others = [
            Arc::clone(&work),
            stage(Arc::clone(&dealt_out)),
            stage(Arc::new(WorkExec::new(
                (*b"a task").into(),
                dealt_out,
                None,
            ))),
            stage(ours),
        ];
        for other in others {
            assert!(!is_ours(&other), "{other:?}");
        }
    }
}
