//! Where a model selects a column, and what to write there to select it in another type.
//!
//! | selected as | to write |
//! |---|---|
//! | `user_id`, `events.user_id`, `uid AS user_id` | `CAST(uid AS VARCHAR) AS user_id` |
//! | a part of `*` | `* REPLACE (CAST(user_id AS VARCHAR) AS user_id)` in place of `*` |
//! | anything else | `CAST(... AS VARCHAR) AS user_id` |

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SelectItem, SetExpr, Spanned, Statement, WildcardAdditionalOptions,
};

use super::Model;
use super::places::bytes_of;

/// How the outermost SELECT has a column.
enum Selected<'a> {
    /// As a column of what it reads.
    Column(&'a Expr),
    /// As an expression.
    Computed,
    /// With all others.
    Wildcard(&'a WildcardAdditionalOptions),
}

impl Model {
    /// What to write for a column to be selected in another type, given as SQL calls it.
    pub fn cast_of(&self, column: &str, sql_type: &str) -> String {
        match self.selected(column) {
            Some(Selected::Column(of)) => format!("CAST({of} AS {sql_type}) AS {column}"),
            Some(Selected::Wildcard(_)) => {
                format!("* REPLACE (CAST({column} AS {sql_type}) AS {column}) in place of *")
            }
            Some(Selected::Computed) | None => format!("CAST(... AS {sql_type}) AS {column}"),
        }
    }

    /// Where a column is selected, or else first named.
    pub fn place_selecting(&self, column: &str) -> Range<usize> {
        match self.selected(column) {
            Some(Selected::Wildcard(options)) => {
                bytes_of(&self.file, options.wildcard_token.0.span)
            }
            _ => self.place_of(column),
        }
    }

    /// Where a part of the statement is.
    pub(crate) fn place_of_part(&self, part: &impl Spanned) -> Range<usize> {
        bytes_of(&self.file, part.span())
    }

    fn selected(&self, column: &str) -> Option<Selected<'_>> {
        let Statement::Query(query) = &self.statement else {
            return None;
        };
        let items = &outermost(query)?.projection;
        let named = items.iter().find_map(|item| selected_by_name(item, column));
        let mut wildcards = items.iter().filter_map(wildcard);
        named.or_else(|| wildcards.find_map(|options| selected_by_wildcard(options, column)))
    }
}

fn outermost(query: &Query) -> Option<&Select> {
    let mut body = query.body.as_ref();
    loop {
        body = match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(query) => query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => left.as_ref(),
            _ => return None,
        };
    }
}

fn selected_by_name<'a>(item: &'a SelectItem, column: &str) -> Option<Selected<'a>> {
    match item {
        SelectItem::UnnamedExpr(expression) => {
            is_column(expression, Some(column)).then_some(Selected::Column(expression))
        }
        SelectItem::ExprWithAlias { expr, alias } if alias.value == column => {
            Some(match is_column(expr, None) {
                true => Selected::Column(expr),
                false => Selected::Computed,
            })
        }
        _ => None,
    }
}

/// Whether an expression is a column as it is, of this name if one is given.
fn is_column(expression: &Expr, named: Option<&str>) -> bool {
    let last = match expression {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    };
    last.is_some_and(|last| named.is_none_or(|named| last.value == named))
}

fn wildcard(item: &SelectItem) -> Option<&WildcardAdditionalOptions> {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => Some(options),
        _ => None,
    }
}

fn selected_by_wildcard<'a>(
    options: &'a WildcardAdditionalOptions,
    column: &str,
) -> Option<Selected<'a>> {
    let replaced = options
        .opt_replace
        .iter()
        .flat_map(|replace| &replace.items);
    let mut replaced = replaced.map(|item| item.column_name.value.as_str());
    match (replaced.any(|name| name == column), &options.opt_replace) {
        (true, _) => Some(Selected::Computed),
        (false, None) => Some(Selected::Wildcard(options)),
        // What is replaced already has its list.
        (false, Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::ground::{SourceFile, SqlSchema, TableName};

    use super::*;

    fn cast_in(sql: &str) -> String {
        let name = TableName::new(SqlSchema::Staging, "orders");
        let model = Model::parse(name, SourceFile::new("orders.sql", sql)).unwrap();
        model.cast_of("user_id", "VARCHAR")
    }

    #[test]
    fn casts_are_told_as_they_are_to_be_written() {
        for (sql, expected) in [
            (
                "SELECT user_id FROM sources.orders",
                "CAST(user_id AS VARCHAR) AS user_id",
            ),
            (
                "SELECT o.user_id FROM sources.orders AS o",
                "CAST(o.user_id AS VARCHAR) AS user_id",
            ),
            (
                "SELECT uid AS user_id FROM sources.orders",
                "CAST(uid AS VARCHAR) AS user_id",
            ),
            (
                "SELECT uid + 1 AS user_id FROM sources.orders",
                "CAST(... AS VARCHAR) AS user_id",
            ),
            (
                "SELECT * FROM sources.orders",
                "* REPLACE (CAST(user_id AS VARCHAR) AS user_id) in place of *",
            ),
            (
                "SELECT *, user_id IS NULL AS x FROM sources.orders",
                "* REPLACE (CAST(user_id AS VARCHAR) AS user_id) in place of *",
            ),
            (
                "SELECT * REPLACE (uid AS user_id) FROM sources.orders",
                "CAST(... AS VARCHAR) AS user_id",
            ),
            (
                "(SELECT o.* FROM sources.orders AS o) UNION ALL SELECT 1",
                "* REPLACE (CAST(user_id AS VARCHAR) AS user_id) in place of *",
            ),
        ] {
            assert_eq!(cast_in(sql), expected, "{sql}");
        }
    }
}
