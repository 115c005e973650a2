//! What the tests of drafts and publications share: outputs, and a table of a few rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use tempfile::TempDir;

use super::{Dating, Draft, DraftWriter, TableSpec};
use crate::ground::SnapshotDate;
use crate::storage::Location;

/// Runs each scenario, a function of an output, on every kind of store.
macro_rules! on_every_store {
    ($($scenario:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(&crate::drafts::testing::in_memory()).await;
            })+
        }
        mod on_disk {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $scenario() {
                let disk = crate::drafts::testing::Disk::new();
                super::$scenario(&disk.output).await;
                disk.assert_no_upload_is_left();
            })+
        }
    };
}
pub(crate) use on_every_store;

/// An output in memory.
pub(crate) fn in_memory() -> Location {
    on_store(Arc::new(InMemory::new()))
}

/// An output in a store that calls itself `memory://`.
pub(crate) fn on_store(store: Arc<dyn ObjectStore>) -> Location {
    Location {
        store,
        root: ObjectStoreUrl::parse("memory://").unwrap(),
        path: Path::from("nightly/out"),
        traffic: Arc::default(),
    }
}

/// An output on the local disk, in a folder whose name a URL has to escape.
pub(crate) struct Disk {
    folder: TempDir,
    pub(crate) output: Location,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("out put ü")
            .tempdir()
            .unwrap();
        let output = Location {
            store: Arc::new(LocalFileSystem::new()),
            root: ObjectStoreUrl::parse("file://").unwrap(),
            path: Path::from_absolute_path(folder.path()).unwrap(),
            traffic: Arc::default(),
        };
        Self { folder, output }
    }

    /// The store does not list the parts of an upload, so this looks at the disk itself.
    pub(crate) fn assert_no_upload_is_left(&self) {
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                assert!(!path.to_string_lossy().contains('#'), "{path:?} is left");
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
    }
}

/// Every object below the output, relative to it.
pub(crate) async fn objects(output: &Location) -> Vec<String> {
    let objects: Vec<_> = output
        .store
        .list(Some(&output.path))
        .try_collect()
        .await
        .unwrap();
    let below = |path: &Path| {
        let parts = path.prefix_match(&output.path).unwrap();
        parts.collect::<Path>().to_string()
    };
    objects
        .iter()
        .map(|object| below(&object.location))
        .collect()
}

pub(crate) fn date(day: &str) -> SnapshotDate {
    day.parse().unwrap()
}

/// A table of users and their tiers.
pub(crate) fn tiers(name: &str, dating: Dating) -> Arc<TableSpec> {
    let schema = Schema::new(vec![
        Field::new("snapshot_date", DataType::Date32, false),
        Field::new("user_id", DataType::Int64, false),
        Field::new("tier", DataType::Utf8, true),
    ]);
    Arc::new(TableSpec::new(name, &schema, dating).unwrap())
}

/// Rows of [`tiers`] without their date.
pub(crate) fn rows(users: &[(i64, &str)]) -> RecordBatch {
    let user_ids: ArrayRef = Arc::new(Int64Array::from_iter_values(
        users.iter().map(|user| user.0),
    ));
    let tiers: ArrayRef = Arc::new(StringArray::from_iter_values(
        users.iter().map(|user| user.1),
    ));
    let columns = [("user_id", user_ids, true), ("tier", tiers, true)];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A draft of [`rows`] for a partitioned table.
pub(crate) async fn draft(
    output: &Location,
    spec: &Arc<TableSpec>,
    day: &str,
    users: &[(i64, &str)],
) -> Draft {
    let mut writer = DraftWriter::open(output, spec, date(day)).unwrap();
    writer.write(&rows(users)).await.unwrap();
    writer.finish().await.unwrap()
}
