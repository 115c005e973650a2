//! What a column of the snapshot depends on within `publish/tier_snapshot.sql`: the query with that
//! column alone, and with those tables alone that decide its values.
//!
//! | part of the query | kept |
//! |---|---|
//! | the column as it is selected | yes |
//! | the first table of FROM, whose rows are the snapshot's | yes |
//! | a join whose table the column, a filter or a kept join names | yes |
//! | WHERE, GROUP BY, HAVING, QUALIFY | yes |
//! | CTEs | all of them where a kept table is one |
//! | other columns, other joins, ORDER BY, comments | no |
//!
//! Joins that are left out may lose or multiply users, which audits find; they give no values.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Join, JoinConstraint, JoinOperator, Query, Select, SelectItem, SetExpr,
    Statement, TableFactor, TableWithJoins, Visit, visit_expressions,
};

use crate::ground::TableName;
use crate::models::Model;
use crate::tiles::USER_ID;

use super::clauses::Clauses;
use super::queries::{called, name_of};

/// What gives a column its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SnapshotColumn {
    /// The part of the query, in canonical text; all of it where it cannot be cut.
    pub sql: String,
    /// The tables that it reads.
    pub tables: BTreeSet<TableName>,
    /// The table whose column it is as it stands there, in every row of the snapshot.
    pub is_of: Option<TableName>,
}

impl SnapshotColumn {
    /// A column of the snapshot's model; none where the model does not select it by its name.
    pub(super) fn of(model: &Model, column: &str) -> Option<Self> {
        let Statement::Query(query) = &model.statement else {
            return None;
        };
        let mut query = Query::clone(query);
        query.order_by = None;
        query.with = None;
        let select = select_of(&mut query)?;
        let mut items = select.projection.iter();
        let item = items.position(|item| is_named(item, column))?;
        let selected = std::mem::take(&mut select.projection);
        select.projection = vec![selected[item].clone()];
        let from = std::mem::take(&mut select.from);
        let is_kept = kept_joins(&from, names_in(&query));
        let tables: Option<BTreeSet<TableName>> = factors(&from, &is_kept).map(table).collect();
        let clauses = Clauses::of(&model.tokens).filter(|clauses| {
            let counts = (clauses.items.len(), clauses.joins.len());
            counts == (selected.len(), is_kept.len()) && from.len() == 1
        });
        let sql = match &clauses {
            // A table without a folder is a CTE, or a query in brackets.
            Some(clauses) => clauses.of_item(item, &is_kept, tables.is_none()),
            None => model.canonical_sql(),
        };
        let all = || model.reads.iter().map(|read| read.table.clone()).collect();
        let tables = tables.unwrap_or_else(all);
        let is_whole = clauses.is_some_and(|clauses| clauses.ends_with_from_or_order());
        let is_of = is_whole.then(|| table_of(&selected[item], &from)).flatten();
        Some(Self { sql, tables, is_of })
    }
}

fn select_of(query: &mut Query) -> Option<&mut Select> {
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

fn is_named(item: &SelectItem, column: &str) -> bool {
    name_of(item).is_some_and(|name| name.value == column)
}

/// The tables that some SQL names columns of.
#[derive(Debug, Default)]
struct Names {
    tables: BTreeSet<String>,
    /// Whether there is a column without its table, which may be of any.
    has_bare: bool,
}

fn names_in(sql: &impl Visit) -> Names {
    let mut names = Names::default();
    let visited = visit_expressions(sql, |expression| {
        match expression {
            Expr::Identifier(_) => names.has_bare = true,
            Expr::CompoundIdentifier(parts) => {
                let table = parts.iter().rev().nth(1);
                let table = table.map(|table| table.value.to_lowercase());
                names.tables.extend(table);
            }
            _ => {}
        }
        ControlFlow::<Infallible>::Continue(())
    });
    let ControlFlow::Continue(()) = visited;
    names
}

/// Which joins are named, by the rest of the query or by a join that is.
fn kept_joins(from: &[TableWithJoins], mut named: Names) -> Vec<bool> {
    let joins: Vec<&Join> = from.iter().flat_map(|tables| &tables.joins).collect();
    loop {
        let before = named.tables.len();
        for join in &joins {
            if is_kept(&join.relation, &named) {
                let others = names_in(*join);
                named.tables.extend(others.tables);
                named.has_bare |= others.has_bare;
            }
        }
        if named.tables.len() == before {
            break;
        }
    }
    let is_kept = joins.iter().map(|join| is_kept(&join.relation, &named));
    is_kept.collect()
}

fn is_kept(factor: &TableFactor, named: &Names) -> bool {
    let Some(name) = called(factor) else {
        return true;
    };
    named.has_bare || named.tables.contains(&name.to_lowercase())
}

/// The tables of FROM, those of joins as far as they are kept.
fn factors<'a>(
    from: &'a [TableWithJoins],
    is_kept: &'a [bool],
) -> impl Iterator<Item = &'a TableFactor> {
    let joins = from.iter().flat_map(|tables| &tables.joins).zip(is_kept);
    let joins = joins.filter(|(_, is_kept)| **is_kept);
    let joined = joins.map(|(join, _)| &join.relation);
    from.iter().map(|tables| &tables.relation).chain(joined)
}

/// The table whose column an item is: `tiers.value_tier`, of a table that is called `tiers` here.
fn table_of(item: &SelectItem, from: &[TableWithJoins]) -> Option<TableName> {
    let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) = item else {
        return None;
    };
    let [alias, _] = names.as_slice() else {
        return None;
    };
    let joins = from.iter().flat_map(|tables| &tables.joins);
    let joined = joins.filter(|join| is_by_user(join));
    let joined = joined.map(|join| &join.relation);
    let mut factors = from.iter().map(|tables| &tables.relation).chain(joined);
    let found = factors.find(|factor| called(factor).as_deref() == Some(&*alias.value));
    found.and_then(table)
}

/// Whether a join gives every user the row of their own id: `ON a.user_id = b.user_id`.
fn is_by_user(join: &Join) -> bool {
    use JoinOperator::{Inner, Left, LeftOuter};
    let constraint = match &join.join_operator {
        JoinOperator::Join(constraint)
        | Inner(constraint)
        | Left(constraint)
        | LeftOuter(constraint) => constraint,
        _ => return false,
    };
    let is_id = |side: &Expr| match side {
        Expr::CompoundIdentifier(names) => names.last().is_some_and(|name| name.value == USER_ID),
        _ => false,
    };
    match constraint {
        JoinConstraint::On(Expr::BinaryOp { left, op, right }) => {
            *op == BinaryOperator::Eq && is_id(left) && is_id(right)
        }
        JoinConstraint::Using(columns) => {
            matches!(columns.as_slice(), [column] if column.to_string() == USER_ID)
        }
        _ => false,
    }
}

fn table(factor: &TableFactor) -> Option<TableName> {
    match factor {
        TableFactor::Table {
            name, args: None, ..
        } => name.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::ground::SourceFile;

    use super::*;

    fn column(sql: &str) -> SnapshotColumn {
        let name = "publish.tier_snapshot".parse().unwrap();
        let file = SourceFile::new("publish/tier_snapshot.sql", sql);
        let model = Model::parse(name, file).unwrap();
        SnapshotColumn::of(&model, "value_tier").unwrap()
    }

    const SNAPSHOT: &str = "
        SELECT users.user_id, tiers.value_tier, depth.depth -- a comment
        FROM features.users AS users
        INNER JOIN tiers.value_tier AS tiers ON users.user_id = tiers.user_id
        INNER JOIN tiers.depth AS depth ON users.user_id = depth.user_id
        ORDER BY users.user_id";

    #[test]
    fn other_columns_joins_and_comments_are_no_part_of_it() {
        let found = column(SNAPSHOT);
        assert_eq!(
            found.sql,
            "select tiers . value_tier from features . users as users inner join tiers . value_tier as tiers on users . user_id = tiers . user_id"
        );
        let tables: Vec<String> = found.tables.iter().map(TableName::to_string).collect();
        assert_eq!(tables, ["features.users", "tiers.value_tier"]);
        let other = SNAPSHOT
            .replace("-- a comment", "")
            .replace("depth.depth", "1 AS depth");
        assert_eq!(column(&other), found);
    }

    #[test]
    fn filters_and_the_joins_that_they_name_are_part_of_it() {
        let filtered = SNAPSHOT.replace("ORDER BY", "WHERE depth.depth = 'deep' ORDER BY");
        let found = column(&filtered);
        assert_ne!(found, column(SNAPSHOT));
        assert!(found.sql.contains("tiers . depth"), "{found:?}");
        let joined = SNAPSHOT.replace("= tiers.user_id", "= tiers.user_id AND tiers.rank > 1");
        assert_ne!(column(&joined), column(SNAPSHOT));
    }

    #[test]
    fn the_column_of_a_table_that_is_joined_by_user_is_known_for_it() {
        let of = |sql: &str| column(sql).is_of.map(|table| table.to_string());
        assert_eq!(of(SNAPSHOT).as_deref(), Some("tiers.value_tier"));
        let household = SNAPSHOT.replace("users.user_id = tiers", "users.household = tiers");
        let filtered = SNAPSHOT.replace("ORDER BY", "WHERE depth.depth = 'deep' ORDER BY");
        let computed = SNAPSHOT.replace(
            "tiers.value_tier,",
            "UPPER(tiers.value_tier) AS value_tier,",
        );
        for other in [household, filtered, computed] {
            assert_eq!(of(&other), None, "{other}");
        }
    }

    #[test]
    fn a_table_of_the_query_itself_is_part_of_it() {
        let with = |least: u32| {
            let own = format!(
                "WITH own AS (SELECT user_id, value_tier FROM tiers.value_tier WHERE score > {least}) {SNAPSHOT}"
            );
            own.replace("JOIN tiers.value_tier", "JOIN own")
        };
        let found = column(&with(1));
        assert_ne!(found, column(&with(2)));
        let depth = "tiers.depth".parse().unwrap();
        assert!(found.tables.contains(&depth), "{found:?}");
    }
}
