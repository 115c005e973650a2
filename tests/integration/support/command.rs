//! The real binary as a child process, in an environment that holds only what the test gives.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use regex::Regex;
use tempfile::TempDir;

/// What a child needs of the surroundings: to find programs, a place for temporary files, and
/// where coverage goes when it is measured.
const INHERITED: [&str; 3] = ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"];

/// One call of `tierline`. Its HOME and, unless told otherwise, its current folder are an empty
/// folder that is gone after the call.
pub(crate) struct Tierline {
    command: Command,
    _home: TempDir,
}

/// What a call left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) exit_code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Tierline {
    /// A call without arguments.
    pub(crate) fn new() -> Self {
        Self::calling(env!("CARGO_BIN_EXE_tierline"))
    }

    fn calling(program: &str) -> Self {
        let home = TempDir::new().unwrap();
        let mut command = Command::new(program);
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", home.path()).current_dir(home.path());
        command.stdin(Stdio::null());
        Self {
            command,
            _home: home,
        }
    }

    /// Adds arguments.
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets variables, such as those of `S3Server::environment`.
    pub(crate) fn envs(
        mut self,
        variables: impl IntoIterator<Item = (impl AsRef<OsStr>, impl AsRef<OsStr>)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    /// Starts in `folder` instead of HOME.
    pub(crate) fn current_dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs to the end. A child that a signal killed fails the test.
    pub(crate) fn run(mut self) -> Finished {
        let output = self.command.output().unwrap();
        let exit_code = output.status.code();
        Finished {
            exit_code: exit_code.unwrap_or_else(|| panic!("the child was killed: {output:?}")),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Makes messages the same on every machine and run, for snapshots.
///
/// | in a message | becomes |
/// |---|---|
/// | a path given to `path` | the placeholder given with it |
/// | `http://127.0.0.1:40123` | `http://127.0.0.1:[PORT]` |
/// | `in 12.3ms` | `in [DURATION]` |
/// | `execution_id="0b0c5dc5-..."` | `execution_id=[ID]` |
#[derive(Default)]
pub(crate) struct Redactions {
    paths: Vec<(String, String)>,
}

impl Redactions {
    /// Ports and durations only.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Also replaces `path`, as it is written here and as the system resolves it.
    pub(crate) fn path(mut self, path: &Path, placeholder: &str) -> Self {
        let resolved = path.canonicalize().unwrap();
        for written in [path, &resolved] {
            let written = written.to_str().unwrap().to_owned();
            self.paths.push((written, placeholder.to_owned()));
        }
        self
    }

    /// `text` without what differs from run to run.
    pub(crate) fn apply(&self, text: &str) -> String {
        static PORT: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\b(127\.0\.0\.1|localhost):\d+").unwrap());
        static DURATION: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\bin \d+(\.\d+)?(ns|µs|ms|s)\b").unwrap());
        static EXECUTION: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r#"execution_id="[0-9a-f-]{36}""#).unwrap());
        let mut paths: Vec<_> = self.paths.iter().collect();
        // A folder must not be replaced within the path of what it holds.
        paths.sort_by_key(|(written, _)| std::cmp::Reverse(written.len()));
        let mut redacted = text.to_owned();
        for (written, placeholder) in paths {
            redacted = redacted.replace(written, placeholder);
        }
        let redacted = EXECUTION.replace_all(&redacted, "execution_id=[ID]");
        let redacted = PORT.replace_all(&redacted, "$1:[PORT]");
        DURATION
            .replace_all(&redacted, "in [DURATION]")
            .into_owned()
    }
}

/// A demo of few users and so many nights, the last of which is 2026-10-31.
pub(crate) fn demo_of(nights: &str, folder: &Path) -> Finished {
    let sizes = ["--users", "300", "--days", "100", "--nights", nights];
    let finished = Tierline::new()
        .args(["demo"])
        .args([folder])
        .args(sizes)
        .run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    finished
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn real_binary_is_called() {
        let finished = Tierline::new().args(["--help"]).run();
        assert_eq!(finished.exit_code, 0, "{finished:?}");
    }

    #[test]
    fn child_sees_only_what_the_test_gives() {
        let finished = Tierline::calling("env").envs([("AWS_REGION", "x")]).run();

        let lines = finished.stdout.lines();
        let names: BTreeSet<_> = lines.map(|line| line.split('=').next().unwrap()).collect();
        assert!(names.is_superset(&BTreeSet::from(["AWS_REGION", "HOME", "PATH"])));
        let allowed = BTreeSet::from_iter(INHERITED.into_iter().chain(["AWS_REGION", "HOME"]));
        assert!(names.is_subset(&allowed), "{names:?}");
    }

    #[test]
    fn exit_code_and_both_outputs_come_back() {
        let script = "echo result; echo 'some log' >&2; exit 3";
        let finished = Tierline::calling("sh").args(["-c", script]).run();

        let expected = Finished {
            exit_code: 3,
            stdout: "result\n".to_owned(),
            stderr: "some log\n".to_owned(),
        };
        assert_eq!(finished, expected);
    }

    #[test]
    fn child_starts_in_the_given_folder() {
        let folder = TempDir::new().unwrap();
        let finished = Tierline::calling("pwd").current_dir(folder.path()).run();

        let redactions = Redactions::new().path(folder.path(), "[JOB]");
        assert_eq!(redactions.apply(&finished.stdout), "[JOB]\n");
    }

    #[test]
    fn messages_lose_what_differs_from_run_to_run() {
        let folder = TempDir::new().unwrap();
        let output = folder.path().join("output");
        std::fs::create_dir(&output).unwrap();
        let redactions = Redactions::new()
            .path(folder.path(), "[TEMP]")
            .path(&output, "[OUTPUT]");
        let message = format!(
            "cannot read {}/a.toml, {}/b and http://127.0.0.1:40123/tierline in 12.3ms",
            folder.path().display(),
            output.display(),
        );

        insta::assert_snapshot!(
            redactions.apply(&message),
            @"cannot read [TEMP]/a.toml, [OUTPUT]/b and http://127.0.0.1:[PORT]/tierline in [DURATION]"
        );
    }
}
