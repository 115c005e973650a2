//! What the columns of tables can be.
//!
//! | column | values |
//! |---|---|
//! | a dimension | the tiers that dim_tier lists |
//! | a CASE of a tier model whose results are literals | those results |
//! | BOOLEAN | true, false, and NULL where the column can be |
//! | computed from such columns alone | what they make of it |
//! | any other | unknown |

use std::collections::HashMap;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Case, Expr};

use crate::models::folded;

/// The values of a column.
#[derive(Debug, Clone)]
pub(super) struct Domain {
    /// The values that are not NULL.
    pub(super) values: Vec<ScalarValue>,
    /// When there is none.
    pub(super) missing: Missing,
}

/// When a column is NULL.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Missing {
    /// Never.
    Never,
    /// For some users.
    Sometimes,
    /// For exactly the users for whom this is true, as other columns may be.
    When(Expr),
}

/// The columns of all tables read so far.
#[derive(Debug, Default)]
pub(super) struct Domains {
    by_column: HashMap<Column, Domain>,
    fields: HashMap<Column, FieldRef>,
}

impl Domains {
    /// Takes up the fields of columns.
    pub(super) fn add_fields(&mut self, fields: HashMap<Column, FieldRef>) {
        self.fields.extend(fields);
    }

    /// States what a column can be.
    pub(super) fn insert(&mut self, column: Column, domain: Domain) {
        self.by_column.insert(column, domain);
    }

    /// Whether it was stated what a column can be.
    pub(super) fn states(&self, column: &Column) -> bool {
        self.by_column.contains_key(column)
    }

    /// What a column can be, when that is known.
    pub(super) fn of(&self, column: &Column) -> Option<Domain> {
        if let Some(domain) = self.by_column.get(column) {
            return Some(domain.clone());
        }
        let field = self.fields.get(column)?;
        let is_of_table = column.relation.as_ref()?.schema().is_some();
        let is_known = is_of_table && *field.data_type() == DataType::Boolean;
        is_known.then(|| Domain {
            values: [true, false].map(ScalarValue::from).to_vec(),
            missing: match field.is_nullable() {
                true => Missing::Sometimes,
                false => Missing::Never,
            },
        })
    }

    /// Whether all values of an expression are known: it is computed from one row, and from
    /// columns whose values are known.
    pub(super) fn knows(&self, expression: &Expr) -> Result<bool> {
        let reaches_further = expression.exists(|node| {
            Ok(match node {
                Expr::Column(column) => self.of(column).is_none(),
                Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..) => true,
                _ => false,
            })
        })?;
        Ok(!reaches_further && !expression.is_volatile())
    }

    /// The columns as a schema, for expressions over them.
    pub(super) fn schema_of<'a>(
        &self,
        columns: impl IntoIterator<Item = &'a Column>,
    ) -> Result<DFSchema> {
        let fields = columns.into_iter().filter_map(|column| {
            let field = self.fields.get(column)?;
            Some((column.relation.clone(), FieldRef::clone(field)))
        });
        DFSchema::new_with_metadata(fields.collect(), HashMap::new())
    }

    /// The field of a column.
    pub(super) fn field(&self, column: &Column) -> Option<&FieldRef> {
        self.fields.get(column)
    }
}

/// The results of a CASE by branch, ELSE last; none for a result that is no literal.
pub(super) fn results(case: &Case) -> Vec<Option<ScalarValue>> {
    let whens = case.when_then_expr.iter().map(|(_, result)| result);
    let results = whens.chain(&case.else_expr);
    let literal = |result: &Expr| match folded(result) {
        Ok(Expr::Literal(value, _)) => Some(value),
        _ => None,
    };
    results.map(|result| literal(result)).collect()
}

/// What a CASE can give, when all its results are literals.
pub(super) fn given(case: &Case) -> Option<Domain> {
    let results: Vec<ScalarValue> = results(case).into_iter().collect::<Option<_>>()?;
    let mut values: Vec<ScalarValue> = Vec::new();
    for value in &results {
        if !value.is_null() && !values.contains(value) {
            values.push(value.clone());
        }
    }
    Some(Domain {
        missing: missing(case, &results),
        values,
    })
}

/// A CASE is NULL exactly when its first condition is true if that branch alone gives NULL.
fn missing(case: &Case, results: &[ScalarValue]) -> Missing {
    let nulls = results.iter().filter(|value| value.is_null()).count();
    let first_is_null = results.first().is_some_and(ScalarValue::is_null);
    match case.when_then_expr.first() {
        _ if case.else_expr.is_none() => Missing::Sometimes,
        _ if nulls == 0 => Missing::Never,
        Some((condition, _)) if nulls == 1 && first_is_null && case.expr.is_none() => {
            Missing::When(condition.as_ref().clone())
        }
        _ => Missing::Sometimes,
    }
}
