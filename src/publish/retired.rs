//! Tables that a job has published and no longer makes, such as `alerts` of a pack without
//! `publish/alerts.sql`, or one of its own that it no longer declares. One that keeps one state
//! alone stays as it is.
//!
//! They keep the dates that they have, but for the one that is republished: a superseded run's
//! rows of it would stay among those of the new one, with no publication that names them. So its
//! rows go by the same publication, which records the table without rows.

use std::collections::BTreeSet;

use futures::future::try_join_all;

use crate::drafts::{Draft, SNAPSHOT_DATE};
use crate::ground::SnapshotDate;
use crate::storage::Location;
use crate::tables;

use super::commit::{Origin, Prepared, Provenance};
use super::{Publications, PublishError, RunRecord, Table};

/// The tables that a run leaves without rows of its date.
pub(super) struct Retired {
    date: SnapshotDate,
    tables: Vec<Table>,
}

impl Retired {
    /// The dated tables with rows of the date, of all that were ever published, for which a run
    /// has no draft and which it does not leave alone.
    pub(super) async fn open(
        output: &Location,
        publications: &Publications,
        drafts: &[Draft],
        record: &RunRecord,
    ) -> Result<Self, PublishError> {
        let date = record.snapshot_date;
        let is_made = |table: &str| drafts.iter().any(|draft| draft.spec().name() == table);
        let recorded = publications.all().iter().flat_map(|row| row.tables.keys());
        let recorded: BTreeSet<&String> = recorded.collect();
        let is_whole =
            |table: &str| tables::find(table).is_some_and(|ours| ours.dating.is_kept_whole());
        let retired = recorded.into_iter().filter(|table| {
            !is_made(table) && !is_whole(table) && !record.left_alone.contains_key(*table)
        });
        let opened = try_join_all(retired.map(|table| Table::open(output, table))).await?;
        let mut tables = Vec::new();
        for table in opened.into_iter().flatten() {
            if !table.is_kept_whole() && !table.entries(Some(date))?.is_empty() {
                tables.push(table);
            }
        }
        Ok(Self { date, tables })
    }

    /// The commit to each that removes the rows.
    pub(super) async fn prepare(
        self,
        provenance: &Provenance,
    ) -> Result<Vec<Prepared>, PublishError> {
        let tables = self.tables.iter();
        try_join_all(tables.map(|table| table.without_date(self.date, provenance))).await
    }
}

impl Table {
    /// The commit after which a date has no rows; none where it has none now.
    pub(super) async fn without_date(
        &self,
        date: SnapshotDate,
        provenance: &Provenance,
    ) -> Result<Prepared, PublishError> {
        self.without_dates(&BTreeSet::from([date]), provenance)
            .await
    }

    /// The same of several dates, in one commit.
    pub(super) async fn without_dates(
        &self,
        dates: &BTreeSet<SnapshotDate>,
        provenance: &Provenance,
    ) -> Result<Prepared, PublishError> {
        let mut rows = Vec::new();
        for date in dates {
            rows.extend(self.entries(Some(*date))?);
        }
        if rows.is_empty() {
            return Ok(self.prepared(None, 0));
        }
        let removals = rows.iter().map(|file| file.remove_action(true).into());
        let dates: Vec<String> = dates.iter().map(|date| format!("'{date}'")).collect();
        let dates = match &dates[..] {
            [date] => format!("{SNAPSHOT_DATE} = {date}"),
            dates => format!("{SNAPSHOT_DATE} IN ({})", dates.join(", ")),
        };
        let operation = self.overwriting(Some(dates));
        let entry = self.entry_of(removals.collect(), operation, Origin::of(provenance));
        Ok(self.prepared(Some(entry.await?), 0))
    }
}
