//! `tierline maintain`: what nobody needs any more, found first and deleted once that is confirmed.
//!
//! | kind | what is unneeded | what stays |
//! |---|---|---|
//! | rows of users | those of dates that are older than `daily` of the job, but for the last of each month | KPIs, matrices and alerts of every date |
//! | table files | files of [old versions](crate::publish::TableFolder), most old checkpoints, drafts of runs that died | what the newest version has, and each that was the newest within `versions` of the job; every commit |
//! | tiles | those made by other SQL, reference files or source files than today's, once they are as old as old versions may get | those with days whose raw files have expired: they are all that is left of these days |
//! | samples of rejected rows | those older than `quarantine` of the job | `unreported.json` |
//! | probes | those that were written to try the store, after two days | |
//! | unfinished files | `<file>#1` on a disk, two days after the last byte | |
//! | scratch folders | those that no process has locked, after two days | folders of other programs, and of an older tierline |
//!
//! Ages of objects count up to the newest one in the folders of the tables, by the clock of the store, and
//! never beyond this machine's clock: so a difference between the two deletes nothing too early, and of
//! an output that rests, nothing expires. Whatever a run at work has written is younger than any bound.
//!
//! Calibrations, rules and `dim_tier` stay, and so does every version in the logs of tables: publications
//! name them.

mod expired;
mod unneeded;

use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use futures::future::try_join_all;
use object_store::ObjectMeta;

use crate::drafts::objects;
use crate::ground::{Layout, interruption};
use crate::job::{Job, Workspace};
use crate::night::NightError;
use crate::plan::Facts;
use crate::publish::{self, Inspection, Publications, TableFolder, inspect};
use crate::storage::{FileAside, LeftFolder};
use crate::tiles::StoredTile;

pub use expired::ExpiredDates;
pub use unneeded::{Kind, Unneeded};

use unneeded::Piece;

/// How long a process may be at work on one file, or on making a folder.
const AT_WORK: TimeDelta = TimeDelta::days(2);

/// What is to be deleted.
#[derive(Debug)]
pub struct MaintenancePlan {
    /// Dates whose rows of users are to go.
    pub expired: Option<ExpiredDates>,
    /// What nobody needs, by kind and by what it belongs to.
    pub unneeded: Vec<Unneeded>,
    /// What was left alone, and why.
    pub kept: Vec<String>,
    publications: Publications,
    inspection: Inspection,
}

impl MaintenancePlan {
    /// Looks for what nobody needs, as of `now`.
    ///
    /// # Errors
    /// Stores that fail, and published tables that are not as publications say.
    pub async fn make(
        job: &Job,
        workspace: &Workspace,
        now: DateTime<Utc>,
    ) -> Result<Self, NightError> {
        let output = &workspace.output;
        let publications = Publications::load(output).await?;
        let publications = publications.knowing(job.tables.keys());
        let inspection = inspect(output, &publications).await?;
        let unfinished = inspection.unfinished().map(|table| {
            format!(
                "table {table} is left alone: it has commits that no publication names, which the next run undoes"
            )
        });
        let daily = job.retention.daily_days;
        let expired = daily.and_then(|days| ExpiredDates::among(&publications.dates(), days));
        let folders = TableFolder::list(output, &publications, &inspection).await?;
        let mut plan = Self {
            expired,
            unneeded: Vec::new(),
            kept: unfinished.collect(),
            publications,
            inspection,
        };
        let latest = latest_write(&folders, now);
        let until = latest - days(job.retention.versions_days);
        let files = folders.into_iter().map(|folder| async {
            let table = folder.table.clone();
            let files = folder.unneeded(&plan.publications, until).await?;
            Ok::<_, NightError>(Unneeded::of_objects(
                Kind::TableFiles,
                output,
                Some(table),
                files,
            ))
        });
        let files = try_join_all(files).await?;
        plan.unneeded.extend(files.into_iter().flatten());
        plan.add_tiles(job, workspace, until).await;
        let until = latest - days(job.retention.quarantine_days);
        plan.unneeded.extend(old_samples(workspace, until).await?);
        plan.unneeded
            .extend(left_probes(workspace, latest - AT_WORK).await?);
        plan.add_left_on_disk(job, workspace, SystemTime::from(now - AT_WORK));
        Ok(plan)
    }

    /// Tiles that no night reads any more. Where that cannot be said, they are left alone.
    async fn add_tiles(&mut self, job: &Job, workspace: &Workspace, until: DateTime<Utc>) {
        let newest = self.publications.latest_date();
        let found = Facts::unneeded_tiles(job, workspace, newest, until);
        match Box::pin(found).await {
            Ok(found) => self.unneeded.extend(found.into_iter().filter_map(|found| {
                let objects = found.tiles.into_iter().map(StoredTile::into_object);
                let (output, rollup) = (&workspace.output, Some(found.rollup));
                Unneeded::of_objects(Kind::Tiles, output, rollup, objects.collect())
            })),
            Err(error) => self.kept.push(format!("tiles are left alone: {error}")),
        }
    }

    /// What killed processes have left on this machine's disk. What cannot be read is left alone.
    fn add_left_on_disk(&mut self, job: &Job, workspace: &Workspace, before: SystemTime) {
        let folders = workspace.layout.folders();
        match FileAside::list(&workspace.output, &folders, before) {
            Ok(files) => self.unneeded.extend(Unneeded::of_files_aside(files)),
            Err(error) => self
                .kept
                .push(format!("unfinished files are left alone: {error}")),
        }
        let parent = job.engine.spill_folder.as_deref();
        match LeftFolder::list(parent, before) {
            Ok(folders) => self.unneeded.extend(Unneeded::of_folders(folders)),
            Err(error) => self
                .kept
                .push(format!("scratch folders are left alone: {error}")),
        }
    }

    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.expired.is_none() && self.unneeded.is_empty()
    }

    /// Deletes it.
    ///
    /// # Errors
    /// A run that has published since, where dates expire, and stores and disks that do not delete; what
    /// is left is found the next time.
    pub async fn carry_out(&self, job: &Job, workspace: &Workspace) -> Result<(), NightError> {
        let output = &workspace.output;
        if let Some(expired) = &self.expired {
            let state = (&self.publications, &self.inspection);
            let application = format!("tierline/{}", job.name);
            // Until it is done in every table.
            let _held_off = interruption().held_off();
            let done = publish::expire(output, state, &expired.all, &application).await?;
            if let Some(done) = done {
                publish::write_checkpoints(&done.tables).await;
            }
        }
        for unneeded in &self.unneeded {
            let objects = unneeded.pieces.iter().filter_map(|piece| match piece {
                Piece::Object(path) => Some(path.clone()),
                Piece::FileAside(_) | Piece::Folder(_) => None,
            });
            objects::delete(output, objects.collect()).await?;
            for piece in &unneeded.pieces {
                piece.remove_from_disk()?;
            }
        }
        Ok(())
    }
}

/// The time that ages in the store count up to.
fn latest_write(folders: &[TableFolder], now: DateTime<Utc>) -> DateTime<Utc> {
    let written = folders.iter().filter_map(TableFolder::last_written);
    written.max().map_or(now, |written| written.min(now))
}

/// The samples of rejected rows that were kept before a time, by source.
async fn old_samples(
    workspace: &Workspace,
    until: DateTime<Utc>,
) -> Result<Vec<Unneeded>, NightError> {
    let (output, folder) = (&workspace.output, workspace.layout.quarantines());
    let objects = output.store.list(Some(&folder)).try_collect().await;
    let objects: Vec<ObjectMeta> =
        objects.map_err(|source| output.failure("list", &folder, source))?;
    let old = objects.into_iter().filter_map(|object| {
        let inner: Vec<_> = object.location.prefix_match(&folder)?.collect();
        let [source, sample] = &inner[..] else {
            return None;
        };
        let is_old = sample.as_ref().ends_with(".parquet") && object.last_modified < until;
        is_old.then(|| (source.as_ref().to_owned(), object.clone()))
    });
    Ok(Unneeded::by_owner(Kind::Samples, output, old))
}

/// What processes that were killed had written to try the store.
async fn left_probes(
    workspace: &Workspace,
    until: DateTime<Utc>,
) -> Result<Option<Unneeded>, NightError> {
    let output = &workspace.output;
    let listed = output.store.list_with_delimiter(Some(&output.path)).await;
    let listed = listed.map_err(|source| output.failure("list", &output.path, source))?;
    let mut probes = listed.objects;
    probes.retain(|object| Layout::is_probe(&object.location) && object.last_modified < until);
    Ok(Unneeded::of_objects(Kind::Probes, output, None, probes))
}

fn days(days: u32) -> TimeDelta {
    TimeDelta::days(i64::from(days))
}
