//! Whether the rows of `publications` are those that tierline wrote last.
//!
//! A publication rewrites all rows, as one file in a folder of its own. Where there is anything
//! else the log says what became of it:
//!
//! | since the last publication, other programs | |
//! |---|---|
//! | wrote the same rows to other files, as OPTIMIZE does | they are read |
//! | wrote the same rows, and have removed the files of before | so are they, where each commit says so and counts as many |
//! | wrote other rows, or removed some | nothing is read until that is undone |

use object_store::ObjectStoreExt;

use crate::publish::log_entry::LogEntry;
use crate::publish::{PublishError, PublishedFile, Table};

use super::Publication;
use super::rows::read_all;

/// Whether the files are as a publication leaves them.
pub(super) fn is_as_written(table: &Table, files: &[PublishedFile]) -> bool {
    let is_in_folder = |file: &PublishedFile| {
        let inner = file.path.prefix_match(&table.place.folder);
        inner.is_some_and(|parts| parts.count() > 1)
    };
    table.version() == 0 || matches!(files, [file] if is_in_folder(file))
}

/// The rows, which are in other files than a publication leaves.
///
/// # Errors
/// [`PublishError::PublicationsChanged`] when they are other ones.
pub(super) async fn read_rewritten(
    table: &Table,
    files: &[PublishedFile],
) -> Result<Vec<Publication>, PublishError> {
    let since = Since::of(table).await?;
    let Some(changed) = since.theirs.first() else {
        return read_all(table, files).await;
    };
    let (now, then) = (read_all(table, files).await, since.rows(table).await);
    match (now, then) {
        (Ok(now), Some(then)) if is_same(&now, &then) => Ok(now),
        (Ok(now), None) if since.claims_same_rows(table, now.len()).await => Ok(now),
        _ => Err(changed_by(table, changed, since.last_own).await),
    }
}

/// Refuses rows that somebody else has put in the place of newer ones: the last commit of tierline
/// has the number of its publication. Each makes one version, but for dates that expire together, which
/// make one: so the log is read only when there are more versions.
///
/// # Errors
/// [`PublishError::PublicationsChanged`] when they are older ones.
pub(super) async fn check_not_set_back(
    table: &Table,
    rows: &mut [Publication],
) -> Result<(), PublishError> {
    rows.sort_by_key(|row| row.sequence);
    let last = rows.last().map_or(0, |row| row.sequence);
    let follows = |rows: &&[Publication]| rows.iter().all(Publication::is_expired);
    let together = rows.windows(2).filter(follows).count();
    if table.version() <= last - i64::try_from(together).unwrap_or(last) {
        return Ok(());
    }
    let since = Since::of(table).await?;
    let is_newer = since.last_sequence.is_some_and(|sequence| sequence > last);
    match since.theirs.first().filter(|_| is_newer) {
        Some(changed) => Err(changed_by(table, changed, since.last_own).await),
        None => Ok(()),
    }
}

/// What the log says of the time since the last commit of tierline.
struct Since {
    /// The version of that commit; 0 where there is none.
    last_own: i64,
    /// The number of its publication.
    last_sequence: Option<i64>,
    /// The commits of others that touched files, the newest first.
    theirs: Vec<LogEntry>,
}

impl Since {
    async fn of(table: &Table) -> Result<Self, PublishError> {
        let mut theirs = Vec::new();
        for version in (1..=table.version()).rev() {
            let Some(entry) = table.place.log_entry(version).await? else {
                break;
            };
            if entry.run_id().is_some() {
                return Ok(Self {
                    last_own: version,
                    last_sequence: entry.sequence(),
                    theirs,
                });
            }
            if entry.touches_files() {
                theirs.push(entry);
            }
        }
        Ok(Self {
            last_own: 0,
            last_sequence: None,
            theirs,
        })
    }

    /// The rows as tierline wrote them; none where they cannot be read any more.
    async fn rows(&self, table: &Table) -> Option<Vec<Publication>> {
        let own = self.own(table).await?;
        read_all(&own, &own.files(None).ok()?).await.ok()
    }

    /// Whether every commit says that it changes no row, and there are as many as before.
    async fn claims_same_rows(&self, table: &Table, now: usize) -> bool {
        let own = self.own(table).await;
        let Some(Ok(then)) = own.map(|own| own.files(None)) else {
            return false;
        };
        let then: Option<u64> = then.iter().map(|file| file.rows).sum();
        let is_same = then == Some(now as u64);
        is_same && self.theirs.iter().all(LogEntry::claims_same_rows)
    }

    async fn own(&self, table: &Table) -> Option<Table> {
        at(table, self.last_own).await
    }
}

async fn at(table: &Table, version: i64) -> Option<Table> {
    let opened = Table::open_at(&table.place.output, &table.name, version).await;
    opened.ok().flatten()
}

fn is_same(now: &[Publication], then: &[Publication]) -> bool {
    let sorted = |rows: &[Publication]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| row.sequence);
        rows
    };
    sorted(now) == sorted(then)
}

/// The refusal, with what helps: a version whose files a vacuum has removed cannot be restored.
async fn changed_by(table: &Table, changed: &LogEntry, before: i64) -> PublishError {
    let folder = table.place.url();
    let remedy = match is_whole(table, before).await {
        true => format!(
            "undo that commit, such as by `DeltaTable(\"{folder}\").restore({before})` of the deltalake package"
        ),
        false => format!(
            "version {before}, which was right, cannot be restored, as a vacuum has removed its files: restore `{folder}` from a copy, or publish to a new output"
        ),
    };
    PublishError::PublicationsChanged {
        what: changed.description(),
        remedy,
    }
}

/// Whether every file of a version is there.
async fn is_whole(table: &Table, version: i64) -> bool {
    let Some(Ok(files)) = at(table, version).await.map(|table| table.files(None)) else {
        return false;
    };
    for file in files {
        if table.place.output.store.head(&file.path).await.is_err() {
            return false;
        }
    }
    true
}
