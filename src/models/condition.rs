//! A condition over one published table, as an argument of a command gives it: an expression of SQL,
//! held to what models are held to. It reads that table and no other.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, SetExpr, Spanned, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::ground::{Diagnostic, Problems, SourceFile, TableName};

use super::canonical::tokens;
use super::distinct_from::read_as_sql;
use super::model::{Model, parse_with};
use super::places::bytes_of;

/// The rows of a table for which a condition holds, all columns of them, as a model. Whatever is
/// wrong with it is placed in `file`, which has the condition alone.
///
/// # Errors
/// Syntax errors, subqueries, functions that read the clock or chance, what is too large or has
/// misleading characters.
pub(crate) fn rows_where(table: &TableName, file: SourceFile) -> Result<Model, Problems> {
    let all = SourceFile::new("export", format!("SELECT * FROM {table}"));
    let Model {
        mut statement,
        reads,
        ..
    } = Model::parse(table.clone(), all)?;
    let condition = parse_with(&file, |parser| {
        let condition = parser.parse_expr()?;
        parser.expect_token(&Token::EOF)?;
        Ok(condition)
    })?;
    let mut subqueries = Subqueries {
        file: &file,
        problems: Problems::default(),
    };
    let ControlFlow::Continue(()) = condition.visit(&mut subqueries);
    subqueries.problems.or_ok(())?;
    if let Statement::Query(query) = &mut statement
        && let SetExpr::Select(select) = query.body.as_mut()
    {
        select.selection = Some(condition);
    }
    read_as_sql(&mut statement);
    Ok(Model {
        name: table.clone(),
        tokens: tokens(&file.text),
        file,
        statement,
        reads,
    })
}

struct Subqueries<'a> {
    file: &'a SourceFile,
    problems: Problems,
}

impl Visitor for Subqueries<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Subquery(query)
        | Expr::Exists {
            subquery: query, ..
        }
        | Expr::InSubquery {
            subquery: query, ..
        } = expression
        {
            let place = bytes_of(self.file, query.span());
            let message = "a condition reads no other rows";
            self.problems.push(
                Diagnostic::at(self.file, place, message)
                    .help("it may use the columns of the table; what needs more belongs in a table of your own"),
            );
        }
        ControlFlow::Continue(())
    }
}
