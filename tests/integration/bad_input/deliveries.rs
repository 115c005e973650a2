//! What lies in a source beside whole partitions of Parquet: writes at work, markers, files that are
//! not read, logs of tables. `tests/cases` has what real writers leave.

use super::lake::{LAST_DAY, Rows, file_of};
use super::project::Project;

fn with_setting(project: Project, setting: &str) -> Project {
    let section = "[sources.orders]\n";
    project.edit("job.toml", section, &format!("{section}{setting}\n"))
}

#[test]
fn night_waits_for_a_write_that_has_not_finished() {
    let left = "data/orders/_temporary/0/task_7/dt=2026-03-06/part-1.parquet";
    let project = Project::new().write(left, "half a file");
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 4

    error: inputs not ready: a write to source `orders` has not finished: _temporary/0/task_7/dt=2026-03-06/part-1.parquet for 2026-03-06; run again when the partition is whole, or set incomplete = "warn" for the source
    "#);
    let project = with_setting(project, "incomplete = \"warn\"");
    let plan = project.call(&["plan", "job.toml", "--date", "2026-03-06"]);
    let warning = "warning: a write to source `orders` has not finished for 2026-03-06, so that rows may be missing: _temporary/0/task_7/dt=2026-03-06/part-1.parquet";
    assert!(plan.stdout.contains(warning), "{plan:?}");
    let run = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(run.exit_code, 0, "{run:?}");
    assert!(run.stdout.contains(warning), "{run:?}");
}

#[test]
fn night_waits_for_the_marker_that_the_job_declares() {
    let project = with_setting(Project::new(), "ready = \"_SUCCESS\"");
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 4

    error: inputs not ready: source `orders` has no _SUCCESS in file://[PROJECT]/data/orders/dt=2026-03-06 for 2026-03-06; run again when the partition is whole, or set incomplete = "warn" for the source
    "#);
    let project = project.write("data/orders/dt=2026-03-06/_SUCCESS", "");
    project.publish("2026-03-06");
}

#[test]
fn night_waits_for_rows() {
    let project = Project::new();
    let no_rows = Rows::orders(LAST_DAY).none();
    no_rows.write(&project.path(&file_of("orders", LAST_DAY)));
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 4

    error: inputs not ready: source `orders` has files without rows only, such as file://[PROJECT]/data/orders/dt=2026-03-06/part-0.parquet for 2026-03-06; run again when the partition is whole, or set incomplete = "warn" for the source
    "#);
}

/// It was waited for with exit code 4, every night.
#[test]
fn source_of_csv_files_is_refused() {
    let without_orders = (1..=LAST_DAY).fold(Project::new(), |project, day| {
        project.withhold("orders", day)
    });
    let project = without_orders.write("data/orders/2026-03-06.csv", "order_id,user_id\n1,2\n");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 2

    error: source `orders` has no Parquet in `file://[PROJECT]/data/orders`, only files such as `2026-03-06.csv`; deliver Parquet in folders dt=YYYY-MM-DD, as DuckDB writes it with COPY (SELECT * FROM '2026-03-06.csv') TO 'dt=2026-11-20/part-0.parquet'
    ");
    let project = project.write("data/orders/dt=2026-03-06/orders.csv.gz", "x");
    let said = project.refused_run();
    assert!(said.starts_with("exit code 2\n"), "{said}");
}

#[test]
fn parquet_is_what_the_bytes_say() {
    let project = Project::new();
    let whole = project.path(&file_of("orders", LAST_DAY));
    std::fs::rename(&whole, whole.with_file_name("000001_0")).unwrap();
    let project = project.publish("2026-03-06");

    let project = project.write("data/orders/dt=2026-03-06/notes.txt", "late again");
    insta::assert_snapshot!(project.refused_run(), @r#"
    exit code 3

    error: file://[PROJECT]/data/orders/dt=2026-03-06/notes.txt of source `orders` is truncated or not Parquet: Invalid Parquet file. Corrupt footer
     |
     = help: deliver the file again; if it holds no rows, begin its name with _, or set files = "*.parquet" under [sources.orders]
    "#);
    let project = with_setting(project, "files = \"*.parquet\"");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 4

    error: inputs not ready: source `orders` has no files in file://[PROJECT]/data/orders/dt=2026-03-06 that are read: names must match *.parquet, unlike dt=2026-03-06/000001_0, dt=2026-03-06/notes.txt for 2026-03-06; run again when the partition is there, or set required = false for the source
    ");
}

#[test]
fn settings_of_a_source_are_checked() {
    let project = with_setting(
        Project::new(),
        "files = \"part-*\"\nready = \"a/b\"\nincomplete = \"wrn\"",
    );
    let project = project.edit(
        "job.toml",
        "data/engagement",
        "data/engagement/dt=2026-03-06",
    );
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: `part-*` does not say how names end
     --> job.toml:7:1
      |
    7 | files = "part-*"
      | ^^^^^
      |
      = help: give "*" for all files, or an ending such as "*.parquet"

    error: `a/b` is not the name of a file
     --> job.toml:8:1
      |
    8 | ready = "a/b"
      | ^^^^^
      |
      = help: give the name of the file that a partition has once it is whole, such as "_SUCCESS"

    error: `wrn` does not say what to do with a day that is not whole; did you mean `warn`?
     --> job.toml:9:1
      |
    9 | incomplete = "wrn"
      | ^^^^^^^^^^
      |
      = help: give "wait", to end with exit code 4 until it is, or "warn", to run without what is missing

    error: the url of source `engagement` is that of one partition, dt=2026-03-06
      --> job.toml:13:1
       |
    13 | url = "data/engagement/dt=2026-03-06"
       | ^^^
       |
       = help: give the folder that has all dt=YYYY-MM-DD partitions in it

    4 problems
    "#);
}

/// A listing of such a folder counts what the table has removed.
#[test]
fn tables_in_formats_with_a_log_are_refused() {
    let refused = |log: &str| {
        let project = Project::new().write(&format!("data/orders/{log}"), "{}");
        let refused = project.refused_run();
        let first = refused.lines().nth(2).unwrap_or_default();
        first.to_owned()
    };
    insta::assert_snapshot!(refused("metadata/v1.metadata.json"), @"error: source `orders` is an Iceberg table, file://[PROJECT]/data/orders: its log says which of its files count, and a listing of them does not");
    insta::assert_snapshot!(refused(".hoodie/hoodie.properties"), @"error: source `orders` is a Hudi table, file://[PROJECT]/data/orders: its log says which of its files count, and a listing of them does not");
    insta::assert_snapshot!(refused("_spark_metadata/0"), @"error: source `orders` is the output of a Structured Streaming query, file://[PROJECT]/data/orders: its log says which of its files count, and a listing of them does not");
    insta::assert_snapshot!(refused("../_delta_log/00000000000000000000.json"), @"error: source `engagement` lies inside a Delta table, file://[PROJECT]/data, whose log says which of its files count");
}

/// What no SQL reads decides no row: neither a source that is only declared, nor its files.
#[test]
fn source_that_no_sql_reads_changes_nothing() {
    let project = Project::new().publish("2026-03-06");
    let declared = "\n[sources.returns]\nurl = \"data/returns\"\nrequired = false\n[sources.returns.columns]\nuser_id = \"ID\"\n";
    let project = project.append("job.toml", declared);
    let plan = |project: &Project| {
        let finished = project.call(&["plan", "job.toml", "--date", "2026-03-06"]);
        format!("{}{}", finished.stdout, finished.stderr)
    };
    let said = plan(&project);
    assert!(said.contains("nothing to do"), "{said}");

    Rows::engagement(4).write(&project.path("data/returns/dt=2026-03-04/part-0.parquet"));
    let said = plan(&project);
    assert!(said.contains("nothing to do"), "{said}");
    assert!(!said.contains("restate"), "{said}");
}
