//! What takes one row of several by an order in which they may tie: which one it is, is chance, and
//! another run may publish another row.
//!
//! | written | decided when its order |
//! |---|---|
//! | `ROW_NUMBER`, `NTILE`, `LAG`, `LEAD` over a window | has a key, or all that the SELECT groups by |
//! | anything over a window of `ROWS` that are not all of them | the same |
//! | `ANY_VALUE`, `FIRST_VALUE`, `LAST_VALUE`, `NTH_VALUE`, `ARRAY_AGG`, `STRING_AGG` | has a key, or what they take |
//! | `LIMIT`, `OFFSET`, `FETCH`, `DISTINCT ON` | has a key, all that is selected, or all that is grouped by |
//!
//! A key is a column called `user_id`, `order_id` or otherwise `.._id`, but for a few that many rows have
//! in common; one that a window is
//! partitioned by decides nothing within it. Rows are not looked at, so that what is found may be
//! right: it is a warning. `RANK`, and sums and counts over a `RANGE`, which a window has unless it says otherwise, are
//! the same however rows tie. In rollups orders are [held to more](crate::tiles), and the rows of audits are
//! not published.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, GroupByExpr, Ident, LimitClause, NamedWindowDefinition, NamedWindowExpr,
    ObjectName, OrderBy, OrderByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Spanned,
    Visit, Visitor, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::ground::{Diagnostic, SourceFile, SqlSchema};

use super::Model;
use super::places::bytes_of;

/// Window functions that number rows or look at their neighbours.
const BY_PLACE: [&str; 4] = ["row_number", "ntile", "lag", "lead"];

/// Functions that take values by their place among others.
const OF_VALUES: [&str; 6] = [
    "any_value",
    "first_value",
    "last_value",
    "nth_value",
    "array_agg",
    "string_agg",
];

/// Columns of the tables and sources called so that many rows may have in common.
const NO_KEYS: [&str; 4] = ["run_id", "cutpoints_id", "content_id", "campaign_id"];

/// What to do about an order in which rows may tie.
const BY_KEY_HELP: &str = "end its ORDER BY in a key, such as user_id or order_id: the same rows then come in the same order every night";

/// What to do where no order can be given.
const NO_ORDER_HELP: &str =
    "write MIN(x) or MAX(x), or FIRST_VALUE(x ORDER BY ..) by a key, such as user_id or order_id";

impl Model {
    /// Every place where rows may be taken by chance.
    pub(crate) fn orders_left_to_chance(&self) -> Vec<Diagnostic> {
        if [SqlSchema::Rollups, SqlSchema::Audits].contains(&self.name.schema) {
            return Vec::new();
        }
        let mut reader = Reader {
            file: &self.file,
            grouped: Vec::new(),
            windows: Vec::new(),
            found: Vec::new(),
        };
        let ControlFlow::Continue(()) = Visit::visit(&self.statement, &mut reader);
        reader.found
    }
}

struct Reader<'a> {
    file: &'a SourceFile,
    /// What each SELECT around the place that is read groups by.
    grouped: Vec<BTreeSet<String>>,
    /// The windows that each of them names.
    windows: Vec<Vec<NamedWindowDefinition>>,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn report(&mut self, place: Span, what: &str) {
        let (why, help) = match what {
            "ANY_VALUE" => ("", NO_ORDER_HELP),
            _ => (": its order lets rows tie", BY_KEY_HELP),
        };
        let message = format!("{what} may take one of several rows by chance{why}");
        let place = bytes_of(self.file, place);
        let problem = Diagnostic::at(self.file, place, message).help(help);
        self.found.push(problem.as_warning());
    }

    fn function(&mut self, function: &Function) {
        let name = name_of(&function.name);
        let (by_place, of_values) = (
            BY_PLACE.contains(&name.as_str()),
            OF_VALUES.contains(&name.as_str()),
        );
        let order = match &function.over {
            Some(over) => {
                let Some(window) = self.window(over) else {
                    return;
                };
                if !by_place && !of_values && !cuts_rows(window) {
                    return;
                }
                Order::of(&window.order_by).within(&window.partition_by)
            }
            None if of_values => Order::of(&order_of_arguments(function)),
            None => return,
        };
        let groups = self.grouped.last();
        let takes = match of_values {
            true => first_argument(function),
            false => None,
        };
        let is_decided = order.has_key()
            || takes.is_some_and(|taken| order.names(&taken))
            || groups.is_some_and(|groups| function.over.is_some() && order.names_all(groups));
        if !is_decided {
            let name = name.to_uppercase();
            let what = match by_place || of_values {
                true => name,
                false => format!("{name} over ROWS"),
            };
            self.report(function.name.span(), &what);
        }
    }

    /// A window, also where the SELECT names it.
    fn window<'w>(&'w self, over: &'w WindowType) -> Option<&'w WindowSpec> {
        match over {
            WindowType::WindowSpec(window) => Some(window),
            WindowType::NamedWindow(name) => {
                self.windows
                    .last()?
                    .iter()
                    .find_map(|NamedWindowDefinition(known, window)| match window {
                        NamedWindowExpr::WindowSpec(window) if is_same(known, name) => Some(window),
                        _ => None,
                    })
            }
        }
    }

    fn query(&mut self, query: &Query) {
        let SetExpr::Select(select) = query.body.as_ref() else {
            if is_cut(query) && !order_of_query(query).has_key() {
                self.report(query.span(), "LIMIT");
            }
            return;
        };
        let on: &[Expr] = match &select.distinct {
            Some(Distinct::On(on)) => on,
            _ => &[],
        };
        if on.is_empty() && !is_cut(query) {
            return;
        }
        let order = order_of_query(query).within(on);
        let is_decided = order.has_key()
            || selected(select).is_some_and(|selected| order.names_all(&selected))
            || order.names_all(&groups_of(select))
            || is_one_row(select);
        if !is_decided {
            let what = if on.is_empty() {
                "LIMIT"
            } else {
                "DISTINCT ON"
            };
            let order = query.order_by.as_ref().map(Spanned::span);
            let place = order.unwrap_or(select.select_token.0.span);
            self.report(place, what);
        }
    }
}

impl Visitor for Reader<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.query(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        self.grouped.push(groups_of(select));
        self.windows.push(select.named_window.clone());
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _: &Select) -> ControlFlow<Self::Break> {
        self.grouped.pop();
        self.windows.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expression {
            self.function(function);
        }
        ControlFlow::Continue(())
    }
}

fn is_same(left: &Ident, right: &Ident) -> bool {
    left.value.eq_ignore_ascii_case(&right.value)
}

/// What rows are ordered by, each expression in one spelling.
struct Order(Vec<String>);

impl Order {
    fn of(order: &[OrderByExpr]) -> Self {
        Self(order.iter().map(|by| spelling(&by.expr)).collect())
    }

    /// The same within the rows of a partition, in which its own columns are all alike.
    fn within(mut self, partition: &[Expr]) -> Self {
        let partition: BTreeSet<String> = partition.iter().map(spelling).collect();
        self.0.retain(|by| !partition.contains(by));
        self
    }

    fn has_key(&self) -> bool {
        let is_key = |by: &&String| {
            by.ends_with("_id") && !NO_KEYS.iter().any(|column| by.ends_with(column))
        };
        self.0.iter().any(|by| is_key(&by))
    }

    fn names(&self, expression: &str) -> bool {
        self.0.iter().any(|by| by == expression)
    }

    /// Whether it has all of these, of which there are some.
    fn names_all(&self, expressions: &BTreeSet<String>) -> bool {
        !expressions.is_empty() && expressions.iter().all(|expression| self.names(expression))
    }
}

/// An expression in one spelling; columns without their tables.
fn spelling(expression: &Expr) -> String {
    match expression {
        Expr::CompoundIdentifier(parts) => parts
            .last()
            .map_or_else(String::new, |name| name.value.to_lowercase()),
        Expr::Identifier(name) => name.value.to_lowercase(),
        Expr::Nested(inside) => spelling(inside),
        other => other.to_string().to_lowercase(),
    }
}

/// Whether a window has some of the rows around each, counted one by one.
fn cuts_rows(window: &WindowSpec) -> bool {
    window.window_frame.as_ref().is_some_and(|frame| {
        let is_whole = matches!(
            (&frame.start_bound, &frame.end_bound),
            (
                WindowFrameBound::Preceding(None),
                Some(WindowFrameBound::Following(None))
            )
        );
        frame.units == WindowFrameUnits::Rows && !is_whole
    })
}

/// The bare name of a function in lower case.
fn name_of(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map_or_else(|| name.to_string(), |last| last.value.clone())
        .to_lowercase()
}

fn order_of_arguments(function: &Function) -> Vec<OrderByExpr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    let inside = list.clauses.iter().find_map(|clause| match clause {
        FunctionArgumentClause::OrderBy(order) => Some(order.clone()),
        _ => None,
    });
    inside.unwrap_or_else(|| function.within_group.clone())
}

fn first_argument(function: &Function) -> Option<String> {
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    match list.args.first()? {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(spelling(expression)),
        _ => None,
    }
}

/// Whether a query gives some of its rows alone.
fn is_cut(query: &Query) -> bool {
    let limits = |clause: &LimitClause| match clause {
        LimitClause::LimitOffset { limit, offset, .. } => limit.is_some() || offset.is_some(),
        LimitClause::OffsetCommaLimit { .. } => true,
    };
    query.limit_clause.as_ref().is_some_and(limits) || query.fetch.is_some()
}

fn order_of_query(query: &Query) -> Order {
    match &query.order_by {
        Some(OrderBy {
            kind: OrderByKind::Expressions(order),
            ..
        }) => Order::of(order),
        _ => Order(Vec::new()),
    }
}

fn groups_of(select: &Select) -> BTreeSet<String> {
    match &select.group_by {
        GroupByExpr::Expressions(groups, _) => groups.iter().map(spelling).collect(),
        GroupByExpr::All(_) => BTreeSet::new(),
    }
}

/// The columns of a SELECT by the names that an ORDER BY may give them; none where there is a `*`.
fn selected(select: &Select) -> Option<BTreeSet<String>> {
    let item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expression) => Some(spelling(expression)),
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
        _ => None,
    };
    select.projection.iter().map(item).collect()
}

/// Whether a SELECT has one row at the most: aggregates without a GROUP BY.
fn is_one_row(select: &Select) -> bool {
    let aggregates = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expression)
        | SelectItem::ExprWithAlias {
            expr: expression, ..
        } => {
            matches!(expression, Expr::Function(function) if function.over.is_none() && is_aggregate(&name_of(&function.name)))
        }
        _ => false,
    };
    groups_of(select).is_empty() && select.projection.iter().any(aggregates)
}

fn is_aggregate(function: &str) -> bool {
    let known = datafusion::functions_aggregate::all_default_aggregate_functions();
    known.iter().any(|known| {
        known.name() == function || known.aliases().iter().any(|alias| alias == function)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::TableName;

    /// What is found in a model of tiers, in words.
    fn found(sql: &str) -> Vec<String> {
        let file = SourceFile::new("a.sql", sql);
        let model = Model::parse(TableName::new(SqlSchema::Tiers, "a"), file).unwrap();
        let found = model.orders_left_to_chance().into_iter();
        let what = found.map(|found| found.message.split(" may").next().unwrap().to_owned());
        what.collect()
    }

    #[test]
    fn orders_that_end_in_a_key_are_decided() {
        for decided in [
            "SELECT user_id, ROW_NUMBER() OVER (ORDER BY revenue DESC, users.user_id) AS place FROM features.users",
            "SELECT ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY day, order_id) AS place FROM staging.orders",
            "SELECT RANK() OVER (ORDER BY revenue) AS place, SUM(revenue) OVER (ORDER BY day) AS total FROM features.users",
            "SELECT SUM(amount) OVER (PARTITION BY user_id ORDER BY day, order_id ROWS 2 PRECEDING) AS lately FROM staging.orders",
            "SELECT SUM(amount) OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS total FROM staging.orders",
            "SELECT first_value(tier ORDER BY rank DESC NULLS LAST, tier) AS best FROM reference.tiers",
            "SELECT tier FROM reference.tiers ORDER BY rank DESC, tier LIMIT 1",
            "SELECT user_id FROM features.users ORDER BY revenue DESC, user_id LIMIT 10",
            "SELECT channel, COUNT(*) AS rows FROM staging.orders GROUP BY channel ORDER BY rows DESC, channel LIMIT 3",
            "SELECT channel, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC, channel) AS place FROM staging.orders GROUP BY channel",
            "SELECT user_id, ROW_NUMBER() OVER w AS place FROM features.users WINDOW w AS (ORDER BY revenue, user_id)",
            "SELECT MAX(revenue) AS most FROM features.users LIMIT 1",
            "SELECT user_id FROM features.users ORDER BY revenue",
            "SELECT array_agg(channel ORDER BY channel) AS channels FROM staging.orders",
        ] {
            assert_eq!(found(decided), Vec::<String>::new(), "{decided}");
        }
    }

    #[test]
    fn orders_in_which_rows_may_tie_are_told() {
        for (what, tied) in [
            (
                "ROW_NUMBER",
                "SELECT user_id, ROW_NUMBER() OVER (ORDER BY revenue DESC) AS place FROM features.users",
            ),
            (
                "ROW_NUMBER",
                "SELECT ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY day, user_id) AS place FROM staging.orders",
            ),
            (
                "NTILE",
                "SELECT user_id, ntile(5) OVER (ORDER BY revenue) AS fifth FROM features.users",
            ),
            (
                "LAG",
                "SELECT lag(amount) OVER (PARTITION BY user_id ORDER BY day) AS before FROM staging.orders",
            ),
            (
                "FIRST_VALUE",
                "SELECT user_id, first_value(channel ORDER BY day) AS channel FROM staging.orders GROUP BY user_id",
            ),
            (
                "ARRAY_AGG",
                "SELECT array_agg(channel) AS channels FROM staging.orders",
            ),
            (
                "SUM over ROWS",
                "SELECT SUM(amount) OVER (PARTITION BY user_id ORDER BY day ROWS 2 PRECEDING) AS lately FROM staging.orders",
            ),
            (
                "ROW_NUMBER",
                "SELECT user_id, ROW_NUMBER() OVER w AS place FROM features.users WINDOW w AS (ORDER BY revenue)",
            ),
            (
                "SUM over ROWS",
                "SELECT SUM(amount) OVER w AS lately FROM staging.orders WINDOW w AS (PARTITION BY user_id ORDER BY day ROWS 2 PRECEDING)",
            ),
            ("LIMIT", "SELECT user_id FROM features.users LIMIT 10"),
            (
                "LIMIT",
                "SELECT user_id FROM publish.tier_snapshot AS s ORDER BY s.run_id, last_content_id LIMIT 3",
            ),
            (
                "LIMIT",
                "SELECT user_id, revenue FROM features.users ORDER BY revenue DESC LIMIT 10",
            ),
            (
                "LIMIT",
                "SELECT user_id FROM features.users WHERE revenue > (SELECT revenue FROM features.users ORDER BY day OFFSET 9)",
            ),
            (
                "DISTINCT ON",
                "SELECT DISTINCT ON (user_id) user_id, channel FROM staging.orders ORDER BY user_id, day",
            ),
        ] {
            assert_eq!(found(tied), [what], "{tied}");
        }
    }

    #[test]
    fn rows_of_rollups_and_audits_are_left_alone() {
        for schema in [SqlSchema::Rollups, SqlSchema::Audits] {
            let file = SourceFile::new("a.sql", "SELECT user_id FROM features.users LIMIT 1");
            let model = Model::parse(TableName::new(schema, "a"), file).unwrap();
            assert_eq!(model.orders_left_to_chance(), []);
        }
    }
}
