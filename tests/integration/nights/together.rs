//! Two commands at once, each a process of its own: whoever loses says so and may be run again, and in the
//! end everything is as if they had come one after the other.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::bad_input::project::Project;

/// The commands of a pair, as they are typed.
type Pair = [&'static str; 2];

/// The published dates.
const DATES: [&str; 3] = ["2026-03-04", "2026-03-05", "2026-03-06"];

/// The exit code of a command that another was faster than.
const CONFLICT: i32 = 5;

fn begin(project: &Project, command: &str) -> Child {
    let (name, rest) = command.split_once(' ').unwrap();
    Command::new(env!("CARGO_BIN_EXE_tierline"))
        .args([name, "job.toml"])
        .args(rest.split(' '))
        .current_dir(project.path(""))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn call(project: &Project, command: &str) {
    let (name, rest) = command.split_once(' ').unwrap();
    let arguments: Vec<&str> = [name, "job.toml"]
        .into_iter()
        .chain(rest.split(' '))
        .collect();
    let finished = project.call(&arguments);
    assert_eq!(finished.exit_code, 0, "{command}: {finished:?}");
}

/// A project that need not calibrate: on its first days it has too few users for that.
fn project() -> Project {
    let cut_points = "\n[calibration]\nrecency_days = [0, 1, 2, 3]\norders_365d = [1, 2, 3, 4]\nrevenue_365d = [\"10\", \"20\", \"30\", \"40\"]\n";
    Project::new()
        .append("job.toml", cut_points)
        .publish("2026-03-04")
}

/// Runs both at once, and those again that lost.
fn together(project: &Project, pair: Pair) {
    let children = pair.map(|command| begin(project, command));
    let codes = children.map(|mut child| child.wait().unwrap().code());
    assert!(codes.contains(&Some(0)), "{pair:?}: {codes:?}");
    for (command, code) in pair.iter().zip(codes) {
        match code {
            Some(0) => {}
            Some(CONFLICT) => call(project, command),
            other => panic!("{command}: {other:?}"),
        }
    }
}

/// What readers find: each published date of the snapshot, and the newest state.
fn published(project: &Project, dates: &[&str]) -> Vec<String> {
    let doctor = project.call(&["doctor", "job.toml", "--output", "json"]);
    assert_eq!(doctor.exit_code, 0, "{doctor:?}");
    let result: Value = serde_json::from_str(&doctor.stdout).unwrap();
    let findings = result["findings"].as_array().unwrap().iter();
    let of_tables = findings.filter(|finding| finding["place"] == "tables");
    for finding in of_tables {
        assert_eq!(finding["verdict"], "pass", "{finding}");
    }
    let export = |table: &str, date: Option<&str>| {
        let without_run =
            "user_id,value_tier,lifecycle_stage,orders_lifetime,revenue_365d,snapshot_date";
        let mut arguments = vec!["export", "job.toml", "--format", "csv", "--table", table];
        arguments.extend(["--columns", without_run]);
        arguments.extend(date.into_iter().flat_map(|date| ["--date", date]));
        let finished = project.call(&arguments);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        finished.stdout
    };
    let dated = dates.iter();
    let dated: Vec<String> = dated
        .map(|date| export("tier_snapshot", Some(date)))
        .collect();
    let current = export("tier_current", None);
    assert_eq!(
        Some(&current),
        dated.last(),
        "the newest date is the current one"
    );
    dated
}

#[test]
fn two_at_once_leave_what_one_after_the_other_leaves() {
    let pairs: [Pair; 4] = [
        ["run --date 2026-03-06", "run --date 2026-03-06"],
        ["run --date 2026-03-05", "run --date 2026-03-06"],
        [
            "run --date 2026-03-06",
            "backfill --from 2026-03-04 --to 2026-03-05",
        ],
        ["run --date 2026-03-06", "maintain --yes"],
    ];
    // Whatever came first, dates in their order are as if they had been run in it.
    let in_order = "backfill --from 2026-03-04 --to 2026-03-06";
    let expected = {
        let project = project();
        call(&project, in_order);
        published(&project, &DATES)
    };
    for pair in pairs {
        let project = project();
        together(&project, pair);
        call(&project, in_order);
        call(&project, "backfill --affected");
        assert_eq!(published(&project, &DATES), expected, "{pair:?}");
    }
}

#[test]
fn cut_points_that_are_kept_while_a_night_runs_are_those_of_later_nights() {
    let project = Project::new().publish("2026-03-05");
    together(
        &project,
        ["run --date 2026-03-06", "calibrate --date 2026-03-06 --yes"],
    );
    call(&project, "run --date 2026-03-06");
    published(&project, &DATES[1..]);
}
