//! What the tests of publications share: two tables and the records of their runs, a store that
//! fails at the worst moment, and the tables and the log as other readers find them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use serde_json::Value;

use crate::drafts::testing::{date, draft, in_memory, tiers};
use crate::drafts::{Dating, Draft, SNAPSHOT_DATE, TableSpec, objects};
use crate::ground::SnapshotDate;
use crate::storage::Location;

use super::{
    Committed, Provenance, Publication, Publications, PublishError, Published, RunRecord, Table,
    commit_all, inspect,
};

/// A table that keeps every date.
pub(crate) fn snapshot() -> Arc<TableSpec> {
    tiers("tier_snapshot", Dating::EveryDate)
}

/// A table that keeps the newest date.
pub(crate) fn current() -> Arc<TableSpec> {
    tiers("tier_current", Dating::NewestDate)
}

/// What a run of a date puts on record.
pub(crate) fn record(day: &str, run_id: &str) -> RunRecord {
    RunRecord {
        snapshot_date: date(day),
        previous_snapshot_date: None,
        previous_run_id: None,
        source_fingerprint: "feed".to_owned(),
        run_id: run_id.to_owned(),
        application: "tierline/nightly".to_owned(),
        input_fingerprint: "f00d".to_owned(),
        sql_fingerprint: "beef".to_owned(),
        cutpoints_id: "2026-11-01-v1".to_owned(),
        rules_fingerprint: None,
        tier_rules: None,
        source_record: None,
        source_files: None,
        is_by_earlier_rules: false,
        left_alone: BTreeMap::new(),
    }
}

/// Publications as they would be read from their table.
pub(crate) fn publications(rows: Vec<Publication>) -> Publications {
    Publications::of(&in_memory(), None, rows)
}

pub(crate) async fn load(output: &Location) -> Publications {
    Publications::load(output).await.unwrap()
}

/// Drafts of a date for both tables.
pub(crate) async fn drafts(output: &Location, day: &str, users: &[(i64, &str)]) -> Vec<Draft> {
    let rows = draft(output, &snapshot(), day, users).await;
    let copy = rows.copy_as(output, &current()).await.unwrap();
    vec![rows, copy]
}

/// Publishes a date, as a run does that knows these publications and has just looked at the
/// tables: to `tier_current` too, unless a later date is published.
pub(crate) async fn publish_by(
    output: &Location,
    publications: &Publications,
    day: &str,
    users: &[(i64, &str)],
) -> Result<Published, PublishError> {
    let inspection = inspect(output, publications).await.unwrap();
    let mut drafts = drafts(output, day, users).await;
    if publications.latest_date() > Some(date(day)) {
        let current = drafts.pop().unwrap();
        current.discard(output).await.unwrap();
    }
    let state = (publications, &inspection);
    Box::pin(commit_all(output, state, drafts, record(day, "run"), &[])).await
}

pub(crate) async fn publish(output: &Location, day: &str, users: &[(i64, &str)]) -> Published {
    let publications = load(output).await;
    publish_by(output, &publications, day, users).await.unwrap()
}

/// A run that commits to both tables, and no further.
pub(crate) async fn crash(output: &Location, day: &str, users: &[(i64, &str)]) {
    for draft in drafts(output, day, users).await {
        let table = Table::open_or_create(output, draft.spec()).await.unwrap();
        table.replace(draft, &provenance("dead", 1)).await.unwrap();
    }
}

/// The rows that each file of a table has, by its date, as a reader of the newest version finds
/// them; every file is there.
pub(crate) async fn found(output: &Location, table: &str) -> Vec<(String, u64)> {
    let table = Table::open(output, table).await.unwrap().unwrap();
    let mut found = Vec::new();
    for file in table.entries(None).unwrap() {
        output.store.head(&table.full_path(&file)).await.unwrap();
        let day = file.partition_values_map().remove(SNAPSHOT_DATE);
        found.push((day.flatten().unwrap(), file.num_records().unwrap() as u64));
    }
    found.sort();
    found
}

/// Fails unless readers of the newest versions find these rows.
pub(crate) async fn assert_found(
    output: &Location,
    snapshot: &[(&str, u64)],
    current: &[(&str, u64)],
) {
    for (table, expected) in [("tier_snapshot", snapshot), ("tier_current", current)] {
        let found = found(output, table).await;
        let found: Vec<_> = found
            .iter()
            .map(|(day, rows)| (day.as_str(), *rows))
            .collect();
        assert_eq!(found, expected, "{table}");
    }
}

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not stored, and the answer is an error.
    NotStored,
    /// It is stored, and the answer is an error: a connection that broke.
    AnswerLost,
    /// It is stored, and the answer is that it exists: the client asked twice.
    AskedTwice,
    /// It is stored, the answer is an error, and nothing can be read afterwards.
    GoneDark,
    /// It is not stored, the answer is an error, and it is stored once it [arrives].
    ///
    /// [arrives]: FaultyStore::arrive
    Late,
    /// It is stored once everything has arrived that is late.
    AfterLate,
}

/// A store in memory that treats one commit badly.
#[derive(Debug, Default)]
pub(crate) struct FaultyStore {
    inner: InMemory,
    fault: Mutex<Option<(Fault, String)>>,
    is_dark: AtomicBool,
    /// Whether listings say nothing, as they would have a moment ago: for so many of them.
    stale_listings: AtomicUsize,
    late: Mutex<Vec<(Path, PutPayload, PutOptions)>>,
}

impl FaultyStore {
    /// Treats the next commit as `fault` says.
    pub(crate) fn arm(&self, fault: Fault) {
        self.arm_for("", fault);
    }

    /// Treats the next commit to a table as `fault` says.
    pub(crate) fn arm_for(&self, table: &str, fault: Fault) {
        *self.fault.lock().unwrap() = Some((fault, format!("{table}/_delta_log/")));
    }

    /// Answers the next listings as if nothing were stored yet.
    pub(crate) fn forget(&self, listings: usize) {
        self.stale_listings.store(listings, Ordering::Relaxed);
    }

    /// Answers reads again.
    pub(crate) fn light_up(&self) {
        self.is_dark.store(false, Ordering::Relaxed);
    }

    /// Stores what came late.
    pub(crate) async fn arrive(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for (path, payload, options) in late {
            self.inner.put_opts(&path, payload, options).await.unwrap();
        }
    }

    fn broken() -> object_store::Error {
        object_store::Error::Generic {
            store: "faulty",
            source: "connection reset".into(),
        }
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("faulty")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let is_commit = path.extension() == Some("json");
        let is_armed_for =
            |armed: &mut (Fault, String)| is_commit && path.as_ref().contains(armed.1.as_str());
        let fault = self.fault.lock().unwrap().take_if(is_armed_for);
        let fault = fault.map(|(fault, _)| fault);
        if fault == Some(Fault::NotStored) {
            return Err(Self::broken());
        }
        if fault == Some(Fault::Late) {
            let request = (path.clone(), payload, options);
            self.late.lock().unwrap().push(request);
            return Err(Self::broken());
        }
        if fault == Some(Fault::AfterLate) {
            self.arrive().await;
        }
        let stored = self.inner.put_opts(path, payload, options).await?;
        match fault {
            None | Some(Fault::NotStored | Fault::Late | Fault::AfterLate) => Ok(stored),
            Some(Fault::AnswerLost) => Err(Self::broken()),
            Some(Fault::AskedTwice) => Err(object_store::Error::AlreadyExists {
                path: path.to_string(),
                source: "412 Precondition Failed".into(),
            }),
            Some(Fault::GoneDark) => {
                self.is_dark.store(true, Ordering::Relaxed);
                Err(Self::broken())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        if self.is_dark.load(Ordering::Relaxed) {
            return Err(Self::broken());
        }
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.is_dark.load(Ordering::Relaxed) {
            return Box::pin(futures::stream::iter([Err(Self::broken())]));
        }
        let forget = |left: usize| left.checked_sub(1);
        let stale = &self.stale_listings;
        match stale.fetch_update(Ordering::Relaxed, Ordering::Relaxed, forget) {
            Ok(_) => Box::pin(futures::stream::empty()),
            Err(_) => self.inner.list(prefix),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// An output whose next commits can be treated badly.
pub(crate) fn faulty() -> (Arc<FaultyStore>, Location) {
    let store = Arc::new(FaultyStore::default());
    let output = crate::drafts::testing::on_store(Arc::clone(&store) as Arc<dyn ObjectStore>);
    (store, output)
}

/// Where a commit is.
pub(crate) fn log_path(output: &Location, table: &str, version: i64) -> Path {
    let file = format!("tables/{table}/_delta_log/{version:020}.json");
    objects::below(&output.path, &Path::from(file))
}

/// The actions of one commit, as JSON.
pub(crate) async fn log_entry(output: &Location, table: &str, version: i64) -> Vec<Value> {
    let path = log_path(output, table, version);
    let bytes = output
        .store
        .get(&path)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let lines = std::str::from_utf8(&bytes).unwrap().lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The one action of a kind, `commitInfo` or `txn`.
pub(crate) fn action<'a>(entry: &'a [Value], kind: &str) -> &'a Value {
    let mut of_kind = entry.iter().filter_map(|action| action.get(kind));
    let found = of_kind.next().unwrap();
    assert!(of_kind.next().is_none(), "more than one {kind}");
    found
}

pub(crate) fn provenance(run_id: &str, sequence: i64) -> Provenance {
    Provenance {
        run_id: run_id.to_owned(),
        input_fingerprint: "f00d".to_owned(),
        application: "tierline/nightly".to_owned(),
        sequence,
    }
}

impl Table {
    /// Commits a draft, and opens the table as it is then.
    pub(crate) async fn replace(
        &self,
        draft: Draft,
        provenance: &Provenance,
    ) -> Result<Self, PublishError> {
        let committed = self.prepare(draft, provenance).await?.put().await?;
        Ok(committed.reopened().await)
    }

    /// The table as if it had been committed just now.
    pub(crate) fn committed(&self) -> Committed {
        Committed {
            table: self.clone(),
            version: self.version(),
        }
    }
}

impl Table {
    /// Where the files of a date are, or of all dates.
    pub(crate) fn paths(&self, date: Option<SnapshotDate>) -> Result<BTreeSet<Path>, PublishError> {
        let files = self.files(date)?.into_iter();
        Ok(files.map(|file| file.path).collect())
    }
}

impl Committed {
    /// The table as it is since the commit.
    pub(crate) async fn reopened(&self) -> Table {
        let output = &self.table.place.output;
        let table = Table::open_at(output, self.name(), self.version()).await;
        Table {
            may_drop: self.table.may_drop.clone(),
            ..table.unwrap().unwrap()
        }
    }
}
