//! The tier tables that have been read: what their columns can be, and what they are computed
//! from.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::{Column, Result, ScalarValue, TableReference};
use datafusion::logical_expr::Expr;

use crate::tiers::{Dimension, Dimensions};

use super::definitions::{Definition, Definitions, pack_table, replaced};
use super::domains::{Domain, Domains, Missing, given};
use super::rule::Rule;
use super::tier_model::TierModel;

/// The tier tables read so far: what their columns can be, and what they are computed from.
#[derive(Default)]
pub(super) struct Tables {
    /// What their columns can be.
    pub(super) domains: Domains,
    /// What models that read a column compute with.
    values: HashMap<Column, Expr>,
}

impl Tables {
    /// Takes up the columns of a model, and returns those that are CASEs.
    pub(super) fn read<'a>(
        &mut self,
        tier: &TierModel<'a>,
        dimensions: &'a Dimensions,
    ) -> Result<Vec<Rule<'a>>> {
        let definitions = Definitions::of(&tier.plan)?;
        let has_all_rows = definitions.has_all_rows;
        let dimension_of = |column: &Column| {
            let mut dimensions = dimensions.iter();
            dimensions.find(|dimension| dimension.name == column.name)
        };
        let columns = self.columns(tier, definitions)?;
        for (column, definition) in &columns {
            if let Some(domain) = domain_of(&definition.value, dimension_of(column)) {
                self.domains.insert(column.clone(), domain);
            }
        }
        let mut rules = Vec::new();
        for (column, definition) in &columns {
            let value = self.over_siblings(&definition.value, &columns)?;
            let outside = self.seen_from_outside(column, &value)?;
            self.values.insert(column.clone(), outside);
            if let (Expr::Case(case), Some(written)) = (value, &definition.written) {
                rules.push(Rule {
                    model: tier.model,
                    column: column.name.clone(),
                    case,
                    written: written.clone(),
                    dimension: dimension_of(column),
                    has_all_rows,
                });
            }
        }
        Ok(rules)
    }

    /// The columns of a model under the model's name.
    fn columns(
        &mut self,
        tier: &TierModel<'_>,
        definitions: Definitions,
    ) -> Result<Vec<(Column, Definition)>> {
        self.domains.add_fields(definitions.fields);
        let name = &tier.model.name;
        let table = TableReference::partial(name.schema.as_str(), name.name.as_str());
        let fields = tier.plan.schema().fields().iter();
        let mut columns = Vec::new();
        for ((_, definition), field) in definitions.columns.into_iter().zip(fields) {
            let column = Column::new(Some(table.clone()), field.name());
            let own = HashMap::from([(column.clone(), Arc::clone(field))]);
            self.domains.add_fields(own);
            let value = self.over_tables(&definition.value)?;
            columns.push((
                column,
                Definition {
                    value,
                    ..definition
                },
            ));
        }
        Ok(columns)
    }

    /// The expression with other columns of its model in place of what they are, where their
    /// values are stated.
    fn over_siblings(&self, value: &Expr, columns: &[(Column, Definition)]) -> Result<Expr> {
        let siblings = columns.iter().filter(|(column, definition)| {
            definition.value != *value && self.domains.states(column)
        });
        let siblings: Vec<_> = siblings.collect();
        replaced(value, |node| {
            let mut siblings = siblings.iter();
            let found = siblings.find(|(_, definition)| definition.value == *node);
            found.map(|(column, _)| Expr::Column(column.clone()))
        })
    }

    /// The expression with every column of a tier table as seen from outside.
    fn over_tables(&self, value: &Expr) -> Result<Expr> {
        replaced(value, |node| match node {
            Expr::Column(column) => self.values.get(column).cloned(),
            _ => None,
        })
    }

    /// What the models that read a column compute with: the column itself, unless it is another
    /// one by a new name, or computed from columns whose values are known.
    fn seen_from_outside(&self, column: &Column, value: &Expr) -> Result<Expr> {
        let is_renamed = matches!(value, Expr::Column(other) if is_of_pack(other));
        let is_stated = self.domains.states(column);
        match is_renamed || !is_stated && self.domains.knows(value)? {
            true => Ok(value.clone()),
            false => Ok(Expr::Column(column.clone())),
        }
    }
}

fn is_of_pack(column: &Column) -> bool {
    column.relation.as_ref().and_then(pack_table).is_some()
}

/// The values that a column of a tier model is declared or seen to have.
fn domain_of(value: &Expr, dimension: Option<&Dimension>) -> Option<Domain> {
    match (value, dimension) {
        (Expr::Column(_), _) => None,
        (_, Some(dimension)) => {
            let names = dimension.tiers.iter().map(|tier| tier.name.as_str());
            Some(Domain {
                values: names.map(ScalarValue::from).collect(),
                missing: Missing::Never,
            })
        }
        (Expr::Case(case), None) => given(case),
        _ => None,
    }
}
