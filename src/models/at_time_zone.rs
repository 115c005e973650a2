//! `x AT TIME ZONE 'Europe/Berlin'` in microseconds, which every instant of a source has. The engine's
//! has nanoseconds, which end in the year 2262: one row of the year 9999 would end the night.
//!
//! | written | computed as |
//! |---|---|
//! | `x AT TIME ZONE 'Europe/Berlin'` | `arrow_cast(x, 'Timestamp(Microsecond, Some("Europe/Berlin"))')` |

use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Statement, Value, ValueWithSpan, visit_expressions_mut,
};

/// Computes every AT TIME ZONE of a statement in microseconds.
pub(super) fn in_microseconds(statement: &mut Statement) {
    let ControlFlow::Continue(()) = visit_expressions_mut(statement, |expression| {
        if let Some(computed) = computed(expression) {
            *expression = computed;
        }
        ControlFlow::<Infallible>::Continue(())
    });
}

fn computed(expression: &Expr) -> Option<Expr> {
    let Expr::AtTimeZone {
        timestamp,
        time_zone,
    } = expression
    else {
        return None;
    };
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(zone),
        span,
    }) = time_zone.as_ref()
    else {
        return None;
    };
    if zone.contains('"') {
        return None;
    }
    let wanted = Value::SingleQuotedString(format!("Timestamp(Microsecond, Some(\"{zone}\"))"));
    let wanted = Expr::Value(wanted.with_span(*span));
    let arguments = [timestamp.as_ref().clone(), wanted];
    let arguments = arguments.map(|one| FunctionArg::Unnamed(FunctionArgExpr::Expr(one)));
    Some(Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("arrow_cast")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }))
}
