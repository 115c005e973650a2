//! The texts that a model's statement gives to a column, as far as they are literals.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem,
    SetExpr, Value, Visit, Visitor,
};

use super::Model;
use super::places::bytes_of;

/// The texts that a model gives to a column.
#[derive(Debug, Default)]
pub(crate) struct WrittenTexts {
    /// Each literal, and where it is written.
    pub literals: Vec<(String, Range<usize>)>,
    /// Whether others are computed.
    pub is_computed: bool,
}

impl Model {
    /// The texts that are written for a column, as `'x' AS column` or `named_struct('column', 'x')`.
    pub(crate) fn texts_of(&self, column: &str) -> WrittenTexts {
        let mut reader = Reader {
            model: self,
            column,
            texts: WrittenTexts::default(),
        };
        let ControlFlow::Continue(()) = Visit::visit(&self.statement, &mut reader);
        reader.texts
    }
}

struct Reader<'a> {
    model: &'a Model,
    column: &'a str,
    texts: WrittenTexts,
}

impl Reader<'_> {
    /// An expression that becomes the column; a column is what it is where that comes from.
    fn value(&mut self, expression: &Expr) {
        match expression {
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(name) => {
                    let place = bytes_of(&self.model.file, value.span);
                    self.texts.literals.push((name.clone(), place));
                }
                _ => self.texts.is_computed = true,
            },
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::CompoundFieldAccess { .. } => {}
            _ => self.texts.is_computed = true,
        }
    }

    fn of_struct(&mut self, function: &Function) {
        let FunctionArguments::List(list) = &function.args else {
            return;
        };
        let arguments: Vec<&Expr> = list
            .args
            .iter()
            .filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
                _ => None,
            })
            .collect();
        for pair in arguments.chunks_exact(2) {
            if is_text(pair[0], self.column) {
                self.value(pair[1]);
            }
        }
    }
}

/// The SELECTs of a UNION; none in the place of what is no SELECT.
fn branches(body: &SetExpr) -> Vec<Option<&Select>> {
    match body {
        SetExpr::SetOperation { left, right, .. } => [branches(left), branches(right)].concat(),
        SetExpr::Query(query) => branches(&query.body),
        SetExpr::Select(select) => vec![Some(select)],
        _ => vec![None],
    }
}

fn is_named(item: &SelectItem, column: &str) -> bool {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value.eq_ignore_ascii_case(column),
        _ => false,
    }
}

fn is_text(expression: &Expr, text: &str) -> bool {
    match expression {
        Expr::Value(value) => {
            matches!(&value.value, Value::SingleQuotedString(found) if found == text)
        }
        _ => false,
    }
}

impl Visitor for Reader<'_> {
    type Break = std::convert::Infallible;

    /// The branches of a UNION take their names from the first.
    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if let SetExpr::SetOperation { .. } = query.body.as_ref() {
            let selects = branches(&query.body);
            let first = selects.first().copied().flatten();
            let position = first.and_then(|first| {
                let mut items = first.projection.iter();
                items.position(|item| is_named(item, self.column))
            });
            for select in selects.iter().skip(1).filter(|_| position.is_some()) {
                let item = select.and_then(|select| select.projection.get(position?));
                match item {
                    Some(SelectItem::UnnamedExpr(expression)) => self.value(expression),
                    Some(item) if is_named(item, self.column) => {}
                    Some(SelectItem::ExprWithAlias { expr, .. }) => self.value(expr),
                    _ => self.texts.is_computed = true,
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, .. } = item
                && is_named(item, self.column)
            {
                self.value(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Function(function) = expression
            && function
                .name
                .to_string()
                .eq_ignore_ascii_case("named_struct")
        {
            self.of_struct(function);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::{SourceFile, SqlSchema, TableName};

    fn texts(sql: &str) -> (Vec<String>, bool) {
        let name = TableName::new(SqlSchema::Publish, "kpi_daily");
        let model = Model::parse(name, SourceFile::new("a.sql", sql)).unwrap();
        let WrittenTexts {
            literals,
            is_computed,
        } = model.texts_of("metric");
        let texts = literals.into_iter().map(|(text, place)| {
            assert_eq!(&sql[place], format!("'{text}'"));
            text
        });
        let mut texts: Vec<String> = texts.collect();
        texts.sort();
        (texts, is_computed)
    }

    #[test]
    fn literals_of_structs_and_columns_are_read() {
        let ab = vec!["a".to_owned(), "b".to_owned()];
        let structs = "SELECT row['metric'] AS metric FROM (SELECT unnest([named_struct('metric', 'a', 'value', 1), named_struct('metric', 'b', 'value', 2)]) AS row)";
        assert_eq!(texts(structs), (ab.clone(), false));
        let rows = "SELECT 'a' AS metric, 1 AS value UNION ALL SELECT 'b', 2 UNION ALL SELECT metric, 3 FROM publish.kpi_daily";
        assert_eq!(texts(rows), (ab, false));
        let listed = "SELECT 'a' AS metric UNION ALL VALUES ('b')";
        assert_eq!(texts(listed), (vec!["a".to_owned()], true));
        let computed = "SELECT concat('a', tier) AS metric, 1 AS value FROM tiers.rfm";
        assert_eq!(texts(computed), (Vec::new(), true));
    }
}
