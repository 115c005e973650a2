//! What a night reads and writes, told in the events of [OpenLineage](https://openlineage.io/spec/2-0-2):
//! `START`, then `COMPLETE` or `FAIL`.
//!
//! | event | says |
//! |---|---|
//! | all | the run, an id of its own; the job, by the job's namespace and name; the snapshot date as the nominal time |
//! | `COMPLETE`, `FAIL` | each source as an input: its files and bytes, and its version where it is a Delta table |
//! | `COMPLETE` | each table that was published as an output: its version and the rows of the date |
//! | `FAIL` | the error |
//!
//! Names of datasets follow the [naming of the specification](https://openlineage.io/docs/spec/naming): of
//! `s3://bucket/tables/alerts`, the namespace is `s3://bucket` and the name `tables/alerts`; of what lies on a
//! disk, `file` and the path. An event that does not arrive ends nothing.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use crate::engine::chain;
use crate::ground::SnapshotDate;
use crate::job::{Job, LineageSettings, Workspace};
use crate::night::{NightError, Report, Status};
use crate::plan::{Plan, SourcePlan};
use crate::storage::Location;

use super::{http, jobs};

/// Whoever reads an event learns from this who has made it, and by which version.
const PRODUCER: &str = concat!("urn:tierline:", env!("CARGO_PKG_VERSION"));

const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// The path of a server that takes events.
const ENDPOINT: &str = "/api/v1/lineage";

/// Tells somebody how a night goes; nobody where the job does not say so.
pub(super) struct Lineage<'a> {
    to: Option<&'a LineageSettings>,
    job: &'a str,
    run_id: String,
    nominal_time: DateTime<Utc>,
    inputs: Vec<Value>,
}

impl<'a> Lineage<'a> {
    /// Tells that a night begins.
    pub(super) async fn begin(job: &'a Job, snapshot_date: SnapshotDate) -> Self {
        let lineage = Self {
            to: job.lineage.as_ref(),
            job: &job.name,
            run_id: Uuid::new_v4().to_string(),
            nominal_time: first_moment(snapshot_date, job.timezone),
            inputs: Vec::new(),
        };
        lineage.tell("START", json!({}), &[]).await;
        lineage
    }

    /// Notes what the night reads.
    pub(super) fn reads(&mut self, workspace: &Workspace, plan: &Plan) {
        let sources = plan.sources.iter().filter_map(|source| {
            let location = workspace.sources.get(&source.name)?;
            Some(input(source, location))
        });
        self.inputs = sources.collect();
    }

    /// Tells how the night ended.
    pub(super) async fn end(&self, report: &Report, error: Option<&NightError>) {
        match error {
            None => self.tell("COMPLETE", json!({}), &outputs(report)).await,
            Some(error) => {
                let facet = json!({"message": chain(error), "programmingLanguage": "Rust"});
                let facet = run_facet("1-0-1", "ErrorMessage", facet);
                let facets = json!({"errorMessage": facet});
                self.tell("FAIL", facets, &[]).await;
            }
        }
    }

    async fn tell(&self, kind: &str, facets: Value, outputs: &[Value]) {
        let Some(settings) = self.to else {
            return;
        };
        let event = self.event(kind, facets, outputs).to_string();
        if let Some(file) = &settings.file
            && let Err(error) = append(file, &event)
        {
            let file = file.display();
            tracing::warn!(%error, %file, kind, "an event of lineage was not written");
        }
        if let Some(url) = &settings.url
            && let Err(why) = post(url, event).await
        {
            let server = url.host_str();
            tracing::warn!(why, server, kind, "an event of lineage was not sent");
        }
    }

    fn event(&self, kind: &str, facets: Value, outputs: &[Value]) -> Value {
        let at = self.nominal_time.to_rfc3339_opts(SecondsFormat::Secs, true);
        let nominal = run_facet("1-0-1", "NominalTime", json!({"nominalStartTime": at}));
        let engine = json!({"name": "tierline", "version": env!("CARGO_PKG_VERSION")});
        let engine = run_facet("1-1-1", "ProcessingEngine", engine);
        let mut run_facets = json!({"nominalTime": nominal, "processing_engine": engine});
        merge(&mut run_facets, facets);
        let kind_of_job =
            json!({"processingType": "BATCH", "integration": "TIERLINE", "jobType": "NIGHT"});
        let kind_of_job = facet("2-0-3", "JobTypeJobFacet", kind_of_job);
        let namespace = self.to.map(|settings| settings.namespace.as_str());
        json!({
            "eventType": kind,
            "eventTime": jobs::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": {"runId": self.run_id, "facets": run_facets},
            "job": {"namespace": namespace, "name": self.job, "facets": {"jobType": kind_of_job}},
            "inputs": self.inputs,
            "outputs": outputs,
        })
    }
}

/// Midnight of the business day; where a clock change skips it, what follows.
fn first_moment(date: SnapshotDate, timezone: Tz) -> DateTime<Utc> {
    let midnight = date.day().and_time(NaiveTime::MIN);
    let local = midnight.and_local_timezone(timezone).earliest();
    local.map_or_else(|| midnight.and_utc(), |local| local.to_utc())
}

fn input(source: &SourcePlan, location: &Location) -> Value {
    let mut facets = json!({});
    if let Some(version) = source.delta_version {
        merge(&mut facets, version_facet(&version.to_string()));
    }
    let statistics = json!({"fileCount": source.files, "size": source.bytes});
    let statistics = facet("1-0-0", "InputStatisticsInputDatasetFacet", statistics);
    let (namespace, name) = named(&location.url_of(&location.path));
    json!({
        "namespace": namespace,
        "name": name,
        "facets": facets,
        "inputFacets": {"inputStatistics": statistics},
    })
}

/// What a night has published.
fn outputs(report: &Report) -> Vec<Value> {
    let has_published = matches!(report.status, Status::Published | Status::Replaced);
    let output = report.output.as_ref().filter(|_| has_published);
    let tables = output.into_iter().flat_map(|output| {
        report.tables.iter().map(move |(table, published)| {
            let (namespace, name) = named(&format!("{output}/tables/{table}"));
            let mut facets = version_facet(&published.version.to_string());
            let storage = json!({"storageLayer": "delta", "fileFormat": "parquet"});
            merge(
                &mut facets,
                json!({"storage": facet("1-0-1", "StorageDatasetFacet", storage)}),
            );
            let statistics = json!({"rowCount": published.rows});
            let statistics = facet("1-0-2", "OutputStatisticsOutputDatasetFacet", statistics);
            json!({
                "namespace": namespace,
                "name": name,
                "facets": facets,
                "outputFacets": {"outputStatistics": statistics},
            })
        })
    });
    tables.collect()
}

fn version_facet(version: &str) -> Value {
    let version = json!({"datasetVersion": version});
    json!({"version": facet("1-0-1", "DatasetVersionDatasetFacet", version)})
}

fn run_facet(version: &str, name: &str, fields: Value) -> Value {
    facet(version, &format!("{name}RunFacet"), fields)
}

/// A facet, which says where it is specified.
fn facet(version: &str, name: &str, mut fields: Value) -> Value {
    let schema = format!("https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}");
    merge(
        &mut fields,
        json!({"_producer": PRODUCER, "_schemaURL": schema}),
    );
    fields
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend::<Map<String, Value>>(more);
    }
}

/// Namespace and name of what lies at a URL.
fn named(url: &str) -> (String, String) {
    let parsed = Url::parse(url).ok();
    match parsed
        .as_ref()
        .map(|parsed| (parsed.scheme(), parsed.host_str()))
    {
        Some(("file", _)) => {
            let path = parsed
                .as_ref()
                .and_then(|parsed| parsed.to_file_path().ok());
            let path = path.map(|path| path.display().to_string());
            ("file".to_owned(), path.unwrap_or_else(|| url.to_owned()))
        }
        Some((scheme, Some(host))) => {
            let root = format!("{scheme}://{host}");
            let name = url.strip_prefix(&root).unwrap_or(url);
            (root, name.trim_matches('/').to_owned())
        }
        _ => ("file".to_owned(), url.to_owned()),
    }
}

fn append(file: &Path, event: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(format!("{event}\n").as_bytes())
}

async fn post(server: &Url, event: String) -> Result<(), String> {
    let client = http::client()?;
    let mut url = server.clone();
    url.set_path(&format!(
        "{}{ENDPOINT}",
        server.path().trim_end_matches('/')
    ));
    let key = api_key().map(|key| format!("Bearer {key}"));
    let authorization = key.iter().map(|key| ("authorization", key.as_str()));
    let headers: Vec<_> = [("content-type", "application/json")]
        .into_iter()
        .chain(authorization)
        .collect();
    http::post(&client, &url, &headers, event).await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn api_key() -> Option<String> {
    let key = std::env::var("OPENLINEAGE_API_KEY").ok();
    key.filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datasets_have_the_names_of_the_specification() {
        let found = [
            "s3://bucket/nightly/tables/alerts",
            "file:///srv/a%20b/orders",
            "gs://b",
        ];
        let found = found.map(named);
        let expected = [
            ("s3://bucket", "nightly/tables/alerts"),
            ("file", "/srv/a b/orders"),
            ("gs://b", ""),
        ];
        assert_eq!(
            found,
            expected.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
        );
    }

    #[test]
    fn a_business_day_begins_at_midnight_of_its_timezone() {
        let date = "2026-11-20".parse().unwrap();
        let begins = first_moment(date, Tz::Asia__Shanghai);
        assert_eq!(begins.to_rfc3339(), "2026-11-19T16:00:00+00:00");
    }
}
