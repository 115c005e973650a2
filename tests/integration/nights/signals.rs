//! Signals and limits on the real binary: whatever it is doing, readers' view stays as it was, nothing of
//! the night is left in the tables or in the scratch folder, and the next run is like any other.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::bad_input::project::{Project, files_below};

/// A run of a night, on its way.
struct Running {
    child: Child,
    result: PathBuf,
    scratch: TempDir,
}

impl Running {
    fn begin(project: &Project) -> Self {
        let scratch = TempDir::new().unwrap();
        let result = scratch.path().join("result.json");
        let child = Command::new(env!("CARGO_BIN_EXE_tierline"))
            .args(["run", "job.toml", "--date", "2026-03-06", "--result-file"])
            .arg(&result)
            .current_dir(project.path(""))
            .env("TMPDIR", scratch.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self {
            child: child.unwrap(),
            result,
            scratch,
        }
    }

    fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// The exit code, where the process was not killed, and what the result says, which is all that
    /// may be left.
    fn end(mut self) -> (Option<i32>, Value) {
        let code = self.child.wait().unwrap().code();
        let result = fs::read_to_string(&self.result);
        let result = result.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
        let left = files_below(self.scratch.path()).into_keys();
        let left: Vec<PathBuf> = left.filter(|path| !path.ends_with("result.json")).collect();
        assert_eq!(left, Vec::<PathBuf>::new());
        (code, result)
    }
}

/// A test that fails leaves no run behind.
impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        self.child.wait().unwrap();
    }
}

fn tables(project: &Project) -> BTreeMap<PathBuf, Vec<u8>> {
    files_below(&project.path("output/tables"))
}

/// Waits until something is there.
fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "{path:?} does not come"
        );
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_signal_leaves_what_was_published_and_nothing_else() {
    let project = Project::new().publish("2026-03-05");
    let before = tables(&project);
    let mut ended = 0;
    for step in 0.. {
        let running = Running::begin(&project);
        sleep(Duration::from_millis(200 * step));
        let (signal, code, status) = match step % 2 {
            0 => ("-TERM", 143, "terminated"),
            _ => ("-INT", 130, "interrupted"),
        };
        running.send(signal);
        let (found, result) = running.end();
        // Before signals are heeded one ends the process by itself.
        if found.is_none() {
            continue;
        }
        if found == Some(0) {
            assert_eq!(result["status"], "published", "{result}");
            break;
        }
        assert_eq!(
            (found, &result["status"]),
            (Some(code), &status.into()),
            "{result}"
        );
        let error = result["error"].as_str().unwrap();
        assert!(
            error.contains("readers still see what was published before"),
            "{error}"
        );
        assert_eq!(
            tables(&project).keys().collect::<Vec<_>>(),
            before.keys().collect::<Vec<_>>(),
            "after {step} steps"
        );
        ended += 1;
    }
    assert!(ended > 0, "no run was ended by a signal");
    let twin = Project::new().publish("2026-03-05").publish("2026-03-06");
    // The run's name depends on the files of the sources, which are others.
    let shown = |project: &Project| {
        let shown = project.call(&["show", "job.toml"]).stdout;
        let lines = shown.lines().filter(|line| !line.starts_with("run "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(shown(&project), shown(&twin));
}

/// A table of two thousand million rows: six users twelve times side by side.
fn with_endless_table(engine: &str) -> Project {
    // A join keeps the rows of its left side: those are six each.
    let rows = (1..12).rev().fold(
        String::from("publish.tier_snapshot AS u12"),
        |right, number| format!("publish.tier_snapshot AS u{number} CROSS JOIN ({right})"),
    );
    let sql = format!("SELECT MIN(u1.user_id) AS user_id, SUM(u12.user_id) AS n FROM {rows}\n");
    let sections = format!("\n[tables.endless]\nkey = [\"user_id\"]\n\n[engine]\n{engine}\n");
    Project::new()
        .write("sql/publish/endless.sql", &sql)
        .append("job.toml", &sections)
}

#[test]
fn a_query_without_an_end_is_given_up_when_its_time_is_up() {
    let project = with_endless_table("time_limit = \"10 seconds\"");
    let begun = Instant::now();
    let (code, result) = Running::begin(&project).end();
    assert_eq!(
        (code, &result["status"]),
        (Some(124), &"timed_out".into()),
        "{result}"
    );
    assert_eq!(
        result["error"],
        "ended by `time_limit` under [engine], which is 10s, while computing `endless`; readers still see what was published before"
    );
    let seconds = begun.elapsed().as_secs();
    assert!(seconds < 30, "it took {seconds} s");
    assert_eq!(tables(&project), BTreeMap::new());
}

#[test]
fn memory_that_is_used_up_is_named_by_its_setting() {
    let project = with_endless_table("memory_limit_mib = 1");
    let (code, result) = Running::begin(&project).end();
    assert_eq!((code, &result["status"]), (Some(1), &"failed".into()));
    let error = result["error"].as_str().unwrap();
    assert!(
        error.contains("failed: the memory of queries is used up, 1024.0 KB")
            && error.ends_with("; raise `memory_limit_mib` under [engine] as far as the machine allows, lower `threads`, which share it, or let the SQL join and sort fewer rows"),
        "{error}"
    );
    assert_eq!(tables(&project), BTreeMap::new());
}

#[test]
fn a_query_without_an_end_is_given_up() {
    let project = with_endless_table("");
    let running = Running::begin(&project);
    // Nothing that follows takes so long.
    wait_for(&project.path("output/tables/tier_snapshot"));
    sleep(Duration::from_secs(3));
    let sent = Instant::now();
    running.send("-TERM");
    let (code, result) = running.end();
    assert_eq!(
        (code, &result["status"]),
        (Some(143), &"terminated".into()),
        "{result}"
    );
    let seconds = sent.elapsed().as_secs();
    assert!(seconds < 20, "it took {seconds} s");
    assert_eq!(tables(&project), BTreeMap::new());
}
