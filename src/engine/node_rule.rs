//! A rule of the optimizer that gives some nodes of a plan another form.

use std::fmt;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::projected::replaced;

/// The new form of a node; none where it stays.
type NewForm = fn(&LogicalPlan) -> Result<Option<LogicalPlan>>;

/// Goes through the nodes of a plan in one order, and gives those another form that have one.
pub struct NodeRule {
    name: &'static str,
    order: ApplyOrder,
    new_form: NewForm,
}

impl NodeRule {
    /// A rule that comes to a node after those below it.
    pub fn bottom_up(
        name: &'static str,
        new_form: fn(&LogicalPlan) -> Result<Option<LogicalPlan>>,
    ) -> Self {
        let order = ApplyOrder::BottomUp;
        Self {
            name,
            order,
            new_form,
        }
    }

    /// A rule that comes to a node before those below it.
    pub fn top_down(
        name: &'static str,
        new_form: fn(&LogicalPlan) -> Result<Option<LogicalPlan>>,
    ) -> Self {
        let order = ApplyOrder::TopDown;
        Self {
            name,
            order,
            new_form,
        }
    }
}

impl fmt::Debug for NodeRule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl OptimizerRule for NodeRule {
    fn name(&self) -> &str {
        self.name
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(self.order)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let new = (self.new_form)(&plan)?;
        Ok(replaced(plan, new))
    }
}
