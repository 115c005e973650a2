//! What a night asks of S3: as much as is new, and a tile each for the windows, however long the
//! history before it is.

use std::collections::BTreeSet;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::Value;
use tempfile::TempDir;
use tierline::config::job::Job;
use tierline::config::storage::Location;
use tierline::ground::{Layout, SnapshotDate};
use tierline::run::{Plan, Project, Workspace};

use super::job::{job_text, source};
use super::lake::Delivery;
use crate::naive::fixtures::{days_ago, event, order};
use crate::naive::history::History;
use crate::support::command::Tierline;
use crate::support::s3_server::{BUCKET, RequestKind, S3Server};

const SOURCES: [&str; 2] = ["orders", "engagement"];

/// Who comes on one delivered day after the other: five users who differ in when they came last
/// and how often, to calibrate on.
const USERS: &str = "111112222333445";

/// A job whose lake and output are in a bucket.
struct Bucket {
    server: S3Server,
    folder: TempDir,
}

/// What a night took.
#[derive(Debug)]
struct Taken {
    /// GET requests; a night makes no HEAD requests.
    gets: u64,
    lists: u64,
    /// Tiles that hold the windows, over all rollups.
    cover: u64,
    /// Stored tiles that are read, for the windows or to make longer ones from.
    reused: u64,
    /// The keys of the GET requests.
    keys: Vec<String>,
}

impl Bucket {
    /// With an order and an event on every other day of the last `days`, and as many orders and
    /// events on D as `files_of_newest`, each in a file of its own.
    async fn with_history_of(days: i64, files_of_newest: usize) -> Self {
        let bucket = Self {
            server: S3Server::start(),
            folder: TempDir::new().unwrap(),
        };
        let lake = bucket.folder.path().join("lake");
        let (mut older, mut newest) = (History::default(), History::default());
        for (days, user) in (0..days).step_by(2).zip(USERS.chars().cycle()) {
            let (history, count) = match days {
                0 => (&mut newest, files_of_newest),
                _ => (&mut older, 1),
            };
            for _ in 0..count {
                let mut order = order(&user.to_string(), days, 10_00);
                order.order_id = days.to_string();
                history.orders.push(order);
                history.events.push(event(&user.to_string(), days, "click"));
            }
        }
        Delivery::default().write(&older, &lake);
        let in_files = Delivery {
            files_per_day: files_of_newest,
            ..Delivery::default()
        };
        in_files.write(&newest, &lake);
        bucket.upload(&lake).await;
        let url = format!("s3://{BUCKET}");
        let sources = SOURCES.map(|name| source(name, &format!("{url}/lake/{name}")));
        let job = job_text(&format!("{url}/out"), &sources.concat());
        std::fs::write(bucket.job_file(), job).unwrap();
        bucket
    }

    async fn upload(&self, lake: &FilePath) {
        for source in entries(lake) {
            for day in entries(&source) {
                for file in entries(&day) {
                    let key = file.strip_prefix(self.folder.path()).unwrap();
                    let key = Path::from(key.to_str().unwrap());
                    let bytes = std::fs::read(&file).unwrap();
                    self.server.store().put(&key, bytes.into()).await.unwrap();
                }
            }
        }
    }

    fn job_file(&self) -> PathBuf {
        self.folder.path().join("nights.toml")
    }

    /// The plan of a night, made from the same listings as the real one.
    async fn plan(&self, night: NaiveDate) -> Plan {
        let job = Job::load(&self.job_file()).unwrap();
        let location = |path: &str| Location {
            store: self.server.store(),
            root: ObjectStoreUrl::parse(format!("s3://{BUCKET}")).unwrap(),
            path: Path::from(path),
            traffic: Arc::default(),
        };
        let output = location("out");
        let sources = SOURCES.map(|name| (name.to_owned(), location(&format!("lake/{name}"))));
        let workspace = Workspace {
            layout: Layout::below(output.path.clone()),
            disk: output.clone(),
            output,
            sources: sources.into(),
        };
        let project = Project::load(&job).unwrap();
        let night = SnapshotDate::on(night);
        Box::pin(Plan::make(&job, &project, &workspace, night))
            .await
            .unwrap()
    }

    /// Runs a night in a process of its own.
    fn run(&self, night: NaiveDate) -> Value {
        let job = self.job_file();
        let arguments = ["--date", &night.to_string(), "--output", "json"];
        let finished = Tierline::new()
            .args(["run", job.to_str().unwrap()])
            .args(arguments)
            .envs(self.server.environment())
            .run();
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        serde_json::from_str(&finished.stdout).unwrap()
    }

    /// Runs the night before D, which makes tiles of the whole history, and counts what D takes.
    async fn measure_second_night(&self) -> Taken {
        self.run(days_ago(1));
        let plan = self.plan(days_ago(0)).await;
        self.server.reset_requests();
        let report = self.run(days_ago(0));
        let counted = self.server.requests();
        let taken = Taken {
            gets: report["get_requests"].as_u64().unwrap(),
            lists: report["list_requests"].as_u64().unwrap(),
            cover: sum(plan.tiles.iter().map(|tiles| tiles.plan.cover.len())),
            reused: sum(plan.tiles.iter().map(|tiles| tiles.plan.reused.len())),
            keys: self.server.keys(RequestKind::Get),
        };
        // The report and the server have counted the same.
        assert_eq!(taken.gets, (counted.get + counted.head) as u64);
        assert_eq!((counted.head, taken.lists), (0, counted.list as u64));
        taken
    }
}

impl Taken {
    /// The requests below a folder, and how many objects they named.
    fn below(&self, folder: &str) -> (u64, u64) {
        let keys = self.keys.iter().filter(|key| key.starts_with(folder));
        let distinct: BTreeSet<&String> = keys.clone().collect();
        (sum([keys.count()]), sum([distinct.len()]))
    }
}

fn sum(counts: impl IntoIterator<Item = usize>) -> u64 {
    counts.into_iter().sum::<usize>() as u64
}

fn entries(folder: &FilePath) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn requests_of_a_night_do_not_grow_with_the_history() {
    let short = Bucket::with_history_of(120, 1).await;
    let short = short.measure_second_night().await;
    let long = Bucket::with_history_of(360, 1).await;
    let long = long.measure_second_night().await;

    // A year is a few more tiles than four months: the longer the tiles, the fewer.
    assert!(long.cover - short.cover <= 3, "{short:?}\n{long:?}");
    assert!(
        long.gets - short.gets <= long.cover - short.cover,
        "{short:?}\n{long:?}"
    );
    assert_eq!(long.lists, short.lists);
}

/// An input file is read in these requests: three for its footer, two for the tile of its day
/// and, of orders, one for the audit of the day's revenue or, of engagement, one more for the tile.
const GETS_PER_NEW_FILE: u64 = 6;

/// What a night reads whatever is new: the logs of the Delta tables, the previous snapshot, its
/// own drafts for the audits, and the calibration twice.
const GETS_OTHERWISE: u64 = 90;

/// One LIST for each source, for the tiles of each rollup, and of the calibrations; the others are
/// of the logs of the Delta tables.
const LISTS: u64 = 26;

#[tokio::test]
async fn night_takes_a_few_requests_for_each_new_file_and_one_for_each_tile() {
    for files in [1, 4] {
        let bucket = Bucket::with_history_of(120, files).await;
        let taken = bucket.measure_second_night().await;

        let new_files = sum([SOURCES.len() * files]);
        let (gets, opened) = taken.below("lake/");
        assert_eq!(opened, new_files, "{taken:?}");
        assert!(gets <= GETS_PER_NEW_FILE * new_files, "{taken:?}");
        assert_eq!(taken.below("out/tiles/"), (taken.reused, taken.reused));
        // Those of the cover, but for D's own that are made, and the halves of blocks that begin
        // or end where a window does tonight.
        assert!(taken.reused <= taken.cover + 3, "{taken:?}");
        let bound = GETS_PER_NEW_FILE * new_files + taken.reused + GETS_OTHERWISE;
        assert!(taken.gets <= bound, "more than {bound}: {taken:?}");
        assert!(taken.lists <= LISTS, "{taken:?}");
    }
}
