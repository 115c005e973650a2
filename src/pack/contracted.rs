//! What staging models select, as the contract has it.
//!
//! | column | staging may give | is |
//! |---|---|---|
//! | a time | an instant of any unit, with a zone or in UTC without one | UTC to the microsecond |
//! | `user_id` | any integer of up to 64 bits, any text | BIGINT, VARCHAR |

use std::collections::BTreeSet;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, ident};

use crate::job::{ColumnType, contract_columns};
use crate::tiles::USER_ID;

/// What ids can be, in the order in which they are tried.
pub(crate) const ID_TYPES: [DataType; 2] = [DataType::Int64, DataType::Utf8View];

/// What to write in a staging model for a time that is no TIMESTAMP yet.
pub(super) const TIMES_HELP: &str = "write CAST(... AS TIMESTAMP) for text such as 2026-11-20T08:00:00+08:00 and for a DATE, and to_timestamp_seconds(...) or to_timestamp_millis(...) for a number; what has no offset is in UTC";

/// The plan with the columns of `source` cast to what the contract has; the same plan when all of
/// them are that already.
pub(super) fn as_contracted(
    source: &str,
    plan: LogicalPlan,
) -> Result<LogicalPlan, DataFusionError> {
    let times = contract_columns(source).into_iter();
    let times = times.filter(|column| column.column_type == ColumnType::Timestamp);
    let times: BTreeSet<String> = times.map(|column| column.name).collect();
    let wanted = |field: &Field| match field.name().as_str() {
        USER_ID => as_user_id(field.data_type()),
        name if times.contains(name) => as_time(field.data_type()),
        _ => None,
    };
    let fields = plan.schema().fields().clone();
    if fields.iter().all(|field| wanted(field).is_none()) {
        return Ok(plan);
    }
    let columns = fields.iter().map(|field| match wanted(field) {
        Some(wanted) => cast(ident(field.name()), wanted).alias(field.name()),
        None => ident(field.name()),
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

fn as_time(found: &DataType) -> Option<DataType> {
    let contracted = ColumnType::Timestamp.arrow();
    contracted.filter(|wanted| matches!(found, DataType::Timestamp(..)) && found != wanted)
}

fn as_user_id(found: &DataType) -> Option<DataType> {
    use DataType::{Int8, Int16, Int32, LargeUtf8, UInt8, UInt16, UInt32, Utf8};
    match found {
        Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32 => Some(DataType::Int64),
        Utf8 | LargeUtf8 => Some(DataType::Utf8View),
        _ => None,
    }
}
