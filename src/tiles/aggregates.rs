//! Which aggregates a rollup may use, how each is computed, and how it merges.
//!
//! | aggregate | a tile holds | merges by |
//! |---|---|---|
//! | `COUNT(x)`, `COUNT(*)`, `SUM(x)` | the number | `SUM` |
//! | `COUNT(DISTINCT day)` | the number | `SUM`, since periods share no day |
//! | `MIN`, `MAX`, `BOOL_AND`, `BOOL_OR`, `BIT_AND`, `BIT_OR`, `BIT_XOR` | the value | themselves |
//! | `LAST_VALUE(x ORDER BY day, .., x)` of every row | the value | the value of the later one that has the user, NULL or not |
//! | other `LAST_VALUE`, `FIRST_VALUE` | the value and its keys | the later or earlier keys |
//! | `last_n_distinct(x, n ORDER BY ..)` | at most n values with their keys | the last n of all |
//! | `COUNT(DISTINCT x)` | the values | their union |
//! | `AVG`, `VAR`, `VAR_POP`, `STDDEV`, `STDDEV_POP` | count, sum, sum of squares | `SUM` |
//! | `APPROX_DISTINCT` | the engine's sketch | the engine |

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::{AggregateUDF, Expr, ExprSchemable, cast};

use crate::engine::{
    AggregateState, ExactMoments, LAST_N_DISTINCT, MOST_DIGITS, MOST_VALUES, Moment, OrderedValues,
    SumOverflow, limit_of, widened,
};
use crate::ground::sql_type;

use super::keys::DAY;
use super::merging::Merge;
use super::order_free::{Refusal, inexact_sum, is_of_latest_day, open_order};

/// What a rollup may use, and where the rest belongs.
const MAY_USE: &str = "rollups may use COUNT, SUM, MIN, MAX, AVG, VAR, VAR_POP, STDDEV, STDDEV_POP, BOOL_AND, BOOL_OR, BIT_AND, BIT_OR, BIT_XOR, COUNT(DISTINCT x), APPROX_DISTINCT, and with an ORDER BY that decides FIRST_VALUE, LAST_VALUE and last_n_distinct; move others to a feature model, which may read staging directly";

/// The digits of the whole numbers of each type.
const BIGINT_DIGITS: u8 = 19;

/// How a column is computed from the rows of a user.
#[derive(Debug, Clone)]
pub(super) struct Computed {
    /// How what tiles hold merges.
    pub merge: Merge,
    /// The aggregate that gives the value.
    pub value: Expr,
    /// The aggregate that gives what a tile holds.
    pub stored: Expr,
    /// For a sum of BIGINT, which is one of DECIMAL here: what it is to say when it is too large.
    pub overflow: Option<SumOverflow>,
}

impl Computed {
    fn plain(merge: Merge, call: AggregateFunction) -> Self {
        let value = Expr::AggregateFunction(call);
        Self {
            stored: value.clone(),
            value,
            merge,
            overflow: None,
        }
    }

    /// The aggregate of `call` as a state of it, over arguments of its own.
    fn by_state(state: AggregateState, arguments: Vec<Expr>, call: &AggregateFunction) -> Self {
        let over = |function: Arc<AggregateUDF>| {
            let filter = call.params.filter.clone();
            let arguments = arguments.clone();
            Expr::AggregateFunction(AggregateFunction::new_udf(
                function,
                arguments,
                false,
                filter,
                Vec::new(),
                None,
            ))
        };
        Self {
            value: over(state.function()),
            stored: over(state.state_function()),
            merge: Merge::States(Arc::new(state)),
            overflow: None,
        }
    }
}

/// How an aggregate over rows of `input` is computed; `overflow` is what it says of sums that
/// outgrow their type.
///
/// # Errors
/// What does not merge, and what depends on the order of rows.
pub(super) fn computed(
    call: AggregateFunction,
    overflow: SumOverflow,
    input: &DFSchema,
) -> Result<Computed, Refusal> {
    let name = call.func.name().to_owned();
    let is_distinct = call.params.distinct;
    match name.as_str() {
        "count" if !is_distinct || counts_days(&call) => Ok(Computed::plain(Merge::Count, call)),
        "count" => distinct_count(&call, input),
        "sum" if !is_distinct => sum(call, overflow, input),
        "min" => Ok(Computed::plain(Merge::Min, call)),
        "max" => Ok(Computed::plain(Merge::Max, call)),
        "bool_and" => Ok(Computed::plain(Merge::And, call)),
        "bool_or" => Ok(Computed::plain(Merge::Or, call)),
        "bit_and" => Ok(Computed::plain(Merge::BitAnd, call)),
        "bit_or" => Ok(Computed::plain(Merge::BitOr, call)),
        "bit_xor" if !is_distinct => Ok(Computed::plain(Merge::BitXor, call)),
        "last_value" if !is_distinct && is_of_latest_day(&call) => {
            Ok(Computed::plain(Merge::Last, call))
        }
        "first_value" | "last_value" | LAST_N_DISTINCT if !is_distinct => ordered(&call, input),
        "approx_distinct" if !is_distinct => approx_distinct(&call, input),
        _ => match Moment::of_function(&name) {
            Some(moment) if !is_distinct => moments(&call, moment, overflow, input),
            _ => Err(unmerged(&call)),
        },
    }
}

fn counts_days(call: &AggregateFunction) -> bool {
    matches!(call.params.args.as_slice(), [Expr::Column(column)] if column.name == DAY)
}

fn sum(
    call: AggregateFunction,
    overflow: SumOverflow,
    input: &DFSchema,
) -> Result<Computed, Refusal> {
    let of = type_of(&call.params.args[0], input)?;
    if let Some(refusal) = inexact_sum("SUM", &of) {
        return Err(refusal);
    }
    let sum = type_of(&Expr::AggregateFunction(call.clone()), input)?;
    if sum != DataType::Int64 {
        return Ok(Computed::plain(Merge::Sum, call));
    }
    let value = widened(call);
    Ok(Computed {
        merge: Merge::Sum,
        stored: value.clone(),
        value,
        overflow: Some(overflow),
    })
}

fn distinct_count(call: &AggregateFunction, input: &DFSchema) -> Result<Computed, Refusal> {
    let [value] = call.params.args.as_slice() else {
        return Err(Refusal {
            message: "COUNT over several distinct values does not merge from day to day".to_owned(),
            help: "count one value: concat_ws('|', x, y) makes one of several texts".to_owned(),
        });
    };
    let types = ordered_types(std::slice::from_ref(value), input)?;
    let state = AggregateState::of(OrderedValues::count_distinct(), &types).map_err(refused)?;
    Ok(Computed::by_state(state, vec![value.clone()], call))
}

/// The first, the last, or the last few by an order: the keys become arguments of the function.
fn ordered(call: &AggregateFunction, input: &DFSchema) -> Result<Computed, Refusal> {
    let params = &call.params;
    let name = call.func.name();
    if name == LAST_N_DISTINCT {
        limit(call)?;
    }
    let shown = match name {
        LAST_N_DISTINCT => name.to_owned(),
        other => other.to_uppercase(),
    };
    if let Some(refusal) = open_order(&shown, call) {
        return Err(refusal);
    }
    let keys = params.order_by.iter();
    let options = keys.map(|key| SortOptions::new(!key.asc, key.nulls_first));
    let options: Vec<SortOptions> = options.collect();
    let skips_nulls = params.null_treatment == Some(NullTreatment::IgnoreNulls);
    let function = match name {
        "first_value" => OrderedValues::first(options, skips_nulls),
        "last_value" => OrderedValues::last(&options, skips_nulls),
        _ => OrderedValues::last_distinct(&options, limit(call)?),
    };
    let keys = params.order_by.iter().map(|key| key.expr.clone());
    let value = params.args[..1].iter().cloned();
    let arguments: Vec<Expr> = value.chain(keys).collect();
    let types = ordered_types(&arguments, input)?;
    let state = AggregateState::of(function, &types).map_err(refused)?;
    Ok(Computed::by_state(state, arguments, call))
}

/// How many values a `last_n_distinct` asks for.
fn limit(call: &AggregateFunction) -> Result<usize, Refusal> {
    let limit = match call.params.args.get(1) {
        Some(Expr::Literal(limit, _)) => limit_of(limit),
        _ => None,
    };
    limit.ok_or_else(|| Refusal {
        message: format!(
            "how many values {LAST_N_DISTINCT} gives is not a number from 1 to {MOST_VALUES}"
        ),
        help: format!(
            "write {LAST_N_DISTINCT}(x, 3 ORDER BY ..., x), or a parameter in place of 3"
        ),
    })
}

fn ordered_types(arguments: &[Expr], input: &DFSchema) -> Result<Vec<DataType>, Refusal> {
    let types = arguments.iter().map(|argument| {
        let of = type_of(argument, input)?;
        match OrderedValues::orders(&of) {
            true => Ok(of),
            false => Err(Refusal {
                message: format!("values of {} have no order", sql_type(&of)),
                help: MAY_USE.to_owned(),
            }),
        }
    });
    types.collect()
}

fn approx_distinct(call: &AggregateFunction, input: &DFSchema) -> Result<Computed, Refusal> {
    let of = type_of(&call.params.args[0], input)?;
    if of.is_floating() {
        return Err(Refusal {
            message: format!("APPROX_DISTINCT counts no values of {}", sql_type(&of)),
            help: "write CAST(... AS DECIMAL(18, 2)), or COUNT(DISTINCT x)".to_owned(),
        });
    }
    let state = AggregateState::of_engine(approx_distinct_udaf(), &[of]).map_err(refused)?;
    Ok(Computed::by_state(state, call.params.args.clone(), call))
}

/// An average, a variance or a deviation, of exact numbers.
fn moments(
    call: &AggregateFunction,
    moment: (&'static str, Moment),
    overflow: SumOverflow,
    input: &DFSchema,
) -> Result<Computed, Refusal> {
    let value_type = type_of(&Expr::AggregateFunction(call.clone()), input)?;
    let summed = without_double(&call.params.args[0], input)?;
    let of = type_of(&summed, input)?;
    let digits = match of {
        _ if of.is_integer() => DataType::Decimal128(BIGINT_DIGITS + 1, 0),
        DataType::Decimal128(digits, scale) if digits <= MOST_DIGITS && scale >= 0 => of,
        other => {
            let name = call.func.name().to_uppercase();
            return Err(inexact_sum(&name, &other).unwrap_or_else(|| unmerged(call)));
        }
    };
    let function = ExactMoments::new(moment, value_type, overflow);
    let state = AggregateState::of(function, std::slice::from_ref(&digits)).map_err(refused)?;
    Ok(Computed::by_state(state, vec![cast(summed, digits)], call))
}

/// What is made a DOUBLE, where that is an exact number: the engine averages DOUBLE alone.
fn without_double(summed: &Expr, input: &DFSchema) -> Result<Expr, Refusal> {
    let Expr::Cast(made) = summed else {
        return Ok(summed.clone());
    };
    let of = type_of(&made.expr, input)?;
    let is_exact = of.is_integer() || matches!(of, DataType::Decimal128(..));
    Ok(
        match is_exact && *made.field.data_type() == DataType::Float64 {
            true => made.expr.as_ref().clone(),
            false => summed.clone(),
        },
    )
}

/// Why an aggregate that is none of these is refused.
fn unmerged(call: &AggregateFunction) -> Refusal {
    let distinct = if call.params.distinct {
        " over distinct values"
    } else {
        ""
    };
    let name = call.func.name().to_uppercase();
    match call.func.name() {
        "array_agg" | "string_agg" | "nth_value" => Refusal {
            message: format!("{name} keeps every row of a user, so that tiles would be as large as the sources"),
            help: format!("write {LAST_N_DISTINCT}(x, 3 ORDER BY ..., x) for the last few values, or move it to a feature model, which may read staging directly"),
        },
        "any_value" => Refusal {
            message: format!("{name} leaves it to chance which row counts"),
            help: "write MIN(x), or LAST_VALUE(x ORDER BY ..., x)".to_owned(),
        },
        "approx_median" | "approx_percentile_cont" | "approx_percentile_cont_with_weight" => Refusal {
            message: format!("{name} depends on the order of rows"),
            help: "write MEDIAN or PERCENTILE_CONT in a feature model, which may read staging directly".to_owned(),
        },
        name_of if ["corr", "covar", "regr_"].iter().any(|start| name_of.starts_with(start)) => Refusal {
            message: format!("{name} computes with DOUBLE, so that it depends on the order of rows"),
            help: "sum x, y, x * y and the squares as DECIMAL, and compute with the sums in a feature model".to_owned(),
        },
        _ => Refusal {
            message: format!("{name}{distinct} does not merge from day to day"),
            help: MAY_USE.to_owned(),
        },
    }
}

fn type_of(expression: &Expr, input: &DFSchema) -> Result<DataType, Refusal> {
    expression.get_type(input).map_err(refused)
}

/// What the engine does not take.
fn refused(error: DataFusionError) -> Refusal {
    Refusal {
        message: error.strip_backtrace(),
        help: MAY_USE.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
