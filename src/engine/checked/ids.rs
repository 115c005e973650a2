//! Columns of ids, whose values nobody is to see, not even in an error.

use datafusion::logical_expr::Expr;

/// Whether an expression becomes a column of ids, whose values nobody is to see.
pub(super) fn gives_ids(expression: &Expr) -> bool {
    matches!(expression, Expr::Alias(alias) if is_of_ids(&alias.name))
}

/// Whether a column holds ids or addresses of people, by its name.
pub(super) fn is_of_ids(column: &str) -> bool {
    let name = column.to_lowercase();
    let is_id = name == "id" || name.ends_with("_id") || name.ends_with("id_");
    is_id
        || ["user", "mail", "phone"]
            .iter()
            .any(|word| name.contains(word))
}
