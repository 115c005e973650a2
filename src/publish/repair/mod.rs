//! Commits that no publication names, found and undone.
//!
//! A run that dies between its commits, or loses to another, leaves rows in tables that nobody
//! published. Every run begins by looking for such commits, whatever their date:
//!
//! 1. [`inspect`] goes by keys alone: the newest version that publications account for is there
//!    and whole, and the next is not there. That is two small requests a table, whatever the
//!    history.
//!    Commits of other programs after which a table has the rows that it had are [harmless].
//! 2. Where there is more, [`repair`] reads the entries that no publication names, and restores
//!    the dates which they touched: in a dated table the files of the date's last publication, in
//!    `tier_current` and `dim_tier` those of the last publication that wrote them, and the columns
//!    as publications have them. Files that other programs put together since are those of the
//!    version before the first entry that no publication names. It is one commit of removals and
//!    additions; no file is written, since tierline never deletes a file that a publication
//!    names. The files that are no longer named are left to a vacuum. A published file that is
//!    gone all the same ends it with its name.
//! 3. The entry says which publication it restored, so that the next run knows it again. It counts
//!    unless a later publication wrote an earlier version.
//!
//! Another run may be at work. Whoever writes one side reads the other afterwards: a repair looks
//! once more at `publications` when it is in, and a run that has published looks once more at its
//! tables, and repairs them. So the last of the two to write sees both, and restores what the
//! publications say. A repair that dies is one more commit that no publication names.
//!
//! | tier_snapshot | |
//! |---|---|
//! | version 7 | publication 12 |
//! | version 8 | nobody's: it rewrote the 5th |
//! | version 9 | restores publication 12: the files of the 5th as of version 6 |

mod harmless;
mod undoing;
mod unnamed;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use crate::storage::Location;

use self::unnamed::Log;
use super::checkpoint::write_checkpoints;
use super::place::Place;
use super::publications::{PUBLICATIONS, Publications};
use super::{PublishError, last_publication};

pub(super) use undoing::Wanted;
pub use unnamed::ForeignCommit;
#[cfg(test)]
pub(super) use unnamed::restored_publication;

/// How often a repair that another commit overtook is tried again.
const ATTEMPTS: usize = 5;

/// How the logs of the published tables relate to `publications`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The newest version of each table that is there.
    versions: BTreeMap<String, i64>,
    /// The last version of each table that publications record.
    recorded: BTreeMap<String, i64>,
    /// The tables with commits that no publication names.
    unfinished: BTreeSet<String>,
    /// Those of them that a run of tierline left.
    left_by_runs: BTreeSet<String>,
    /// Those commits that tierline did not make.
    foreign: Vec<ForeignCommit>,
}

impl Inspection {
    /// Tables in which a run that died left rows.
    #[cfg(test)]
    pub(crate) fn with_rows_of_a_dead_run(tables: &[&str]) -> Self {
        let tables = || tables.iter().map(|table| (*table).to_owned());
        Self {
            unfinished: tables().collect(),
            left_by_runs: tables().collect(),
            ..Self::default()
        }
    }

    /// The tables with commits that no publication names.
    pub fn unfinished(&self) -> impl Iterator<Item = &str> {
        self.unfinished.iter().map(String::as_str)
    }

    /// Those of them in which a run of tierline left rows.
    pub fn left_by_runs(&self) -> impl Iterator<Item = &str> {
        self.left_by_runs.iter().map(String::as_str)
    }

    /// Commits that tierline did not make, and that no publication names.
    pub fn foreign(&self) -> &[ForeignCommit] {
        &self.foreign
    }

    /// Whether every table is as publications say.
    pub fn is_clean(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// The tables that publications record, and the last version of each that they do.
    pub fn recorded(&self) -> impl Iterator<Item = (&str, i64)> {
        let recorded = self.recorded.iter();
        recorded.map(|(table, version)| (table.as_str(), *version))
    }

    /// The newest version of a table; a table that is not there and one without rows are the same
    /// here.
    pub fn version(&self, table: &str) -> i64 {
        self.versions.get(table).copied().unwrap_or_default()
    }
}

/// Looks for commits that no publication names.
///
/// # Errors
/// A store that fails, an entry that was cut short, and a version that a publication records and
/// that is not there.
pub async fn inspect(
    output: &Location,
    publications: &Publications,
) -> Result<Inspection, PublishError> {
    let logs = read_logs(output, publications).await?;
    check_not_lost(output, publications, &logs).await?;
    let mut inspection = Inspection::default();
    for log in logs {
        if !log.unfinished.is_empty() {
            inspection.unfinished.insert(log.table.to_owned());
        }
        if log.has_own() {
            inspection.left_by_runs.insert(log.table.to_owned());
        }
        inspection.foreign.extend(log.foreign());
        if let Some(recorded) = log.recorded {
            inspection.recorded.insert(log.table.to_owned(), recorded);
        }
        if let Some(newest) = log.newest {
            inspection.versions.insert(log.table.to_owned(), newest);
        }
    }
    Ok(inspection)
}

/// Refuses to start over where something was published and no table is there.
async fn check_not_gone(
    output: &Location,
    publications: &Publications,
    logs: &[Log<'_>],
) -> Result<(), PublishError> {
    let has_tables = logs.iter().any(|log| log.newest.is_some());
    if has_tables || !publications.all().is_empty() {
        return Ok(());
    }
    match last_publication::read(output).await? {
        None => Ok(()),
        Some(sequence) => Err(PublishError::TablesGone {
            sequence,
            folder: output.url_of(&output.path.clone().join("tables")),
            record: output.url_of(&last_publication::path(output)),
        }),
    }
}

/// Refuses to take publications for unpublished. A run that died has the number after the last
/// publication: commits of a larger one show that the list was lost or cut, and of those of that
/// number the [record](last_publication) of the last publication says whether they were published.
async fn check_not_lost(
    output: &Location,
    publications: &Publications,
    logs: &[Log<'_>],
) -> Result<(), PublishError> {
    check_not_gone(output, publications, logs).await?;
    let next = publications.next_sequence();
    let unknown = logs.iter().flat_map(|log| {
        let entries = log.unfinished.iter();
        let numbered = entries.filter_map(|entry| Some((entry.sequence()?, entry.version)));
        numbered.map(|(sequence, version)| (sequence, log.table, version))
    });
    let unknown = unknown.filter(|(sequence, ..)| *sequence >= next).max();
    let Some((sequence, table, version)) = unknown else {
        return Ok(());
    };
    let was_published = sequence > next || last_publication::read(output).await? >= Some(sequence);
    if !was_published {
        return Ok(());
    }
    // Others may have published since the list was loaded.
    publications.check_newest().await?;
    Err(PublishError::PublicationsLost {
        table: table.to_owned(),
        version,
        sequence,
        known: next - 1,
        folder: Place::of(output, PUBLICATIONS).url(),
        record: output.url_of(&last_publication::path(output)),
    })
}

/// Refuses to go by publications of which some are lost. It is for those who do not
/// [inspect](inspect) tables otherwise, and looks at them only where there is reason to.
///
/// # Errors
/// As [`inspect`].
pub async fn check_complete(
    output: &Location,
    publications: &Publications,
) -> Result<(), PublishError> {
    let is_behind = last_publication::read(output).await? >= Some(publications.next_sequence());
    if is_behind || publications.all().is_empty() {
        inspect(output, publications).await?;
    }
    Ok(())
}

/// Finds commits that no publication names and undoes them.
///
/// # Errors
/// As [`inspect`]; and [`PublishError::Conflict`] when another run published or kept committing
/// meanwhile. What it has published is in the tables then.
pub async fn repair(
    output: &Location,
    publications: &Publications,
) -> Result<Inspection, PublishError> {
    let repaired = Box::pin(repair_by(output, publications)).await;
    if let Err(PublishError::Conflict { .. }) = &repaired {
        // What was taken for nobody's may have been published just before it was undone.
        undo(output, publications).await;
    }
    repaired
}

/// As [`repair`], which goes by these publications alone.
async fn repair_by(
    output: &Location,
    publications: &Publications,
) -> Result<Inspection, PublishError> {
    let mut last_conflict = None;
    for _ in 0..ATTEMPTS {
        let inspection = Box::pin(inspect(output, publications)).await?;
        if inspection.is_clean() {
            return Ok(inspection);
        }
        // What looks like nobody's may have been published since these were loaded.
        publications.check_newest().await?;
        match Box::pin(repair_once(output, publications)).await {
            Ok(()) => last_conflict = None,
            Err(conflict @ PublishError::Conflict { .. }) => last_conflict = Some(conflict),
            Err(failure) => return Err(failure),
        }
        publications.check_newest().await?;
    }
    match last_conflict {
        Some(conflict) => Err(conflict),
        None => inspect(output, publications).await,
    }
}

/// Undoes what a run has committed that did not publish, by the publications as they are now; `known`
/// are those that the run was based on.
/// What cannot be undone is undone by the next run, so a failure is reported and no more.
pub(super) async fn undo(output: &Location, known: &Publications) {
    for _ in 0..ATTEMPTS {
        let repaired = match Publications::load(output).await {
            Ok(publications) => {
                let publications = publications.knowing(known.own());
                Box::pin(repair_by(output, &publications)).await.map(|_| ())
            }
            Err(failure) => Err(failure),
        };
        match repaired {
            Ok(()) => return,
            Err(PublishError::Conflict { .. }) => {}
            Err(error) => {
                tracing::warn!(%error, "tables have rows that are not published; the next run removes them");
                return;
            }
        }
    }
}

async fn repair_once(output: &Location, publications: &Publications) -> Result<(), PublishError> {
    let logs = read_logs(output, publications).await?;
    let unfinished = logs.iter().filter(|log| !log.unfinished.is_empty());
    let restored = unfinished.map(|log| log.restore(output, publications));
    let restored = try_join_all(restored).await?;
    // A version that is due for a checkpoint gets it, whoever made the version.
    let committed: Vec<_> = restored.into_iter().flatten().collect();
    write_checkpoints(&committed).await;
    Ok(())
}

async fn read_logs<'a>(
    output: &Location,
    publications: &'a Publications,
) -> Result<Vec<Log<'a>>, PublishError> {
    let tables = publications.tables().into_iter();
    let logs = tables.map(|table| Log::read(output, table, publications));
    try_join_all(logs).await
}
