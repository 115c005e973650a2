//! The result for machines, and the exit codes that schedulers act on.

use serde_json::Value;

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
const FIELDS: [&str; 20] = [
    "bytes_read",
    "bytes_written",
    "calibrated",
    "cutpoints_id",
    "get_requests",
    "kept_by_hand",
    "list_requests",
    "moves",
    "output",
    "previous_snapshot_date",
    "put_requests",
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
