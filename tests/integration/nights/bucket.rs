//! A job whose lake and output are in a bucket, and its nights in processes of their own.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::Value;
use tempfile::TempDir;
use tierline::ground::{Layout, SnapshotDate};
use tierline::job::Job;
use tierline::job::Workspace;
use tierline::pack::Project;
use tierline::plan::{Circumstances, Plan};
use tierline::storage::Location;

use super::job::{decided, job_text, source};
use super::lake::Delivery;
use crate::naive::fixtures::{event, order};
use crate::naive::history::History;
use crate::support::command::{Finished, Tierline};
use crate::support::s3_server::{BUCKET, S3Server};

/// The sources of the job.
pub(crate) const SOURCES: [&str; 2] = ["orders", "engagement"];

/// Who comes on one delivered day after the other: five users who differ in when they came last
/// and how often, to calibrate on.
const USERS: &str = "111112222333445";

/// The job, its files and the server.
pub(crate) struct Bucket {
    pub(crate) server: S3Server,
    folder: TempDir,
}

impl Bucket {
    /// With an order and an event on every other day of the last `days`, and as many orders and
    /// events on D as `files_of_newest`, each in a file of its own.
    pub(crate) async fn with_history_of(days: i64, files_of_newest: usize) -> Self {
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

    /// Everybody sees what was delivered, since nobody could tell what a first listing leaves out.
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
        self.server.all_seen();
    }

    pub(crate) fn job_file(&self) -> PathBuf {
        self.folder.path().join("nights.toml")
    }

    /// Adds sections to the job.
    pub(crate) fn add_to_job(&self, sections: &str) {
        let job = std::fs::read_to_string(self.job_file()).unwrap();
        std::fs::write(self.job_file(), job + sections).unwrap();
    }

    /// Where the tables are.
    pub(crate) fn output(&self) -> Location {
        self.location("out")
    }

    fn location(&self, path: &str) -> Location {
        Location {
            store: self.server.store(),
            root: ObjectStoreUrl::parse(format!("s3://{BUCKET}")).unwrap(),
            path: Path::from(path),
            traffic: Arc::default(),
        }
    }

    /// The plan of a night, made from the same listings as the real one.
    pub(crate) async fn plan(&self, night: NaiveDate) -> Plan {
        let job = Job::load(&self.job_file()).unwrap();
        let output = self.output();
        let source = |name: &str| self.location(&format!("lake/{name}"));
        let sources = SOURCES.map(|name| (name.to_owned(), source(name)));
        let workspace = Workspace {
            layout: Layout::below(output.path.clone()),
            disk: output.clone(),
            output,
            sources: sources.into(),
        };
        let project = Project::load(&job).unwrap();
        let night = SnapshotDate::on(night);
        let usual = Circumstances::default();
        decided(&job, &project, &workspace, night, usual)
            .await
            .unwrap()
    }

    /// Gives a command for a date, in a process of its own.
    pub(crate) fn call(&self, command: &str, night: NaiveDate) -> Finished {
        let job = self.job_file();
        let arguments = ["--date", &night.to_string(), "--output", "json"];
        Tierline::new()
            .args([command, job.to_str().unwrap()])
            .args(arguments)
            .envs(self.server.environment())
            .run()
    }

    /// Runs a night in a process of its own.
    pub(crate) fn run(&self, night: NaiveDate) -> Value {
        let finished = self.call("run", night);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        serde_json::from_str(&finished.stdout).unwrap()
    }
}

fn entries(folder: &FilePath) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
