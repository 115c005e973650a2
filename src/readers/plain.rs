//! The plain layout: copies of the tables' files that may be read by a glob, since none is of a date that was
//! replaced.
//!
//! | table | objects below `plain/` |
//! |---|---|
//! | of every date | `tier_snapshot/snapshot_date=2026-11-20/part.parquet` |
//! | of one state | `tier_current.parquet` |
//!
//! Where a date or a state has several files, as of many millions of users, these are `part-1.parquet` and so on
//! in a folder. A date without rows has none.
//!
//! 1. [`wanted`]: the objects that there should be, each with the file of a table that it is a copy of. Files
//!    of tables never change, so that an object of another file has to be copied anew, and no other has.
//! 2. [`Written::read`], [`objects_of`]: those that there are, by the record `plain/_written.json` and a listing.
//! 3. [`Work`]: copies within the store, each of which takes the place of an object at once, and deletions.
//!
//! The record loses what is to be copied before, and has it after: whatever ends in between is done again by
//! whoever comes next.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::drafts::objects;
use crate::ground::{Layout, SnapshotDate};
use crate::publish::{
    Mark, Publication, Publications, PublishError, PublishedFile, published_tables,
};
use crate::storage::{Location, StorageError};
use crate::tables::SNAPSHOT_DATE;

/// The record, which globs for Parquet pass over.
const WRITTEN: &str = "_written.json";

/// The form of the record. The first one has no run; its objects count all the same.
const FORMAT: u32 = 2;

/// The oldest form that is read.
const OLDEST_FORMAT: u32 = 1;

/// How many copies are made at a time.
const AT_ONCE: usize = 8;

/// After how many copies they are put on record, so that a first night of `plain` that is ended goes on
/// where it was.
const RECORDED_AT_ONCE: usize = 256;

/// Objects by their path below `plain/`, each with that of the table's file below the output.
type Objects = BTreeMap<String, String>;

/// What `plain/_written.json` says.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    format: u32,
    /// The publication that the objects are of.
    #[serde(flatten)]
    mark: Mark,
    objects: Objects,
}

/// Makes the objects below `plain/` those of the newest publication.
///
/// # Errors
/// Stores that fail, and tables that cannot be read.
pub(super) async fn keep(
    output: &Location,
    publications: &Publications,
) -> Result<(), PublishError> {
    let Some(newest) = publications.all().last() else {
        return Ok(());
    };
    let folder = Layout::below(output.path.clone()).plain();
    let written = Written::read(output, &folder).await?;
    if written.mark.holds_against(newest, output).await? {
        return Ok(());
    }
    let there = objects_of(output, &folder).await?;
    let wanted = wanted(output, publications).await?;
    let work = Work::between(wanted, &there, &written);
    let (copied, deleted) = (work.stale.len(), work.gone.len());
    if work
        .carry_out(output, &folder, written.mark, newest)
        .await?
    {
        tracing::info!(copied, deleted, "plain files are written");
    }
    Ok(())
}

/// What there is to do.
struct Work {
    /// Objects that stay as they are.
    right: Objects,
    /// Objects to be copied.
    stale: Vec<(String, String)>,
    /// Objects to be deleted.
    gone: Vec<String>,
}

impl Work {
    fn between(wanted: Objects, there: &BTreeSet<String>, written: &Written) -> Self {
        let is_right = |object: &String, file: &String| {
            there.contains(object) && written.objects.get(object) == Some(file)
        };
        let gone = there.iter().filter(|object| !wanted.contains_key(*object));
        let gone = gone.cloned().collect();
        let (right, stale): (Objects, Objects) = wanted
            .into_iter()
            .partition(|(object, file)| is_right(object, file));
        Self {
            right,
            stale: stale.into_iter().collect(),
            gone,
        }
    }

    /// Does it; `before` is the mark of what there is. Ends early, and says so, where another run has
    /// published since: it has copied some of these objects, or is about to, and what is right is its to say.
    async fn carry_out(
        self,
        output: &Location,
        folder: &Path,
        before: Mark,
        newest: &Publication,
    ) -> Result<bool, PublishError> {
        // Whatever ends this in between must not leave a record of objects that are others by now.
        let mut kept = Written {
            format: FORMAT,
            mark: before,
            objects: self.right,
        };
        kept.put(output, folder).await?;
        for batch in self.stale.chunks(RECORDED_AT_ONCE) {
            let copies = batch
                .iter()
                .map(|(object, file)| copy(output, folder, object, file));
            let copies = stream::iter(copies).buffer_unordered(AT_ONCE);
            copies.try_collect::<Vec<()>>().await?;
            if !is_newest(newest, output).await? {
                return Ok(false);
            }
            kept.objects.extend(batch.iter().cloned());
            kept.put(output, folder).await?;
        }
        let gone: Vec<Path> = self
            .gone
            .iter()
            .map(|object| below(folder, object))
            .collect();
        objects::delete(output, gone.clone()).await?;
        gone.iter()
            .for_each(|object| remove_emptied(output, object));
        kept.mark = Mark::of(newest);
        kept.put(output, folder).await?;
        Ok(true)
    }
}

/// Whether no run has published since.
async fn is_newest(publication: &Publication, output: &Location) -> Result<bool, PublishError> {
    let now = Publications::load(output).await?;
    Ok(now.all().last() == Some(publication))
}

/// Removes the folder of an object that is gone, where it is one on a disk and has nothing in it: people
/// take the folder of a date for a date.
fn remove_emptied(output: &Location, object: &Path) {
    let url = Url::parse(&output.url_of(object)).ok();
    let path = url.filter(|url| url.scheme() == "file");
    let path = path.and_then(|url| url.to_file_path().ok());
    if let Some(folder) = path.as_deref().and_then(std::path::Path::parent)
        && let Err(error) = std::fs::remove_dir(folder)
    {
        tracing::debug!(%error, "a folder is left");
    }
}

/// The Parquet objects that there are below the folder.
async fn objects_of(output: &Location, folder: &Path) -> Result<BTreeSet<String>, StorageError> {
    let listed = output.store.list(Some(folder));
    let listed: Vec<_> = listed
        .try_collect()
        .await
        .map_err(|source| output.failure("list", folder, source))?;
    let below = listed.iter().filter_map(|object| {
        let below = object.location.prefix_match(folder)?;
        Some(below.collect::<Path>().to_string())
    });
    Ok(below
        .filter(|object| object.ends_with(".parquet"))
        .collect())
}

async fn copy(
    output: &Location,
    folder: &Path,
    object: &str,
    file: &str,
) -> Result<(), StorageError> {
    let (from, to) = (below(&output.path, file), below(folder, object));
    let copied = output.store.copy(&from, &to).await;
    copied.map_err(|source| output.failure("copy", &from, source))
}

fn below(folder: &Path, relative: &str) -> Path {
    folder.parts().chain(Path::from(relative).parts()).collect()
}

/// The objects that there should be.
async fn wanted(output: &Location, publications: &Publications) -> Result<Objects, PublishError> {
    let mut wanted = Objects::new();
    let dates = publications.dates_with_sums();
    for table in published_tables(output, publications).await? {
        if table.is_kept_whole() {
            add(&mut wanted, output, table.name(), None, &table.files(None)?);
            continue;
        }
        let mut by_date: BTreeMap<SnapshotDate, Vec<PublishedFile>> = BTreeMap::new();
        for (date, file) in table.files_by_date()? {
            by_date.entry(date).or_default().push(file);
        }
        for (date, files) in by_date {
            if dates.contains(&date) {
                add(&mut wanted, output, table.name(), Some(date), &files);
            }
        }
    }
    Ok(wanted)
}

/// Adds the files of a table's date, or of its one state.
fn add(
    wanted: &mut Objects,
    output: &Location,
    table: &str,
    date: Option<SnapshotDate>,
    files: &[PublishedFile],
) {
    let folder = match date {
        Some(date) => format!("{table}/{SNAPSHOT_DATE}={date}"),
        None => table.to_owned(),
    };
    for (number, file) in (1..).zip(files) {
        let object = match (files.len(), date) {
            (1, Some(_)) => format!("{folder}/part.parquet"),
            (1, None) => format!("{folder}.parquet"),
            _ => format!("{folder}/part-{number}.parquet"),
        };
        let file: Option<Path> = file.path.prefix_match(&output.path).map(Iterator::collect);
        wanted.extend(file.map(|file| (object, file.to_string())));
    }
}

impl Written {
    /// The record; where there is none, or none that says anything, everything is to be copied.
    async fn read(output: &Location, folder: &Path) -> Result<Self, StorageError> {
        let path = folder.clone().join(WRITTEN);
        let found = match output.store.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(object_store::Error::NotFound { .. }) => return Ok(Self::default()),
            Err(source) => Err(source),
        };
        let found = found.map_err(|source| output.failure("read", &path, source))?;
        let written: Self = serde_json::from_slice(&found).unwrap_or_default();
        Ok(match written.format {
            OLDEST_FORMAT..=FORMAT => written,
            _ => Self::default(),
        })
    }

    async fn put(&self, output: &Location, folder: &Path) -> Result<(), StorageError> {
        let path = folder.clone().join(WRITTEN);
        let text = serde_json::json!(self).to_string();
        let put = output.store.put(&path, text.into()).await;
        put.map(drop)
            .map_err(|source| output.failure("write", &path, source))
    }
}
