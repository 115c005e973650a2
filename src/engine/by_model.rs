//! Plans node by node, each with the model that it is part of, so that what fails in a row can
//! say where SQL asks for it: below the name of a table of the pack lies that table's model.

use std::fmt;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, TableReference};
use datafusion::logical_expr::LogicalPlan;

/// A model, by its file in the SQL pack: `staging/orders.sql`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ModelFile(String);

impl fmt::Display for ModelFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl ModelFile {
    /// The model whose plan lies below a node. Tables that tierline derives of a model, such as its
    /// rejected rows, have the model's name and an addition in parentheses.
    fn named_by(plan: &LogicalPlan) -> Option<Self> {
        let LogicalPlan::SubqueryAlias(alias) = plan else {
            return None;
        };
        let (TableReference::Partial { schema, table }
        | TableReference::Full { schema, table, .. }) = &alias.alias
        else {
            return None;
        };
        let table = table.split('(').next().unwrap_or_default();
        Some(Self(format!("{schema}/{table}.sql")))
    }

    /// `` in staging/orders.sql``, or nothing where no model is known.
    pub(super) fn place(model: Option<&Self>) -> String {
        model.map_or_else(String::new, |model| format!(" in {model}"))
    }

    /// Whether the model is one of staging.
    pub(super) fn is_staging(&self) -> bool {
        self.0.starts_with("staging/")
    }
}

/// Rewrites every node of a plan and of its subqueries, from its leaves on.
pub(super) fn rewrite_by_model(
    plan: LogicalPlan,
    rewrite: &mut impl FnMut(LogicalPlan, Option<&ModelFile>) -> Result<Transformed<LogicalPlan>>,
) -> Result<Transformed<LogicalPlan>> {
    below(plan, None, rewrite)
}

fn below(
    plan: LogicalPlan,
    model: Option<&ModelFile>,
    rewrite: &mut impl FnMut(LogicalPlan, Option<&ModelFile>) -> Result<Transformed<LogicalPlan>>,
) -> Result<Transformed<LogicalPlan>> {
    let named = ModelFile::named_by(&plan);
    let model = named.as_ref().or(model);
    plan.map_children(|child| below(child, model, rewrite))?
        .transform_data(|plan| plan.map_subqueries(|subquery| below(subquery, model, rewrite)))?
        .transform_data(|plan| rewrite(plan, model))
}
