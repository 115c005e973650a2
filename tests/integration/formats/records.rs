//! The records below an output, read as a night reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use tierline::calibration::CutPoints;
use tierline::calibration::{Calibration, Origin};
use tierline::engine::chain;
use tierline::ground::{Layout, SourceFile};
use tierline::inputs::{DayFiles, InputError, KnownDay, KnownDays, SourceRecord};
use tierline::job::Job;
use tierline::job::Workspace;
use tierline::plan::Rules;
use tierline::publish::{Publications, check_complete};
use tierline::storage::{Location, StorageError, claim_output};

use super::fixtures::{assert_reads, path, versions};
use super::job_file::{of_columns, rules_of};
use super::{names_in, newest, output};

#[tokio::test]
async fn calibrations_of_every_form_are_read() {
    for version in versions("calibration") {
        let folder = path(&format!("calibration/{version}"));
        let (output, layout) = output(&folder);
        let mut reading = BTreeMap::new();
        for id in names_in(&folder.join("calibrations")) {
            let calibration = Calibration::read(&output, &layout, &id).await.unwrap();
            reading.insert(id, of_calibration(&calibration));
        }
        assert_reads("calibration", &version, &json!(reading));
    }
}

#[tokio::test]
async fn calibrations_are_written_in_the_newest_form() {
    let folder = path(&format!("calibration/{}", newest("calibration")));
    let (kept, layout) = output(&folder);
    let written = Written::new("calibrations");
    for id in names_in(&folder.join("calibrations")) {
        let calibration = Calibration::read(&kept, &layout, &id).await.unwrap();
        calibration
            .keep(&written.output, &written.layout)
            .await
            .unwrap();
    }
    written.assert_same_files("calibration", &folder);
}

fn of_calibration(calibration: &Calibration) -> Value {
    let Calibration {
        format: _,
        id,
        as_of,
        population,
        origin,
        provisional_until,
        metrics,
    } = calibration;
    let origin = match origin {
        Origin::Computed => "computed",
        Origin::ByHand => "by_hand",
    };
    let metrics = metrics.iter().map(|points| {
        let CutPoints {
            metric,
            cuts,
            users,
        } = points;
        let cuts = cuts.map(|cut| cut.to_string());
        json!({"metric": metric, "cuts": cuts, "users": users})
    });
    let metrics: Vec<Value> = metrics.collect();
    let mut read = json!({"id": id, "as_of": as_of, "population": population, "origin": origin, "metrics": metrics});
    if let Some(until) = provisional_until {
        read["provisional_until"] = json!(until);
    }
    read
}

#[tokio::test]
async fn records_of_source_days_of_every_form_are_read() {
    for version in versions("source-days") {
        let folder = path(&format!("source-days/{version}"));
        let (output, layout) = output(&folder);
        let mut reading = BTreeMap::new();
        for name in names_in(&folder.join("sources")) {
            let read = match SourceRecord::read(&output, &layout, &name).await {
                Ok(record) => of_source_record(&record.unwrap()),
                Err(InputError::Record { .. }) => json!("refused"),
                Err(other) => panic!("{other}"),
            };
            reading.insert(name, read);
        }
        assert_reads("source-days", &version, &json!(reading));
    }
}

#[tokio::test]
async fn records_of_source_days_are_written_in_the_newest_form() {
    let folder = path(&format!("source-days/{}", newest("source-days")));
    let (kept, layout) = output(&folder);
    let written = Written::new("sources");
    for name in names_in(&folder.join("sources")) {
        let record = SourceRecord::read(&kept, &layout, &name).await.unwrap();
        let record = record.unwrap();
        record.keep(&written.output, &written.layout).await.unwrap();
    }
    written.assert_same_files("source-days", &folder);
}

fn of_source_record(record: &SourceRecord) -> Value {
    let of_days = |days: &KnownDays| {
        let days = days.iter().map(|(day, known)| (*day, of_day(known)));
        days.collect::<BTreeMap<_, _>>()
    };
    let SourceRecord(sources) = record;
    let sources = sources.iter().map(|(source, days)| (source, of_days(days)));
    json!(sources.collect::<BTreeMap<_, _>>())
}

fn of_day(known: &KnownDay) -> Value {
    let KnownDay {
        fingerprint: found_by,
        files,
        is_expired,
    } = known;
    let DayFiles {
        fingerprint,
        count,
        bytes,
        newest,
        places,
        each,
    } = files;
    json!({
        "tiles_are_found_by": found_by.as_str(),
        "is_expired": is_expired,
        "files": fingerprint.as_str(),
        "count": count,
        "bytes": bytes,
        "newest": newest,
        "places": places,
        "each": each,
    })
}

#[tokio::test]
async fn records_of_rules_of_every_form_are_read() {
    for version in versions("rules") {
        let folder = path(&format!("rules/{version}"));
        let job = job_publishing_to(&folder);
        let workspace = Workspace::open(&job).unwrap();
        let mut reading = BTreeMap::new();
        for name in names_in(&folder.join("rules")) {
            let rules = Rules::read(&workspace, &name).await.unwrap();
            reading.insert(name, of_rules(&rules, &job));
        }
        assert_reads("rules", &version, &json!(reading));
    }
}

/// A record says where nothing lies: a source that was delivered has the URL of the job.
fn job_publishing_to(folder: &Path) -> Job {
    let text = format!(
        "version = 1\ntimezone = \"UTC\"\noutput = {:?}\n[sources.orders]\nurl = \"delivered\"\n[sources.engagement]\nurl = \"delivered\"\n[sources.users]\nurl = \"delivered\"\n",
        folder.to_str().unwrap()
    );
    Job::parse(&SourceFile::new("job.toml", text), "job", PathBuf::new()).unwrap()
}

fn of_rules(rules: &Rules, job: &Job) -> Value {
    let job = rules.job(job, "2026-07-01-v1");
    let mut reading = rules_of(&job);
    let sources = job.sources.iter().map(|(name, source)| {
        let reading = json!({
            "delivered": source.url.is_some(),
            "columns": of_columns(&source.columns),
            "profile": source.profile,
        });
        (name, reading)
    });
    let starts = rules.history_starts.iter();
    let starts = starts.map(|(model, day)| (model.to_string(), day));
    reading["files"] = json!(job.pack);
    reading["sources"] = json!(sources.collect::<BTreeMap<_, _>>());
    reading["timezone"] = json!(job.timezone.name());
    reading["history_starts"] = json!(starts.collect::<BTreeMap<_, _>>());
    reading
}

/// All that is read of it is its number, which says that publications up to there were once in.
#[tokio::test]
async fn records_of_the_last_publication_of_every_form_are_read() {
    for version in versions("last-publication") {
        let folder = path(&format!("last-publication/{version}"));
        let (output, _) = output(&folder);
        let none = Publications::load(&output).await.unwrap();
        let lost = check_complete(&output, &none).await.unwrap_err();
        let told = chain(&lost);
        let number = told.strip_prefix("publication ").unwrap().split(' ').next();
        assert_reads("last-publication", &version, &json!({ "lost": number }));
    }
}

/// It says whose the output is.
#[tokio::test]
async fn records_of_outputs_of_every_form_are_read() {
    for version in versions("output") {
        let (output, _) = output(&path(&format!("output/{version}")));
        let refused = claim_output(&output, "another").await.unwrap_err();
        let StorageError::OtherJob { owner, .. } = refused else {
            panic!("{refused}")
        };
        assert_reads("output", &version, &json!({ "owner": owner }));
    }
}

/// What was written to a folder of its own.
struct Written {
    folder: TempDir,
    kind: &'static str,
    output: Location,
    layout: Layout,
}

impl Written {
    fn new(kind: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let (output, layout) = output(folder.path());
        Self {
            folder,
            kind,
            output,
            layout,
        }
    }

    /// The same names with the same bytes as in the fixture of a format.
    fn assert_same_files(&self, format: &str, fixture: &Path) {
        let files = |folder: &Path| -> BTreeMap<String, String> {
            let names = names_in(folder).into_iter();
            let files = names.map(|name| {
                let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
                (name, text)
            });
            files.collect()
        };
        let [written, kept] =
            [self.folder.path(), fixture].map(|root| files(&root.join(self.kind)));
        assert_eq!(
            written, kept,
            "{format}: what is read is not written again as it was. If the change is meant, add a form: see tests/fixtures/formats/README.md"
        );
    }
}
