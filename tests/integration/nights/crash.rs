//! A run that dies between two commits: readers who go by `publications` notice nothing, and the
//! next run of any date puts every table right.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use chrono::NaiveDate;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tierline::ground::{Classified, FailureKind};
use tierline::night::{NightError, Report};

use super::example::{history, last_night, late, night_before, rows_of_last, rules};
use super::expected::{
    NightRows, assert_same_night, assert_same_rows, newest, newest_current, published,
};
use super::job::{Nights, Planned};
use super::lake::Delivery;
use super::tables::dates;
use crate::naive::fixtures::days_ago;
use crate::naive::history::History;
use crate::naive::parameters::Rules;
use crate::naive::snapshot::snapshot;
use crate::support::command::Tierline;

/// When a run dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// After so many commits.
    After(i64),
    /// In its last commit, the one to `publications`.
    Unpublished,
}

/// A store that takes a number of commits and then nothing any more, as if the run were dead.
#[derive(Debug)]
struct DyingStore {
    inner: Arc<dyn ObjectStore>,
    commits_left: AtomicI64,
    /// Whether it takes no publication either.
    dies_unpublished: bool,
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

/// Whether an object is the commit that publishes a night.
fn is_publication(path: &Path, payload: &PutPayload) -> bool {
    let adds_rows = || {
        let entry: Vec<u8> = payload.iter().flatten().copied().collect();
        String::from_utf8(entry).is_ok_and(|entry| entry.contains("\"add\""))
    };
    path.as_ref().contains("/publications/_delta_log/") && adds_rows()
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
        if self.dies_unpublished && is_publication(location, &payload) {
            self.commits_left.store(0, Ordering::Relaxed);
        }
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
async fn run_until(commits: i64, nights: &Nights, night: NaiveDate) -> (bool, i64) {
    let (planned, store) = plan_dying(Death::After(commits), nights, night).await;
    let is_published = planned.execute().await.is_ok();
    let left = store.commits_left.load(Ordering::Relaxed);
    (is_published, commits - left.max(0))
}

/// The same night, whatever comes of it.
pub(super) async fn run_dying(
    commits: i64,
    nights: &Nights,
    night: NaiveDate,
) -> std::result::Result<Report, NightError> {
    let (planned, _) = plan_dying(Death::After(commits), nights, night).await;
    planned.execute().await
}

/// Plans a night that will die.
async fn plan_dying(death: Death, nights: &Nights, night: NaiveDate) -> (Planned, Arc<DyingStore>) {
    let (commits, dies_unpublished) = match death {
        Death::After(commits) => (commits, false),
        Death::Unpublished => (i64::MAX, true),
    };
    let mut workspace = nights.workspace();
    let store = Arc::new(DyingStore {
        inner: Arc::clone(&workspace.output.store),
        commits_left: AtomicI64::new(commits),
        dies_unpublished,
    });
    workspace.output.store = Arc::clone(&store) as Arc<dyn ObjectStore>;
    (nights.plan_in(workspace, night).await.unwrap(), store)
}

/// Runs a night, and dies in its last commit, the one to `publications`.
pub(super) async fn die_unpublished(nights: &Nights, night: NaiveDate) {
    let (planned, store) = plan_dying(Death::Unpublished, nights, night).await;
    assert!(planned.execute().await.is_err());
    // It had come to that commit, and not failed before.
    assert!(store.commits_left.load(Ordering::Relaxed) < 0);
}

/// Runs D, and dies after so many commits.
async fn die_after(commits: i64, nights: &Nights) {
    let (is_published, _) = run_until(commits, nights, last_night()).await;
    assert!(!is_published, "the run has no commit after {commits}");
}

/// The commits that D takes, one to each table with rows, and one to each table that it makes.
async fn commits_of(nights: &Nights) -> i64 {
    let (is_published, commits) = run_until(i64::MAX, nights, last_night()).await;
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
async fn run_over_the_inputs_of_before_repairs_what_a_dead_run_left() {
    let last = commits_of(&nights_with_late_file().await).await - 1;
    for commits in [0, 1, last / 2, last] {
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

/// The tables whose newest versions have rows of a date.
async fn tables_with(nights: &Nights, night: NaiveDate) -> Vec<&'static str> {
    let found = dates(&nights.output()).await;
    let with = found
        .into_iter()
        .filter(|(_, dates)| dates.contains(&night));
    with.map(|(table, _)| table).collect()
}

/// Nobody runs that date again, and still its rows leave the tables.
#[tokio::test]
async fn rows_of_a_night_that_died_are_removed_by_the_next_night_of_another_date() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    die_unpublished(&nights, night_before()).await;
    assert!(tables_with(&nights, night_before()).await.len() > 4);

    let report = nights.run(last_night()).await.unwrap();

    assert_eq!(report.status.to_string(), "published");
    assert!(report.repaired.contains(&"tier_current".to_owned()));
    assert!(
        report
            .warnings
            .iter()
            .any(|warning| warning.starts_with("removed rows that an"))
    );
    assert_eq!(
        tables_with(&nights, night_before()).await,
        Vec::<&str>::new()
    );
    let both = [days_ago(2), last_night()].map(|night| (night, history()));
    let both = both.each_ref().map(|(night, history)| (*night, history));
    assert_holds(&nights, &rows_of_last(&both, &rules(days_ago(2)))).await;
    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

/// Whoever opens the tables while a source is put right sees no half of a publication.
#[tokio::test]
async fn rows_of_a_night_that_died_are_removed_by_a_night_that_is_refused() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    die_unpublished(&nights, night_before()).await;
    let hudi = nights.lake().join("orders/.hoodie");
    std::fs::create_dir_all(&hudi).unwrap();
    std::fs::write(hudi.join("hoodie.properties"), "hoodie.table.name=orders").unwrap();

    let job = nights.job_file();
    let date = last_night().to_string();
    let job = job.to_str().unwrap();
    let refused = Tierline::new().args(["run", job, "--date", &date]).run();

    assert_eq!(refused.exit_code, 3, "{}", refused.stderr);
    assert_eq!(
        tables_with(&nights, night_before()).await,
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn first_attempt_that_died_is_removed_by_the_first_night_of_another_date() {
    let nights = Nights::over(&history(), &Delivery::default());
    die_unpublished(&nights, night_before()).await;
    assert_eq!(nights.status_of(last_night()).await, "published");
    assert_eq!(
        tables_with(&nights, night_before()).await,
        Vec::<&str>::new()
    );
}

/// What a dead run left of a date is no more "the previous snapshot" to those who read the newest
/// versions than it is to the next night.
#[tokio::test]
async fn restatement_by_other_rules_that_died_is_not_the_previous_snapshot_of_the_next_night() {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let first = published(&nights.output(), night_before()).await;
    nights.sections = "[params]\nloyal_orders = 1\n".to_owned();
    die_unpublished(&nights, night_before()).await;
    nights.sections = "[params]\nloyal_orders = 2\n".to_owned();
    assert_eq!(nights.status_of(last_night()).await, "published");

    let output = nights.output();
    assert_same_night(
        night_before(),
        &newest(&output, night_before()).await,
        &first,
    );
    let before = snapshot(&history(), night_before(), &rules(night_before()), None);
    let edited = with_loyal_orders(2);
    let now = snapshot(&history(), last_night(), &edited, Some(&before));
    assert_holds(&nights, &super::expected::expected(Some(&before), &now)).await;
}

fn with_loyal_orders(count: i64) -> Rules {
    let mut rules = rules(night_before());
    rules.parameters.loyal_orders = count;
    rules.parameters.new_orders_below = count;
    rules
}

/// Both were planned before either had published.
#[tokio::test]
async fn tier_current_of_an_older_night_that_died_is_put_back_by_the_newer_one() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    let newer = nights.plan(last_night()).await.unwrap();
    die_unpublished(&nights, night_before()).await;
    newer.execute().await.unwrap();

    let both = [days_ago(2), last_night()].map(|night| (night, history()));
    let both = both.each_ref().map(|(night, history)| (*night, history));
    assert_holds(&nights, &rows_of_last(&both, &rules(days_ago(2)))).await;

    assert_eq!(nights.status_of(last_night()).await, "already_published");
}

#[tokio::test]
async fn plan_names_the_tables_that_a_run_will_put_right_and_leaves_them_alone() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(days_ago(2)).await.unwrap();
    die_unpublished(&nights, night_before()).await;
    for _ in 0..2 {
        let planned = nights.plan(days_ago(2)).await.unwrap();
        let text = planned.plan().to_string();
        // A night may have no alerts, and nobody to act on.
        let lines = text.lines();
        let mut told = lines
            .filter(|line| line.starts_with("first removes rows that a run left unpublished in "));
        let told = told.next().unwrap_or_default();
        assert!(
            told.contains("dim_metric, dim_tier, kpi_daily, tier_current, "),
            "{text}"
        );
    }
}

/// A store that answers the commit to `publications` with an error, and stores it later.
#[derive(Debug)]
struct LateStore {
    inner: Arc<dyn ObjectStore>,
    late: std::sync::Mutex<Option<(Path, PutPayload)>>,
}

impl fmt::Display for LateStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("late store")
    }
}

#[async_trait]
impl ObjectStore for LateStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let is_publication = location
            .as_ref()
            .contains("tables/publications/_delta_log/");
        if is_publication && !location.as_ref().ends_with("00000.json") {
            *self.late.lock().unwrap() = Some((location.clone(), payload));
            return Err(dead());
        }
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn publication_that_arrives_after_its_time_out_is_neither_denied_nor_lost() {
    let nights = Nights::over(&history(), &Delivery::default());
    let mut workspace = nights.workspace();
    let store = Arc::new(LateStore {
        inner: Arc::clone(&workspace.output.store),
        late: std::sync::Mutex::default(),
    });
    workspace.output.store = Arc::clone(&store) as Arc<dyn ObjectStore>;
    let planned = nights.plan_in(workspace, last_night()).await.unwrap();
    let failure = planned.execute().await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Unexpected);
    let message = failure.to_string();
    let said = "cannot tell whether version 1 of table `publications` will be there: ";
    assert!(message.starts_with(said), "{message}");
    let help = "may still arrive; run it again, it goes by what is there then";
    assert!(message.contains(help), "{message}");
    let mut report = Report::default();
    report.warnings.push("worth a look".to_owned());
    report.fail(&failure);
    let headline = "cannot tell whether this run published ?; what it found:";
    assert!(report.to_string().starts_with(headline), "{report}");

    let late = store.late.lock().unwrap().take();
    let (path, payload) = late.unwrap();
    store
        .inner
        .put_opts(&path, payload, PutOptions::default())
        .await
        .unwrap();
    assert_eq!(nights.status_of(last_night()).await, "already_published");
    let expected = rows_of_last(&[(last_night(), &history())], &rules(last_night()));
    assert_holds(&nights, &expected).await;
}

#[tokio::test]
async fn commit_that_a_power_cut_left_empty_is_named_before_anything_is_tried() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(night_before()).await.unwrap();
    let log = nights.output_folder().join("tables/kpi_daily/_delta_log");
    let entry = log.join(format!("{:020}.json", 1));
    std::fs::write(&entry, "").unwrap();
    let failures = [
        nights.run(last_night()).await.map(drop).unwrap_err(),
        nights.plan(night_before()).await.map(drop).unwrap_err(),
    ];
    for failure in failures {
        let expected = format!(
            "`file://{}`, a commit of table `kpi_daily`, is empty: a power cut or a full disk cut its write short",
            entry.canonicalize().unwrap().display()
        );
        assert!(failure.to_string().starts_with(&expected), "{failure}");
        // Trying again changes nothing.
        assert_eq!(failure.kind(), FailureKind::Blocked);
    }
}

/// It was told as rows that a run had left unpublished.
#[tokio::test]
async fn rows_that_somebody_else_deleted_are_put_back_and_told_so() {
    let nights = Nights::over(&history(), &Delivery::default());
    nights.run(last_night()).await.unwrap();
    let output = nights.output();
    let before = newest(&output, last_night()).await;
    let log = nights
        .output_folder()
        .join("tables/tier_snapshot/_delta_log");
    let entry = std::fs::read_to_string(log.join(format!("{:020}.json", 1))).unwrap();
    let actions = entry
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let deletes = actions.filter_map(|action| {
        let added = action.get("add")?;
        let remove = serde_json::json!({"remove": {
            "path": added["path"], "partitionValues": added["partitionValues"],
            "dataChange": true, "deletionTimestamp": 0, "extendedFileMetadata": true,
        }});
        Some(remove.to_string())
    });
    let info = serde_json::json!({"commitInfo": {"operation": "DELETE", "timestamp": 1_795_680_000_000_i64}});
    let lines: Vec<String> = std::iter::once(info.to_string()).chain(deletes).collect();
    std::fs::write(log.join(format!("{:020}.json", 2)), lines.join("\n")).unwrap();

    let planned = nights.plan(last_night()).await.unwrap();
    let line = "first puts back rows of tier_snapshot that somebody else changed in version 2\n";
    assert!(planned.plan().to_string().contains(line));
    let report = nights.run(last_night()).await.unwrap();
    assert_eq!(report.status.to_string(), "repaired");
    assert_eq!(
        report.warnings,
        [
            "table `tier_snapshot` was changed by a commit that tierline did not make, version 2, DELETE at 2026-11-26 08:00:00 UTC: its rows are as published again; to take a date back, use `tierline withdraw`"
        ]
    );
    assert_eq!(newest(&output, last_night()).await, before);
}
