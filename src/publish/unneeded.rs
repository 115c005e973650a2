//! Files of tables that no version needs which readers, runs or repairs may still open.
//!
//! 1. The log of a table says when each version was made. Needed are the newest version, those that
//!    were the newest at any time since `until`, and those that the last publications of the
//!    [newest dates](DATES_KEPT) record: a withdrawal goes back to them.
//! 2. Whatever is in the first of these versions, or was added by a later one, stays. So do files
//!    that are younger than `until`: a run that has not committed yet may have written them.
//! 3. All other Parquet files of the folder are unneeded: those of older versions, and drafts of
//!    runs that died.
//! 4. Of the checkpoints before the one that these versions are read from, the first of each
//!    [hundred versions](CHECKPOINT_FOR_EACH) stays. Each names every file of its version, so that together
//!    they grow with the square of the nights.
//!
//! | version | made | its files, with `until` the 20th |
//! |---|---|---|
//! | 4 | the 2nd | unneeded, where no later version has them |
//! | 5 | the 10th | stay: it was the newest on the 20th |
//! | 6 | the 25th | stay |
//!
//! `dim_tier` stays as it is, at a few KB a version: whoever shows an old date reads the tiers of then. Logs
//! keep every version: repairs and snapshots of old dates go by the versions that publications
//! name, however old, and find in them the files that the newest version has, too. So every commit stays, a
//! few KB each, and a version without a checkpoint of its own is read from an older one. No commit is made, so
//! nothing here is in the way of a run that goes on.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use futures::future::try_join_all;
use object_store::ObjectMeta;
use object_store::path::Path;
use serde_json::Value;

use crate::drafts::objects;
use crate::storage::Location;
use crate::tables::DIM_TIER;

use super::log::LOG;
use super::place::Place;
use super::publications::{PUBLICATIONS, Publications};
use super::table::Table;
use super::{Inspection, PublishError};

/// Of how many of the newest dates the recorded versions stay, however old: the newest, and the one
/// that takes its place when it is withdrawn.
const DATES_KEPT: usize = 2;

/// For how many versions one old checkpoint stays: so many commits are read at most from one to the next.
const CHECKPOINT_FOR_EACH: i64 = 100;

/// How the name of a checkpoint ends, behind its version.
const CHECKPOINT: &str = ".checkpoint.parquet";

/// What the folder of a table has.
#[derive(Debug)]
pub struct TableFolder {
    /// The table.
    pub table: String,
    place: Place,
    objects: Vec<ObjectMeta>,
}

impl TableFolder {
    /// The folders of all tables that runs commit to, but for `dim_tier`, and for those with commits that
    /// no publication names: the next run undoes these first.
    ///
    /// # Errors
    /// A store that fails.
    pub async fn list(
        output: &Location,
        publications: &Publications,
        inspection: &Inspection,
    ) -> Result<Vec<Self>, PublishError> {
        let left_alone: BTreeSet<&str> = inspection.unfinished().chain([DIM_TIER.name]).collect();
        let mut tables = publications.tables();
        tables.insert(PUBLICATIONS);
        let listed = tables.difference(&left_alone).map(|table| async move {
            let place = Place::of(output, table);
            let objects = output.store.list(Some(&place.folder)).try_collect().await;
            let failed = |source| output.failure("list", &place.folder, source);
            Ok::<_, PublishError>(Self {
                table: (*table).to_owned(),
                objects: objects.map_err(failed)?,
                place,
            })
        });
        try_join_all(listed).await
    }

    /// When the newest of its objects was written, by the clock of the store.
    pub fn last_written(&self) -> Option<DateTime<Utc>> {
        let times = self.objects.iter().map(|object| object.last_modified);
        times.max()
    }

    /// The files that nobody needs, as of a time until which old versions are given up.
    ///
    /// # Errors
    /// A log that cannot be read.
    pub async fn unneeded(
        self,
        publications: &Publications,
        until: DateTime<Utc>,
    ) -> Result<Vec<ObjectMeta>, PublishError> {
        let first = first_needed(&self.versions(), until);
        let needed = match first {
            Some(first) => self.named_since(first, publications).await?,
            // No table, so that all there is are drafts of runs that died.
            None => BTreeSet::new(),
        };
        let checkpoints = self
            .old_checkpoints(first.unwrap_or_default(), until)
            .await?;
        let is_needed = |file: &ObjectMeta| {
            let name = file.location.filename().unwrap_or_default();
            needed.contains(name) || file.last_modified >= until
        };
        let folder = &self.place.folder;
        let files = self.objects.into_iter();
        let files = files.filter(|file| is_data_file(folder, &file.location));
        let files = files.filter(|file| !is_needed(file));
        Ok(files.chain(checkpoints).collect())
    }

    /// Each version, and when it was made, by the clock of the store.
    fn versions(&self) -> Vec<(i64, DateTime<Utc>)> {
        let entries = self.in_log(".json");
        let mut versions: Vec<_> = entries
            .map(|(version, entry)| (version, entry.last_modified))
            .collect();
        versions.sort_unstable();
        versions
    }

    /// The checkpoints that no reader needs in order to open a version: those that versions from `first` on
    /// are not read from, but for one of each hundred versions and the one that the log says readers begin
    /// with. Where commits have been cleaned up, checkpoints are all there is, and stay.
    async fn old_checkpoints(
        &self,
        first: i64,
        until: DateTime<Utc>,
    ) -> Result<Vec<ObjectMeta>, PublishError> {
        let mut checkpoints: Vec<_> = self.in_log(CHECKPOINT).collect();
        checkpoints.sort_by_key(|(version, _)| *version);
        let read_from = checkpoints.iter().rfind(|(version, _)| *version <= first);
        let Some((read_from, _)) = read_from.copied() else {
            return Ok(Vec::new());
        };
        let begun_with = self.place.last_checkpoint().await?;
        let commits: BTreeSet<i64> = self.versions().into_iter().map(|(made, _)| made).collect();
        let (mut old, mut kept) = (Vec::new(), None);
        for (version, checkpoint) in checkpoints {
            let is_between = kept.is_some_and(|kept: i64| {
                let is_of_same = kept / CHECKPOINT_FOR_EACH == version / CHECKPOINT_FOR_EACH;
                is_of_same && (kept + 1..=version).all(|made| commits.contains(&made))
            });
            let is_read = version >= read_from || begun_with == Some(version);
            match is_between && !is_read && checkpoint.last_modified < until {
                true => old.push(checkpoint.clone()),
                false => kept = Some(version),
            }
        }
        Ok(old)
    }

    /// The files of the log whose names are a version and then `suffix`.
    fn in_log(&self, suffix: &str) -> impl Iterator<Item = (i64, &ObjectMeta)> {
        let log = objects::below(&self.place.folder, &Path::from(LOG));
        self.objects.iter().filter_map(move |object| {
            let mut inner = object.location.prefix_match(&log)?;
            let (name, None) = (inner.next()?, inner.next()) else {
                return None;
            };
            let version = name.as_ref().strip_suffix(suffix)?.parse().ok()?;
            Some((version, object))
        })
    }

    /// The names of all files that are in a version, or were added by a later one, and of those in
    /// the versions that the newest dates record. A name is of one file, whatever its folder.
    async fn named_since(
        &self,
        first: i64,
        publications: &Publications,
    ) -> Result<BTreeSet<String>, PublishError> {
        let mut named = self.named_in(first).await?;
        let versions = self.versions().into_iter().map(|(version, _)| version);
        for version in versions.filter(|version| *version > first) {
            named.extend(self.added_by(version).await?);
        }
        for version in self.recorded_before(first, publications) {
            match self.named_in(version).await {
                Ok(files) => named.extend(files),
                // Somebody has cleaned up the log: nobody can go back to it.
                Err(PublishError::VersionGone { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(named)
    }

    async fn named_in(&self, version: i64) -> Result<BTreeSet<String>, PublishError> {
        let table = Table::open_at(&self.place.output, &self.table, version).await?;
        let files = match table {
            Some(table) => table.files(None)?,
            None => Vec::new(),
        };
        let names = files.iter().filter_map(|file| file.path.filename());
        Ok(names.map(str::to_owned).collect())
    }

    /// The names of the files that a commit added. One that came after the listing was made by a
    /// run whose files are younger.
    async fn added_by(&self, version: i64) -> Result<BTreeSet<String>, PublishError> {
        let entry = self.place.log_entry(version).await?;
        let entry = entry.iter();
        let added = entry.flat_map(|entry| entry.of_kind("add"));
        let paths = added.filter_map(|add| add.get("path").and_then(Value::as_str));
        Ok(paths.filter_map(name_of).collect())
    }

    /// The versions before `first` that the last publications of the newest dates record.
    fn recorded_before(&self, first: i64, publications: &Publications) -> BTreeSet<i64> {
        let newest = publications.published().rev().take(DATES_KEPT);
        let recorded = newest.filter_map(|publication| publication.tables.get(&self.table));
        let versions = recorded.map(|recorded| recorded.version);
        versions.filter(|version| *version < first).collect()
    }
}

/// The file's name in a path as a log has it, in the encoding of URLs.
fn name_of(path: &str) -> Option<String> {
    let path = Path::from_url_path(path).unwrap_or_else(|_| Path::from(path));
    path.filename().map(str::to_owned)
}

/// The first version that was the newest at some time since `until`; none where there is no table.
fn first_needed(versions: &[(i64, DateTime<Utc>)], until: DateTime<Utc>) -> Option<i64> {
    let is_older = |(_, made): &&(i64, DateTime<Utc>)| *made < until;
    let older = versions.iter().take_while(is_older);
    let (first, _) = older.last().or(versions.first())?;
    Some(*first)
}

/// Whether a file is one of rows: not of the log, nor in a folder that other programs keep.
fn is_data_file(folder: &Path, file: &Path) -> bool {
    let Some(inner) = file.prefix_match(folder) else {
        return false;
    };
    let is_hidden = |part: &str| part.starts_with(['_', '.']);
    let is_visible = inner.into_iter().all(|part| !is_hidden(part.as_ref()));
    is_visible && file.extension() == Some("parquet")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::drafts::testing::{date, draft, on_every_store};
    use crate::publish::testing::{assert_found, crash, load, publish, snapshot};
    use crate::publish::{inspect, write_checkpoints};

    on_every_store!(
        what_readers_see_stays,
        a_draft_that_nobody_committed_is_unneeded,
        a_table_that_is_to_be_repaired_is_left_alone,
        every_version_is_read_without_the_old_checkpoints,
    );

    /// The names of the unneeded files of all tables, once that much time has passed.
    async fn unneeded(output: &Location, later: TimeDelta) -> Vec<(String, Path)> {
        let publications = load(output).await;
        let inspection = inspect(output, &publications).await.unwrap();
        let folders = TableFolder::list(output, &publications, &inspection).await;
        let mut found = Vec::new();
        for folder in folders.unwrap() {
            let (table, written) = (folder.table.clone(), folder.last_written());
            let until = written.unwrap_or_default() + later;
            let files = folder.unneeded(&publications, until).await.unwrap();
            found.extend(files.into_iter().map(|file| (table.clone(), file.location)));
        }
        found
    }

    /// The versions of three dates: only the last two are needed once a month has passed.
    async fn what_readers_see_stays(output: &Location) {
        for day in ["2026-11-18", "2026-11-19", "2026-11-20"] {
            publish(output, day, &[(1, "new")]).await;
        }
        let month = TimeDelta::days(30);
        assert_eq!(unneeded(output, -month).await, []);
        let found = unneeded(output, month).await;
        let tables: Vec<&str> = found.iter().map(|(table, _)| table.as_str()).collect();
        assert!(tables.contains(&"tier_current"), "{found:?}");
        assert!(!tables.contains(&"tier_snapshot"), "{found:?}");
        let paths = found.into_iter().map(|(_, path)| path).collect();
        objects::delete(output, paths).await.unwrap();
        assert_found(
            output,
            &[("2026-11-18", 1), ("2026-11-19", 1), ("2026-11-20", 1)],
            &[("2026-11-20", 1)],
        )
        .await;
        assert_eq!(unneeded(output, month).await, []);
    }

    async fn a_draft_that_nobody_committed_is_unneeded(output: &Location) {
        publish(output, "2026-11-20", &[(1, "new")]).await;
        let spec = snapshot();
        let left = draft(output, &spec, "2026-11-20", &[(1, "new")]).await;
        assert_eq!(unneeded(output, TimeDelta::days(-7)).await, []);
        let found = unneeded(output, TimeDelta::days(7)).await;
        let expected = (spec.name().to_owned(), left.files()[0].path.clone());
        assert_eq!(found, [expected]);
    }

    async fn a_table_that_is_to_be_repaired_is_left_alone(output: &Location) {
        publish(output, "2026-11-19", &[(1, "new")]).await;
        crash(output, "2026-11-19", &[(1, "new"), (2, "new")]).await;
        let found = unneeded(output, TimeDelta::days(30)).await;
        assert!(
            found.iter().all(|(table, _)| table != "tier_snapshot"),
            "{found:?}"
        );
    }

    async fn every_version_is_read_without_the_old_checkpoints(output: &Location) {
        let first = date("2026-01-01").day();
        for day in first.iter_days().take(125) {
            let published = publish(output, &day.to_string(), &[(1, "new")]).await;
            write_checkpoints(&published.tables).await;
        }
        let folder = Place::of(output, "tier_snapshot").folder;
        let checkpoint = |version: i64| {
            let name = format!("{LOG}/{version:020}{CHECKPOINT}");
            objects::below(&folder, &Path::from(name))
        };
        let found = unneeded(output, TimeDelta::days(30)).await;
        let of_snapshot = found.iter().filter(|(table, _)| table == "tier_snapshot");
        let mut found: Vec<Path> = of_snapshot.map(|(_, path)| path.clone()).collect();
        found.sort();
        let old = [20, 30, 40, 50, 60, 70, 80, 90, 110].map(checkpoint);
        assert_eq!(found, old);
        objects::delete(output, found).await.unwrap();
        assert_eq!(
            unneeded(output, TimeDelta::days(30))
                .await
                .iter()
                .filter(|(table, _)| table == "tier_snapshot")
                .count(),
            0
        );
        for version in [9, 10, 57, 99, 100, 119, 120, 125] {
            let table = Table::open_at(output, "tier_snapshot", version).await;
            let files = table.unwrap().unwrap().files(None).unwrap();
            assert_eq!(files.len() as i64, version, "{version}");
        }
        assert!(
            inspect(output, &load(output).await)
                .await
                .unwrap()
                .is_clean()
        );
    }

    #[test]
    fn the_version_of_the_time_is_the_first_that_is_needed() {
        let at = |day: i64| DateTime::UNIX_EPOCH + TimeDelta::days(day);
        let versions = [(4, at(2)), (5, at(10)), (6, at(25))];
        for (until, first) in [(1, 4), (5, 4), (20, 5), (30, 6)] {
            assert_eq!(first_needed(&versions, at(until)), Some(first), "{until}");
        }
        assert_eq!(first_needed(&[], at(1)), None);
        // Times that are in no order, as in an output that was copied, keep more.
        let copied = [(4, at(30)), (5, at(10))];
        assert_eq!(first_needed(&copied, at(20)), Some(4));
    }

    #[test]
    fn files_of_the_log_and_of_others_are_no_data() {
        let folder = Path::from("out/tables/tier_current");
        for (file, is_data) in [
            ("draft/part-0.parquet", true),
            ("snapshot_date=2026-11-20/draft/part-0.parquet", true),
            ("_delta_log/00000000000000000010.checkpoint.parquet", false),
            ("_change_data/part-0.parquet", false),
            ("notes.txt", false),
        ] {
            let path = objects::below(&folder, &Path::from(file));
            assert_eq!(is_data_file(&folder, &path), is_data, "{file}");
        }
    }
}
