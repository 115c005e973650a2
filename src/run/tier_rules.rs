//! The rules of each dimension as one fingerprint, recorded with every publication: whether two
//! snapshots were made by the same ones decides where grace goes on and what can be compared.
//!
//! | part of the rules | no part of them |
//! |---|---|
//! | the tier model and everything upstream of it | KPIs, alerts, audits, other dimensions, comments |
//! | the parameters that these models name | the snapshot date, cut points |
//! | the reference tables that they read | labels and playbooks |
//! | the values of the dimension and their ranks | days of grace |

use std::collections::{BTreeMap, BTreeSet};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement};

use crate::ground::{Fingerprint, Folder, TableName};
use crate::models::Model;
use crate::tiers::{Dimension, Dimensions};

use super::Project;
use super::project::SNAPSHOT;
use super::rollups::upstream;

/// How the columns of reference tables begin that are read by people alone.
const FOR_PEOPLE: [&str; 2] = ["label", "playbook"];

/// The rules of some dimensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TierRules(BTreeMap<String, String>);

impl TierRules {
    /// The rules of a project.
    pub(super) fn of(project: &Project, dimensions: &Dimensions) -> Self {
        let rules = dimensions.iter().map(|dimension| {
            let rules = fingerprint(project, dimension);
            (dimension.name.clone(), rules.short().to_owned())
        });
        Self(rules.collect())
    }

    /// The text that a publication records.
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The dimensions whose rules are not those that a publication recorded. Publications of
    /// before there were records count as made by the same rules, and so does a dimension that
    /// one does not name.
    pub(super) fn changed_since(&self, recorded: Option<&str>) -> BTreeSet<String> {
        let recorded: BTreeMap<String, String> = recorded
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let changed = self.0.iter().filter(|(dimension, rules)| {
            let before = recorded.get(*dimension);
            before.is_some_and(|before| before != *rules)
        });
        changed.map(|(dimension, _)| dimension.clone()).collect()
    }
}

fn fingerprint(project: &Project, dimension: &Dimension) -> Fingerprint {
    let tables = tables_behind(project, &dimension.name);
    let models: Vec<&Model> = tables
        .iter()
        .filter_map(|table| project.graph.model(table))
        .collect();
    let statements = models
        .iter()
        .map(|model| format!("{}\n{}", model.name, model.statement));
    let named: BTreeSet<String> = models.iter().flat_map(|model| model.parameters()).collect();
    let values = named.iter().filter_map(|name| {
        let value = project.parameters.get(name)?;
        Some(format!("{name} {value:?}"))
    });
    let references = project.references.iter();
    let references = references
        .filter(|reference| tables.contains(&reference.name))
        .map(|reference| {
            format!(
                "{}\n{}",
                reference.name,
                rows_without_labels(&reference.rows)
            )
        });
    let tiers = dimension.tiers.iter();
    let tiers = tiers.map(|tier| format!("{} {:?}", tier.name, tier.rank));
    Fingerprint::builder()
        .parts("selected", selected(project, &dimension.name))
        .parts("model", statements)
        .parts("parameter", values)
        .parts("reference", references)
        .parts("tier", tiers)
        .finish()
}

/// The tables that a dimension comes of: the model of its name, or else all tier models, and what
/// they read.
fn tables_behind(project: &Project, dimension: &str) -> BTreeSet<TableName> {
    let own = TableName::new(Folder::Tiers, dimension);
    if project.graph.model(&own).is_some() {
        return upstream(&project.graph, &own);
    }
    let models = project.graph.in_folder(Folder::Tiers);
    models
        .flat_map(|model| upstream(&project.graph, &model.name))
        .collect()
}

/// What the snapshot selects as a column.
fn selected(project: &Project, column: &str) -> Option<String> {
    let model = project
        .graph
        .model(&TableName::new(Folder::Publish, SNAPSHOT))?;
    let Statement::Query(query) = &model.statement else {
        return None;
    };
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let mut items = select.projection.iter();
    let item = items.find(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => alias.value == column,
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => name.value == column,
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => {
            names.last().is_some_and(|name| name.value == column)
        }
        _ => false,
    });
    item.map(SelectItem::to_string)
}

/// The rows as text, without the columns that are there for people.
fn rows_without_labels(rows: &RecordBatch) -> String {
    let schema = rows.schema();
    let columns: Vec<usize> = (0..rows.num_columns())
        .filter(|index| {
            let name = schema.field(*index).name();
            !FOR_PEOPLE.iter().any(|prefix| name.starts_with(prefix))
        })
        .collect();
    let names = columns.iter().map(|index| schema.field(*index).name());
    let mut lines = vec![names.cloned().collect::<Vec<_>>().join("\u{1f}")];
    for row in 0..rows.num_rows() {
        let values = columns.iter().map(|index| {
            let column = rows.column(*index);
            // Text and numbers are always shown.
            array_value_to_string(column, row).unwrap_or_default()
        });
        lines.push(values.collect::<Vec<_>>().join("\u{1f}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(of: &[(&str, &str)]) -> TierRules {
        let rules = of.iter();
        TierRules(
            rules
                .map(|(dimension, rules)| ((*dimension).to_owned(), (*rules).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn only_rules_that_are_recorded_and_others_have_changed() {
        let recorded = rules(&[("value_tier", "a"), ("need_type", "b")]).to_text();
        let today = rules(&[("value_tier", "c"), ("need_type", "b"), ("app_fan", "d")]);
        assert_eq!(
            today.changed_since(Some(&recorded)),
            BTreeSet::from(["value_tier".to_owned()])
        );
        assert_eq!(today.changed_since(None), BTreeSet::new());
        assert_eq!(today.changed_since(Some("who knows")), BTreeSet::new());
    }
}
