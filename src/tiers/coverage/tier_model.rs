//! What rules are read from.

use datafusion::logical_expr::LogicalPlan;

use crate::models::Model;

/// A tier model with its plan: analysed, not optimized.
#[derive(Debug)]
pub struct TierModel<'a> {
    /// The model.
    pub model: &'a Model,
    /// What it computes: analysed, not optimized.
    pub plan: LogicalPlan,
}
