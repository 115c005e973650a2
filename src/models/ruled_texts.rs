//! The texts for which a model's conditions have a rule.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Select, Value, Visit, Visitor};

use super::Model;

impl Model {
    /// The texts for which a WHERE has a rule, as in `WHERE CASE action WHEN 'recall' THEN ..`.
    pub(crate) fn texts_ruled_by(&self, column: &str) -> Vec<String> {
        let mut reader = Selects {
            column,
            texts: Vec::new(),
        };
        let ControlFlow::Continue(()) = Visit::visit(&self.statement, &mut reader);
        reader.texts
    }
}

struct Selects<'a> {
    column: &'a str,
    texts: Vec<String>,
}

impl Visitor for Selects<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        match &select.selection {
            Some(selection) => Visit::visit(selection, &mut Conditions(self)),
            None => ControlFlow::Continue(()),
        }
    }
}

struct Conditions<'a, 'b>(&'a mut Selects<'b>);

impl Visitor for Conditions<'_, '_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        if let Expr::Case {
            operand: Some(operand),
            conditions,
            ..
        } = expression
            && is_column(operand, self.0.column)
        {
            let texts = conditions.iter().filter_map(|when| text(&when.condition));
            self.0.texts.extend(texts);
        }
        ControlFlow::Continue(())
    }
}

fn is_column(expression: &Expr, column: &str) -> bool {
    let name = match expression {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.is_some_and(|name| name.value.eq_ignore_ascii_case(column))
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::ground::{SourceFile, SqlSchema, TableName};
    use crate::models::Model;

    #[test]
    fn only_cases_of_the_column_in_a_where_have_rules() {
        let sql = "WITH a AS (SELECT * FROM reference.actions \
                       WHERE CASE actions.action WHEN 'call' THEN x ELSE CASE action WHEN 'ask' THEN y END END) \
                   SELECT CASE action WHEN 'reason' THEN 1 END FROM a WHERE CASE channel WHEN 'sms' THEN z END";
        let name = TableName::new(SqlSchema::Publish, "actions");
        let model = Model::parse(name, SourceFile::new("actions.sql", sql)).unwrap();
        assert_eq!(model.texts_ruled_by("action"), ["call", "ask"]);
    }
}
