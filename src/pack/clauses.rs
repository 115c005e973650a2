//! A query cut into its clauses, token by token, so that a part of it can be written down as it
//! is in the file.
//!
//! ```text
//! with .. | select | item , item | from table | join .. | join .. | where .. | order by .. | limit ..
//! ```
//!
//! Only what is outside brackets is looked at. A query that is not of this shape has no
//! clauses; whoever asks then takes all of it.

use std::ops::Range;

/// Words that end FROM.
const AFTER_FROM: [&str; 11] = [
    "where", "group", "having", "qualify", "window", "order", "limit", "offset", "fetch", "union",
    "except",
];

/// Words that end ORDER BY.
const AFTER_ORDER: [&str; 3] = ["limit", "offset", "fetch"];

/// Words that a join may begin with.
const BEFORE_JOIN: [&str; 9] = [
    "natural", "inner", "left", "right", "full", "cross", "outer", "semi", "anti",
];

/// The clauses of a query, in ranges of its tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clauses<'a> {
    tokens: &'a [String],
    with: Range<usize>,
    select: Range<usize>,
    /// What is selected, one range an item.
    pub items: Vec<Range<usize>>,
    table: Range<usize>,
    /// What is joined to the first table.
    pub joins: Vec<Range<usize>>,
    /// Filters, groups and limits, without ORDER BY.
    others: [Range<usize>; 2],
    /// All that follows FROM.
    after: Range<usize>,
}

impl<'a> Clauses<'a> {
    /// The clauses of a query in [canonical](crate::models::Model::tokens) tokens.
    pub(super) fn of(tokens: &'a [String]) -> Option<Self> {
        let outside = outside_brackets(tokens);
        let find = |from: usize, words: &[&str]| {
            let mut places = outside.iter().copied().filter(|place| *place >= from);
            places.find(|place| words.contains(&tokens[*place].as_str()))
        };
        let end = tokens.len();
        let select = find(0, &["select"])?;
        let first_item = match tokens.get(select + 1)?.as_str() {
            "distinct" if tokens.get(select + 2)? == "on" => return None,
            "distinct" | "all" => select + 2,
            _ => select + 1,
        };
        let mut from = find(first_item, &["from"])?;
        // A IS DISTINCT FROM B.
        while tokens[from - 1] == "distinct" {
            from = find(from + 1, &["from"])?;
        }
        let after = find(from, &AFTER_FROM).unwrap_or(end);
        let order = find(after, &["order"]).unwrap_or(end);
        let after_order = find(order, &AFTER_ORDER).unwrap_or(end);
        let joins = starts_of_joins(tokens, &outside, from..after);
        let first_join = joins.first().copied().unwrap_or(after);
        let commas = outside.iter().copied();
        let commas =
            commas.filter(|place| tokens[*place] == "," && (first_item..from).contains(place));
        Some(Self {
            tokens,
            with: 0..select,
            select: select..first_item,
            items: between(first_item, commas.collect(), from, 1),
            table: from..first_join,
            joins: match joins.is_empty() {
                true => Vec::new(),
                false => between(first_join, joins[1..].to_vec(), after, 0),
            },
            others: [after..order, after_order..end],
            after: after..end,
        })
    }

    /// The query with one of its items and some of its joins, without ORDER BY.
    pub(super) fn of_item(&self, item: usize, is_kept: &[bool], keeps_with: bool) -> String {
        let with = Some(&self.with).filter(|_| keeps_with);
        let joins = self.joins.iter().zip(is_kept);
        let joins = joins.filter_map(|(join, is_kept)| is_kept.then_some(join));
        let ranges = with
            .into_iter()
            .chain([&self.select, &self.items[item], &self.table])
            .chain(joins)
            .chain(&self.others);
        let tokens: Vec<&str> = ranges
            .flat_map(|range| &self.tokens[range.clone()])
            .map(String::as_str)
            .collect();
        tokens.join(" ")
    }

    /// All but what is selected.
    pub(super) fn rest(&self) -> impl Iterator<Item = &String> {
        let joins = self.joins.iter();
        let ranges = joins.chain([&self.with, &self.table, &self.after]);
        ranges.flat_map(|range| &self.tokens[range.clone()])
    }

    /// Whether items are named by their places, or all of them: GROUP BY 1, GROUP BY ALL. A number in
    /// brackets may be one, too.
    pub(super) fn names_by_place(&self) -> bool {
        let mut is_list = false;
        self.tokens[self.after.clone()].iter().any(|token| {
            let is_place = token == "all" || token.bytes().all(|byte| byte.is_ascii_digit());
            let is_place = is_list && is_place;
            is_list = matches!(token.as_str(), "by" | "," | "(");
            is_place
        })
    }

    /// Whether nothing but ORDER BY follows FROM.
    pub(super) fn ends_with_from_or_order(&self) -> bool {
        self.others.iter().all(Range::is_empty)
    }

    /// The query with some of its items, each followed by a comma.
    pub(super) fn of_items(&self, is_kept: &[bool]) -> Vec<String> {
        let tokens = |range: &Range<usize>| self.tokens[range.clone()].to_vec();
        let items = self.items.iter().zip(is_kept);
        let items = items.filter(|(_, is_kept)| **is_kept);
        let items = items.flat_map(|(item, _)| tokens(item).into_iter().chain([",".to_owned()]));
        let before = [&self.with, &self.select].into_iter().flat_map(tokens);
        let from = [&self.table]
            .into_iter()
            .chain(&self.joins)
            .chain([&self.after]);
        before.chain(items).chain(from.flat_map(tokens)).collect()
    }
}

/// The places of tokens that are in no brackets, and are no names behind a dot.
fn outside_brackets(tokens: &[String]) -> Vec<usize> {
    let mut depth = 0_i64;
    let mut outside = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ if depth == 0 && (place == 0 || tokens[place - 1] != ".") => outside.push(place),
            _ => {}
        }
    }
    outside
}

/// Where the joins of a FROM begin.
fn starts_of_joins(tokens: &[String], outside: &[usize], from: Range<usize>) -> Vec<usize> {
    let joins = outside.iter().copied();
    let joins = joins.filter(|place| from.contains(place) && tokens[*place] == "join");
    let starts = joins.map(|mut place| {
        while BEFORE_JOIN.contains(&tokens[place - 1].as_str()) {
            place -= 1;
        }
        place
    });
    starts.collect()
}

/// The ranges between cuts, each of which takes up some tokens.
fn between(start: usize, cuts: Vec<usize>, end: usize, width: usize) -> Vec<Range<usize>> {
    let starts = std::iter::once(start).chain(cuts.iter().map(|cut| cut + width));
    let ends = cuts.iter().copied().chain([end]);
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::tokens;

    #[test]
    fn a_query_is_cut_outside_its_brackets() {
        let text = "WITH own AS (SELECT a FROM b ORDER BY a)
            SELECT DISTINCT LEFT(a.x, 2) AS x, a IS DISTINCT FROM b AS y, SUM(q.order) OVER (ORDER BY z) AS z
            FROM own AS a
            LEFT OUTER JOIN q ON LEFT(q.left, 1) = a.x JOIN r USING (x)
            WHERE x > 1 GROUP BY x ORDER BY x LIMIT 3";
        let tokens = tokens(text);
        let clauses = Clauses::of(&tokens).unwrap();
        assert_eq!((clauses.items.len(), clauses.joins.len()), (3, 2));
        insta::assert_snapshot!(clauses.of_item(1, &[true, false], false), @"select distinct a is distinct from b as y from own as a left outer join q on left ( q . left , 1 ) = a . x where x > 1 group by x limit 3");
        insta::assert_snapshot!(clauses.of_item(0, &[false, true], true), @"with own as ( select a from b order by a ) select distinct left ( a . x , 2 ) as x from own as a join r using ( x ) where x > 1 group by x limit 3");
    }

    #[test]
    fn what_is_no_such_query_has_no_clauses() {
        for text in [
            "SELECT 1",
            "VALUES (1)",
            "(SELECT a FROM b)",
            "SELECT",
            "SELECT DISTINCT ON (a) a, b FROM c",
        ] {
            assert_eq!(Clauses::of(&tokens(text)), None, "{text}");
        }
    }
}
