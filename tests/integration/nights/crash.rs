//! A run that dies between two commits: readers who go by `publications` notice nothing, and the
//! next run puts every table right.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::example::{
    history, history_with_late, last_night, late, night_before, rows_of_last, rules,
};
use super::expected::{
    NightRows, assert_same_night, assert_same_rows, newest, newest_current, published,
};
use super::job::Nights;
use super::lake::Delivery;
use crate::naive::history::History;

/// A store that takes a number of commits and then nothing any more, as if the run were dead.
#[derive(Debug)]
struct DyingStore {
    inner: Arc<dyn ObjectStore>,
    commits_left: AtomicI64,
}

impl DyingStore {
    /// A write to a table's log is a commit. The first beyond those that are left fails, and with
    /// it every write after.
    fn write(&self, path: &Path) -> Result<()> {
        let is_alive = match path.as_ref().contains("/_delta_log/") {
            true => self.commits_left.fetch_sub(1, Ordering::Relaxed) > 0,
            false => self.commits_left.load(Ordering::Relaxed) >= 0,
        };
        if is_alive { Ok(()) } else { Err(dead()) }
    }
}

fn dead() -> object_store::Error {
    object_store::Error::Generic {
        store: "dying",
        source: "the run is dead".into(),
    }
}

impl fmt::Display for DyingStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("dying store")
    }
}

#[async_trait]
impl ObjectStore for DyingStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.write(location)?;
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.write(location)?;
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        match self.commits_left.load(Ordering::Relaxed) < 0 {
            true => locations.map(|_| Err(dead())).boxed(),
            false => self.inner.delete_stream(locations),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.write(to)?;
        self.inner.copy_opts(from, to, options).await
    }
}

/// Runs D, and dies after so many commits. Whether it came to the end, and the commits it made.
async fn run_until(commits: i64, nights: &Nights) -> (bool, i64) {
    let mut workspace = nights.workspace();
    let store = Arc::new(DyingStore {
        inner: Arc::clone(&workspace.output.store),
        commits_left: AtomicI64::new(commits),
    });
    workspace.output.store = Arc::clone(&store) as Arc<dyn ObjectStore>;
    let planned = nights.plan_in(workspace, last_night()).await.unwrap();
    let is_published = planned.execute().await.is_ok();
    let left = store.commits_left.load(Ordering::Relaxed);
    (is_published, commits - left.max(0))
}

/// Runs D, and dies after so many commits.
async fn die_after(commits: i64, nights: &Nights) {
    let (is_published, _) = run_until(commits, nights).await;
    assert!(!is_published, "the run has no commit after {commits}");
}

/// The commits that D takes, one to each table with rows, and one to each table that it makes.
async fn commits_of(nights: &Nights) -> i64 {
    let (is_published, commits) = run_until(i64::MAX, nights).await;
    assert!(is_published);
    commits
}

fn rows_with(seen: &History) -> NightRows {
    let nights = [(night_before(), &history()), (last_night(), seen)];
    rows_of_last(&nights, &rules(night_before()))
}

async fn assert_holds(nights: &Nights, expected: &NightRows) {
    let output = nights.output();
    assert_same_night(
        last_night(),
        &published(&output, last_night()).await,
        expected,
    );
    assert_same_night(last_night(), &newest(&output, last_night()).await, expected);
    let current = newest_current(&output, last_night()).await;
    assert_same_rows("tier_current", &current, &expected.snapshot);
}

/// Two nights published, and a late file delivered.
async fn nights_with_late_file() -> Nights {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    nights.run(last_night()).await.unwrap();
    nights.deliver(
        &late(),
        &Delivery {
            file_name: "late",
            ..Delivery::default()
        },
    );
    nights
}

/// These, and a run over the late file that died.
async fn nights_with_a_dead_run(commits: i64) -> Nights {
    let nights = nights_with_late_file().await;
    die_after(commits, &nights).await;
    nights
}

#[tokio::test]
async fn run_that_died_leaves_the_publication_whole_and_the_next_run_finishes() {
    for commits in 0..commits_of(&nights_with_late_file().await).await {
        let nights = nights_with_a_dead_run(commits).await;
        let output = nights.output();
        let still = published(&output, last_night()).await;
        assert_same_night(last_night(), &still, &rows_with(&history()));

        assert_eq!(nights.status_of(last_night()).await, "replaced");
        assert_holds(&nights, &rows_with(&history_with_late())).await;
    }
}

#[tokio::test]
async fn run_over_the_inputs_of_before_repairs_what_a_dead_run_left() {
    for commits in 0..commits_of(&nights_with_late_file().await).await {
        let nights = nights_with_a_dead_run(commits).await;
        let day = late().orders[0].day;
        let late_file = nights
            .lake()
            .join(format!("orders/dt={day}/late-0.parquet"));
        std::fs::remove_file(late_file).unwrap();

        let status = nights.status_of(last_night()).await;
        assert_eq!(
            status,
            if commits == 0 {
                "already_published"
            } else {
                "repaired"
            }
        );
        assert_holds(&nights, &rows_with(&history())).await;
        assert_eq!(nights.status_of(last_night()).await, "already_published");
    }
}

#[tokio::test]
async fn first_night_that_died_is_published_by_the_next_run() {
    let first_night = || Nights::over(&history(), &Delivery::default());
    for commits in 0..commits_of(&first_night()).await {
        let nights = first_night();
        die_after(commits, &nights).await;

        assert_eq!(nights.status_of(last_night()).await, "published");
        let expected = rows_of_last(&[(last_night(), &history())], &rules(last_night()));
        assert_holds(&nights, &expected).await;
    }
}
