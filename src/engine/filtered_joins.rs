//! Joins on more than equality: hashed.
//!
//! Sessions join by sort and merge. The engine takes columns away from below such a join without
//! telling the join's further condition that the others have moved, and takes the column that
//! marks whether a row has a match for one of the other side: the condition then read other
//! columns than SQL names. A hash join is told, so wherever a join has a condition beyond its
//! keys, or gives such a mark, it is one. It cannot spill: a side that does not fit into the job's
//! memory ends the night, and gives no wrong row.
//!
//! Can go once sort-merge joins keep the columns of their condition when a projection is moved below
//! them, or once [hash joins spill](https://github.com/apache/datafusion/issues/24768) and sessions
//! can prefer them.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{PartitionMode, SortMergeJoinExec};

use super::hash_joins::by_hash;
use super::join_rule::JoinRule;

/// Turns sort-merge joins on more than equality into hash joins; runs before the engine's rules.
pub(super) fn hash_filtered_joins() -> JoinRule<SortMergeJoinExec> {
    JoinRule::new("hash_filtered_joins", hashed)
}

/// The same join by hash; none when sort and merge is right.
fn hashed(join: &SortMergeJoinExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if join.filter().is_none() && gives_columns_in_order(join.join_type()) {
        return Ok(None);
    }
    let hash_join = by_hash(join, PartitionMode::Auto)?;
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
