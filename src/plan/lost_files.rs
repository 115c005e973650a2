//! Published files that somebody has removed: which dates are made again, and what a night that
//! reads such a file does.

use std::collections::{BTreeMap, BTreeSet};

use crate::ground::SnapshotDate;
use crate::publish::{LostFiles, Publications, PublishError};
use crate::tables;

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

    /// Whether the night reads a table of a date.
    fn reads(&self, LostFiles { date, table, .. }: &LostFiles) -> bool {
        tables::find(table).is_some_and(|table| {
            let mut schemas = self.schemas_read(table).iter();
            schemas.any(|schema| self.dates_read(*schema, table).contains(date))
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
