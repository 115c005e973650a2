//! Joins on more than equality: hashed.
//!
//! Sessions join by sort and merge. The engine takes columns away from below such a join without
//! telling the join's further condition that the others have moved, and takes the column that
//! marks whether a row has a match for one of the other side: the condition then read other
//! columns than SQL names. A hash join is told, so wherever a join has a condition beyond its
//! keys, or gives such a mark, it is one. It cannot spill: a side that does not fit into the job's
//! memory ends the night, and gives no wrong row.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};

/// Turns sort-merge joins on more than equality into hash joins; runs before the engine's rules.
#[derive(Debug)]
pub(super) struct HashFilteredJoins;

impl PhysicalOptimizerRule for HashFilteredJoins {
    fn name(&self) -> &str {
        "hash_filtered_joins"
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
            Ok(match hashed(node.as_ref())? {
                Some(hashed) => Transformed::yes(hashed),
                None => Transformed::no(node),
            })
        })
        .data()
    }
}

/// The same join by hash; none when sort and merge is right.
fn hashed(node: &dyn ExecutionPlan) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(join) = node.downcast_ref::<SortMergeJoinExec>() else {
        return Ok(None);
    };
    if join.filter().is_none() && gives_columns_in_order(join.join_type()) {
        return Ok(None);
    }
    let hash_join = HashJoinExec::try_new(
        Arc::clone(join.left()),
        Arc::clone(join.right()),
        join.on().to_vec(),
        join.filter().clone(),
        &join.join_type(),
        None,
        PartitionMode::Auto,
        join.null_equality(),
        false,
    )?;
    Ok(Some(Arc::new(hash_join)))
}

/// Whether a join gives the columns of its left side, then those of its right side if any: what
/// the engine takes every sort-merge join to do.
fn gives_columns_in_order(join_type: JoinType) -> bool {
    matches!(
        join_type,
        JoinType::Inner
            | JoinType::Left
            | JoinType::Right
            | JoinType::Full
            | JoinType::LeftSemi
            | JoinType::LeftAnti
    )
}
