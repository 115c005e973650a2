//! A rule of the physical optimizer that gives some joins another form.

use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

/// The other form of a join; none where it stays.
pub(super) type NewForm<J> = fn(&J) -> Result<Option<Arc<dyn ExecutionPlan>>>;

/// Goes through the joins of one kind, each after those below it.
pub(super) struct JoinRule<J> {
    name: &'static str,
    new_form: NewForm<J>,
}

impl<J> JoinRule<J> {
    pub(super) fn new(name: &'static str, new_form: NewForm<J>) -> Self {
        Self { name, new_form }
    }
}

impl<J> fmt::Debug for JoinRule<J> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl<J: ExecutionPlan> PhysicalOptimizerRule for JoinRule<J> {
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
            let join = node.downcast_ref::<J>();
            Ok(match join.map(self.new_form).transpose()?.flatten() {
                Some(new) => Transformed::yes(new),
                None => Transformed::no(node),
            })
        })
        .data()
    }
}
