//! The `$parameters` that a model names.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Value, visit_expressions};

use super::Model;
use super::parameters::TIMEZONE;

impl Model {
    /// The names of its parameters, without the `$`.
    pub fn parameters(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let ControlFlow::Continue(()) = visit_expressions(&self.statement, |expression| {
            if let Expr::Value(value) = expression
                && let Value::Placeholder(name) = &value.value
            {
                names.insert(name.trim_start_matches('$').to_owned());
            }
            ControlFlow::<std::convert::Infallible>::Continue(())
        });
        names
    }

    /// Whether its rows depend on the job's timezone.
    pub fn names_timezone(&self) -> bool {
        self.parameters().contains(TIMEZONE)
    }
}
