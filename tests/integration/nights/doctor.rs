//! `doctor` on real stores: what is as it should be passes, and each thing that is not is told before a
//! night finds it.

use std::collections::BTreeMap;
use std::fs;

use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde_json::Value;

use super::bucket::Bucket;
use crate::bad_input::lake::file_of;
use crate::bad_input::project::{Project, files_below};
use crate::naive::fixtures::days_ago;
use crate::support::command::Finished;
use crate::support::s3_server::RequestKind;

/// The verdicts by place and check. URLs are left out of places.
fn verdicts(finished: &Finished) -> BTreeMap<String, String> {
    let result: Value = serde_json::from_str(&finished.stdout).unwrap();
    let findings = result["findings"].as_array().unwrap().iter();
    let verdicts = findings.map(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        let place = text("place");
        let place = place.split(" s3:").next().unwrap_or_default();
        let place = place.split(" file:").next().unwrap_or_default();
        (format!("{place}: {}", text("check")), text("verdict"))
    });
    verdicts.collect()
}

fn failed(finished: &Finished) -> Vec<String> {
    let verdicts = verdicts(finished).into_iter();
    let failed = verdicts.filter(|(_, verdict)| verdict == "fail");
    failed.map(|(check, _)| check).collect()
}

/// The objects that were written below the output.
fn written(bucket: &Bucket) -> Vec<String> {
    let mut keys = bucket.server.keys(RequestKind::Put);
    keys.retain(|key| key.starts_with("out/"));
    keys
}

#[tokio::test]
async fn a_bucket_that_is_fit_passes_and_keeps_nothing_of_it() {
    let bucket = Bucket::with_history_of(40, 1).await;
    let finished = bucket.call("doctor", days_ago(0));
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let verdicts = verdicts(&finished);
    for check in [
        "job: SQL pack",
        "output: clock",
        "output: conditional writes",
        "output: deleting",
        "output: listing",
        "output: reading",
        "source orders: days",
        "source engagement: reading",
        "inputs of a night: files",
    ] {
        assert_eq!(
            verdicts.get(check).map(String::as_str),
            Some("pass"),
            "{check}: {finished:?}"
        );
    }
    let written = written(&bucket);
    assert!(!written.is_empty());
    for key in written {
        assert!(key.starts_with("out/probe-"), "{key}");
        let left = bucket.server.store().head(&Path::from(key)).await;
        left.unwrap_err();
    }
}

#[tokio::test]
async fn a_store_that_would_lose_commits_is_refused_before_anything_is_written() {
    let bucket = Bucket::with_history_of(40, 1).await;
    bucket.server.ignore_conditions();
    let told = "creates an object that is there already, or knows no conditional writes";
    let night = bucket.call("run", days_ago(0));
    assert_eq!(night.exit_code, 2, "{night:?}");
    assert!(night.stderr.contains(told), "{night:?}");
    let written = written(&bucket);
    assert!(
        written.iter().all(|key| key.starts_with("out/probe-")),
        "{written:?}"
    );

    let doctor = bucket.call("doctor", days_ago(0));
    assert_eq!(doctor.exit_code, 3, "{doctor:?}");
    assert_eq!(failed(&doctor), ["output: conditional writes"]);
}

#[tokio::test]
async fn a_store_is_tried_in_the_first_night_alone() {
    let bucket = Bucket::with_history_of(40, 1).await;
    bucket.run(days_ago(1));
    bucket.server.reset_requests();
    bucket.run(days_ago(0));
    let written = written(&bucket);
    assert!(
        !written.iter().any(|key| key.contains("probe-")),
        "{written:?}"
    );
}

/// Each is mended as it is told, and then all is well.
#[test]
fn what_keeps_nights_from_running_is_told_beforehand() {
    let project = Project::new().publish("2026-03-05");
    let doctor = || {
        project.call(&[
            "doctor",
            "job.toml",
            "--output",
            "json",
            "--date",
            "2026-03-06",
        ])
    };
    let before = files_below(&project.path(""));
    let fit = doctor();
    assert_eq!(fit.exit_code, 0, "{fit:?}");
    assert_eq!(verdicts(&fit)["tables: commits"], "pass", "{fit:?}");
    assert!(
        before == files_below(&project.path("")),
        "something is changed"
    );

    let job = project.path("job.toml");
    let text = fs::read_to_string(&job).unwrap();
    let engine = "\n[engine]\nmemory_limit_mib = 900000000\n";
    fs::write(&job, format!("{text}{engine}")).unwrap();
    let table = project.path("output/tables/tier_snapshot");
    let snapshots = files_below(&table).into_keys();
    let mut snapshots =
        snapshots.filter(|path| path.extension().is_some_and(|end| end == "parquet"));
    fs::remove_file(table.join(snapshots.next().unwrap())).unwrap();
    let orders = project.path(&file_of("orders", 6));
    let delivered = fs::read(&orders).unwrap();
    fs::write(&orders, "no Parquet").unwrap();
    let unfit = doctor();
    assert_eq!(unfit.exit_code, 3, "{unfit:?}");
    let expected = [
        "inputs of a night: files",
        "machine: memory",
        "tables: files",
    ];
    assert_eq!(failed(&unfit), expected, "{unfit:?}");
    for remedy in [
        "lower memory_limit_mib under [engine] to 60 % of it, or leave it out",
        "`tierline backfill --affected` makes these dates again",
    ] {
        assert!(unfit.stdout.contains(remedy), "{remedy}: {unfit:?}");
    }

    fs::write(&job, &text).unwrap();
    fs::write(&orders, delivered).unwrap();
    let affected = project.call(&["backfill", "job.toml", "--affected"]);
    assert_eq!(affected.exit_code, 0, "{affected:?}");
    let remedy = "raise memory_limit_mib under [engine] to 256 or more: a night of some thousand users needs it";
    for (limit, is_told) in [(255, true), (256, false)] {
        let engine = format!("\n[engine]\nmemory_limit_mib = {limit}\n");
        fs::write(&job, format!("{text}{engine}")).unwrap();
        let fit = doctor();
        assert_eq!(fit.exit_code, 0, "{fit:?}");
        assert_eq!(fit.stdout.contains(remedy), is_told, "{fit:?}");
    }
}

#[test]
fn a_source_that_is_not_there_and_a_pack_with_problems_are_told() {
    let project = Project::new()
        .edit("job.toml", "data/orders", "data/order")
        .edit("sql/tiers/value_tier.sql", "SELECT", "SELECTED");
    let unfit = project.call(&["doctor", "job.toml", "--output", "json"]);
    assert_eq!(
        failed(&unfit),
        ["job: SQL pack", "source orders: days"],
        "{unfit:?}"
    );
    for remedy in [
        "`tierline check` shows the lines",
        "check `url` of the source, and the permission to list it",
    ] {
        assert!(unfit.stdout.contains(remedy), "{remedy}: {unfit:?}");
    }
}

#[test]
fn an_output_is_of_one_job() {
    let project = Project::new().publish("2026-03-05");
    let text = fs::read_to_string(project.path("job.toml")).unwrap();
    let project = project.write("trial.toml", &text);
    let run = |job: &str| project.call(&["run", job, "--date", "2026-03-06"]);
    let refused = run("trial.toml");
    assert_eq!(refused.exit_code, 2, "{refused:?}");
    let told = "and this is job `trial`: give this job an output of its own; if it is the same job by another name, write name = \"job\" in its file, or remove that record";
    assert!(refused.stderr.contains(told), "{refused:?}");
    fs::write(
        project.path("trial.toml"),
        format!("name = \"job\"\n{text}"),
    )
    .unwrap();
    assert_eq!(run("trial.toml").exit_code, 0);

    let record = project.path("output/output.json");
    fs::write(&record, "{}").unwrap();
    let refused = run("job.toml");
    assert_eq!(refused.exit_code, 3, "{refused:?}");
    let told = "restore it from a copy, or remove it, and the next run makes it again";
    assert!(refused.stderr.contains(told), "{refused:?}");
    fs::remove_file(&record).unwrap();
    assert_eq!(run("job.toml").exit_code, 0);
    assert!(record.exists());
}

/// A run that was killed before it wrote them, and one that comes late.
#[test]
fn views_are_those_of_the_newest_publication() {
    let project = Project::new().publish("2026-03-05");
    let newest = project.path("output/views/newest.json");
    let kept = || -> Value { serde_json::from_slice(&fs::read(&newest).unwrap()).unwrap() };
    let first = kept();
    assert_eq!(first["sequence"], 1);
    assert_eq!(first["tables"]["publications"]["version"], 1);
    fs::remove_dir_all(project.path("output/views")).unwrap();
    let project = project.publish("2026-03-05");
    assert_eq!(kept(), first);
    // No publication has this number: the tables were restored from a copy of before.
    let mut lost = first;
    lost["sequence"] = 99.into();
    fs::write(&newest, lost.to_string()).unwrap();
    let _project = project.publish("2026-03-06");
    assert_eq!(kept()["sequence"], 2);
}

/// Users beyond the capacity would be in no list, and so in a mailing.
#[test]
fn a_night_refuses_what_check_refuses_of_actions() {
    let project = Project::new().edit(
        "sql/reference/actions.csv",
        "leave_alone,20,none,,",
        "leave_alone,20,none,5,",
    );
    let refused = project.call(&["run", "job.toml", "--date", "2026-03-05"]);
    assert_eq!(refused.exit_code, 2, "{refused:?}");
    assert!(
        refused.stderr.contains("leave the capacity empty"),
        "{refused:?}"
    );
}
