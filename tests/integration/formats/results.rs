//! The results that `--output json` prints, which schedulers and other programs read: every field
//! that a result may have, and every word that its status may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use tierline::backfill::{BackfillReport, DateLeft};
use tierline::ground::{AirflowTask, Execution, FailureKind, Retry};
use tierline::night::{Alert, Failure, ReadersSee, Report, RowCount, Status, TableReport};
use tierline::plan::HeldInTiles;

use super::fixtures::path;
use super::form::{Kept, form};
use super::newest;

/// The objects of results whose keys are names of tables, dimensions, directions or stages.
const MAPS: [&str; 4] = ["tables", "moves", "moves.*", "seconds"];

/// The maps of the nights in a result.
const NIGHTS: [&str; 3] = ["nights[]", "left[].night", "failed_night"];

fn form_of(result: &Value) -> BTreeSet<String> {
    let of_nights = NIGHTS
        .iter()
        .flat_map(|night| MAPS.map(|map| format!("{night}.{map}")));
    let maps: Vec<String> = of_nights.chain(MAPS.map(str::to_owned)).collect();
    form(result, &maps)
}

fn kept(fixture: &str) -> Value {
    let path = path(&format!("results/{}/{fixture}.json", newest("results")));
    let text = fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// Fails when a result lacks fields that the result of such a call always has, or has fields that
/// no result of its kind ever had.
pub(super) fn assert_result(fixture: &str, every_field: Option<&str>, result: &Value) {
    let always = form_of(&kept(fixture));
    let mut kept_form = Kept::of(of_results(fixture), always, |field| {
        !field.contains(['[', '*'])
    });
    kept_form.may.extend(
        every_field
            .into_iter()
            .flat_map(|fixture| form_of(&kept(fixture))),
    );
    kept_form.assert_form(&form_of(result));
}

fn of_results(fixture: &str) -> String {
    format!("results/{}/{fixture}.json", newest("results"))
}

/// Fails when a result is not that of a fixture.
fn assert_same(fixture: &str, result: &Value) {
    let kept = kept(fixture);
    Kept::of(of_results(fixture), form_of(&kept), |_| true).assert_form(&form_of(result));
    assert_eq!(kept, *result, "{fixture}");
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn of_one<V>(key: &str, value: V) -> BTreeMap<String, V> {
    BTreeMap::from([(text(key), value)])
}

fn execution() -> Execution {
    Execution {
        id: text("0b0c5dc5-5b12-4f1f-9f5b-6f4f6f0a3c11"),
        airflow: Some(AirflowTask {
            dag_id: text("tierline"),
            dag_run_id: Some(text("scheduled__2026-11-21T02:30:00+00:00")),
            task_id: Some(text("night")),
            try_number: Some(text("1")),
        }),
    }
}

/// A run of which everything is told that ever is.
fn run() -> Report {
    let mut report = Report::default();
    report.status = Status::Failed(FailureKind::Blocked);
    report.error = Some(text("audit `keys` found 1 row"));
    report.failure = Some(Failure {
        stage: Some(text("audits")),
        retry: Retry::No,
        to_do: FailureKind::Blocked.to_do(),
    });
    report.readers_see = Some(ReadersSee {
        snapshot_date: text("2026-11-19"),
        run_id: text("2026-11-19-81fb40b71f30"),
    });
    report.execution = Some(execution());
    report.snapshot_date = Some(text("2026-11-20"));
    report.previous_snapshot_date = Some(text("2026-11-19"));
    report.run_id = Some(text("2026-11-20-57c88436396c"));
    report.cutpoints_id = Some(text("2026-11-01-v1"));
    report.calibrated = true;
    report.kept_by_hand = true;
    let table = TableReport {
        rows: 12,
        version: 3,
    };
    report.tables = of_one("tier_snapshot", table);
    report.repaired = vec![text("tier_current")];
    report.moves = of_one("value_tier", of_one("up", 7));
    report.alerts = vec![Alert {
        alert: text("ltv_to_cac"),
        severity: text("warning"),
        value: 1.25,
        threshold: 1.5,
        message: text("users cost more than they bring"),
    }];
    report.tiles_built = 2;
    report.tiles_reused = 40;
    report.bytes_read = 1_024;
    report.bytes_written = 512;
    report.get_requests = 9;
    report.list_requests = 4;
    report.put_requests = 5;
    report.seconds = of_one("tiles", 0.25);
    report.rejected = vec![RowCount {
        source: text("orders"),
        day: text("2026-11-20"),
        reason: text("null_time"),
        rows: 3,
    }];
    report.warnings = vec![text("the status `refunded` is not known")];
    report.held_in_tiles = vec![HeldInTiles {
        source: text("orders"),
        from: text("2026-07-01"),
        until: text("2026-07-31"),
        days: 31,
    }];
    report.output = Some(text("s3://bucket/tierline"));
    report
}

#[test]
fn result_of_a_run_keeps_its_fields() {
    let result: Value = serde_json::from_str(&run().to_json()).unwrap();
    assert_same("run-every-field", &result);
}

#[test]
fn result_of_a_backfill_keeps_its_fields() {
    let report = BackfillReport {
        status: Status::Failed(FailureKind::InputsNotReady),
        error: Some(text("orders has no partition of 2026-11-21")),
        failure: Some(Failure {
            stage: None,
            retry: Retry::Later,
            to_do: FailureKind::InputsNotReady.to_do(),
        }),
        execution: Some(execution()),
        nights_planned: 3,
        notes: vec![text("2026-11-20 is restated by its own rules")],
        nights: vec![run()],
        left: vec![DateLeft {
            snapshot_date: text("2026-11-19"),
            reason: text("its days have expired"),
            night: Some(Box::new(run())),
        }],
        failed_night: Some(run()),
    };
    let result: Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_same("backfill-every-field", &result);
}

#[test]
fn status_of_a_result_keeps_its_words() {
    let failures = [
        FailureKind::Unexpected,
        FailureKind::Usage,
        FailureKind::Blocked,
        FailureKind::InputsNotReady,
        FailureKind::Conflict,
    ];
    let statuses = [
        Status::Published,
        Status::Replaced,
        Status::Repaired,
        Status::AlreadyPublished,
    ];
    let statuses = statuses.into_iter().chain(failures.map(Status::Failed));
    let words: Vec<&str> = statuses.map(Status::as_str).collect();
    assert_same("statuses", &json!(words));
}
