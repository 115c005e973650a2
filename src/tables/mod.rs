//! The published tables: the one list of them. Whatever names them goes by it: the models of a
//! pack, drafts, publications, repair, plans, `show`, the README.
//!
//! A mart of one's own is an entry here, [among the marts](marts), and a file
//! `sql/publish/<name>.sql`.

mod dating;
mod marts;
mod tiers;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::ground::SqlSchema;
use crate::job::ColumnType;

pub use dating::{Dating, SNAPSHOT_DATE};
pub use marts::{ACTIONS, ALERTS, KPI_DAILY};
pub use tiers::{
    DIM_TIER, MEASURES, REVENUE_TYPE, TIER_CURRENT, TIER_MIGRATION, TIER_MIGRATION_MATRIX,
    TIER_SNAPSHOT, TIER_SUMMARY,
};

/// The tables whose versions a publication records, in the order of its columns. `publications`
/// itself is none of them.
pub const ALL: [&PublishedTable; 9] = [
    &TIER_SNAPSHOT,
    &TIER_MIGRATION,
    &TIER_MIGRATION_MATRIX,
    &TIER_CURRENT,
    &DIM_TIER,
    &TIER_SUMMARY,
    &KPI_DAILY,
    &ALERTS,
    &ACTIONS,
];

/// Their names.
pub const NAMES: [&str; ALL.len()] = names();

/// One table that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedTable {
    /// Its name, which is also that of its folder and of its model.
    pub name: &'static str,
    /// What gives it its rows.
    pub maker: Maker,
    /// How it relates to snapshot dates.
    pub dating: Dating,
    /// The columns of which no two rows of a date have the same values.
    pub key: &'static [&'static str],
    /// The columns that its files are sorted by.
    pub sorted_by: &'static [&'static str],
    /// The columns that it has in every job, besides the date; those that its SQL selects stand
    /// beside them.
    pub columns: &'static [PublishedColumn],
    /// Whether a date may have no rows.
    pub may_be_empty: bool,
    /// The schemas in which SQL reads the rows of earlier dates.
    pub earlier: &'static [SqlSchema],
}

/// What gives a table its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// Its model, which every pack has, computed from the sources of the day.
    RequiredModel,
    /// Its model, which a pack may do without, computed from what the night has drafted and from
    /// what was published before.
    Mart,
    /// Migration, from the snapshot and the one before it.
    Migration,
    /// The snapshot, of which it is a copy.
    Snapshot,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type; [`ColumnType::Id`] is that of the job's user ids.
    pub column_type: ColumnType,
    /// The comment that readers of the table see; empty where it is the model's own comment.
    pub comment: &'static str,
}

impl PublishedTable {
    /// The columns that it has in every job, without the date.
    pub fn schema(&self, user_id: &DataType) -> SchemaRef {
        let fields = self.columns.iter().map(|column| {
            let data_type = column.column_type.arrow();
            let data_type = data_type.unwrap_or_else(|| user_id.clone());
            Field::new(column.name, data_type, true)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// What these columns mean.
    pub fn comments(&self) -> BTreeMap<String, String> {
        let commented = self
            .columns
            .iter()
            .filter(|column| !column.comment.is_empty());
        commented
            .map(|column| (column.name.to_owned(), column.comment.to_owned()))
            .collect()
    }
}

/// The table of a name.
pub fn find(name: &str) -> Option<&'static PublishedTable> {
    ALL.into_iter().find(|table| table.name == name)
}

/// The tables that come from one kind of maker.
pub fn made_by(maker: Maker) -> impl Iterator<Item = &'static PublishedTable> {
    ALL.into_iter().filter(move |table| table.maker == maker)
}

/// The schemas and names under which SQL reads rows of earlier dates.
pub fn earlier() -> impl Iterator<Item = (SqlSchema, &'static PublishedTable)> {
    ALL.into_iter().flat_map(|table| {
        let schemas = table.earlier.iter();
        schemas.map(move |schema| (*schema, table))
    })
}

const fn names() -> [&'static str; ALL.len()] {
    let mut names = [""; ALL.len()];
    let mut table = 0;
    while table < ALL.len() {
        names[table] = ALL[table].name;
        table += 1;
    }
    names
}

/// The columns with the snapshot date in front.
pub fn dated(schema: &Schema) -> Schema {
    let date = Field::new(SNAPSHOT_DATE, DataType::Date32, true);
    let fields = schema.fields().iter().map(|field| field.as_ref().clone());
    Schema::new(std::iter::once(date).chain(fields).collect::<Vec<_>>())
}

/// A column with its comment.
const fn column(
    name: &'static str,
    column_type: ColumnType,
    comment: &'static str,
) -> PublishedColumn {
    PublishedColumn {
        name,
        column_type,
        comment,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_keys_are_columns() {
        let distinct: BTreeSet<&str> = NAMES.into();
        assert_eq!(distinct.len(), ALL.len());
        for table in ALL {
            let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            for key in table.key.iter().chain(table.sorted_by) {
                assert!(columns.contains(key), "{}.{key}", table.name);
            }
        }
    }
}
