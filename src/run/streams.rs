//! Queries on their way: planned, their plan logged for whoever asks, and started.

use datafusion::error::Result;
use datafusion::physical_plan::{SendableRecordBatchStream, displayable, execute_stream};
use datafusion::prelude::DataFrame;
use std::sync::Arc;

/// Starts a query; `--log-level debug` shows its plan.
pub(super) async fn stream_of(rows: DataFrame, table: &str) -> Result<SendableRecordBatchStream> {
    let context = Arc::new(rows.task_ctx());
    let plan = rows.create_physical_plan().await?;
    tracing::debug!(
        table.name = table,
        "{}",
        displayable(plan.as_ref()).indent(false)
    );
    execute_stream(plan, context)
}
