//! Commits of other programs after which a table has the rows that it had: those in which a vacuum
//! says what it did, and those of files that were put together or sorted again.
//!
//! They are neither reported nor undone. Whoever reads the version that a publication names finds the
//! files of before, until a vacuum removes them.

use std::collections::BTreeMap;

use crate::drafts::SNAPSHOT_DATE;
use crate::publish::PublishError;
use crate::publish::log_entry::LogEntry;
use crate::publish::table::Table;
use crate::storage::Location;

impl LogEntry {
    /// Whether it says of itself that it leaves the rows and the columns of the table alone.
    pub(in crate::publish) fn claims_same_rows(&self) -> bool {
        self.kinds().all(|kind| {
            let is_small = ["commitInfo", "txn"].contains(&kind);
            let is_of_files = ["add", "remove"].contains(&kind);
            is_small || (is_of_files && !self.changes_rows())
        })
    }

    /// Whether it adds or removes files in such a way that the rows of the table are others.
    pub(in crate::publish) fn changes_rows(&self) -> bool {
        let files = ["add", "remove"].map(|kind| self.of_kind(kind));
        let mut files = files.into_iter().flatten();
        files.any(|file| file["dataChange"].as_bool() != Some(false))
    }

    /// Whether it adds or removes files.
    pub(in crate::publish) fn touches_files(&self) -> bool {
        let files = ["add", "remove"].map(|kind| self.of_kind(kind));
        files.into_iter().flatten().next().is_some()
    }
}

/// Whether a commit of another program leaves a table as it was: it says so, and where it touches
/// files each date has as many rows as before.
pub(super) async fn is_harmless(
    output: &Location,
    table: &str,
    entry: &LogEntry,
) -> Result<bool, PublishError> {
    if !entry.claims_same_rows() || !entry.touches_files() {
        return Ok(entry.claims_same_rows());
    }
    let before = Table::open_at(output, table, entry.version - 1).await?;
    let after = Table::open_at(output, table, entry.version).await?;
    let counts = before.zip(after);
    Ok(counts.is_some_and(|(before, after)| {
        let (before, after) = (rows_by_date(&before), rows_by_date(&after));
        before.is_some() && before == after
    }))
}

/// The rows of each date, as the log counts them; none where it does not.
fn rows_by_date(table: &Table) -> Option<BTreeMap<Option<String>, u64>> {
    let mut rows = BTreeMap::new();
    for file in table.entries(None).ok()? {
        let date = file.partition_values_map().remove(SNAPSHOT_DATE).flatten();
        *rows.entry(date).or_default() += file.num_records()? as u64;
    }
    Some(rows)
}
