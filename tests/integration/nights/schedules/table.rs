//! A source that is a Delta table, changed as engines change one: every change is a commit, and the
//! files of older versions stay until a vacuum.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use deltalake_core::checkpoints::create_checkpoint;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use super::cases::Tidy;
use crate::naive::history::History;
use crate::nights::lake::Delivery;

/// The columns of a source, as [`Delivery`] writes them, and the one that its days are in.
fn columns(source: &str) -> &'static [(&'static str, &'static str)] {
    match source {
        "orders" => &[
            ("order_id", "long"),
            ("user_id", "long"),
            ("ordered_at", "timestamp"),
            ("amount", "decimal(18,2)"),
            ("status", "string"),
            ("discount", "decimal(18,2)"),
            ("dt", "date"),
        ],
        _ => &[
            ("user_id", "long"),
            ("occurred_at", "timestamp"),
            ("event_type", "string"),
            ("dt", "date"),
        ],
    }
}

#[derive(Debug)]
pub(super) struct DeltaSource {
    source: &'static str,
    folder: PathBuf,
    next_version: u64,
    /// The paths of the files of the newest version, by what the case calls them.
    files: BTreeMap<(NaiveDate, &'static str), String>,
}

impl DeltaSource {
    /// A table of a lake, which is there once it has a file.
    pub(super) fn new(source: &'static str, lake: &Path) -> Self {
        Self {
            source,
            folder: lake.join(source),
            next_version: 0,
            files: BTreeMap::new(),
        }
    }

    /// Adds a file to a day, in the place of one of the same name.
    pub(super) fn append(&mut self, day: NaiveDate, name: &'static str, rows: &History) {
        let replaced = self.files.remove(&(day, name));
        self.commit("WRITE", true, replaced, Some((day, name, rows)));
    }

    /// Puts a file in the place of all files of a day.
    pub(super) fn overwrite(&mut self, day: NaiveDate, name: &'static str, rows: &History) {
        let replaced = self.take_day(day);
        self.commit("WRITE", true, replaced, Some((day, name, rows)));
    }

    /// Rewrites the rows of a day as one file.
    pub(super) fn optimize(&mut self, day: NaiveDate, name: &'static str, rows: &History) {
        let replaced = self.take_day(day);
        self.commit("OPTIMIZE", false, replaced, Some((day, name, rows)));
    }

    /// Deletes the rows of a file.
    pub(super) fn delete_file(&mut self, day: NaiveDate, name: &'static str) {
        let deleted = self.files.remove(&(day, name));
        self.commit("DELETE", true, deleted, None);
    }

    /// Deletes the rows of a day.
    pub(super) fn delete_day(&mut self, day: NaiveDate) {
        let deleted = self.take_day(day);
        self.commit("DELETE", true, deleted, None);
    }

    pub(super) async fn tidy(&self, tidy: Tidy) {
        match tidy {
            _ if self.next_version == 0 => {}
            Tidy::Vacuum => self.vacuum(),
            Tidy::Checkpoint { cleans_log } => self.checkpoint(cleans_log).await,
        }
    }

    fn take_day(&mut self, day: NaiveDate) -> Vec<String> {
        let of_day = self.files.keys().filter(|(of, _)| *of == day);
        let of_day: Vec<_> = of_day.copied().collect();
        let taken = of_day.iter().filter_map(|file| self.files.remove(file));
        taken.collect()
    }

    fn commit(
        &mut self,
        operation: &str,
        data_change: bool,
        removed: impl IntoIterator<Item = String>,
        added: Option<(NaiveDate, &'static str, &History)>,
    ) {
        let mut actions =
            vec![json!({"commitInfo": {"operation": operation, "timestamp": self.now()}})];
        if self.next_version == 0 {
            actions.extend(self.first_actions());
        }
        actions.extend(removed.into_iter().map(|path| {
            json!({"remove": {"path": path, "dataChange": data_change, "deletionTimestamp": self.now()}})
        }));
        if let Some((day, name, rows)) = added {
            let path = format!("dt={day}/part-{:05}-{name}.parquet", self.next_version);
            let size = self.write_file(&path, day, rows);
            actions.push(json!({"add": {
                "path": path, "partitionValues": {"dt": day.to_string()}, "size": size,
                "modificationTime": self.now(), "dataChange": data_change,
            }}));
            self.files.insert((day, name), path);
        }
        let lines: Vec<String> = actions.iter().map(Value::to_string).collect();
        let log = self.log();
        std::fs::create_dir_all(&log).unwrap();
        let entry = log.join(format!("{:020}.json", self.next_version));
        std::fs::write(entry, lines.join("\n")).unwrap();
        self.next_version += 1;
    }

    fn first_actions(&self) -> [Value; 2] {
        let fields = columns(self.source).iter().map(|(name, data_type)| {
            json!({"name": name, "type": data_type, "nullable": true, "metadata": {}})
        });
        let schema = json!({"type": "struct", "fields": fields.collect::<Vec<_>>()});
        [
            json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
            json!({"metaData": {
                "id": format!("table-of-{}", self.source), "format": {"provider": "parquet", "options": {}},
                "schemaString": schema.to_string(), "partitionColumns": ["dt"], "configuration": {},
                "createdTime": 0,
            }}),
        ]
    }

    /// Milliseconds that grow with the versions.
    fn now(&self) -> u64 {
        1_772_000_000_000 + self.next_version
    }

    fn log(&self) -> PathBuf {
        self.folder.join("_delta_log")
    }

    /// Writes the rows as a delivery would, and moves its file into the table.
    fn write_file(&self, path: &str, day: NaiveDate, rows: &History) -> u64 {
        let delivered = TempDir::new().unwrap();
        Delivery::default().write(rows, delivered.path());
        let file = format!("{}/dt={day}/part-0.parquet", self.source);
        let place = self.folder.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::copy(delivered.path().join(file), &place).unwrap()
    }

    /// Removes the files that the newest version does not have.
    fn vacuum(&self) {
        let needed: BTreeSet<PathBuf> = self
            .files
            .values()
            .map(|path| self.folder.join(path))
            .collect();
        let partitions = entries(&self.folder).filter(|path| *path != self.log());
        for file in partitions.flat_map(|partition| entries(&partition)) {
            if !needed.contains(&file) {
                std::fs::remove_file(file).unwrap();
            }
        }
    }

    async fn checkpoint(&self, cleans_log: bool) {
        let url = Url::from_directory_path(self.folder.canonicalize().unwrap()).unwrap();
        let table = deltalake_core::open_table(url).await.unwrap();
        create_checkpoint(&table, None).await.unwrap();
        let newest = self.next_version - 1;
        for version in (0..newest).filter(|_| cleans_log) {
            let entry = self.log().join(format!("{version:020}.json"));
            if entry.exists() {
                std::fs::remove_file(entry).unwrap();
            }
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path())
}
