//! What the rules share that hash joins which the session would sort and merge.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};

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
