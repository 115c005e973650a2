//! What the rules share that hash joins which the session would sort and merge.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};

/// The plan with each sort-merge join for which `hashed` gives another one replaced by that.
pub(super) fn replace_joins(
    plan: Arc<dyn ExecutionPlan>,
    hashed: impl Fn(&SortMergeJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let join = node.downcast_ref::<SortMergeJoinExec>();
        Ok(match join.map(&hashed).transpose()?.flatten() {
            Some(hashed) => Transformed::yes(hashed),
            None => Transformed::no(node),
        })
    })
    .data()
}

/// The same join by hash.
pub(super) fn by_hash(join: &SortMergeJoinExec, mode: PartitionMode) -> Result<HashJoinExec> {
    HashJoinExec::try_new(
        Arc::clone(join.left()),
        Arc::clone(join.right()),
        join.on().to_vec(),
        join.filter().clone(),
        &join.join_type(),
        None,
        mode,
        join.null_equality(),
        false,
    )
}
