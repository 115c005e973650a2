//! Aggregates of rollups whose result depends on the order of rows, which nobody fixes: a tile
//! may be made from one day or from many, on one thread or on several.
//!
//! | aggregate | why | instead |
//! |---|---|---|
//! | `SUM`, `AVG`, `VAR`, `STDDEV` of DOUBLE | each addition rounds | of DECIMAL |
//! | `LAST_VALUE`, `FIRST_VALUE`, `last_n_distinct` without an order that decides | rows that tie | a tie-breaker |
//! | sums of DECIMAL with more than 28 digits | they wrap around | a CAST to fewer |

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};

use crate::engine::MOST_DIGITS;

use super::keys::DAY;

/// Why an aggregate is refused.
pub(super) struct Refusal {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// What is wrong with the sum that `name` makes of values of a type, if anything.
pub(super) fn inexact_sum(name: &str, data_type: &DataType) -> Option<Refusal> {
    match data_type {
        DataType::Float64 | DataType::Float32 | DataType::Float16 => Some(Refusal {
            message: format!("{name} of DOUBLE depends on the order of rows"),
            help: format!(
                "write {name}(CAST(... AS DECIMAL(18, 2))), with as many digits as you need"
            ),
        }),
        DataType::Decimal128(precision, scale) if *precision > MOST_DIGITS => Some(Refusal {
            message: format!(
                "{} {name} of DECIMAL({precision}, {scale}) may outgrow 38 digits",
                article(name)
            ),
            help: format!("write {name}(CAST(... AS DECIMAL({MOST_DIGITS}, {scale})))"),
        }),
        DataType::UInt64 | DataType::Decimal256(..) => Some(Refusal {
            message: format!("{} {name} of this type may wrap around", article(name)),
            help: format!("write {name}(CAST(... AS DECIMAL({MOST_DIGITS}, 0)))"),
        }),
        _ => None,
    }
}

fn article(name: &str) -> &'static str {
    match name {
        "AVG" => "an",
        _ => "a",
    }
}

/// What is wrong with an aggregate that takes rows in an order, if anything. Rows that tie in the
/// value too give the same; where there is a tie-breaker, what still ties is decided by the value.
pub(super) fn open_order(name: &str, call: &AggregateFunction) -> Option<Refusal> {
    let value = call.params.args.first()?;
    let keys = || call.params.order_by.iter().map(|key| &key.expr);
    let beside_day = keys().filter(|key| !is_day(key)).count();
    if keys().any(|key| key == value) || beside_day > 1 {
        return None;
    }
    let shown = unqualified(value);
    let limit = match call.params.args.get(1) {
        Some(Expr::Literal(limit, _)) => format!(", {limit}"),
        _ => String::new(),
    };
    let order: Vec<String> = keys().map(unqualified).collect();
    let order = match order.as_slice() {
        [] => "...".to_owned(),
        keys => keys.join(", "),
    };
    Some(Refusal {
        message: format!("this {name} leaves it to chance which of several rows counts"),
        help: format!(
            "write {name}({shown}{limit} ORDER BY {order}, {shown}): a tie-breaker last, the value itself or an id, so that rows of the same time have an order"
        ),
    })
}

/// Whether a LAST_VALUE is that of the latest day: the day comes first, every row counts, and
/// rows that tie have the same value.
pub(super) fn is_of_latest_day(call: &AggregateFunction) -> bool {
    let params = &call.params;
    let takes_every_row =
        params.filter.is_none() && params.null_treatment != Some(NullTreatment::IgnoreNulls);
    let is_by_day = params
        .order_by
        .first()
        .is_some_and(|first| first.asc && is_day(&first.expr));
    let value = params.args.first();
    let decides = params.order_by.iter().any(|key| Some(&key.expr) == value);
    takes_every_row && is_by_day && decides
}

fn is_day(key: &Expr) -> bool {
    matches!(key, Expr::Column(column) if column.name == DAY)
}

fn unqualified(value: &Expr) -> String {
    match value {
        Expr::Column(column) => column.name.clone(),
        _ => "...".to_owned(),
    }
}
