//! Published files that somebody has removed: which dates are made again, and what a night that
//! reads such a file does.

use std::collections::{BTreeMap, BTreeSet};

use crate::ground::{SnapshotDate, SqlSchema};
use crate::pack::marts::dates_of_history;
use crate::publish::{LostFiles, Publications, PublishError};
use crate::tables::{self, ACTIONS, PublishedTable};

use super::{Plan, PlannedAction};

/// How many dates a message names.
const DATES_NAMED: usize = 10;

impl Plan {
    /// Refuses a night that reads a file which is gone.
    ///
    /// # Errors
    /// [`PublishError::FileNeeded`].
    pub(crate) fn check_files_needed(&self) -> Result<(), PublishError> {
        if matches!(self.action, PlannedAction::Nothing { .. }) {
            return Ok(());
        }
        let needed = self.lost.iter().find(|lost| self.reads(lost));
        match needed.cloned() {
            None => Ok(()),
            Some(LostFiles { date, table, path }) => {
                Err(PublishError::FileNeeded { table, path, date })
            }
        }
    }

    /// Whether the night may read rows of a table that were published before. Who was listed for what is read
    /// by packs alone that ask for it.
    pub(crate) fn may_read_earlier(&self, table: &PublishedTable) -> bool {
        let is_asked_for = *table != ACTIONS || self.reads_earlier_actions;
        is_asked_for && !table.earlier.is_empty()
    }

    /// Whether the night reads a table of a date.
    fn reads(&self, LostFiles { date, table, .. }: &LostFiles) -> bool {
        let previous = self.previous.as_ref().map(|row| row.snapshot_date);
        let week_ago = self.week_ago().map(|row| row.snapshot_date);
        let month_ago = self.month_ago().map(|row| row.snapshot_date);
        let read = tables::find(table).filter(|table| self.may_read_earlier(table));
        let schemas = read.map_or(&[][..], |table| table.earlier);
        schemas.iter().any(|schema| match schema {
            SqlSchema::Previous => previous == Some(*date),
            SqlSchema::WeekAgo => week_ago == Some(*date),
            SqlSchema::MonthAgo => month_ago == Some(*date),
            _ => {
                let mut history = dates_of_history(&self.publications, self.snapshot_date);
                history.any(|read| read == *date)
            }
        })
    }

    /// What is to be said of published dates: that D is final, and of files that are gone.
    pub(crate) fn remarks_on_published(&self) -> Vec<String> {
        let date = self.snapshot_date;
        let is_final = self.publications.is_final(date);
        let is_final = is_final.then(|| {
            format!("{date} is final: snapshots that it would follow on have expired, so it stays as it is, whatever its inputs are by now")
        });
        let (of_final, lost) = of_final_dates(&self.lost, &self.publications);
        let others = lost.iter().copied();
        let others = others.filter(|lost| lost.date != date);
        let others = remark_on_lost_files(&others.collect::<Vec<_>>()).map(|remark| {
            format!("{remark}; `tierline backfill --affected` makes these dates again, `tierline run --date` one of them")
        });
        let own = lost.into_iter();
        let own = own.filter(|lost| lost.date == date);
        let own = remark_on_lost_files(&own.collect::<Vec<_>>());
        let own = own.map(|remark| format!("{remark}; this date is made again"));
        let of_final = remark_on_final_dates(&of_final);
        is_final
            .into_iter()
            .chain(own)
            .chain(others)
            .chain(of_final)
            .collect()
    }
}

/// Files of dates that are final, which nothing makes again, and those of others.
pub(crate) fn of_final_dates<'a>(
    lost: &'a [LostFiles],
    publications: &Publications,
) -> (Vec<&'a LostFiles>, Vec<&'a LostFiles>) {
    let lost = lost.iter();
    lost.partition(|lost| publications.is_final(lost.date))
}

/// What is to be done about files of dates that are final.
pub(crate) fn remark_on_final_dates(lost: &[&LostFiles]) -> Option<String> {
    remark_on_lost_files(lost).map(|remark| {
        format!("{remark}; these dates are final, as snapshots that they would follow on have expired: restore the files from a copy, or withdraw the dates for good, by `tierline withdraw`")
    })
}

/// Which dates lack files of which tables; nothing where none do.
pub(crate) fn remark_on_lost_files(lost: &[&LostFiles]) -> Option<String> {
    let first = lost.first()?;
    let mut tables: BTreeMap<SnapshotDate, BTreeSet<&str>> = BTreeMap::new();
    for lost in lost {
        tables.entry(lost.date).or_default().insert(&lost.table);
    }
    let named = tables.iter().take(DATES_NAMED).map(|(date, tables)| {
        let tables: Vec<&str> = tables.iter().copied().collect();
        format!("{date} ({})", tables.join(", "))
    });
    let named: Vec<String> = named.collect();
    let more = match tables.len().saturating_sub(DATES_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more dates"),
    };
    Some(format!(
        "published data files are missing or cut short, so that readers fail: {}{more}, such as `{}`",
        named.join(", "),
        first.path
    ))
}
