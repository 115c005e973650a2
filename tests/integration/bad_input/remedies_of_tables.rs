//! The help texts about published tables and records that somebody has damaged, applied: each
//! damage to a copy of the same two nights, which a command names, and each way out of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::project::{Project, files_below};

/// Something done to the output, the command that meets it, what that says, and each way out with
/// the command that then succeeds.
struct Remedy {
    help: &'static str,
    damage: fn(&Output),
    command: Command,
    ways: &'static [Way],
}

type Command = &'static [&'static str];

/// What is done, and the command that then succeeds.
type Way = (fn(&Output), Command);

const NIGHT: Command = &["run", "job.toml", "--date", "2026-03-06"];
const SHOW: Command = &["show", "job.toml"];
const EARLIER: Command = &["run", "job.toml", "--date", "2026-03-04"];
/// The same night in a new output.
const ELSEWHERE: Command = &["run", "elsewhere.toml", "--date", "2026-03-06"];
const RECORD: &str = "last-publication.json";
const SNAPSHOT: &str = "tables/tier_snapshot";
const NEWEST_ROWS: &str = "tables/tier_snapshot/snapshot_date=2026-03-06";
const PREVIOUS_ROWS: &str = "tables/tier_snapshot/snapshot_date=2026-03-05";
const PUBLICATIONS: &str = "tables/publications";

/// A project of which two nights are published, and a copy of its output as somebody would have it.
struct Output {
    project: Project,
}

impl Output {
    fn published() -> Self {
        let project = Project::new();
        let job = std::fs::read_to_string(project.path("job.toml")).unwrap();
        let elsewhere = job.replace("\"output\"", "\"elsewhere\"");
        let project = project.write("elsewhere.toml", &elsewhere);
        let project = project.publish("2026-03-05").publish("2026-03-06");
        copy(&project.path("output"), &project.path("copy"));
        Self { project }
    }

    /// As it was when the copy was made.
    fn put_back(&self) {
        std::fs::remove_dir_all(self.project.path("output")).unwrap();
        copy(&self.project.path("copy"), &self.project.path("output"));
    }

    /// Damages it and tries every way out, each on a whole output.
    fn apply(&self, remedy: &Remedy) {
        let Remedy {
            help,
            damage,
            command,
            ways,
        } = remedy;
        for (way, (mend, succeeds)) in ways.iter().enumerate() {
            self.put_back();
            damage(self);
            let (exit_code, said) = self.call(command);
            let is_told = exit_code != 0 && said.contains(help);
            assert!(is_told, "`{help}` is not said: {said}");
            mend(self);
            let (exit_code, said) = self.call(succeeds);
            assert_eq!(exit_code, 0, "after way {way} of `{help}`: {said}");
        }
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.project.path("output").join(relative)
    }

    fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn remove(&self, relative: &str) {
        let path = self.path(relative);
        match path.is_dir() {
            true => std::fs::remove_dir_all(path).unwrap(),
            false => std::fs::remove_file(path).unwrap(),
        }
    }

    /// A file or a folder as it is in the copy.
    fn restore(&self, relative: &str) {
        let path = self.path(relative);
        if path.exists() {
            self.remove(relative);
        }
        copy(&self.project.path("copy").join(relative), &path);
    }

    /// The data file that the newest commit of a table added, or the one of a folder.
    fn newest_data_file(&self, folder: &str) -> String {
        if self.path(folder).join("_delta_log").exists() {
            let added = self.added(folder).remove(0);
            return format!("{folder}/{}", added["path"].as_str().unwrap());
        }
        let files = files_below(&self.path(folder));
        format!("{folder}/{}", files.keys().next().unwrap().display())
    }

    /// What the second commit of a table added.
    fn added(&self, table: &str) -> Vec<Value> {
        let newest = std::fs::read_to_string(self.path(&entry(table, 2))).unwrap();
        let actions = newest
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        actions
            .filter_map(|action| action.get("add").cloned())
            .collect()
    }

    /// A third commit, of another program.
    fn commit(&self, table: &str, operation: &str, actions: Vec<Value>) {
        let info = json!({"commitInfo": {"operation": operation}});
        let lines = [info].into_iter().chain(actions);
        let lines: Vec<String> = lines.map(|line| line.to_string()).collect();
        self.write(&entry(table, 3), &lines.join("\n"));
    }

    /// Another program takes the newest rows out of a table.
    fn delete_newest(&self, table: &str) {
        let gone = self.added(table);
        let gone = gone.iter().map(|added| removed(added, true)).collect();
        self.commit(table, "DELETE", gone);
    }

    /// Another program writes the newest rows of a table to other files, and counts none.
    fn rewrite_without_counts(&self, table: &str) {
        let mut actions = Vec::new();
        for mut added in self.added(table) {
            actions.push(removed(&added, false));
            let file = added["path"].as_str().unwrap().to_owned();
            copy(
                &self.path(table).join(&file),
                &self.path(table).join("theirs.parquet"),
            );
            added["path"] = "theirs.parquet".into();
            added["dataChange"] = false.into();
            added.as_object_mut().unwrap().remove("stats");
            actions.push(json!({ "add": added }));
        }
        self.commit(table, "OPTIMIZE", actions);
    }

    fn call(&self, command: &[&str]) -> (i32, String) {
        let finished = self.project.call(command);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        // Reads of other tables that are given up made a library panic.
        assert!(!said.contains("panicked"), "{said}");
        (finished.exit_code, said)
    }

    fn succeeds(&self, command: &[&str]) {
        let (exit_code, said) = self.call(command);
        assert_eq!(exit_code, 0, "{said}");
    }

    /// Other bytes in a file, as many as before.
    fn garble(&self, file: &str) {
        let path = self.path(file);
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(path, vec![0xff; length as usize]).unwrap();
    }
}

fn removed(added: &Value, is_change: bool) -> Value {
    json!({"remove": {
        "path": added["path"], "partitionValues": added["partitionValues"],
        "dataChange": is_change, "deletionTimestamp": 0, "extendedFileMetadata": true,
    }})
}

fn entry(table: &str, version: u64) -> String {
    format!("{table}/_delta_log/{version:020}.json")
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        copy(&file.path(), &to.join(file.file_name()));
    }
}

fn leave(_: &Output) {}

#[test]
fn of_tables_that_are_gone() {
    let output = Output::published();
    for remedy in [
        Remedy {
            help: "which is not there: somebody has dropped the table, or cleaned up its log; restore it from a copy, or publish to a new output",
            damage: |output| output.remove("tables/kpi_daily"),
            command: NIGHT,
            ways: &[
                (|output| output.restore("tables/kpi_daily"), NIGHT),
                (leave, ELSEWHERE),
            ],
        },
        Remedy {
            help: "somebody has cleaned up the log of the table; restore its `_delta_log` from a copy, or publish to a new output",
            damage: |output| output.remove(&entry("tables/kpi_daily", 2)),
            command: SHOW,
            ways: &[
                (|output| output.restore("tables/kpi_daily/_delta_log"), SHOW),
                (leave, ELSEWHERE),
            ],
        },
        Remedy {
            help: "has no tables: somebody has removed them, or they are on a disk that is not mounted; bring them back, or delete `file://",
            damage: |output| output.remove("tables"),
            command: NIGHT,
            ways: &[
                (|output| output.restore("tables"), NIGHT),
                (|output| output.remove(RECORD), NIGHT),
            ],
        },
        Remedy {
            help: "from a copy, `_delta_log` included, or publish to a new output; where all tables are a copy of an earlier time, delete `file://",
            damage: |output| output.remove(&entry(PUBLICATIONS, 2)),
            command: NIGHT,
            ways: &[
                (|output| output.restore(PUBLICATIONS), NIGHT),
                (leave, ELSEWHERE),
                (|output| output.remove(RECORD), NIGHT),
            ],
        },
        Remedy {
            help: "cannot be read: EOF while parsing an object at line 1 column 1; restore it from a copy, or delete it if nobody has removed commits from the log of `publications`",
            damage: |output| output.write(RECORD, "{"),
            command: EARLIER,
            ways: &[
                (|output| output.restore(RECORD), EARLIER),
                (|output| output.remove(RECORD), EARLIER),
            ],
        },
        Remedy {
            help: "restore the table or publish to another output",
            damage: |output| {
                let features = json!(["deletionVectors"]);
                let upgraded = json!({"protocol": {
                    "minReaderVersion": 3, "minWriterVersion": 7,
                    "readerFeatures": features, "writerFeatures": features,
                }});
                output.write(&entry(SNAPSHOT, 3), &upgraded.to_string());
            },
            command: NIGHT,
            ways: &[
                (|output| output.restore(SNAPSHOT), NIGHT),
                (leave, ELSEWHERE),
            ],
        },
        Remedy {
            help: "which was right, cannot be restored, as a vacuum has removed its files: restore `file://",
            damage: |output| {
                output.delete_newest(PUBLICATIONS);
                let newest = output.newest_data_file(PUBLICATIONS);
                output.remove(&newest);
            },
            command: NIGHT,
            ways: &[
                (|output| output.restore(PUBLICATIONS), NIGHT),
                (leave, ELSEWHERE),
            ],
        },
    ] {
        output.apply(&remedy);
    }
}

#[test]
fn of_logs_that_are_damaged() {
    let output = Output::published();
    for remedy in [
        Remedy {
            help: "is empty: a power cut or a full disk cut its write short; restore the file from a copy; only where no publication names its version, delete it",
            damage: |output| output.write(&entry(SNAPSHOT, 2), ""),
            command: NIGHT,
            ways: &[(|output| output.restore(&entry(SNAPSHOT, 2)), NIGHT)],
        },
        Remedy {
            help: "only where no publication names its version, delete it and run its date again with `tierline run --date`",
            damage: |output| output.write(&entry(SNAPSHOT, 3), ""),
            command: NIGHT,
            ways: &[(|output| output.remove(&entry(SNAPSHOT, 3)), NIGHT)],
        },
        Remedy {
            help: "a commit of table `tier_snapshot`, is gone, and later ones are there: somebody has removed it; restore it from a copy, or the whole folder of the table",
            damage: |output| output.remove(&entry(SNAPSHOT, 1)),
            command: NIGHT,
            ways: &[
                (|output| output.restore(&entry(SNAPSHOT, 1)), NIGHT),
                (|output| output.restore(SNAPSHOT), NIGHT),
            ],
        },
        Remedy {
            help: "a commit of table `publications`, is gone, and later ones are there: somebody has removed it; restore it from a copy, or the whole folder of the table",
            damage: |output| output.remove(&entry(PUBLICATIONS, 1)),
            command: NIGHT,
            ways: &[
                (|output| output.restore(&entry(PUBLICATIONS, 1)), NIGHT),
                (|output| output.restore(PUBLICATIONS), NIGHT),
            ],
        },
        Remedy {
            help: "a file of table `publications`, is gone: somebody has removed it; restore it from a copy, or the whole folder of the table",
            damage: |output| output.remove(&output.newest_data_file(PUBLICATIONS)),
            command: NIGHT,
            ways: &[
                (
                    |output| {
                        let files = files_below(&output.project.path("copy").join(PUBLICATIONS));
                        for file in files.keys() {
                            output.restore(&format!("{PUBLICATIONS}/{}", file.display()));
                        }
                    },
                    NIGHT,
                ),
                (|output| output.restore(PUBLICATIONS), NIGHT),
            ],
        },
        Remedy {
            help: "was cut short by a power cut or a full disk; delete it and `_last_checkpoint` beside it: the commits say the same",
            damage: |output| {
                let log = format!("{SNAPSHOT}/_delta_log");
                let pointer = json!({"version": 2, "size": 4}).to_string();
                output.write(&format!("{log}/_last_checkpoint"), &pointer);
                output.write(&cut_checkpoint(), "PAR1 and half of it");
            },
            command: NIGHT,
            ways: &[(
                |output| {
                    output.remove(&format!("{SNAPSHOT}/_delta_log/_last_checkpoint"));
                    output.remove(&cut_checkpoint());
                },
                NIGHT,
            )],
        },
    ] {
        output.apply(&remedy);
    }
}

fn cut_checkpoint() -> String {
    entry(SNAPSHOT, 2).replace(".json", ".checkpoint.parquet")
}

#[test]
fn of_data_files_that_are_gone_or_damaged() {
    let output = Output::published();
    for remedy in [
        Remedy {
            help: "is gone, so that its rows can be neither read nor put back; restore it from a copy, or withdraw the date, `tierline withdraw --date 2026-03-06`, and run it again",
            damage: |output| {
                output.delete_newest(SNAPSHOT);
                output.remove(NEWEST_ROWS);
            },
            command: NIGHT,
            ways: &[
                (|output| output.restore(NEWEST_ROWS), NIGHT),
                (
                    |output| {
                        let withdraw = ["withdraw", "job.toml", "--date", "2026-03-06", "--yes"];
                        output.succeeds(&withdraw);
                    },
                    NIGHT,
                ),
            ],
        },
        Remedy {
            help: "a file of table `dim_tier` that the publication of 2026-03-06 names, is gone, so that its rows can be neither read nor put back; restore it from a copy\n",
            damage: |output| {
                output.delete_newest("tables/dim_tier");
                output.remove(&output.newest_data_file("tables/dim_tier"));
            },
            command: NIGHT,
            ways: &[(
                |output| {
                    let files = files_below(&output.project.path("copy/tables/dim_tier"));
                    for file in files.keys() {
                        output.restore(&format!("tables/dim_tier/{}", file.display()));
                    }
                },
                NIGHT,
            )],
        },
        Remedy {
            help: "make that date again first, by `tierline backfill --affected` or `tierline run --date 2026-03-06`, or restore the file from a copy",
            damage: |output| output.remove(NEWEST_ROWS),
            command: SHOW,
            ways: &[
                (
                    |output| output.succeeds(&["backfill", "job.toml", "--affected"]),
                    SHOW,
                ),
                (|output| output.succeeds(NIGHT), SHOW),
                (|output| output.restore(NEWEST_ROWS), SHOW),
            ],
        },
        Remedy {
            help: "is damaged: Invalid Parquet file. Corrupt footer; restore it from a copy, or delete it and publish its date again",
            damage: |output| output.garble(&output.newest_data_file(NEWEST_ROWS)),
            command: SHOW,
            ways: &[
                (|output| output.restore(NEWEST_ROWS), SHOW),
                (
                    |output| {
                        output.remove(NEWEST_ROWS);
                        output.succeeds(NIGHT);
                    },
                    SHOW,
                ),
            ],
        },
        // The night that reads it names it, too.
        Remedy {
            help: "is damaged: Invalid Parquet file. Corrupt footer; restore it from a copy, or delete it and publish its date again",
            damage: |output| {
                output.succeeds(&["withdraw", "job.toml", "--date", "2026-03-06", "--yes"]);
                output.garble(&output.newest_data_file(PREVIOUS_ROWS));
            },
            command: NIGHT,
            ways: &[(|output| output.restore(PREVIOUS_ROWS), NIGHT)],
        },
        Remedy {
            help: "; restore it from a copy, or use the tierline that wrote it",
            damage: |output| {
                for record in files_below(&output.path("sources")).keys() {
                    output.write(&format!("sources/{}", record.display()), "{");
                }
            },
            command: NIGHT,
            ways: &[(|output| output.restore("sources"), NIGHT)],
        },
        Remedy {
            help: "is gone, so that nobody knows which days have expired; restore it from a copy, or go on from the files there are with --accept-shorter-history",
            damage: |output| output.remove("sources"),
            command: NIGHT,
            ways: &[
                (|output| output.restore("sources"), NIGHT),
                (
                    leave,
                    &[
                        "run",
                        "job.toml",
                        "--date",
                        "2026-03-06",
                        "--accept-shorter-history",
                    ],
                ),
            ],
        },
        Remedy {
            help: "; check the disk and the permissions: ",
            damage: |output| {
                output.remove("tables/alerts");
                output.write("tables/alerts", "no folder");
            },
            command: NIGHT,
            ways: &[(|output| output.restore("tables/alerts"), NIGHT)],
        },
    ] {
        output.apply(&remedy);
    }
}

/// OPTIMIZE of some programs counts no rows: the date was to be published again, which was refused
/// for the same reason.
#[test]
fn publications_in_files_without_a_count_of_rows_are_read() {
    let output = Output::published();
    output.rewrite_without_counts(PUBLICATIONS);
    let (exit_code, said) = output.call(NIGHT);
    assert_eq!(exit_code, 0, "{said}");
    assert!(said.contains("already published"), "{said}");
}
