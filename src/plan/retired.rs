//! Marts that a job has published and no longer has: their tables keep the dates they hold.

use std::collections::BTreeSet;

use crate::ground::{SnapshotDate, SqlSchema, TableName};
use crate::publish::Publications;
use crate::tables::{self, Maker, OUR_NAMES};

use super::Plan;

impl Plan {
    /// What is to be said of tables that this night does not publish, and earlier ones did.
    pub(super) fn remarks_on_retired(&self) -> impl Iterator<Item = String> {
        let marts = tables::made_by(Maker::Mart);
        // One that keeps one state has that of rules of today, which earlier ones did not know yet.
        let marts = marts.filter(|mart| !(self.is_by_earlier_rules && mart.dating.is_kept_whole()));
        let marts = marts.map(|mart| mart.name);
        let retired = marts.filter(|mart| !self.makes(mart));
        let retired = retired.map(|mart| {
            let why = format!("the SQL pack has no `publish/{mart}.sql`");
            (mart, why)
        });
        let undeclared = self.undeclared().map(|table| {
            let why = "the job no longer declares it".to_owned();
            (table, why)
        });
        retired.chain(undeclared).filter_map(|(table, why)| {
            let last = last_date(&self.publications, table, self.snapshot_date)?;
            Some(format!(
                "table `{table}` is published no longer, since {why}: it has rows of dates until {last}, and none of {}",
                self.snapshot_date
            ))
        })
    }

    /// Tables that were published, and that are neither tierline's nor declared by the job. What
    /// earlier rules did not know yet is no such table.
    fn undeclared(&self) -> impl Iterator<Item = &str> {
        let published = self.publications.all().iter();
        let named = published.flat_map(|publication| publication.tables.keys());
        let named: BTreeSet<&str> = named.map(String::as_str).collect();
        named.into_iter().filter(|table| {
            !OUR_NAMES.contains(table) && !self.makes(table) && !self.is_by_earlier_rules
        })
    }

    /// Whether the pack has a model of a table.
    fn makes(&self, table: &str) -> bool {
        let model = TableName::new(SqlSchema::Publish, table);
        self.models.contains(&model)
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
