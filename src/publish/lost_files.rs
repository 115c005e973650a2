//! Files of published tables that are gone from storage, so that readers fail.
//!
//! 1. The newest version of each table names the files of every date. Where commits that no
//!    publication names stand above, and are to be undone, it is the last version that one records.
//! 2. One listing of the table's folder says which of them are there, as long as the log says.
//! 3. A file that the listing lacks is asked for by its key before it counts as gone, since a
//!    listing may lag behind.
//!
//! | table | the date that is made again |
//! |---|---|
//! | keeps every date | the date of the file |
//! | keeps one state, as `tier_current` does | the newest date, where it has published the table |

use std::collections::{BTreeMap, HashMap};

use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::drafts::SNAPSHOT_DATE;
use crate::ground::SnapshotDate;
use crate::storage::Location;
use crate::tables;

use super::publications::Publications;
use super::table::Table;
use super::{Inspection, PublishError};

/// How many files are asked for at once.
const AT_ONCE: usize = 16;

/// A published date that lacks files in one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostFiles {
    /// The date whose publication makes them again.
    pub date: SnapshotDate,
    /// The table that lacks them.
    pub table: String,
    /// The full URL of the first that is gone or cut short.
    pub path: String,
}

/// A name between those of the log and of the dates of a table.
const BEHIND_LOG: &str = "_delta_log~";

/// A file as the log of a table names it, and its size.
type Named = (Path, u64);

/// Looks for files of published dates that are gone or cut short, in the order of dates.
///
/// # Errors
/// Stores that fail, and tables that cannot be opened.
pub async fn lost_files(
    output: &Location,
    publications: &Publications,
    inspection: &Inspection,
) -> Result<Vec<LostFiles>, PublishError> {
    let tables = inspection.recorded();
    let lost = tables.map(|(table, recorded)| async move {
        let is_to_be_undone = inspection
            .unfinished()
            .any(|unfinished| unfinished == table);
        let opened = match is_to_be_undone {
            true => Table::open_at(output, table, recorded).await?,
            false => Table::open(output, table).await?,
        };
        match opened {
            Some(table) => lost_in(&table, publications).await,
            // Looking for commits has found its log a moment ago.
            None => Ok(Vec::new()),
        }
    });
    let mut lost = try_join_all(lost).await?.concat();
    lost.sort_by(|one, other| (one.date, &one.table).cmp(&(other.date, &other.table)));
    Ok(lost)
}

async fn lost_in(
    table: &Table,
    publications: &Publications,
) -> Result<Vec<LostFiles>, PublishError> {
    let listed = listed(table).await?;
    let mut unlisted: BTreeMap<SnapshotDate, Vec<Named>> = BTreeMap::new();
    for (date, (path, size)) in named(table, publications)? {
        if listed.get(&path) != Some(&size) {
            unlisted.entry(date).or_default().push((path, size));
        }
    }
    let asked = stream::iter(unlisted).map(|(date, files)| async move {
        let lost = first_lost(table, files).await?;
        Ok::<_, PublishError>(lost.map(|path| LostFiles {
            date,
            table: table.name.clone(),
            path: table.place.output.url_of(&path),
        }))
    });
    let lost: Vec<Option<LostFiles>> = asked.buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(lost.into_iter().flatten().collect())
}

/// The files of published dates, each with the date that makes it again.
fn named(
    table: &Table,
    publications: &Publications,
) -> Result<Vec<(SnapshotDate, Named)>, PublishError> {
    let newest = publications.latest_date();
    // A table that the job no longer declares keeps rows that no date makes again.
    let is_made = |date: &SnapshotDate| {
        let published = publications.newest_for(*date);
        tables::find(&table.name).is_some()
            || published.is_some_and(|row| row.tables.contains_key(&table.name))
    };
    let mut named = Vec::new();
    for file in table.entries(None)? {
        let date = match table.is_kept_whole() {
            true => newest.filter(is_made),
            false => {
                let day = file.partition_values_map().remove(SNAPSHOT_DATE).flatten();
                day.and_then(|day| day.parse().ok())
            }
        };
        let is_published = |date: &SnapshotDate| publications.newest_for(*date).is_some();
        if let Some(date) = date.filter(is_published) {
            named.push((date, (table.full_path(&file), file.size().cast_unsigned())));
        }
    }
    Ok(named)
}

/// Every object of the table's folder and its size; of a dated table those that sort behind its
/// log, which has as many as there were commits.
async fn listed(table: &Table) -> Result<HashMap<Path, u64>, PublishError> {
    let place = &table.place;
    let store = &place.output.store;
    let objects = match table.is_dated() {
        true => store.list_with_offset(Some(&place.folder), &place.folder.clone().join(BEHIND_LOG)),
        false => store.list(Some(&place.folder)),
    };
    let sizes = objects.map_ok(|object| (object.location, object.size));
    let sizes = sizes.try_collect().await;
    Ok(sizes.map_err(|source| place.output.failure("list", &place.folder, source))?)
}

/// The first of some files that is not there as the log says, asked for by its key.
async fn first_lost(table: &Table, files: Vec<Named>) -> Result<Option<Path>, PublishError> {
    let output = &table.place.output;
    for (path, size) in files {
        match output.store.head(&path).await {
            Ok(found) if found.size == size => {}
            Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(Some(path)),
            Err(source) => return Err(output.failure("read", &path, source).into()),
        }
    }
    Ok(None)
}
