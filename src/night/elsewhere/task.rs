//! What is to be done, as one text that another process can do it from.
//!
//! | part | what it is |
//! |---|---|
//! | rules | SQL, reference files, parameters and settings, as [kept](Rules) below the output |
//! | sources | their columns, as the driver found them in the files; their URLs where files of them are read |
//! | work | [ranges of users](RangeTask), [tiles](TileTask) or [rejected rows](RejectTask) |
//!
//! No credentials are in it: whoever carries it out has those of its own environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

use crate::engine::{EngineError, EngineLimits, ShippedRows};
use crate::ground::{Diagnostic, Problems, SourceFile, SqlSchema, TableName};
use crate::job::Job;
use crate::night::context::Run;
use crate::night::error::NightError;
use crate::plan::Rules;

use super::range_task::RangeTask;
use super::reject_task::RejectTask;
use super::tile_task::TileTask;

/// The tierline that makes tasks, and carries out none of another.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the driver was doing when it failed.
const STAGE: &str = "handing work over to a cluster";

/// What the sources of a task are called that reads no file of them.
const NOWHERE: &str = "nowhere";

/// Work for others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Task {
    pub job: TaskJob,
    pub work: Work,
}

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Work {
    /// A piece is a range.
    Ranges(Box<RangeTask>),
    /// A piece is some tiles.
    Tiles(TileTask),
    /// A piece is the rejected rows of some days.
    Rejects(RejectTask),
}

/// Where the job of a task writes, and by which rules.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TaskJob {
    /// The tierline that made the task: no other carries it out.
    version: String,
    name: String,
    timezone: String,
    /// The output as the job names it, and the folder that paths start from.
    output: String,
    base: PathBuf,
    /// How long requests to its store are retried, and how long one may take, in seconds.
    retry_seconds: u64,
    request_seconds: u64,
    rules: String,
    sources: BTreeMap<String, TaskSource>,
}

/// A source.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct TaskSource {
    columns: ShippedRows,
    /// Where its files are; none where none is read.
    url: Option<String>,
}

impl TaskJob {
    /// The job of a run. `reads_sources` is whether files of sources are read.
    ///
    /// # Errors
    /// None but bugs.
    pub(super) async fn of(run: &Run<'_>, reads_sources: bool) -> Result<Self, NightError> {
        let Run { job, plan, .. } = run;
        let engine = EngineError::during(STAGE);
        let rules = Rules::of(job, run.scenario.project, plan.history_starts.clone()).to_text();
        let rules = rules.map_err(|error| engine(unwritten(&error)))?;
        let base = std::path::absolute(&job.base);
        let base = base.map_err(|error| engine(error.into()))?;
        let mut sources = BTreeMap::new();
        for name in plan.manifests.keys() {
            let table = TableName::new(SqlSchema::Sources, name);
            let rows = run.session.table(&table).await.map_err(&engine)?;
            let columns = ShippedRows::columns(Arc::clone(rows.schema().inner()));
            let url = job.sources.get(name).and_then(|source| source.url.clone());
            let url = url.filter(|_| reads_sources);
            sources.insert(name.clone(), TaskSource { columns, url });
        }
        Ok(Self {
            version: VERSION.to_owned(),
            name: job.name.clone(),
            timezone: job.timezone.name().to_owned(),
            output: job.output.clone(),
            base,
            retry_seconds: job.retry_policy.retry.as_secs(),
            request_seconds: job.retry_policy.request.as_secs(),
            rules,
            sources,
        })
    }

    /// The columns of each source, the day of its partitions last.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, SchemaRef)> {
        let sources = self.sources.iter();
        sources.map(|(name, source)| (name.as_str(), source.columns.0.schema()))
    }

    /// The job, by cut points of an id, within limits.
    ///
    /// # Errors
    /// A job that this process does not understand.
    pub(super) fn job(&self, cutpoints_id: &str, limits: &EngineLimits) -> Result<Job, NightError> {
        let source = |source: &TaskSource| {
            let url = source.url.as_deref().unwrap_or(NOWHERE);
            toml::Table::from_iter([("url".to_owned(), url.into())])
        };
        let sources = self.sources.iter();
        let sources = sources.map(|(name, of_task)| (name.clone(), source(of_task).into()));
        let storage = [
            ("retry_seconds", self.retry_seconds),
            ("request_seconds", self.request_seconds),
        ];
        let storage = storage.map(|(key, seconds)| (key.to_owned(), seconds.cast_signed().into()));
        let keys = [
            ("version", 1.into()),
            ("name", self.name.clone().into()),
            ("timezone", self.timezone.clone().into()),
            ("output", self.output.clone().into()),
            ("sources", toml::Table::from_iter(sources).into()),
            ("storage", toml::Table::from_iter(storage).into()),
        ];
        let file = keys.map(|(key, value): (_, toml::Value)| (key.to_owned(), value));
        let file = toml::Table::from_iter(file).to_string();
        let file = SourceFile::new("task of a cluster", file);
        let mut job = Job::parse(&file, &self.name, self.base.clone())?;
        let is_read = |name: &String| self.sources.get(name).is_some_and(TaskSource::is_read);
        job.sources.retain(|name, _| is_read(name));
        job.engine = limits.clone();
        let rules = Rules::of_text(&self.rules).map_err(|reason| refused(&reason))?;
        Ok(rules.job(&job, cutpoints_id))
    }
}

impl TaskSource {
    fn is_read(&self) -> bool {
        self.url.is_some()
    }
}

/// What every task of any version says.
#[derive(Deserialize)]
struct Made {
    job: MadeBy,
}

#[derive(Deserialize)]
struct MadeBy {
    version: String,
}

impl Task {
    /// The task that a text says. One of another version is left to other executors: one of them may be of that.
    ///
    /// # Errors
    /// What is worth another try, elsewhere.
    pub(super) fn parse(text: &[u8]) -> Result<Self, NightError> {
        let failed = |told: String| {
            EngineError::during("reading the work of a cluster")(DataFusionError::Execution(told))
        };
        let unreadable = |error: serde_json::Error| failed(error.to_string());
        let Made { job } = serde_json::from_slice(text).map_err(unreadable)?;
        if job.version != VERSION {
            let told = format!(
                "the night is of tierline {}, and this executor of {VERSION}; let scheduler, executors and nights be of one version",
                job.version
            );
            return Err(failed(told).into());
        }
        Ok(serde_json::from_slice(text).map_err(unreadable)?)
    }
}

/// The error for a task that this process does not understand.
pub(super) fn refused(reason: &str) -> NightError {
    let message = format!("cannot do the work of a night of somebody else: {reason}");
    Problems(vec![Diagnostic::new(message)]).into()
}

/// The error for what cannot be written as text: a bug.
pub(super) fn unwritten(error: &serde_json::Error) -> DataFusionError {
    DataFusionError::Internal(error.to_string())
}
