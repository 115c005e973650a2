//! How large a model may be, so that whatever is written is checked within seconds, and no
//! statement is deeper than the engine's stack.
//!
//! Size, chains and lists are counted in the text, before it is parsed; tables and common table
//! expressions in the parsed statement. Each limit lies far above what people write. The tables beneath
//! a model are [counted in the graph](super::tables_beneath).

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ObjectName, Query, Statement, Visit, Visitor, visit_relations,
};

use crate::ground::{Diagnostic, SourceFile};

use super::lexemes::{Kind, Lexeme, is_of_operator};

/// The most bytes of a file.
const MOST_BYTES: usize = 256 * 1024;

/// The most operators that one expression chains, those of expressions inside counted in.
const MOST_CHAINED: usize = 500;

/// The most items of a list, such as the columns of a SELECT or the values of an IN.
const MOST_LISTED: usize = 2_000;

/// The most SELECTs that UNION, INTERSECT and EXCEPT chain.
const MOST_UNITED: usize = 100;

/// The most common table expressions of a model.
const MOST_COMMON_TABLES: usize = 100;

/// The most tables that a model reads, common table expressions written out wherever they are
/// named.
const MOST_TABLES: u64 = 500;

/// Words that begin another expression at the same depth.
const BEGINNINGS: [&str; 17] = [
    "select",
    "from",
    "where",
    "group",
    "having",
    "order",
    "when",
    "then",
    "else",
    "on",
    "join",
    "union",
    "intersect",
    "except",
    "with",
    "limit",
    "by",
];

/// Operators that are words.
const OPERATORS: [&str; 10] = [
    "and", "or", "not", "is", "in", "like", "ilike", "between", "collate", "at",
];

/// What is counted in parentheses, or between CASE and END.
#[derive(Debug, Default)]
struct Level {
    chained: usize,
    deepest_inside: usize,
    depth: usize,
    listed: usize,
}

impl Level {
    fn begin_expression(&mut self) {
        self.depth = self.whole_depth();
        (self.chained, self.deepest_inside) = (0, 0);
    }

    fn whole_depth(&self) -> usize {
        self.depth.max(self.chained + self.deepest_inside)
    }
}

/// Whether a file is too large to be read at all.
pub(super) fn check_size(file: &SourceFile) -> Result<(), Diagnostic> {
    let bytes = file.text.len();
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let message = format!(
        "`{}` is {bytes} bytes long, of at most {MOST_BYTES}",
        file.name
    );
    Err(Diagnostic::new(message)
        .help("put values into a CSV of reference/ and join it, and split the model into several"))
}

/// Counts chains and lists.
pub(super) fn check_text(file: &SourceFile, lexemes: &[Lexeme]) -> Result<(), Diagnostic> {
    let mut levels = vec![Level::default()];
    let mut united = 1;
    for lexeme in lexemes {
        let text = &file.text[lexeme.place.clone()];
        let word = match lexeme.kind {
            Kind::Word if text.len() <= 10 => text.to_ascii_lowercase(),
            Kind::Symbol => text.to_owned(),
            _ => continue,
        };
        let refused = |message: String, help: &str| {
            Err(Diagnostic::at(file, lexeme.place.clone(), message).help(help))
        };
        if matches!(word.as_str(), "(" | "[" | "case") {
            levels.push(Level::default());
            continue;
        }
        if matches!(word.as_str(), ")" | "]" | "end") && levels.len() > 1 {
            let inside = levels.pop().unwrap_or_default().whole_depth();
            if let Some(level) = levels.last_mut() {
                level.deepest_inside = level.deepest_inside.max(inside);
            }
        }
        let Some(level) = levels.last_mut() else {
            continue;
        };
        match word.as_str() {
            "," => {
                level.listed += 1;
                level.begin_expression();
            }
            "union" | "intersect" | "except" => united += 1,
            "]" | "-" | "/" => level.chained += 1,
            word if OPERATORS.contains(&word) || word.starts_with(is_of_operator) => {
                level.chained += 1;
            }
            _ => {}
        }
        if BEGINNINGS.contains(&word.as_str()) {
            level.begin_expression();
        }
        if level.whole_depth() > MOST_CHAINED {
            let message = format!("an expression of more than {MOST_CHAINED} operators in a chain");
            let help =
                "compute parts of it in a WITH or in another model, and write many OR as one IN";
            return refused(message, help);
        }
        if level.listed >= MOST_LISTED {
            let message = format!("a list of more than {MOST_LISTED} items");
            return refused(
                message,
                "put the values into a CSV of reference/ and join it",
            );
        }
        if united > MOST_UNITED {
            let message = format!("more than {MOST_UNITED} SELECTs in UNION, INTERSECT or EXCEPT");
            return refused(
                message,
                "put the rows into a CSV of reference/, or select them by one WHERE",
            );
        }
    }
    Ok(())
}

/// Counts the tables of a parsed statement.
pub(super) fn check_tables(statement: &Statement) -> Result<(), String> {
    let mut common = CommonTables::default();
    let ControlFlow::Continue(()) = Visit::visit(statement, &mut common);
    if common.count > MOST_COMMON_TABLES {
        return Err(format!(
            "more than {MOST_COMMON_TABLES} common table expressions"
        ));
    }
    let Statement::Query(query) = statement else {
        return Ok(());
    };
    if tables_read(query, &BTreeMap::new()) > MOST_TABLES {
        return Err(format!(
            "the model reads more than {MOST_TABLES} tables, common table expressions written out wherever they are named"
        ));
    }
    Ok(())
}

#[derive(Default)]
struct CommonTables {
    count: usize,
}

impl Visitor for CommonTables {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        self.count += query.with.as_ref().map_or(0, |with| with.cte_tables.len());
        ControlFlow::Continue(())
    }
}

/// How many tables a query reads, by the numbers of what it may name.
pub(super) fn tables_read(query: &Query, known: &BTreeMap<String, u64>) -> u64 {
    let mut known = known.clone();
    for table in query.with.iter().flat_map(|with| &with.cte_tables) {
        let tables = tables_read(&table.query, &known).max(1);
        known.insert(table.alias.name.value.to_lowercase(), tables);
    }
    let mut sum = 0_u64;
    let ControlFlow::Continue(()) = visit_relations(&query.body, |name: &ObjectName| {
        let tables = known.get(&name.to_string().to_lowercase()).copied();
        sum = sum.saturating_add(tables.unwrap_or(1));
        ControlFlow::<std::convert::Infallible>::Continue(())
    });
    sum
}
