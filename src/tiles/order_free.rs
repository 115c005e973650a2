//! Aggregates of rollups whose result depends on the order of rows, which nobody fixes: a tile
//! may be made from one day or from many, on one thread or on several.
//!
//! | aggregate | why | instead |
//! |---|---|---|
//! | `SUM` of DOUBLE | each addition rounds | of DECIMAL |
//! | `LAST_VALUE` without `ORDER BY day, .., x` | rows that tie | that order |
//! | `SUM` of DECIMAL with more than 28 digits | it wraps around | a CAST to fewer |

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::{Expr, ExprSchemable};

use crate::engine::MOST_DIGITS;

use super::keys::DAY;
use super::merging::Merge;

/// Why an aggregate is refused.
pub(super) struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// What is wrong with an aggregate that merges, if anything.
pub(super) fn by_chance(
    call: &AggregateFunction,
    merge: Merge,
    input: &DFSchema,
) -> Option<Refusal> {
    let value = call.params.args.first()?;
    let data_type = value.get_type(input).ok()?;
    match (merge, data_type) {
        (Merge::Sum, DataType::Float64 | DataType::Float32 | DataType::Float16) => Some(Refusal {
            message: "SUM of DOUBLE depends on the order of rows".to_owned(),
            help: "write SUM(CAST(... AS DECIMAL(18, 2))), with as many digits as you need"
                .to_owned(),
        }),
        (Merge::Sum, DataType::Decimal128(precision, scale)) if precision > MOST_DIGITS => {
            Some(Refusal {
                message: format!("a SUM of DECIMAL({precision}, {scale}) may outgrow 38 digits"),
                help: format!("write SUM(CAST(... AS DECIMAL({MOST_DIGITS}, {scale})))"),
            })
        }
        (Merge::Sum, DataType::UInt64 | DataType::Decimal256(..)) => Some(Refusal {
            message: "a SUM of this type may wrap around".to_owned(),
            help: format!("write SUM(CAST(... AS DECIMAL({MOST_DIGITS}, 0)))"),
        }),
        (Merge::Last, _) if !has_total_order(call, value) => Some(Refusal {
            message: "this LAST_VALUE leaves it to chance which row is the last".to_owned(),
            help: format!(
                "write LAST_VALUE({value} ORDER BY {DAY}, ..., {value}): the day first and ascending, since the latest period holds, and the value itself last, so that rows that tie have the same; without FILTER and IGNORE NULLS",
                value = unqualified(value)
            ),
        }),
        _ => None,
    }
}

/// Whether the latest day comes last, and rows that tie have the same value.
fn has_total_order(call: &AggregateFunction, value: &Expr) -> bool {
    let params = &call.params;
    let takes_every_row =
        params.filter.is_none() && params.null_treatment != Some(NullTreatment::IgnoreNulls);
    let is_by_day = params.order_by.first().is_some_and(|first| {
        first.asc && matches!(&first.expr, Expr::Column(column) if column.name == DAY)
    });
    let decides = params.order_by.iter().any(|key| key.expr == *value);
    takes_every_row && is_by_day && decides
}

fn unqualified(value: &Expr) -> String {
    match value {
        Expr::Column(column) => column.name.clone(),
        _ => "...".to_owned(),
    }
}
