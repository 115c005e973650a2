//! Times of staging models, whatever they are written as: text, days, or instants of any unit that
//! `CAST(.. AS TIMESTAMP)` and `to_timestamp_seconds(..)` give become what the contract has, UTC
//! to the microsecond. An instant without a zone is in UTC.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, ident};

use crate::config::job::{ColumnType, contract_columns};

/// What to write in a staging model for a time that is no TIMESTAMP yet.
pub(super) const TIMES_HELP: &str = "write CAST(... AS TIMESTAMP) for text such as 2026-11-20T08:00:00+08:00 and for a DATE, and to_timestamp_seconds(...) or to_timestamp_millis(...) for a number; what has no offset is in UTC";

/// The plan with the contract's times of `source` cast to what the contract has; the same plan
/// when all of them are that already.
pub(super) fn as_contracted(
    source: &str,
    plan: LogicalPlan,
) -> Result<LogicalPlan, DataFusionError> {
    let contract = contract_columns(source);
    let target = |name: &str| {
        let mut columns = contract.iter();
        let column = columns.find(|column| column.name == name)?;
        match column.column_type {
            ColumnType::Timestamp => column.column_type.arrow(),
            _ => None,
        }
    };
    let fields = plan.schema().fields().clone();
    let is_other = |field: &DataType, wanted: &DataType| {
        matches!(field, DataType::Timestamp(..)) && field != wanted
    };
    let mut is_changed = false;
    let columns: Vec<Expr> = fields
        .iter()
        .map(|field| {
            let column = ident(field.name());
            match target(field.name()).filter(|wanted| is_other(field.data_type(), wanted)) {
                Some(wanted) => {
                    is_changed = true;
                    cast(column, wanted).alias(field.name())
                }
                None => column,
            }
        })
        .collect();
    match is_changed {
        true => LogicalPlanBuilder::from(plan).project(columns)?.build(),
        false => Ok(plan),
    }
}
