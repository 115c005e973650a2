//! Where a text is in a statement that something is compared with.

use std::ops::{ControlFlow, Range};

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value, ValueWithSpan, Visit, Visitor};

use crate::job::ParameterValue;

use super::places::bytes_of;
use super::{Model, Parameters};

impl Model {
    /// The place of a text that is compared with something, or of the parameter that it is the
    /// value of; of the text wherever it stands, when it is not compared; the statement's first
    /// word when it is nowhere.
    pub fn place_of_compared(&self, text: &str, parameters: &Parameters) -> Range<usize> {
        let mut reader = Reader {
            model: self,
            parameters,
            text,
            compared: None,
            anywhere: None,
        };
        let ControlFlow::Continue(()) = Visit::visit(&self.statement, &mut reader);
        let place = reader.compared.or(reader.anywhere);
        place.unwrap_or_else(|| self.head())
    }
}

struct Reader<'a> {
    model: &'a Model,
    parameters: &'a Parameters,
    text: &'a str,
    compared: Option<Range<usize>>,
    anywhere: Option<Range<usize>>,
}

impl Reader<'_> {
    fn place_of(&self, expression: &Expr) -> Option<Range<usize>> {
        let Expr::Value(value) = expression else {
            return None;
        };
        self.is_text(value)
            .then(|| bytes_of(&self.model.file, value.span))
    }

    fn is_text(&self, value: &ValueWithSpan) -> bool {
        match &value.value {
            Value::SingleQuotedString(text) => text == self.text,
            Value::Placeholder(name) => match self.parameters.get(name.trim_start_matches('$')) {
                Some(ParameterValue::Text(text)) => text == self.text,
                Some(ParameterValue::List(texts)) => texts.iter().any(|text| text == self.text),
                _ => false,
            },
            _ => false,
        }
    }
}

impl Visitor for Reader<'_> {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Self::Break> {
        let compared: Vec<&Expr> = match expression {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq | BinaryOperator::NotEq,
                right,
            } => vec![left, right],
            Expr::IsDistinctFrom(left, right) | Expr::IsNotDistinctFrom(left, right) => {
                vec![left, right]
            }
            Expr::InList { list, .. } => list.iter().collect(),
            Expr::Case {
                operand: Some(_),
                conditions,
                ..
            } => conditions.iter().map(|when| &when.condition).collect(),
            _ => Vec::new(),
        };
        let found = compared.into_iter().find_map(|side| self.place_of(side));
        self.compared = self.compared.take().or(found);
        let found = self.place_of(expression);
        self.anywhere = self.anywhere.take().or(found);
        ControlFlow::Continue(())
    }
}
