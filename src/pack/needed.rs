//! The SQL behind some columns: of each model below them, what the models above it read. A column
//! that nothing on the way reads is left out, so that one more of them changes nothing.
//!
//! | part of a model | kept |
//! |---|---|
//! | a column that a model above names, or the rest of the query | yes |
//! | all columns, where a model above reads them without naming them, or where one of them may have a say in the others (DISTINCT, UNION, ordinals) | yes |
//! | FROM, WHERE, GROUP BY, CTEs and the like | yes |
//! | a window of `windows(..)` that no kept column ends in, where `lifetime` decides which users there are | no |
//! | staging | all of it |
//!
//! Names are told apart by their last part alone, and rollups by how names begin, so that too much is
//! kept rather than too little.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, Query, Select, SelectItem, SetExpr, TableFactor, Visit, Visitor,
};

use crate::ground::{SqlSchema, TableName};
use crate::models::Model;

use super::clauses::Clauses;
use super::project::Project;
use super::queries::{name_of, select_of};

/// The window of every day, in canonical text.
const LIFETIME: &str = "'lifetime'";

/// The columns of a table that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Columns {
    /// Every one.
    All,
    /// Those of such names, in lower case.
    Named(BTreeSet<String>),
}

/// What the columns of some tables come of: canonical text by model, in planning order.
pub(super) fn sql_behind(
    project: &Project,
    read: impl IntoIterator<Item = (TableName, Columns)>,
) -> Vec<(&Model, String)> {
    let mut needed: BTreeMap<TableName, Columns> = BTreeMap::new();
    for (table, columns) in read {
        add(&mut needed, table, columns);
    }
    let mut behind = Vec::new();
    // Whatever reads a model comes after it in planning order.
    for model in project.graph.models().iter().rev() {
        let Some(columns) = needed.get(&model.name) else {
            continue;
        };
        let (kept, passed_on) = kept_of(model, columns);
        for read in &model.reads {
            add(&mut needed, read.table.clone(), passed_on.clone());
        }
        behind.push((model, kept.join(" ")));
    }
    behind.reverse();
    behind
}

/// The columns that some SQL in canonical text names; every one where a name is in quotes, or columns
/// are not named.
pub(super) fn columns_named(sql: &str) -> Columns {
    let tokens: Vec<&str> = sql.split(' ').collect();
    let before_star = ["select", "distinct", "all", ",", ".", ")"];
    let mut pairs = tokens.windows(2);
    let has_wildcard = pairs.any(|pair| pair[1] == "*" && before_star.contains(&pair[0]));
    match has_wildcard || sql.contains(['"', '`']) {
        true => Columns::All,
        false => Columns::Named(tokens.into_iter().filter_map(name_in).collect()),
    }
}

fn add(needed: &mut BTreeMap<TableName, Columns>, table: TableName, columns: Columns) {
    let known = needed.entry(table);
    let known = known.or_insert_with(|| Columns::Named(BTreeSet::new()));
    match (known, columns) {
        (Columns::Named(known), Columns::Named(names)) => known.extend(names),
        (known, _) => *known = Columns::All,
    }
}

/// The tokens of a model that decide some of its columns, and the columns that it reads for them.
fn kept_of(model: &Model, columns: &Columns) -> (Vec<String>, Columns) {
    let naming = Naming::of(model);
    let kept = cut(model, columns);
    let names: BTreeSet<String> = kept.iter().filter_map(|token| name_in(token)).collect();
    let kept = match naming.has_wildcard {
        true => kept,
        false => without_unread_windows(&kept, &names),
    };
    let passes_on = naming.has_wildcard && selects_wildcard(model);
    let read = match columns {
        _ if naming.leaves_columns_open() => Columns::All,
        Columns::All if passes_on => Columns::All,
        Columns::Named(wanted) if passes_on => Columns::Named(&names | wanted),
        _ => Columns::Named(names),
    };
    (kept, read)
}

/// The query without the columns that are not wanted, where it can be cut.
fn cut(model: &Model, columns: &Columns) -> Vec<String> {
    let all = model.tokens.as_slice();
    let whole = || all.to_vec();
    let Columns::Named(wanted) = columns else {
        return whole();
    };
    let select = select_of(model).filter(|_| model.name.schema != SqlSchema::Staging);
    let (Some(select), Some(clauses)) = (select, Clauses::of(all)) else {
        return whole();
    };
    if select
        .distinct
        .as_ref()
        .is_some_and(|distinct| *distinct != Distinct::All)
        || clauses.items.len() != select.projection.len()
        || clauses.names_by_place()
    {
        return whole();
    }
    let rest: BTreeSet<String> = clauses.rest().filter_map(|token| name_in(token)).collect();
    let is_read = |name: &str| match model.name.schema {
        // Windows add to the name of what is rolled up.
        SqlSchema::Rollups => wanted.iter().any(|wanted| wanted.starts_with(name)),
        _ => wanted.contains(name),
    };
    let items = clauses.items.iter().zip(&select.projection);
    let is_kept = items.map(|(tokens, item)| match name_of(item) {
        Some(name) => {
            let name = name.value.to_lowercase();
            let multiplies_rows = all[tokens.clone()].iter().any(|token| token == "unnest");
            is_read(&name) || rest.contains(&name) || multiplies_rows
        }
        None => true,
    });
    clauses.of_items(&is_kept.collect::<Vec<_>>())
}

/// The name that a token is, in lower case, if it may be one.
fn name_in(token: &str) -> Option<String> {
    let first = token.chars().next()?;
    let is_name = first.is_alphabetic() || ['_', '"', '`', '#', '@'].contains(&first);
    let quotes = ['"', '`'];
    is_name.then(|| {
        token
            .trim_matches(quotes)
            .replace("\"\"", "\"")
            .to_lowercase()
    })
}

/// How a model names the columns that it reads.
#[derive(Debug, Default)]
struct Naming {
    /// Some are not named.
    has_wildcard: bool,
    /// Some are named by their place, or go by whatever two tables have in common.
    is_by_place: bool,
    /// One that is not named may have a say in the rows.
    is_by_row: bool,
}

impl Naming {
    fn of(model: &Model) -> Self {
        let mut naming = Self::default();
        let ControlFlow::Continue(()) = Visit::visit(&model.statement, &mut naming);
        let tokens = &model.tokens;
        naming.is_by_place |= tokens.iter().any(|token| token == "natural");
        naming.has_wildcard |= tokens.windows(2).any(|pair| pair == [".", "*"]);
        naming
    }

    fn leaves_columns_open(&self) -> bool {
        self.is_by_place || (self.has_wildcard && self.is_by_row)
    }
}

impl Visitor for Naming {
    type Break = Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Infallible> {
        let mut tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.is_by_place |= tables.any(|table| !table.alias.columns.is_empty());
        self.is_by_row |= matches!(query.body.as_ref(), SetExpr::SetOperation { .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Infallible> {
        let is_by_all = matches!(select.group_by, GroupByExpr::All(_));
        self.has_wildcard |= select.projection.iter().any(is_wildcard);
        self.is_by_row |= select.distinct.is_some() || is_by_all;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
        let alias = match factor {
            TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => alias.as_ref(),
            _ => None,
        };
        self.is_by_place |= alias.is_some_and(|alias| !alias.columns.is_empty());
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Infallible> {
        self.is_by_row |= matches!(
            expression,
            Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. }
        );
        ControlFlow::Continue(())
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(
        item,
        SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
    )
}

/// Whether the model itself selects columns that it does not name.
fn selects_wildcard(model: &Model) -> bool {
    let items = select_of(model).map_or(&[][..], |select| &select.projection);
    items.is_empty() || items.iter().any(is_wildcard)
}

/// The tokens without the windows of `windows(..)` that no name ends in. The users of a call are those of
/// any window, so of `lifetime` where that is among them; other calls are kept as they are.
fn without_unread_windows(tokens: &[String], names: &BTreeSet<String>) -> Vec<String> {
    let is_read = |window: &str| {
        let ending = format!("_{}", window.trim_matches('\''));
        window == LIFETIME || names.iter().any(|name| name.ends_with(&ending))
    };
    let mut kept = Vec::new();
    let mut rest = tokens.iter();
    while let Some(token) = rest.next() {
        kept.push(token.clone());
        if token != "windows" {
            continue;
        }
        let call = rest.by_ref().take_while(|token| *token != ")");
        let arguments = call.filter(|token| !["(", ","].contains(&token.as_str()));
        let arguments: Vec<&String> = arguments.collect();
        let is_cut = arguments.iter().any(|argument| *argument == LIFETIME);
        let read = arguments.iter().enumerate();
        let read = read.filter(|(place, argument)| !is_cut || *place == 0 || is_read(argument));
        kept.extend(read.map(|(_, argument)| (*argument).clone()));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::SourceFile;

    fn model(table: &str, sql: &str) -> Model {
        let file = SourceFile::new(format!("{table}.sql"), sql);
        Model::parse(table.parse().unwrap(), file).unwrap()
    }

    fn named(names: &[&str]) -> Columns {
        Columns::Named(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn kept(table: &str, sql: &str, wanted: &[&str]) -> String {
        kept_of(&model(table, sql), &named(wanted)).0.join(" ")
    }

    const PURCHASES: &str = "SELECT user_id, orders_30d, -- a comment
        COALESCE(revenue_7d, 0) AS revenue_7d, spread_365d
        FROM windows('rollups.purchases', '7d', '30d', '365d', 'lifetime')";

    #[test]
    fn columns_and_windows_that_nothing_reads_are_left_out() {
        let found = kept("features.purchases", PURCHASES, &["user_id", "orders_30d"]);
        insta::assert_snapshot!(found, @"select user_id , orders_30d , from windows 'rollups.purchases' '30d' 'lifetime'");
        let less = PURCHASES
            .replace(", spread_365d", "")
            .replace(", '365d'", "");
        let wanted = ["user_id", "orders_30d"];
        assert_eq!(kept("features.purchases", &less, &wanted), found);
        let other = PURCHASES.replace("orders_30d", "orders_7d AS orders_30d");
        assert_ne!(kept("features.purchases", &other, &wanted), found);
    }

    #[test]
    fn of_a_rollup_what_windows_are_made_of_is_kept() {
        let rollup = "SELECT user_id, day, COUNT(*) AS orders, SUM(amount) AS revenue
            FROM staging.orders GROUP BY user_id, day";
        insta::assert_snapshot!(kept("rollups.purchases", rollup, &["orders_30d"]), @"select user_id , day , count ( * ) as orders , from staging . orders group by user_id , day");
    }

    /// They say which users there are.
    #[test]
    fn windows_without_lifetime_are_kept() {
        let users = |window: &str| {
            let sql = format!("SELECT user_id FROM windows('rollups.purchases', '{window}')");
            kept("features.buyers", &sql, &["user_id"])
        };
        assert_ne!(users("30d"), users("365d"));
    }

    #[test]
    fn names_in_quotes_are_names() {
        for name in ["points", "\"points\"", "`points`"] {
            let sql = format!("SELECT user_id, {name} > 3 AS t FROM features.users");
            let read = kept_of(&model("tiers.t", &sql), &named(&["t"])).1;
            let Columns::Named(names) = read else {
                panic!("all columns");
            };
            assert!(names.contains("points"), "{name}: {names:?}");
        }
    }

    /// Which columns a model reads, beside those of its own text.
    #[test]
    fn columns_that_are_not_named_are_read_where_they_matter() {
        let read = |sql: &str, wanted: &[&str]| kept_of(&model("tiers.t", sql), &named(wanted)).1;
        let inner = "WITH all_of_it AS (SELECT *, a + 1 AS b FROM features.users) SELECT user_id, b AS t FROM all_of_it";
        let Columns::Named(names) = read(inner, &["t"]) else {
            panic!("all columns");
        };
        assert!(names.contains("a") && !names.contains("z"), "{names:?}");
        let outer = "SELECT *, a AS t FROM features.users";
        let Columns::Named(names) = read(outer, &["t", "z"]) else {
            panic!("all columns");
        };
        assert!(names.contains("a") && names.contains("z"), "{names:?}");
        for all in [
            "SELECT DISTINCT * FROM features.users",
            "SELECT user_id, t FROM (SELECT * FROM features.users UNION SELECT * FROM features.more)",
            "SELECT DISTINCT ON (user_id) * FROM features.users ORDER BY user_id, z",
            "SELECT user_id, t FROM features.users NATURAL JOIN features.more",
            "SELECT user_id, b AS t FROM features.users AS u (user_id, b)",
            "WITH u (user_id, b) AS (SELECT * FROM features.users) SELECT user_id, b AS t FROM u",
            "SELECT user_id, a AS t FROM features.users WHERE user_id IN (SELECT * FROM features.more)",
        ] {
            assert_eq!(read(all, &["t"]), Columns::All, "{all}");
        }
    }

    /// What has a say in other columns, or in the rows, stays.
    #[test]
    fn queries_that_cannot_be_cut_are_kept_whole() {
        for sql in [
            "SELECT DISTINCT user_id, z FROM features.users",
            "SELECT user_id, COUNT(z) AS z FROM features.users GROUP BY 1",
            "SELECT user_id, COUNT(z) AS z FROM features.users GROUP BY (1)",
            "SELECT user_id, z, COUNT(*) AS n FROM features.users GROUP BY ALL",
            "SELECT user_id, z FROM features.users UNION ALL SELECT user_id, z FROM features.more",
            "SELECT user_id, unnest(z) AS z FROM features.users",
            "SELECT user_id, z FROM features.users ORDER BY z LIMIT 3",
        ] {
            let kept = kept("tiers.t", sql, &["user_id"]);
            assert!(kept.contains(" z"), "{kept}");
        }
        let staging = "SELECT user_id, z FROM sources.users";
        assert!(kept("staging.users", staging, &["user_id"]).contains("z"));
    }
}
