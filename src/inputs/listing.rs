//! From the objects of a source to its [`Manifest`].
//!
//! 1. One LIST of everything below the source, and one of the folder above it.
//! 2. A source with a log: a Delta table is read [by it](super::delta), the files that it names are
//!    taken from the listing; [others](super::table_formats) are refused.
//! 3. A folder of partitions: each object has a [role](super::objects); files of rows without one
//!    day are refused. Names that the store's client cannot represent are noted by
//!    day: they may be data.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::{TryStreamExt, future};
use object_store::ObjectMeta;
use object_store::path::{Path, PathPart};

use crate::ground::{Diagnostic, Problems};
use crate::job::{Delivery, OddDays, day_of_partition};
use crate::storage::{Location, UnreadableReason, UselessLink, unreadable_reason, without_mark};

use super::aside::{Left, NAMES_MAY_NOT, Unreadable};
use super::delta::{self, DeltaFiles};
use super::delta_log::{DeltaLog, LOG_FOLDER, LogFault};
use super::objects::{Role, partition_folder, role};
use super::other_formats::only_of_other_formats;
use super::table_formats::{Place, TableFormat};
use super::transactions::Transactions;
use super::{Aside, InputError, InputFile, Manifest, PathValues};

impl Manifest {
    /// Lists a source and finds the files of its days, those of days to come too.
    ///
    /// # Errors
    /// A store that fails, tables in formats that are not read here, and files of rows that are of
    /// no day or of two.
    pub async fn list(
        source: &str,
        location: &Location,
        delivery: &Delivery,
    ) -> Result<Self, InputError> {
        let listing = Listing {
            source,
            location,
            delivery,
        };
        let above = TableFormat::above(location);
        // Of two failures that of the source itself is reported.
        let (objects, above) = future::join(listing.objects(), above).await;
        let (objects, above) = (objects?, above?);
        match (listing.table_in(&objects)?, above) {
            (Some(()), _) => listing.by_log(objects).await,
            (None, Some((format, table))) => {
                let table = location.url_of(&table);
                let refused = format.refused(source, &table, Place::Above);
                Err(InputError::Refused(refused))
            }
            (None, None) => {
                listing.refuse_empty_log(&objects).await?;
                listing.by_partition(objects)
            }
        }
    }
}

/// The objects of a folder, by what their names say that they are.
#[derive(Default)]
struct Sorted {
    files: Vec<InputFile>,
    /// The partitions that have files.
    partitions: BTreeSet<Left>,
    /// Those of them that have the marker of a day that is whole.
    marked: BTreeSet<String>,
    /// What is being written for nobody knows which day, and when it was last.
    writing: Vec<(DateTime<Utc>, String)>,
    outside: Vec<String>,
    of_two_days: Vec<String>,
    of_invalid_days: Vec<String>,
    aside: Aside,
}

struct Listing<'a> {
    source: &'a str,
    location: &'a Location,
    delivery: &'a Delivery,
}

impl Listing<'_> {
    async fn objects(&self) -> Result<Vec<ObjectMeta>, InputError> {
        let Location { store, path, .. } = self.location;
        let mut objects: Vec<ObjectMeta> = store
            .list(Some(path))
            .try_collect()
            .await
            .map_err(|error| self.unlisted(error))?;
        objects.sort_by(|left, right| left.location.cmp(&right.location));
        Ok(objects)
    }

    /// Why the source cannot be listed: some name in it, which waiting does not fix, or the store.
    fn unlisted(&self, error: object_store::Error) -> InputError {
        if let Some(UselessLink { link, is_circle }) = UselessLink::behind(&error) {
            return self.behind_link(link, *is_circle);
        }
        let Some(what) = unlisted_name(&error) else {
            let path = &self.location.path;
            return self.location.failure("list", path, error).into();
        };
        let message = format!(
            "source `{}` cannot be listed, for a name in it: {what}",
            self.source
        );
        let help = format!("rename or remove it: {NAMES_MAY_NOT}");
        InputError::Refused(Problems(vec![Diagnostic::new(message).help(help)]))
    }

    /// A source that a link hides: what it leads to may be mounted soon, unless it leads to itself.
    fn behind_link(&self, link: &str, is_circle: bool) -> InputError {
        if !is_circle {
            return InputError::LinkToNothing {
                source_name: self.source.to_owned(),
                links: link.to_owned(),
            };
        }
        let message = format!(
            "source `{}` cannot be listed: {link} is a link that leads in a circle",
            self.source
        );
        let help = "let it lead to the folder of the source";
        InputError::Refused(Problems(vec![Diagnostic::new(message).help(help)]))
    }

    /// Whether the source is a table that is read by its log; other tables are refused.
    fn table_in(&self, objects: &[ObjectMeta]) -> Result<Option<()>, InputError> {
        let mut found = None;
        for object in objects {
            let parts = self.parts(object);
            let Some((format, depth)) = TableFormat::of_object(&texts(&parts)) else {
                continue;
            };
            if (format, depth) == (TableFormat::Delta, 0) {
                // A Delta table may have logs for readers of other formats besides.
                return Ok(Some(()));
            }
            found.get_or_insert_with(|| (format, parts[..depth].to_vec()));
        }
        let Some((format, folders)) = found else {
            return Ok(None);
        };
        let place = match folders.is_empty() {
            true => Place::Source,
            false => Place::Below,
        };
        let table: Path = self.location.path.parts().chain(folders).collect();
        let table = self.location.url_of(&table);
        let refused = format.refused(self.source, &table, place);
        Err(InputError::Refused(refused))
    }

    /// The files that the newest version of a Delta table names.
    async fn by_log(&self, objects: Vec<ObjectMeta>) -> Result<Manifest, InputError> {
        if let Some(marker) = &self.delivery.ready {
            let message = format!(
                "source `{}` is a Delta table, whose commits are whole without {marker}",
                self.source
            );
            let help = "leave `ready` of the source out";
            return Err(InputError::Refused(Problems(vec![
                Diagnostic::new(message).help(help),
            ])));
        }
        let log = self.whole_log(&objects)?;
        let named = match delta::read(self.source, self.location, self.delivery.odd_days).await {
            Ok(named) => named,
            Err(error) => return Err(self.fault_of(&log, error).await?),
        };
        let is_listed = log.newest() >= Some(named.version);
        if is_listed && let Ok(manifest) = self.named_by_log(&named, objects) {
            return Ok(manifest);
        }
        // A commit between the two may have added files since the listing.
        let objects = self.objects().await?;
        self.whole_log(&objects)?;
        self.named_by_log(&named, objects)
    }

    fn whole_log(&self, objects: &[ObjectMeta]) -> Result<DeltaLog, InputError> {
        let log = DeltaLog::among(objects, &self.location.path);
        log.check().map_err(|fault| self.faulty(fault))?;
        match log.newest() {
            Some(_) => Ok(log),
            None => Err(self.without_commits()),
        }
    }

    /// A folder for a log and nothing in it: somebody makes a table of the source just now. Buckets
    /// have an object for such a folder, and a disk has the folder itself.
    async fn refuse_empty_log(&self, objects: &[ObjectMeta]) -> Result<(), InputError> {
        let Location { store, path, .. } = self.location;
        let log = path.clone().join(LOG_FOLDER);
        let is_listed = objects.iter().any(|object| object.location == log);
        let is_on_disk = self.is_on_disk() && {
            let listed = store.list_with_delimiter(Some(path)).await;
            let listed = listed.map_err(|error| self.location.failure("list", path, error))?;
            listed.common_prefixes.contains(&log)
        };
        match is_listed || is_on_disk {
            true => Err(self.without_commits()),
            false => Ok(()),
        }
    }

    fn without_commits(&self) -> InputError {
        let log = self.location.path.clone().join(LOG_FOLDER);
        InputError::LogWithoutCommits {
            source_name: self.source.to_owned(),
            log: self.location.url_of(&log),
        }
    }

    /// Why a log could not be read: the commit that is not whole, or else what the reader said.
    async fn fault_of(&self, log: &DeltaLog, error: InputError) -> Result<InputError, InputError> {
        if !matches!(error, InputError::Log { .. }) {
            return Ok(error);
        }
        let fault = log.cut_commit(self.location).await?;
        Ok(fault.map_or(error, |fault| self.faulty(fault)))
    }

    fn faulty(&self, fault: LogFault) -> InputError {
        let source_name = self.source.to_owned();
        let file = self.location.url_of(&fault.path);
        let what = fault.what;
        match fault.is_newest {
            true => InputError::LogUnfinished {
                source_name,
                file,
                what,
            },
            false => InputError::LogDamaged {
                source_name,
                file,
                what,
            },
        }
    }

    fn named_by_log(
        &self,
        named: &DeltaFiles,
        objects: Vec<ObjectMeta>,
    ) -> Result<Manifest, InputError> {
        let listed = objects.into_iter();
        let mut listed: BTreeMap<Path, ObjectMeta> = listed
            .map(|object| (self.parts(&object).into_iter().collect(), object))
            .collect();
        let mut files = Vec::new();
        for (path, (day, values)) in &named.files {
            let object = listed.remove(path).ok_or_else(|| InputError::Lost {
                source_name: self.source.to_owned(),
                version: named.version,
                path: self.url_below(path),
            })?;
            files.push(InputFile {
                day: *day,
                object,
                values: values.clone(),
                is_on_disk: self.is_on_disk(),
            });
        }
        Ok(Manifest {
            delta_version: Some(named.version),
            ..self.manifest(
                files,
                Aside {
                    skipped: named.skipped.clone(),
                    ..Aside::default()
                },
            )
        })
    }

    /// The files in the partitions of a folder.
    fn by_partition(&self, objects: Vec<ObjectMeta>) -> Result<Manifest, InputError> {
        let transactions = Transactions::among(&objects, self.location);
        let folders = folders_of(&objects);
        let is_folder =
            |object: &ObjectMeta| object.size == 0 && folders.contains(&object.location);
        let mut sorted = Sorted::default();
        for object in objects.into_iter().filter(|object| !is_folder(object)) {
            self.sort_in(object, &mut sorted);
        }
        self.check_sorted(&sorted)?;
        let mut aside = sorted.aside;
        if self.delivery.ready.is_some() {
            let partitions = sorted.partitions.into_iter();
            aside.unmarked = partitions
                .filter(|partition| !sorted.marked.contains(&partition.path))
                .collect();
        }
        aside.unfinished.extend(transactions.unfinished());
        let times = sorted.files.iter().map(|file| file.object.last_modified);
        let newest = times.max();
        for (written, path) in sorted.writing {
            match Some(written) > newest {
                true => aside.writing.push(path),
                false => aside.abandoned.push(path),
            }
        }
        Ok(self.manifest(sorted.files, aside))
    }

    /// Puts an object where its name says that it belongs.
    fn sort_in(&self, object: ObjectMeta, sorted: &mut Sorted) {
        let parts = self.parts(&object);
        let parts = texts(&parts);
        let path = parts.join("/");
        let url = || self.location.url_of(&object.location);
        let Sorted { aside, .. } = sorted;
        if let Some(reason) = unreadable_reason(&object.location) {
            let refused = self.note_unreadable(&parts, object.size, reason, aside);
            sorted.of_invalid_days.extend(refused);
            return;
        }
        match role(&parts, object.size, self.delivery) {
            Role::Data(day) => {
                let folder = partition_folder(&parts).map(|path| Left { day, path });
                sorted.partitions.extend(folder);
                let values = PathValues::of_folders(&parts[..parts.len() - 1]);
                sorted.files.push(InputFile {
                    day,
                    values,
                    is_on_disk: self.is_on_disk(),
                    object,
                });
            }
            Role::Unread(day) => aside.unread.push(Left { day, path }),
            Role::Unfinished(day) => aside.unfinished.push(Left { day, path }),
            Role::Writing => sorted.writing.push((object.last_modified, path)),
            Role::Marker => sorted.marked.extend(partition_folder(&parts)),
            Role::Stray => aside.strays.push(path),
            Role::Outside => sorted.outside.push(url()),
            Role::OfInvalidDay => match self.delivery.odd_days {
                OddDays::Skip => aside.skipped.push(path),
                OddDays::Refuse => sorted.of_invalid_days.push(url()),
            },
            Role::OfTwoDays => sorted.of_two_days.push(url()),
            Role::Aside => {}
        }
    }

    /// Refuses folders of other formats, and objects of which nobody can tell the day.
    fn check_sorted(&self, sorted: &Sorted) -> Result<(), InputError> {
        let paths = sorted.files.iter();
        let paths = paths.map(|file| file.object.location.as_ref());
        let unread = sorted.aside.unread.iter().map(|left| left.path.as_str());
        let strays = sorted.aside.strays.iter().map(String::as_str);
        self.not_of_other_formats(paths.chain(unread).chain(strays))?;
        let mut problems = Problems::default();
        problems.extend(self.outside_partitions(&sorted.outside));
        problems.extend(self.of_two_days(&sorted.of_two_days));
        problems.extend(self.of_invalid_days(&sorted.of_invalid_days));
        problems.or_ok(()).map_err(InputError::Refused)
    }

    /// Notes an object that nobody can read; gives back its URL if it is to be refused for the day
    /// of its partition, too.
    fn note_unreadable(
        &self,
        parts: &[&str],
        size_bytes: u64,
        reason: UnreadableReason,
        aside: &mut Aside,
    ) -> Option<String> {
        let path = parts.iter().map(|part| without_mark(part));
        let path = path.collect::<Vec<_>>().join("/");
        let (name, folders) = parts.split_last()?;
        let mut parts = [folders, &[without_mark(name)]].concat();
        if may_be_folder(without_mark(name), reason, self.delivery) {
            parts.push(FILE_IN_FOLDER);
        }
        let noted = |day| Unreadable {
            day,
            path: path.clone(),
            reason,
        };
        let may_have_days =
            reason == UnreadableReason::LinkToNothing && parts.ends_with(&[FILE_IN_FOLDER]);
        // A folder's files may have names that are read.
        let delivery = match parts.ends_with(&[FILE_IN_FOLDER]) {
            true => Delivery::default(),
            false => self.delivery.clone(),
        };
        match role(&parts, size_bytes, &delivery) {
            Role::Data(day) => aside.unreadable.push(noted(Some(day))),
            Role::OfTwoDays => {
                let day = parts.iter().rev().find_map(|part| day_of_partition(part));
                aside.unreadable.push(noted(day));
            }
            Role::OfInvalidDay if self.delivery.odd_days == OddDays::Refuse => {
                let source = self.location.url_of(&self.location.path);
                return Some(format!("{source}/{path}"));
            }
            Role::Outside if may_have_days => aside.unreadable.push(noted(None)),
            Role::OfInvalidDay | Role::Outside | Role::Stray | Role::Unread(_) => {
                aside.ignored.push(noted(None));
            }
            Role::Unfinished(_) | Role::Writing | Role::Marker | Role::Aside => {}
        }
        None
    }

    fn not_of_other_formats<'a>(
        &self,
        paths: impl Iterator<Item = &'a str>,
    ) -> Result<(), InputError> {
        match only_of_other_formats(paths) {
            Some(path) => Err(InputError::OtherFormat {
                source_name: self.source.to_owned(),
                folder: self.location.url_of(&self.location.path),
                example: path.rsplit('/').next().unwrap_or_default().to_owned(),
            }),
            None => Ok(()),
        }
    }

    fn manifest(&self, mut files: Vec<InputFile>, aside: Aside) -> Manifest {
        files.sort_by(|left, right| {
            (left.day, &left.object.location).cmp(&(right.day, &right.object.location))
        });
        Manifest {
            source: self.source.to_owned(),
            files,
            aside,
            delta_version: None,
        }
    }

    /// The parts of an object's path below the source.
    fn parts<'a>(&self, object: &'a ObjectMeta) -> Vec<PathPart<'a>> {
        let below = object.location.prefix_match(&self.location.path);
        below.into_iter().flatten().collect()
    }

    fn is_on_disk(&self) -> bool {
        self.location.root == ObjectStoreUrl::local_filesystem()
    }

    fn url_below(&self, path: &Path) -> String {
        let path = self.location.path.parts().chain(path.parts()).collect();
        self.location.url_of(&path)
    }

    /// Files of rows in no partition, the first by name.
    fn outside_partitions(&self, urls: &[String]) -> Problems {
        let Some(files) = first_and_count(urls) else {
            return Problems::default();
        };
        let source = self.source;
        let mut above = self.location.path.parts();
        let above = above.rfind(|part| day_of_partition(part.as_ref()).is_some());
        let (message, help) = match above {
            Some(partition) => (
                format!(
                    "source `{source}` lies inside one partition, {}, which would be the day of all its files: {files}",
                    partition.as_ref()
                ),
                "give the folder that has all dt=YYYY-MM-DD partitions in it as the url of the source",
            ),
            None => (
                format!("source `{source}` has files outside partitions: {files}"),
                "put them below folders such as dt=2026-11-20; names of files and folders that start with _ or . are skipped",
            ),
        };
        Problems(vec![Diagnostic::new(message).help(help)])
    }

    /// Files of rows in partitions of no day, the first by name.
    fn of_invalid_days(&self, urls: &[String]) -> Problems {
        let Some(files) = first_and_count(urls) else {
            return Problems::default();
        };
        let source = self.source;
        let message =
            format!("source `{source}` has files in partitions whose value is not a day: {files}");
        let help = format!(
            "put them below a folder such as dt=2026-11-20, or leave such partitions out with odd_days = \"skip\" under [sources.{source}]"
        );
        Problems(vec![Diagnostic::new(message).help(help)])
    }

    /// Files of rows below the partitions of two days, the first by name.
    fn of_two_days(&self, urls: &[String]) -> Problems {
        let Some(files) = first_and_count(urls) else {
            return Problems::default();
        };
        let source = self.source;
        let message = format!("source `{source}` has files in the partitions of two days: {files}");
        let help = "put them below the folder of the one day that their rows are of";
        Problems(vec![Diagnostic::new(message).help(help)])
    }
}

/// The name of any file of rows, to judge what a folder would hold by.
const FILE_IN_FOLDER: &str = "part-0.parquet";

/// Whether what cannot be read stands where a folder of files would: links may lead to folders, and
/// the name of a partition is no file's.
fn may_be_folder(name: &str, reason: UnreadableReason, delivery: &Delivery) -> bool {
    let is_link = matches!(
        reason,
        UnreadableReason::Circle | UnreadableReason::LinkToNothing
    );
    let has_name_of_file = delivery.ready.as_deref() == Some(name) || name.contains('.');
    let is_partition = reason != UnreadableReason::Name && day_of_partition(name).is_some();
    is_partition || (is_link && !has_name_of_file)
}

/// The name that a store cannot list, in words, if that is why it failed.
fn unlisted_name(error: &object_store::Error) -> Option<String> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let is_name = error.is::<object_store::path::Error>();
        if is_name {
            return Some(error.to_string().escape_debug().to_string());
        }
        cause = error.source();
    }
    None
}

/// The parts as text.
fn texts<'a>(parts: &'a [PathPart<'_>]) -> Vec<&'a str> {
    parts.iter().map(AsRef::as_ref).collect()
}

/// The folders that objects lie in: stores keep some of them as objects without bytes.
fn folders_of(objects: &[ObjectMeta]) -> BTreeSet<Path> {
    let mut folders = BTreeSet::new();
    for object in objects {
        let mut parts: Vec<PathPart<'_>> = object.location.parts().collect();
        while parts.pop().is_some() && folders.insert(parts.iter().cloned().collect()) {}
    }
    folders
}

/// The first of some names, and how many more there are.
fn first_and_count(names: &[String]) -> Option<String> {
    let first = names.first()?;
    Some(match names.len() - 1 {
        0 => first.clone(),
        others => format!("{first}, and {others} more"),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use object_store::{ObjectStore, ObjectStoreExt};

    use super::*;
    use crate::ground::{Classified, FailureKind};

    /// A bucket with these keys and sizes, and the source `raw/orders` in it.
    async fn bucket(objects: &[(&str, usize)]) -> Location {
        let location = Location {
            store: Arc::new(InMemory::new()) as Arc<dyn ObjectStore>,
            root: ObjectStoreUrl::parse("memory://").unwrap(),
            path: Path::from("raw/orders"),
            traffic: Arc::default(),
        };
        for (key, size) in objects {
            put(&location, key, vec![0; *size]).await;
        }
        location
    }

    async fn put(location: &Location, key: &str, bytes: Vec<u8>) {
        let path = Path::parse(format!("{}/{key}", location.path)).unwrap();
        location.store.put(&path, bytes.into()).await.unwrap();
    }

    /// The first commit of a table partitioned by `dt`, with these files of 20 November.
    fn commit(files: &[&str]) -> Vec<u8> {
        let field = |name: &str| serde_json::json!({"name": name, "type": "string", "nullable": true, "metadata": {}});
        let schema =
            serde_json::json!({"type": "struct", "fields": [field("user_id"), field("dt")]});
        let mut actions = vec![
            serde_json::json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
            serde_json::json!({"metaData": {
                "id": "1", "format": {"provider": "parquet", "options": {}},
                "schemaString": schema.to_string(), "partitionColumns": ["dt"], "configuration": {},
            }}),
        ];
        actions.extend(files.iter().map(|path| {
            serde_json::json!({"add": {
                "path": path, "partitionValues": {"dt": "2026-11-20"}, "size": 9,
                "modificationTime": 1, "dataChange": true,
            }})
        }));
        let lines: Vec<String> = actions.iter().map(ToString::to_string).collect();
        lines.join("\n").into_bytes()
    }

    async fn listed(objects: &[(&str, usize)], delivery: &Delivery) -> Manifest {
        let location = bucket(objects).await;
        Manifest::list("orders", &location, delivery).await.unwrap()
    }

    async fn list(location: &Location) -> Result<Manifest, InputError> {
        Manifest::list("orders", location, &Delivery::default()).await
    }

    fn unreadable(objects: &[Unreadable]) -> Vec<&str> {
        objects.iter().map(|object| object.path.as_str()).collect()
    }

    fn paths(left: &[Left]) -> Vec<&str> {
        left.iter().map(|left| left.path.as_str()).collect()
    }

    /// Consoles and Hadoop make such objects for folders; one of them has the name of a file.
    #[tokio::test]
    async fn objects_that_stand_for_folders_are_no_files() {
        let objects = [
            ("dt=2026-11-20", 0),
            ("dt=2026-11-20/a.parquet", 0),
            ("dt=2026-11-20/a.parquet/part-0.parquet", 9),
            ("dt=2026-11-20/empty", 0),
        ];
        let manifest = listed(&objects, &Delivery::default()).await;
        let files = manifest
            .files
            .iter()
            .map(|file| file.object.location.as_ref());
        assert_eq!(
            files.collect::<Vec<_>>(),
            ["raw/orders/dt=2026-11-20/a.parquet/part-0.parquet"]
        );
        assert_eq!(manifest.aside, Aside::default());
    }

    /// Every region of a day is delivered by itself.
    #[tokio::test]
    async fn every_partition_of_a_day_needs_its_marker() {
        let objects = [
            ("region=eu/dt=2026-11-20/part-0.parquet", 9),
            ("region=eu/dt=2026-11-20/_SUCCESS", 0),
            ("region=us/dt=2026-11-20/part-0.parquet", 9),
        ];
        let delivery = Delivery {
            ready: Some("_SUCCESS".to_owned()),
            ..Delivery::default()
        };
        let manifest = listed(&objects, &delivery).await;
        assert_eq!(manifest.files.len(), 2);
        assert_eq!(paths(&manifest.aside.unmarked), ["region=us/dt=2026-11-20"]);
    }

    #[tokio::test]
    async fn what_is_of_days_to_come_is_not_visible() {
        let objects = [
            ("dt=2026-11-20/part-0.parquet", 9),
            ("dt=2026-11-21/part-0.parquet", 9),
            ("dt=2026-11-21/part-1.parquet.tmp", 9),
        ];
        let manifest = listed(&objects, &Delivery::default()).await;
        assert_eq!(
            paths(&manifest.aside.unfinished),
            ["dt=2026-11-21/part-1.parquet.tmp"]
        );
        let visible = manifest.up_to("2026-11-20".parse().unwrap());
        assert_eq!(visible.files.len(), 1);
        assert_eq!(visible.aside, Aside::default());
    }

    const FIRST_COMMIT: &str = "_delta_log/00000000000000000000.json";

    #[tokio::test]
    async fn the_log_of_a_table_says_which_files_count_and_of_which_day_they_are() {
        let objects = [("a.parquet", 9), ("dt=2026-11-20/removed.parquet", 9)];
        let location = bucket(&objects).await;
        put(&location, FIRST_COMMIT, commit(&["a.parquet"])).await;
        let manifest = list(&location).await.unwrap();
        let [file] = manifest.files.as_slice() else {
            panic!("one file: {manifest:?}")
        };
        assert_eq!(file.day.to_string(), "2026-11-20");
        assert_eq!(file.object.location.as_ref(), "raw/orders/a.parquet");
        assert!(file.object.e_tag.is_some());
        assert_eq!(manifest.delta_version, Some(0));
    }

    #[tokio::test]
    async fn a_log_without_a_commit_is_no_bare_folder() {
        let file = ("dt=2026-11-20/part-0.parquet", 9);
        for in_log in ["_delta_log", "_delta_log/00000000000000000000.crc"] {
            let location = bucket(&[file, (in_log, 0)]).await;
            let error = list(&location).await.unwrap_err();
            assert_eq!(error.kind(), FailureKind::InputsNotReady);
            let said = "source `orders` has a Delta log without a commit, `memory:///raw/orders/_delta_log`";
            assert!(error.to_string().contains(said), "{error}");
        }
        let location = bucket(&[file, ("_delta_log/_last_checkpoint", 9)]).await;
        let error = list(&location).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        let said = "`memory:///raw/orders/_delta_log/_last_checkpoint` is alone in the log";
        assert!(error.to_string().contains(said), "{error}");
    }

    /// Some names no client can represent: what they may be decides.
    #[tokio::test]
    async fn odd_names_of_days_are_told_from_others() {
        let odd = |name: &str| format!("{name}\u{10ffff}");
        let names = [
            odd("dt=2026-11-20/part\\t0.parquet"),
            format!("dt=2026-11-21/{}/part-0.parquet", odd("")),
            odd("dt=2026-11-22/_part\\t"),
            odd("notes\\t"),
            format!("{}/part-0.parquet", odd("dt=2026-11-23\\t")),
        ];
        let mut objects = vec![("dt=2026-11-20/part-0.parquet", 9)];
        objects.extend(names[..4].iter().map(|name| (name.as_str(), 9)));
        let manifest = listed(&objects, &Delivery::default()).await;
        assert_eq!(manifest.files.len(), 1);
        let of_days = [
            "dt=2026-11-20/part\\t0.parquet",
            "dt=2026-11-21//part-0.parquet",
        ];
        assert_eq!(unreadable(&manifest.aside.unreadable), of_days);
        assert_eq!(unreadable(&manifest.aside.ignored), ["notes\\t"]);
        let visible = manifest.up_to("2026-11-20".parse().unwrap());
        assert_eq!(unreadable(&visible.aside.unreadable), of_days[..1]);

        objects.push((&names[4], 9));
        let error = list(&bucket(&objects).await).await.unwrap_err();
        let said = "partitions whose value is not a day: memory:///raw/orders/dt=2026-11-23\\t/part-0.parquet";
        assert!(error.to_string().contains(said), "{error}");
    }

    #[tokio::test]
    async fn a_file_that_the_log_names_and_storage_lacks_is_worth_another_try() {
        let location = bucket(&[]).await;
        put(&location, FIRST_COMMIT, commit(&["gone.parquet"])).await;
        let error = list(&location).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unexpected);
        assert_eq!(
            error.to_string(),
            "the Delta table of source `orders` at version 0 has the file `memory:///raw/orders/gone.parquet`, which is not in storage; run again, in case the table changes just now, or restore the file"
        );
    }

    #[tokio::test]
    async fn a_folder_of_a_table_is_no_source() {
        let file = "region=eu/shop=7/dt=2026-11-20/a.parquet";
        let location = bucket(&[(file, 9)]).await;
        put(&location, FIRST_COMMIT, commit(&[file])).await;
        let below = Location {
            path: Path::from("raw/orders/region=eu/shop=7"),
            ..location
        };
        let error = list(&below).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Blocked);
        assert!(
            error
                .to_string()
                .contains("source `orders` lies inside a Delta table, memory:///raw/orders"),
            "{error}"
        );
    }
}
