//! The row of one user in a table that has one for each.

use datafusion::arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;

use crate::engine::all_rows;
use crate::tiles::USER_ID;

/// The user's row; no row where there is no such user.
pub(super) async fn row_of_user(rows: DataFrame, user: ScalarValue) -> EngineResult<RecordBatch> {
    let rows = rows.filter(ident(USER_ID).eq(lit(user)))?;
    all_rows(rows.limit(0, Some(1))?).await
}
