//! A small project that works: a job, the built-in pack as `tierline init` writes it, and a few
//! rows. A test breaks it in one place and reads what is said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::thread;

use tempfile::TempDir;

use super::lake::{LAST_DAY, Rows, file_of};
use crate::support::command::{Finished, Redactions, Tierline};

const JOB: &str = r#"version = 1
timezone = "UTC"
output = "output"
sql = "sql"

[sources.orders]
url = "data/orders"

[sources.engagement]
url = "data/engagement"
"#;

/// The files of the project by path, made once and written out for each test.
static FILES: LazyLock<BTreeMap<PathBuf, Vec<u8>>> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let init = Tierline::new().args(["init"]).args([folder.path()]).run();
    assert_eq!(init.exit_code, 0, "{init:?}");
    std::fs::write(folder.path().join("job.toml"), JOB).unwrap();
    for day in 1..=LAST_DAY {
        Rows::orders(day).write(&folder.path().join(file_of("orders", day)));
        Rows::engagement(day).write(&folder.path().join(file_of("engagement", day)));
    }
    files_below(folder.path())
});

/// A project of one test.
pub(crate) struct Project {
    folder: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Project {
    /// The project that works.
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let project = Self {
            folder,
            environment: Vec::new(),
        };
        for (path, contents) in &*FILES {
            project.put(path, contents);
        }
        project
    }

    /// Replaces a text that stands once or more in a file, at its first place.
    pub(crate) fn edit(self, path: &str, from: &str, to: &str) -> Self {
        let text = std::fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(from), "{path} has no `{from}`");
        self.write(path, &text.replacen(from, to, 1))
    }

    /// Writes a file.
    pub(crate) fn write(self, path: &str, text: &str) -> Self {
        self.put(Path::new(path), text.as_bytes());
        self
    }

    /// Adds to the end of a file.
    pub(crate) fn append(self, path: &str, text: &str) -> Self {
        let before = std::fs::read_to_string(self.path(path)).unwrap();
        self.write(path, &format!("{before}{text}"))
    }

    /// Puts other rows into the file of a source and day.
    pub(crate) fn deliver(self, source: &str, day: u32, rows: &Rows) -> Self {
        rows.write(&self.path(&file_of(source, day)));
        self
    }

    /// Takes the file of a source and day away.
    pub(crate) fn withhold(self, source: &str, day: u32) -> Self {
        std::fs::remove_file(self.path(&file_of(source, day))).unwrap();
        self
    }

    /// Sets variables for every call.
    pub(crate) fn environment(mut self, variables: Vec<(&'static str, String)>) -> Self {
        self.environment = variables;
        self
    }

    /// What `tierline check` says.
    pub(crate) fn check(&self) -> String {
        self.said(&self.call(&["check", "job.toml"]))
    }

    /// What the run of the last night says, which must leave the output as it was. Tiles,
    /// records and what was found in rows may come: nobody reads them until a publication asks for them.
    pub(crate) fn refused_run(&self) -> String {
        self.refused_run_with(&[])
    }

    /// As [`refused_run`](Self::refused_run), with more arguments.
    pub(crate) fn refused_run_with(&self, more: &[&str]) -> String {
        let published = || {
            let mut files = files_below(&self.path("output"));
            let unasked = ["tiles", "sources", "rules", "quarantine", "output.json"];
            files.retain(|path, _| !unasked.iter().any(|folder| path.starts_with(folder)));
            files
        };
        let before = published();
        let arguments = [&["run", "job.toml", "--date", "2026-03-06"], more].concat();
        let finished = self.call(&arguments);
        assert_ne!(finished.exit_code, 0, "{finished:?}");
        let after = published();
        assert!(before == after, "a refused run changed the output");
        self.said(&finished)
    }

    /// Runs a night, which must succeed.
    pub(crate) fn publish(self, date: &str) -> Self {
        let finished = self.call(&["run", "job.toml", "--date", date]);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        self
    }

    /// Calls `tierline` in the project's folder.
    pub(crate) fn call(&self, arguments: &[&str]) -> Finished {
        Tierline::new()
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .args(arguments)
            .run()
    }

    /// The exit code, stdout and stderr, without what differs from run to run. No user may be
    /// named.
    pub(crate) fn said(&self, finished: &Finished) -> String {
        let redactions = Redactions::new().path(self.folder.path(), "[PROJECT]");
        let said = redactions.apply(&format!("{}{}", finished.stdout, finished.stderr));
        for user in 1001..=1006 {
            let named = said.contains(&user.to_string());
            assert!(!named, "a user is named: {said}");
        }
        format!("exit code {}\n\n{said}", finished.exit_code)
    }

    /// A path below the project.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    fn put(&self, relative: &Path, contents: &[u8]) {
        let path = self.folder.path().join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }
}

/// Tries each, several at once: each waits for a child most of the time. `failure_of` says what is
/// wrong with one.
pub(crate) fn all_hold<T: Sync>(tried: &[T], failure_of: impl Fn(&T) -> Option<String> + Sync) {
    let failures = tried.chunks(4).flat_map(|some| {
        thread::scope(|scope| {
            let failure_of = &failure_of;
            let tried = some.iter().map(|one| scope.spawn(move || failure_of(one)));
            let tried: Vec<_> = tried.collect();
            let failures = tried.into_iter().filter_map(|one| one.join().unwrap());
            failures.collect::<Vec<_>>()
        })
    });
    let failures: Vec<String> = failures.collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Every file below a folder, by its path there; none when there is no such folder.
pub(crate) fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(current).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder).unwrap().to_owned();
            files.insert(relative, std::fs::read(&path).unwrap());
        }
    }
    files
}
