//! The rules of each dimension as one fingerprint, recorded with every publication: whether two
//! snapshots were made by the same ones decides where grace and hold go on and what can be compared.
//!
//! | part of the rules | no part of them |
//! |---|---|
//! | the tier model, and [what it reads](super::needed) of the models behind it | KPIs, alerts, audits, other dimensions, other features, comments |
//! | [what the snapshot makes of it](super::snapshot_column) | other columns of the snapshot; that it selects the column of the tier model |
//! | the parameters that these models name | the snapshot date, cut points |
//! | the reference tables that they read | labels and playbooks that none of them names |
//! | the columns that the job declares of the sources that they read | URLs, other sources |
//! | the values of the dimension and their ranks | the order of those with ranks, days of grace and hold |

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::ground::{Fingerprint, SqlSchema, TableName};
use crate::job::{Job, encodings};
use crate::tables::TIER_SNAPSHOT;
use crate::tiers::{Dimension, Dimensions, Tier};
use crate::tiles::USER_ID;

use super::needed::{self, Columns};
use super::project::Project;
use super::snapshot_column::SnapshotColumn;

/// The columns of reference tables that are read by people alone, in one language or several:
/// `label`, `label_en`.
const FOR_PEOPLE: [&str; 2] = ["label", "playbook"];

/// The version of how rules are compared. Rules that were recorded otherwise are not compared.
const VERSION: &str = "4";

/// The rules of some dimensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TierRules(BTreeMap<String, String>);

impl TierRules {
    /// The rules of a project.
    pub(crate) fn of(job: &Job, project: &Project, dimensions: &Dimensions) -> Self {
        let rules = dimensions.iter().map(|dimension| {
            let rules = fingerprint(job, project, dimension);
            (
                dimension.name.clone(),
                format!("{VERSION}:{}", rules.short()),
            )
        });
        Self(rules.collect())
    }

    /// The text that a publication records.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The dimensions whose rules are not those that a publication recorded. Publications of
    /// before there were records count as made by the same rules, and so does a dimension that
    /// one does not name or told apart otherwise.
    pub(crate) fn changed_since(&self, recorded: Option<&str>) -> BTreeSet<String> {
        let recorded: BTreeMap<String, String> = recorded
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        let changed = self.0.iter().filter(|(dimension, rules)| {
            let before = recorded.get(*dimension);
            before.is_some_and(|before| version(before) == version(rules) && before != *rules)
        });
        changed.map(|(dimension, _)| dimension.clone()).collect()
    }
}

/// In which way a recorded fingerprint was made.
fn version(rules: &str) -> Option<&str> {
    rules.split_once(':').map(|(version, _)| version)
}

/// | label | value |
/// |---|---|
/// | `model`, for each table behind the dimension | [what is read of it](super::needed), and its [parameters](Model::fingerprint) |
/// | `snapshot` | [what the snapshot makes of it](SnapshotColumn), in canonical text; none where that is the column of its model as it is |
/// | `source`, for each | its [name and columns](encodings::of_source) |
/// | `reference`, for each | its [rows](crate::models::ReferenceTable::fingerprint), without the columns that are there for people, unless they are named |
/// | `tier`, for each, from the highest rank on | its `name`, its `rank` where it has one |
fn fingerprint(job: &Job, project: &Project, dimension: &Dimension) -> Fingerprint {
    let own = TableName::new(SqlSchema::Tiers, &dimension.name);
    let snapshot = TableName::new(SqlSchema::Publish, TIER_SNAPSHOT.name);
    let snapshot = project.graph.model(&snapshot);
    let selected = snapshot.and_then(|model| SnapshotColumn::of(model, &dimension.name));
    let selected = selected.filter(|selected| selected.is_of.as_ref() != Some(&own));
    let read = columns_read(project, own, &dimension.name, selected.as_ref());
    let mut tables: BTreeSet<TableName> = read.iter().map(|(table, _)| table.clone()).collect();
    let behind = needed::sql_behind(project, read);
    let reads = behind.iter().flat_map(|(model, _)| &model.reads);
    tables.extend(reads.map(|read| read.table.clone()));
    let references = project.references.iter();
    let references = references
        .filter(|reference| tables.contains(&reference.name))
        .map(|reference| {
            let is_named = |column: &str| {
                let of_snapshot = selected.iter().map(|selected| &selected.sql);
                let mut sql = behind.iter().map(|(_, sql)| sql).chain(of_snapshot);
                sql.any(|sql| sql.contains(column))
            };
            reference.fingerprint_of(|column| !is_for_people(column) || is_named(column))
        });
    let sources = job.sources_among(&tables);
    let sources = sources.map(|(name, source)| encodings::of_source(name, source));
    let mut tiers: Vec<&Tier> = dimension.tiers.iter().collect();
    tiers.sort_by_key(|tier| Reverse(tier.rank));
    let tiers = tiers.into_iter().map(|tier| {
        let rank = tier.rank.map(|rank| rank.to_string());
        let named = Fingerprint::builder().part("name", &tier.name);
        named.parts("rank", rank).finish()
    });
    let models = behind
        .iter()
        .map(|(model, sql)| model.fingerprint_of(sql, &project.parameters));
    Fingerprint::builder()
        .parts("model", models)
        .parts("snapshot", selected.as_ref().map(|selected| &selected.sql))
        .parts("source", sources)
        .parts("reference", references)
        .parts("tier", tiers)
        .finish()
}

/// What a dimension is read from: the column of the model of its name, what the snapshot reads for
/// it, or else all tier models.
fn columns_read(
    project: &Project,
    own: TableName,
    dimension: &str,
    selected: Option<&SnapshotColumn>,
) -> Vec<(TableName, Columns)> {
    let mut read = Vec::new();
    if let Some(selected) = selected {
        let columns = needed::columns_named(&selected.sql);
        let tables = selected.tables.iter().cloned();
        read.extend(tables.map(|table| (table, columns.clone())));
    }
    if project.graph.model(&own).is_some() {
        let columns = [dimension, USER_ID].map(str::to_lowercase);
        read.push((own, Columns::Named(columns.into())));
    }
    if read.is_empty() {
        let models = project.graph.in_schema(SqlSchema::Tiers);
        read.extend(models.map(|model| (model.name.clone(), Columns::All)));
    }
    read
}

/// Whether a column of a reference table is there for people: `label`, or `label_en`.
fn is_for_people(column: &str) -> bool {
    FOR_PEOPLE.iter().any(|name| {
        let language = column.strip_prefix(name);
        language.is_some_and(|language| {
            language.is_empty() || language.starts_with('_') && language.len() == 3
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::SourceFile;
    use crate::models::ReferenceTable;

    /// A change needs another [`VERSION`].
    #[test]
    fn rows_without_what_is_for_people_stay_what_they_were() {
        let text =
            "value_tier,rank,label_en,is_open\ngold,1,\"Gold, pure\",true\nnone,,None,false\n";
        let file = SourceFile::new("value_tiers.csv", text);
        let rows = ReferenceTable::read("reference.value_tiers".parse().unwrap(), file).unwrap();
        let found = rows.fingerprint_of(|column| !is_for_people(column));
        insta::assert_snapshot!(found.short(), @"8f33df009a6f");
        assert_ne!(found, rows.fingerprint());
    }

    fn rules(of: &[(&str, &str)]) -> TierRules {
        let rules = of.iter();
        TierRules(
            rules
                .map(|(dimension, rules)| ((*dimension).to_owned(), (*rules).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn columns_for_people_are_labels_and_playbooks_in_any_language() {
        for column in ["label", "label_en", "playbook", "playbook_zh"] {
            assert!(is_for_people(column), "{column}");
        }
        for column in ["labelled_rank", "label_limit", "playbooks", "rank"] {
            assert!(!is_for_people(column), "{column}");
        }
    }

    #[test]
    fn only_rules_that_are_recorded_and_others_have_changed() {
        let recorded = [("value_tier", "3:a"), ("need_type", "3:b"), ("layer", "a")];
        let recorded = rules(&recorded).to_text();
        let today = rules(&[
            ("value_tier", "3:c"),
            ("need_type", "3:b"),
            ("app_fan", "3:d"),
            ("layer", "3:c"),
        ]);
        assert_eq!(
            today.changed_since(Some(&recorded)),
            BTreeSet::from(["value_tier".to_owned()])
        );
        assert_eq!(today.changed_since(None), BTreeSet::new());
        assert_eq!(today.changed_since(Some("who knows")), BTreeSet::new());
    }
}
