//! Joins with reference tables: hashed on the reference side.
//!
//! Sessions join users with users by sort and merge, which spills and keeps their order. Against
//! a table of a few rows in memory the same would sort every event of the history; so wherever
//! one side of a join reads nothing but rows in memory, that side becomes a hash table and the
//! other streams past it.
//!
//! Can go once [hash joins spill](https://github.com/apache/datafusion/issues/24768) and sessions
//! can prefer them.

use std::sync::Arc;

use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{PartitionMode, SortMergeJoinExec};

use super::hash_joins::by_hash;
use super::join_rule::JoinRule;

/// Turns sort-merge joins with rows in memory into hash joins; runs before any other rule.
pub(super) fn hash_reference_joins() -> JoinRule<SortMergeJoinExec> {
    JoinRule::new("hash_reference_joins", hashed)
}

/// The same join with its reference side hashed; none when it has no such side.
fn hashed(join: &SortMergeJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let left_is_reference = is_in_memory(join.left());
    if !left_is_reference && !is_in_memory(join.right()) {
        return Ok(None);
    }
    let hash_join = by_hash(join, PartitionMode::CollectLeft)?;
    if left_is_reference {
        return Ok(Some(Arc::new(hash_join)));
    }
    hash_join.swap_inputs(PartitionMode::CollectLeft).map(Some)
}

/// Whether everything below comes from rows in memory.
fn is_in_memory(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let children = plan.children();
    if !children.is_empty() {
        return children.into_iter().all(is_in_memory);
    }
    let source = plan.downcast_ref::<DataSourceExec>();
    source.is_some_and(|source| {
        source
            .data_source()
            .downcast_ref::<MemorySourceConfig>()
            .is_some()
    })
}
