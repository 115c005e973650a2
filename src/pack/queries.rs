//! What a model's query says: what it selects, and what it calls the tables that it selects from.

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Select, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
};

use crate::models::Model;

/// The outermost SELECT; none of a UNION and the like.
pub(super) fn select_of(model: &Model) -> Option<&Select> {
    let Statement::Query(query) = &model.statement else {
        return None;
    };
    match query.body.as_ref() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// The name of a column that is selected; none of a wildcard, and of what has none.
pub(super) fn name_of(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last(),
        _ => None,
    }
}

/// The tables of a FROM, and those that are joined.
pub(super) fn factors(from: &[TableWithJoins]) -> impl Iterator<Item = &TableFactor> {
    let joins = from.iter().flat_map(|tables| &tables.joins);
    let joined = joins.map(|join| &join.relation);
    from.iter().map(|tables| &tables.relation).chain(joined)
}

/// What the query calls a table: its alias, or the last part of its name. None of what is no table.
pub(super) fn called(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table {
            alias: Some(alias), ..
        } => Some(alias.name.value.clone()),
        TableFactor::Table { name, .. } => {
            let name = name.to_string();
            name.rsplit('.').next().map(str::to_owned)
        }
        _ => None,
    }
}
