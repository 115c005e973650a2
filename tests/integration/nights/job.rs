//! A job in a temporary folder, and its nights through the library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;
use tempfile::TempDir;
use tierline::backfill::{Backfill, BackfillPlan, NightRules, RulesChoice};
#[cfg(feature = "cluster")]
use tierline::ground::CertificateFiles;
use tierline::ground::SnapshotDate;
use tierline::job::Job;
use tierline::job::Workspace;
use tierline::night::{NightError, Outcome, Report};
use tierline::pack::Project;
use tierline::plan::{Accepted, Circumstances, Facts, Plan, PlanError, decide};
use tierline::proposal::Proposal;
use tierline::storage::Location;
use tierline::withdrawal::WithdrawalPlan;

use super::lake::Delivery;
use super::pack::{self, Edit};
use crate::naive::calibration::CutPoints;
use crate::naive::history::History;
use crate::naive::text;

/// Guards never bind here: a handful of users may double or vanish overnight.
pub(crate) const OPEN_GUARDS: &str = "
[guards]
max_users_drop = 1.0
max_users_growth = 1000.0
max_tier_share_change = 1.0
future_dates = true
min_volume_share = 0.0
";

/// The threads of the engine, unless a test says otherwise.
const THREADS: usize = 2;

/// Files that a test takes away are meant to be gone.
pub(crate) const REMOVED_DAYS: Accepted = Accepted {
    removed_days: true,
    shorter_history: false,
};

/// A job over some sources, publishing to `out/` beside the job file.
#[derive(Clone)]
pub(crate) struct Nights {
    folder: Arc<TempDir>,
    sources: String,
    /// The folder that is published to.
    output: &'static str,
    /// Whether the job has a pack of its own, in `sql/`.
    has_pack: bool,
    /// How many threads the engine has.
    pub(crate) threads: usize,
    /// In how many ranges users are computed, if the job says so.
    pub(crate) ranges: Option<usize>,
    /// The scheduler of the cluster that computes them, if one does.
    pub(crate) cluster: Option<String>,
    /// Who the nights are on that cluster.
    #[cfg(feature = "cluster")]
    pub(crate) certificates: Option<CertificateFiles>,
    /// Sections of the job file beside the usual ones.
    pub(crate) sections: String,
    /// The section of the guards.
    pub(crate) guards: &'static str,
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
            folder: Arc::new(TempDir::new().unwrap()),
            sources,
            output: "out",
            has_pack: false,
            threads: THREADS,
            ranges: None,
            cluster: None,
            #[cfg(feature = "cluster")]
            certificates: None,
            sections: String::new(),
            guards: OPEN_GUARDS,
        }
    }

    /// The same job, which requires some sources of its lake.
    pub(crate) fn requiring(mut self, sources: &[&str]) -> Self {
        for name in sources {
            let url = format!("url = \"lake/{name}\"\nrequired = ");
            let optional = format!("{url}false");
            self.sources = self.sources.replace(&optional, &format!("{url}true"));
        }
        self
    }

    /// The same job, which requires no source.
    pub(crate) fn requiring_nothing(mut self) -> Self {
        self.sources = self.sources.replace("required = true", "required = false");
        self
    }

    /// The same job over the same lake with the same SQL, publishing to a folder of its own.
    pub(crate) fn publishing_to(&self, output: &'static str) -> Self {
        Self {
            output,
            ..self.clone()
        }
    }

    /// The same job with a copy of everything there is, so that a run changes nothing here.
    pub(crate) fn copied(&self) -> Self {
        let copy = Self {
            folder: Arc::new(TempDir::new().unwrap()),
            ..self.clone()
        };
        copy_folder(self.folder.path(), copy.folder.path());
        copy
    }

    /// Gives the job a copy of the built-in pack with these edits, instead of the one it had.
    pub(crate) fn edit_pack(&mut self, edits: &[Edit]) {
        pack::write(&self.folder.path().join("sql"), edits);
        self.has_pack = true;
    }

    /// The folder of the pack that [`edit_pack`](Self::edit_pack) wrote.
    pub(crate) fn pack_folder(&self) -> PathBuf {
        self.folder.path().join("sql")
    }

    /// Gives the job these sources.
    pub(crate) fn set_sources(&mut self, sources: String) {
        self.sources = sources;
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
        let sections = format!("{}{}", self.sources, self.sections);
        let text = job_text(self.output, &sections).replace(OPEN_GUARDS, self.guards);
        let text = text.replace(
            &format!("threads = {THREADS}\n"),
            &format!("threads = {}\n{}", self.threads, self.ranges_text()),
        );
        match self.has_pack {
            true => format!("sql = \"sql\"\n{text}"),
            false => text,
        }
    }

    fn ranges_text(&self) -> String {
        let ranges = self.ranges.iter();
        let ranges = ranges.map(|count| format!("ranges = {count}\n"));
        let cluster = self.cluster.iter();
        let cluster = cluster.map(|url| format!("cluster = \"{url}\"\n"));
        ranges.chain(cluster).collect()
    }

    /// The job file, written.
    pub(crate) fn job_file(&self) -> PathBuf {
        let path = self.folder.path().join(format!("{}.toml", self.output));
        std::fs::write(&path, self.job_text()).unwrap();
        path
    }

    pub(crate) fn job(&self) -> Job {
        Job {
            #[cfg(feature = "cluster")]
            certificates: self.certificates.clone(),
            ..Job::load(&self.job_file()).unwrap()
        }
    }

    /// Where the tables are.
    pub(crate) fn output(&self) -> Location {
        self.workspace().output
    }

    /// The folder of the tables.
    pub(crate) fn output_folder(&self) -> PathBuf {
        self.folder.path().join(self.output)
    }

    /// The stored tiles: rollup and object name, and the file.
    pub(crate) fn tiles(&self) -> BTreeMap<String, PathBuf> {
        let tiles = self.output_folder().join("tiles");
        let mut found = BTreeMap::new();
        for rollup in paths_in(&tiles) {
            for tile in paths_in(&rollup) {
                let name = tile.strip_prefix(&tiles).unwrap().to_str().unwrap();
                found.insert(name.to_owned(), tile);
            }
        }
        found
    }

    /// Forgets every stored tile.
    pub(crate) fn remove_tiles(&self) {
        for tile in self.tiles().into_values() {
            std::fs::remove_file(tile).unwrap();
        }
    }

    /// The places of the job, opened.
    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::open(&self.job()).unwrap()
    }

    /// Puts a calibration of that date where the first run looks for one.
    pub(crate) fn calibrate_by_hand(&self, as_of: NaiveDate, cut_points: &CutPoints) {
        let folder = self.output_folder().join("calibrations");
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
        let paths = paths_in(&self.output_folder().join("calibrations"));
        let names = paths.iter().filter_map(|path| path.file_name()?.to_str());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names
    }

    /// Keeps the calibrations that another job has kept, too.
    pub(crate) fn take_calibrations_of(&self, other: &Self) {
        let [from, to] = [other, self].map(|nights| nights.output_folder().join("calibrations"));
        copy_folder(&from, &to);
    }

    /// The record of the first calibration of a date.
    pub(crate) fn calibration(&self, as_of: NaiveDate) -> serde_json::Value {
        let name = format!("calibrations/{}.json", calibration_id(as_of));
        let record = std::fs::read(self.output_folder().join(name)).unwrap();
        serde_json::from_slice(&record).unwrap()
    }

    /// Plans a night without executing it.
    pub(crate) async fn plan(&self, date: NaiveDate) -> Result<Planned, NightError> {
        self.plan_in(self.workspace(), date).await
    }

    /// As [`Nights::plan`], in places that a test prepared.
    pub(crate) async fn plan_in(
        &self,
        workspace: Workspace,
        date: NaiveDate,
    ) -> Result<Planned, NightError> {
        let job = self.job();
        let project = Project::load(&job)?;
        let date = SnapshotDate::on(date);
        let plan = decided(&job, &project, &workspace, date, Circumstances::default()).await?;
        Ok(Planned {
            job,
            project,
            workspace,
            plan,
        })
    }

    /// Plans and executes a night by rules of its own, with some losses accepted.
    pub(crate) async fn run_by(
        &self,
        date: NaiveDate,
        rules: &NightRules,
        accepted: Accepted,
    ) -> Result<Report, NightError> {
        let job = rules.job(&self.job());
        let project = Project::load(&job)?;
        let workspace = Workspace::open(&job)?;
        let date = SnapshotDate::on(date);
        let circumstances = Circumstances {
            accepted,
            rules: rules.published(),
            is_by_rules_of_then: rules.are_of_then(),
            ..Circumstances::default()
        };
        let plan = decided(&job, &project, &workspace, date, circumstances).await?;
        let planned = Planned {
            job,
            project,
            workspace,
            plan,
        };
        planned.execute().await
    }

    /// Plans and executes a night in which days that are gone count as removed.
    pub(crate) async fn run_without_removed(&self, date: NaiveDate) -> Result<Report, NightError> {
        Box::pin(self.run_by(date, &NightRules::Today, REMOVED_DAYS)).await
    }

    /// The nights that `tierline backfill --affected` would run.
    pub(crate) async fn affected(&self, rules: RulesChoice) -> Result<BackfillPlan, NightError> {
        let backfill = Backfill::Affected { rules };
        let (job, workspace) = (self.job(), self.workspace());
        let plan = backfill.plan(&job, &workspace, Accepted::default());
        Box::pin(plan).await
    }

    /// Takes a published date back, as `tierline withdraw --yes` does.
    pub(crate) async fn withdraw(&self, date: NaiveDate) {
        let (job, workspace) = (self.job(), self.workspace());
        let plan = WithdrawalPlan::make(&workspace, SnapshotDate::on(date)).await;
        let WithdrawalPlan::Withdraw(withdrawal) = plan.unwrap() else {
            panic!("{date} was withdrawn before");
        };
        withdrawal.carry_out(&job, &workspace).await.unwrap();
    }

    /// Removes the partition of a day, as a retention rule does.
    pub(crate) fn expire(&self, source: &str, day: NaiveDate) {
        let partition = self.lake().join(format!("{source}/dt={day}"));
        if partition.is_dir() {
            std::fs::remove_dir_all(partition).unwrap();
        }
    }

    /// Plans and executes a night, as `tierline run` does.
    pub(crate) async fn run(&self, date: NaiveDate) -> Result<Report, NightError> {
        self.plan(date).await?.execute().await
    }

    /// Runs a night that must succeed, and returns its status.
    pub(crate) async fn status_of(&self, date: NaiveDate) -> String {
        self.run(date).await.unwrap().status.to_string()
    }
}

impl Planned {
    pub(crate) async fn execute(&self) -> Result<Report, NightError> {
        let Self {
            job,
            project,
            workspace,
            plan,
        } = self;
        let night = tierline::night::run(job, project, workspace, plan, &|_| {});
        let Outcome { report, result } = Box::pin(night).await;
        result?;
        Ok(report)
    }

    /// The same night, in which tables may lose these columns.
    pub(crate) async fn dropping(mut self, columns: &[&str]) -> Result<Self, NightError> {
        let columns: Vec<_> = columns.iter().map(|name| name.parse().unwrap()).collect();
        let circumstances = Circumstances {
            may_drop: &columns,
            ..Circumstances::default()
        };
        let Self {
            job,
            project,
            workspace,
            plan,
        } = &self;
        let date = plan.snapshot_date;
        self.plan = decided(job, project, workspace, date, circumstances).await?;
        Ok(self)
    }

    /// Proposes new cut points, as `tierline calibrate` does.
    pub(crate) async fn propose(self) -> Result<(Proposal, Job, Workspace), NightError> {
        let Self {
            job,
            project,
            workspace,
            plan,
        } = self;
        let date = plan.snapshot_date;
        let proposal = tierline::proposal::propose(&job, &project, &workspace, date, &|_| {});
        let proposal = Box::pin(proposal).await?;
        Ok((proposal, job, workspace))
    }

    /// What was decided.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// What a night would do.
pub(crate) async fn decided(
    job: &Job,
    project: &Project,
    workspace: &Workspace,
    date: SnapshotDate,
    circumstances: Circumstances<'_>,
) -> Result<Plan, PlanError> {
    let facts = Facts::gather(job, project, workspace, date, circumstances);
    Ok(decide(job, project, Box::pin(facts).await?))
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in paths_in(from) {
        let copy = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &copy),
            false => {
                std::fs::copy(&path, &copy).unwrap();
            }
        }
    }
}

/// What a folder holds; nothing when there is no such folder.
fn paths_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// A job file.
pub(crate) fn job_text(output: &str, sections: &str) -> String {
    format!(
        "version = 1\nname = \"nights\"\ntimezone = \"UTC\"\noutput = \"{output}\"\n\
         [engine]\nthreads = {THREADS}\n{OPEN_GUARDS}{sections}"
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
