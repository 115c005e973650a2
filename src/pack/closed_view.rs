//! Views that plans do not go into: a plan over one ends at the view's columns, and is as small as the
//! SQL that it was made from. Executed, it gives the rows all the same.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{ViewTable, provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::engine::empty;

/// A view that is planned by itself.
#[derive(Debug)]
pub(super) struct ClosedView(ViewTable);

impl ClosedView {
    pub(super) fn new(plan: LogicalPlan) -> Self {
        Self(ViewTable::new(plan, None))
    }
}

#[async_trait]
impl TableProvider for ClosedView {
    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        None
    }

    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(state, projection, filters, limit).await
    }
}

/// A plan over tables without rows in place of closed views.
pub(super) fn over_no_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let emptied = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else {
            return Ok(Transformed::no(node));
        };
        let provider = source_as_provider(&scan.source)?;
        if provider.downcast_ref::<ClosedView>().is_none() {
            return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
        }
        scan.source = provider_as_source(empty(provider.schema()));
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    })?;
    Ok(emptied.data)
}
