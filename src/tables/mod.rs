//! The published tables: the one list of them, [`Tables`]. Whatever names them goes by it: the
//! models of a pack, drafts, publications, repair, plans, `show`, the README.
//!
//! | whose | where they are declared |
//! |---|---|
//! | tierline's, in every job | [`tiers`] and [`marts`] |
//! | a job's [own] | `[tables.<name>]` in the job file |
//!
//! A mart is one of tierline's or of the job's, and both go the same way: a file
//! `sql/publish/<name>.sql`, computed once the snapshot is there.

mod dating;
mod marts;
mod own;
mod tiers;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::ground::SqlSchema;
use crate::job::ColumnType;

pub use dating::{Dating, SNAPSHOT_DATE};
pub use marts::{ACTIONS, ALERTS, ANSWER, DIM_METRIC, KPI_DAILY, STOP_LIST};
pub use own::Tables;
pub use tiers::{
    DIM_TIER, MEASURES, REVENUE_TYPE, TIER_CURRENT, TIER_MIGRATION, TIER_MIGRATION_MATRIX,
    TIER_SNAPSHOT, TIER_SUMMARY,
};

/// The tables that tierline has in every job, in the order of their columns in `publications`, which
/// itself is none of them.
const OURS: [&PublishedTable; 10] = [
    &TIER_SNAPSHOT,
    &TIER_MIGRATION,
    &TIER_MIGRATION_MATRIX,
    &TIER_CURRENT,
    &DIM_TIER,
    &TIER_SUMMARY,
    &KPI_DAILY,
    &ALERTS,
    &ACTIONS,
    &DIM_METRIC,
];

/// Their names.
pub const OUR_NAMES: [&str; OURS.len()] = names();

/// One table that is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishedTable {
    /// Its name, which is also that of its folder and of its model.
    pub name: &'static str,
    /// What readers are told of it; empty where it is the comment at the top of its SQL file.
    pub description: &'static str,
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

/// The table of tierline's own of a name.
pub fn find(name: &str) -> Option<&'static PublishedTable> {
    OURS.into_iter().find(|table| table.name == name)
}

/// The tables of tierline's own that come from one kind of maker.
pub fn made_by(maker: Maker) -> impl Iterator<Item = &'static PublishedTable> {
    OURS.into_iter().filter(move |table| table.maker == maker)
}

/// The schemas and names under which SQL reads rows of earlier dates.
pub fn earlier() -> impl Iterator<Item = (SqlSchema, &'static PublishedTable)> {
    OURS.into_iter().flat_map(|table| {
        let schemas = table.earlier.iter();
        schemas.map(move |schema| (*schema, table))
    })
}

const fn names() -> [&'static str; OURS.len()] {
    let mut names = [""; OURS.len()];
    let mut table = 0;
    while table < OURS.len() {
        names[table] = OURS[table].name;
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
    use crate::ground::Problems;
    use crate::job::Job;

    #[test]
    fn names_are_unique_and_keys_are_columns() {
        let distinct: BTreeSet<&str> = OUR_NAMES.into();
        assert_eq!(distinct.len(), OURS.len());
        for table in OURS {
            let columns: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
            for key in table.key.iter().chain(table.sorted_by) {
                assert!(columns.contains(key), "{}.{key}", table.name);
            }
        }
    }

    fn job(sections: &str) -> Job {
        let text = format!(
            "version = 1\ntimezone = \"UTC\"\noutput = \"out\"\n\
             [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n{sections}"
        );
        let file = crate::ground::SourceFile::new("job.toml", text);
        Job::parse(&file, "job", std::path::PathBuf::new()).unwrap()
    }

    #[test]
    fn a_declared_table_comes_after_ours_and_is_sorted_to_the_last_column_of_its_key() {
        let section = "[tables.call_list]\nkey = [\"user_id\", \"channel\"]\nsorted_by = [\"priority\", \"channel\"]\n\
            [tables.today]\nkey = [\"city\"]\ndated = false\nmay_be_empty = false\n";
        let (tables, problems) = Tables::of(&job(section));
        assert_eq!(problems, Problems::default());
        let names: Vec<&str> = tables.names().collect();
        assert_eq!(names, [&OUR_NAMES[..], &["call_list", "today"]].concat());
        let [calls, today] = tables.own().collect::<Vec<_>>()[..] else {
            panic!("{tables:?}");
        };
        assert_eq!(calls.sorted_by, ["priority", "channel", "user_id"]);
        assert_eq!(
            (calls.dating, calls.may_be_empty),
            (Dating::EveryDate, true)
        );
        assert_eq!((today.dating, today.may_be_empty), (Dating::Undated, false));
    }
}
