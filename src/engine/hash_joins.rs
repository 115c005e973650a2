//! What the rules share that hash joins which the session would sort and merge.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};

/// The join by hash in place of one by sort and merge; none where that is right.
pub(super) type Hashed = fn(&SortMergeJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>>;

/// A rule that hashes some of the joins which the session would sort and merge.
pub(super) struct JoinRule {
    name: &'static str,
    hashed: Hashed,
}

impl JoinRule {
    pub(super) fn new(name: &'static str, hashed: Hashed) -> Self {
        Self { name, hashed }
    }
}

impl fmt::Debug for JoinRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl PhysicalOptimizerRule for JoinRule {
    fn name(&self) -> &str {
        self.name
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let join = node.downcast_ref::<SortMergeJoinExec>();
            Ok(match join.map(self.hashed).transpose()?.flatten() {
                Some(hashed) => Transformed::yes(hashed),
                None => Transformed::no(node),
            })
        })
        .data()
    }
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
