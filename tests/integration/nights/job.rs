//! A job in a temporary folder, and its nights through the library.

use std::path::PathBuf;

use chrono::NaiveDate;
use tempfile::TempDir;
use tierline::config::job::Job;
use tierline::config::storage::Location;
use tierline::ground::SnapshotDate;
use tierline::run::{self, Plan, Project, Report, RunError, Workspace};

use super::lake::Delivery;
use crate::naive::calibration::CutPoints;
use crate::naive::history::History;
use crate::naive::text;

/// Guards never bind here: a handful of users may double or vanish overnight.
pub(crate) const OPEN_GUARDS: &str = "
[guards]
max_users_drop = 1.0
max_users_growth = 1000.0
max_tier_share_change = 1.0
";

/// A job over some sources, publishing to `out/` beside the job file.
pub(crate) struct Nights {
    folder: TempDir,
    sources: String,
    /// Sections of the job file beside the usual ones.
    pub(crate) sections: String,
}

/// Everything that a planned night is executed with.
pub(crate) struct Planned {
    job: Job,
    project: Project,
    workspace: Workspace,
    plan: Plan,
}

impl Nights {
    /// Over a history delivered in some way to `lake/`.
    pub(crate) fn over(history: &History, delivery: &Delivery) -> Self {
        let source = |name| source(name, &format!("lake/{name}"));
        let nights = Self::of_sources(["orders", "engagement", "users"].map(source).concat());
        nights.deliver(history, delivery);
        nights
    }

    /// Over what the sections of [`source`] say.
    pub(crate) fn of_sources(sources: String) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            sources,
            sections: String::new(),
        }
    }

    /// Adds files to the lake, or replaces those of the same name.
    pub(crate) fn deliver(&self, history: &History, delivery: &Delivery) {
        delivery.write(history, &self.lake());
    }

    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The job file's text.
    pub(crate) fn job_text(&self) -> String {
        job_text("out", &format!("{}{}", self.sources, self.sections))
    }

    /// The job file, written.
    pub(crate) fn job_file(&self) -> PathBuf {
        let path = self.folder.path().join("nights.toml");
        std::fs::write(&path, self.job_text()).unwrap();
        path
    }

    fn job(&self) -> Job {
        Job::load(&self.job_file()).unwrap()
    }

    /// Where the tables are.
    pub(crate) fn output(&self) -> Location {
        self.workspace().output
    }

    /// The places of the job, opened.
    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::open(&self.job()).unwrap()
    }

    /// Puts a calibration of that date where the first run looks for one.
    pub(crate) fn calibrate_by_hand(&self, as_of: NaiveDate, cut_points: &CutPoints) {
        let folder = self.folder.path().join("out/calibrations");
        let metric = |metric: &str, cuts: [String; 4]| serde_json::json!({"metric": metric, "cuts": cuts, "users": [0, 0, 0, 0, 0]});
        let id = calibration_id(as_of);
        let record = serde_json::json!({
            "format": 1,
            "id": id,
            "as_of": as_of.to_string(),
            "population": 0,
            "metrics": [
                metric("recency_days", cut_points.recency_days.map(|cut| cut.to_string())),
                metric("orders_365d", cut_points.orders_365d.map(|cut| cut.to_string())),
                metric("revenue_365d", cut_points.revenue_365d_cents.map(text::money)),
            ],
        });
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{id}.json")), record.to_string()).unwrap();
    }

    /// The ids of all calibrations kept.
    pub(crate) fn calibrations(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("out/calibrations")).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The record of the first calibration of a date.
    pub(crate) fn calibration(&self, as_of: NaiveDate) -> serde_json::Value {
        let name = format!("out/calibrations/{}.json", calibration_id(as_of));
        let record = std::fs::read(self.folder.path().join(name)).unwrap();
        serde_json::from_slice(&record).unwrap()
    }

    /// Plans a night without executing it.
    pub(crate) async fn plan(&self, date: NaiveDate) -> Result<Planned, RunError> {
        self.plan_in(self.workspace(), date).await
    }

    /// As [`Nights::plan`], in places that a test prepared.
    pub(crate) async fn plan_in(
        &self,
        workspace: Workspace,
        date: NaiveDate,
    ) -> Result<Planned, RunError> {
        let job = self.job();
        let project = Project::load(&job)?;
        let date = SnapshotDate::on(date);
        let plan = Box::pin(Plan::make(&job, &project, &workspace, date)).await?;
        Ok(Planned {
            job,
            project,
            workspace,
            plan,
        })
    }

    /// Plans and executes a night, as `tierline run` does.
    pub(crate) async fn run(&self, date: NaiveDate) -> Result<Report, RunError> {
        self.plan(date).await?.execute().await
    }

    /// Runs a night that must succeed, and returns its status.
    pub(crate) async fn status_of(&self, date: NaiveDate) -> String {
        self.run(date).await.unwrap().status
    }
}

impl Planned {
    pub(crate) async fn execute(&self) -> Result<Report, RunError> {
        let Self {
            job,
            project,
            workspace,
            plan,
        } = self;
        Box::pin(run::execute(job, project, workspace, plan, &|_| {})).await
    }
}

/// A job file.
pub(crate) fn job_text(output: &str, sections: &str) -> String {
    format!(
        "version = 1\nname = \"nights\"\ntimezone = \"UTC\"\noutput = \"{output}\"\n\
         [engine]\nthreads = 2\n{OPEN_GUARDS}{sections}"
    )
}

/// A source that need not have every day.
pub(crate) fn source(name: &str, url: &str) -> String {
    format!("[sources.{name}]\nurl = \"{url}\"\nrequired = false\n")
}

/// The id of the first calibration of a date.
pub(crate) fn calibration_id(as_of: NaiveDate) -> String {
    format!("{as_of}-v1")
}
