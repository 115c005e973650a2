//! The result for machines, and the exit codes that schedulers act on.

use serde_json::Value;

use super::lake::Rows;
use super::project::Project;

const NIGHT: [&str; 6] = [
    "run",
    "job.toml",
    "--date",
    "2026-03-06",
    "--output",
    "json",
];

/// The fields of the result, whatever came of the run.
const FIELDS: [&str; 23] = [
    "alerts",
    "bytes_read",
    "bytes_written",
    "calibrated",
    "cutpoints_id",
    "execution",
    "get_requests",
    "kept_by_hand",
    "list_requests",
    "moves",
    "output",
    "previous_snapshot_date",
    "put_requests",
    "readers_see",
    "rejected",
    "run_id",
    "seconds",
    "snapshot_date",
    "status",
    "tables",
    "tiles_built",
    "tiles_reused",
    "warnings",
];

fn result_of(stdout: &str) -> Value {
    serde_json::from_str(stdout.lines().last().unwrap()).unwrap()
}

fn fields(result: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = result
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn night_is_told_as_one_json_object_and_once() {
    let project = Project::new();
    let first = project.call(&[&NIGHT[..], &["--result-file", "result.json"]].concat());
    assert_eq!(first.exit_code, 0, "{first:?}");
    let result = result_of(&first.stdout);
    assert_eq!(fields(&result), FIELDS);
    assert_eq!(result["status"], "published");
    assert_eq!(result["snapshot_date"], "2026-03-06");
    assert_eq!(result["tables"]["tier_snapshot"]["rows"], 6);
    let in_file = std::fs::read_to_string(project.path("result.json")).unwrap();
    assert_eq!(result_of(&in_file), result);

    let again = project.call(&NIGHT);
    assert_eq!(again.exit_code, 0, "{again:?}");
    let repeated = result_of(&again.stdout);
    assert_eq!(fields(&repeated), FIELDS);
    assert_eq!(repeated["status"], "already_published");
    for field in ["snapshot_date", "run_id", "cutpoints_id", "tables"] {
        assert_eq!(repeated[field], result[field], "{field}");
    }
    assert_eq!(repeated["bytes_written"], 0);

    let skipped = project.call(&[&NIGHT[..], &["--skip-exit-code"]].concat());
    assert_eq!(skipped.exit_code, 99);
    let as_text = project.call(&NIGHT[..4]);
    assert!(
        as_text
            .stdout
            .contains("already published from identical inputs"),
        "{as_text:?}"
    );
}

#[test]
fn failure_is_told_as_json_too() {
    let project = Project::new().withhold("orders", 6);
    let arguments = [
        &NIGHT[..],
        &["--result-file", "result.json", "--skip-exit-code"],
    ]
    .concat();
    let finished = project.call(&arguments);
    assert_eq!(finished.exit_code, 4);
    let result = result_of(&finished.stdout);
    assert_eq!(result["status"], "inputs_not_ready");
    assert_eq!(result["snapshot_date"], "2026-03-06");
    let error = result["error"].as_str().unwrap();
    assert!(error.contains("source `orders` has no files"), "{error}");
    let in_file = std::fs::read_to_string(project.path("result.json")).unwrap();
    assert_eq!(result_of(&in_file), result);
}

#[test]
fn refused_job_is_told_as_json_too() {
    let project = Project::new().edit("job.toml", "version = 1", "version = 99");
    let finished = project.call(&NIGHT);
    assert_eq!(finished.exit_code, 2);
    let result = result_of(&finished.stdout);
    assert_eq!(result["status"], "refused");
    assert_eq!(result["snapshot_date"], Value::Null);
    let error = result["error"].as_str().unwrap();
    assert!(
        error.contains("job file version 99 is not known"),
        "{error}"
    );
}

/// Whoever collects the log as JSON gets what ended the command so, too, with the execution that it is of.
#[test]
fn what_is_said_on_stderr_is_json_where_the_log_is() {
    let project = Project::new().edit("job.toml", "version = 1", "version = 99");
    let withheld = Project::new().withhold("orders", 6);
    for (project, place) in [(project, Some("job.toml:1:11")), (withheld, None)] {
        let finished = project.call(&[&NIGHT[..], &["--log-format", "json"]].concat());
        let lines = finished.stderr.lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let execution = &result_of(&finished.stdout)["execution"]["id"];
        assert!(!lines.is_empty());
        for line in &lines {
            assert_eq!(&line["spans"][0]["execution_id"], execution, "{line}");
        }
        let last = lines.last().unwrap();
        assert_eq!(last["level"], "ERROR");
        assert_eq!(last["place"].as_str(), place, "{last}");
    }
}

/// A night that an audit blocks, with a row that staging leaves out and one that it remarks on.
fn blocked() -> Project {
    let audit = "SELECT orders_lifetime FROM publish.tier_snapshot WHERE orders_lifetime > 5\n";
    Project::new()
        .deliver(
            "engagement",
            5,
            &Rows::engagement(5).with_text("event_type", "like"),
        )
        .deliver(
            "engagement",
            6,
            &Rows::engagement(6).with_text("event_type", "wink"),
        )
        .edit(
            "sql/staging/engagement.sql",
            "WHEN events.user_id IS NULL",
            "WHEN events.event_type = 'like' THEN 'a_like'\n        WHEN events.user_id IS NULL",
        )
        .write("sql/audits/no_big_orders.sql", audit)
}

#[test]
fn blocked_night_tells_what_it_found() {
    let project = blocked();
    let finished = project.call(&NIGHT[..4]);
    assert_eq!(finished.exit_code, 3, "{finished:?}");
    assert!(finished.stderr.contains("an audit blocked publication"));
    insta::assert_snapshot!(finished.stdout, @"
    this run of 2026-03-06 published nothing; what it found:
    rows left out: 1
      engagement of 2026-03-05: 1 a_like
    warning: engagement: unknown event types count as passive: wink (1 row on 2026-03-06)
    ");
}

/// The tiles are stored all the same, and no later run reads their days again.
#[test]
fn what_was_found_is_told_when_no_cut_points_can_be_made() {
    let project = blocked().withhold("orders", 1).withhold("orders", 2);
    let finished = project.call(&NIGHT[..4]);
    assert_eq!(finished.exit_code, 3, "{finished:?}");
    assert!(finished.stderr.contains("cannot calibrate"), "{finished:?}");
    assert!(finished.stdout.contains("1 a_like"), "{finished:?}");
}

#[test]
fn a_day_that_was_not_delivered_is_told() {
    let project = Project::new().withhold("engagement", 3);
    let finished = project.call(&NIGHT[..4]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let told = "warning: source `engagement` has no files for 2026-03-03\n";
    assert!(finished.stdout.contains(told), "{finished:?}");
}

#[test]
fn findings_of_a_blocked_night_are_in_the_result_too() {
    let project = blocked();
    let finished = project.call(&[&NIGHT[..], &["--result-file", "result.json"]].concat());
    assert_eq!(finished.exit_code, 3, "{finished:?}");
    let result = result_of(&finished.stdout);
    assert_eq!(result["status"], "blocked");
    assert_findings(&result);
    assert!(result["run_id"].is_string(), "{result}");
    assert!(result["bytes_read"].as_u64() > Some(0), "{result}");
    for unpublished in ["tables", "moves"] {
        assert_eq!(result[unpublished], serde_json::json!({}));
    }
    let in_file = std::fs::read_to_string(project.path("result.json")).unwrap();
    assert_eq!(result_of(&in_file), result);
}

/// Whoever reads the file would read that of another run; the date is published all the same.
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let project = Project::new();
    let to_nowhere = ["--result-file", "nowhere/result.json"];
    let finished = project.call(&[&NIGHT[..], &to_nowhere].concat());
    assert_eq!(finished.exit_code, 1, "{finished:?}");
    assert_eq!(result_of(&finished.stdout)["status"], "published");
    let told = "cannot write the result to `nowhere/result.json`; check the folder and the space left: what the command published stays published";
    assert!(finished.stderr.contains(told), "{finished:?}");
    let again = project.call(&NIGHT);
    assert_eq!(result_of(&again.stdout)["status"], "already_published");
}

/// Opening it would wait for a reader for ever.
#[cfg(unix)]
#[test]
fn a_result_is_not_written_to_a_named_pipe() {
    let project = Project::new();
    let pipe = project.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let finished = project.call(&[&NIGHT[..], &["--result-file", "pipe"]].concat());
    assert_eq!(finished.exit_code, 1, "{finished:?}");
    let told = "it is a named pipe, and has to be a file";
    assert!(finished.stderr.contains(told), "{finished:?}");
}

#[test]
fn findings_of_the_night_that_ends_a_backfill_are_told() {
    let backfill = [
        "backfill",
        "job.toml",
        "--from",
        "2026-03-06",
        "--to",
        "2026-03-06",
    ];
    let as_text = blocked().call(&backfill);
    assert_eq!(as_text.exit_code, 3, "{as_text:?}");
    insta::assert_snapshot!(as_text.stdout, @"
    this run of 2026-03-06 published nothing; what it found:
    rows left out: 1
      engagement of 2026-03-05: 1 a_like
    warning: engagement: unknown event types count as passive: wink (1 row on 2026-03-06)
    stopped at 2026-03-06, 1 of 1 night to go; the same command goes on from there
    ");

    let as_json = blocked().call(&[&backfill[..], &["--output", "json"]].concat());
    let result = result_of(&as_json.stdout);
    assert_eq!(result["status"], "blocked");
    assert_eq!(result["nights"], serde_json::json!([]));
    assert_eq!(result["failed_night"]["snapshot_date"], "2026-03-06");
    assert_findings(&result["failed_night"]);
}

fn assert_findings(night: &Value) {
    let rejected = serde_json::json!([
        {"source": "engagement", "day": "2026-03-05", "reason": "a_like", "rows": 1}
    ]);
    assert_eq!(night["rejected"], rejected);
    let warning = "engagement: unknown event types count as passive: wink (1 row on 2026-03-06)";
    assert_eq!(night["warnings"], serde_json::json!([warning]));
    assert!(night["seconds"]["audits"].is_number(), "{night}");
}
