//! Marts that a pack has published and no longer has: their tables keep the dates they hold.

use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::publish::Publications;
use crate::tables::{self, Maker};

use super::Plan;

impl Plan {
    /// What is to be said of tables that this night does not publish, and earlier ones did.
    pub(super) fn remarks_on_retired(&self) -> impl Iterator<Item = String> {
        let marts = tables::made_by(Maker::Mart).map(|table| table.name);
        let retired = marts.filter(|mart| {
            let model = TableName::new(SqlSchema::Publish, *mart);
            !self.models.contains(&model)
        });
        retired.filter_map(|mart| {
            let last = last_date(&self.publications, mart, self.snapshot_date)?;
            Some(format!(
                "table `{mart}` is published no longer, since the SQL pack has no `publish/{mart}.sql`: it has rows of dates until {last}, and none of {}",
                self.snapshot_date
            ))
        })
    }
}

/// The last date but D of which a table has published rows.
fn last_date(
    publications: &Publications,
    table: &str,
    snapshot_date: SnapshotDate,
) -> Option<SnapshotDate> {
    let dates = publications.dates().into_iter().rev();
    let mut others = dates.filter(|date| *date != snapshot_date);
    others.find(|date| {
        let publication = publications.newest_for(*date);
        let recorded = publication.and_then(|publication| publication.tables.get(table));
        recorded.is_some_and(|recorded| recorded.rows > 0)
    })
}
