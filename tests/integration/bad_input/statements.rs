//! SQL that is not one SELECT over declared tables.

use super::project::Project;

/// A project with extra models in `tiers`, each of one statement.
fn with_models(models: &[(&str, &str)]) -> Project {
    let write = |project: Project, (name, sql): &(&str, &str)| {
        project.write(&format!("sql/tiers/{name}.sql"), sql)
    };
    models.iter().fold(Project::new(), write)
}

#[test]
fn syntax_error_points_at_the_word() {
    let project = with_models(&[
        (
            "misspelt",
            "-- SELECT in a comment\nSELEC user_id FROM features.users",
        ),
        ("unfinished", "SELECT user_id\nFROM features.users\nWHERE"),
        (
            "unquoted",
            "SELECT user_id, 'x AS label\nFROM features.users",
        ),
    ]);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: syntax error: Expected: an SQL statement, found: SELEC
     --> sql/tiers/misspelt.sql:2:1
      |
    2 | SELEC user_id FROM features.users
      | ^^^^^

    error: syntax error: Expected: an expression, found the end of the file
     --> sql/tiers/unfinished.sql:3:5
      |
    3 | WHERE
      |     ^

    error: syntax error: Unterminated string literal
     --> sql/tiers/unquoted.sql:1:17
      |
    1 | SELECT user_id, 'x AS label
      |                 ^

    3 problems
    ");
}

#[test]
fn statements_that_write_or_inspect_are_refused() {
    let project = with_models(&[
        ("copies", "COPY (SELECT 1) TO '/tmp/x.csv'"),
        (
            "creates",
            "-- CREATE in a comment is fine\nCREATE TABLE x AS SELECT 1",
        ),
        ("deletes", "DELETE FROM tiers.rfm"),
        ("drops", "DROP TABLE publish.tier_snapshot"),
        ("explains", "EXPLAIN SELECT user_id FROM tiers.rfm"),
        ("inserts", "INSERT INTO tiers.rfm VALUES (1)"),
        (
            "inserts_behind_with",
            "WITH a AS (SELECT 1) INSERT INTO tiers.rfm SELECT * FROM a",
        ),
        ("selects_into", "SELECT user_id INTO x FROM tiers.rfm"),
        ("sets", "SET datafusion.execution.time_zone = 'x'"),
        ("updates", "UPDATE tiers.rfm SET r_score = 5"),
    ]);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: COPY is not allowed in a model
     --> sql/tiers/copies.sql:1:1
      |
    1 | COPY (SELECT 1) TO '/tmp/x.csv'
      | ^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: CREATE is not allowed in a model
     --> sql/tiers/creates.sql:2:1
      |
    2 | CREATE TABLE x AS SELECT 1
      | ^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: DELETE is not allowed in a model
     --> sql/tiers/deletes.sql:1:1
      |
    1 | DELETE FROM tiers.rfm
      | ^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: DROP is not allowed in a model
     --> sql/tiers/drops.sql:1:1
      |
    1 | DROP TABLE publish.tier_snapshot
      | ^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: EXPLAIN is not allowed in a model
     --> sql/tiers/explains.sql:1:1
      |
    1 | EXPLAIN SELECT user_id FROM tiers.rfm
      | ^^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: INSERT is not allowed in a model
     --> sql/tiers/inserts.sql:1:1
      |
    1 | INSERT INTO tiers.rfm VALUES (1)
      | ^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: INSERT is not allowed in a model
     --> sql/tiers/inserts_behind_with.sql:1:1
      |
    1 | WITH a AS (SELECT 1) INSERT INTO tiers.rfm SELECT * FROM a
      | ^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: SELECT ... INTO is not allowed in a model
     --> sql/tiers/selects_into.sql:1:1
      |
    1 | SELECT user_id INTO x FROM tiers.rfm
      | ^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: SET is not allowed in a model
     --> sql/tiers/sets.sql:1:1
      |
    1 | SET datafusion.execution.time_zone = 'x'
      | ^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: UPDATE is not allowed in a model
     --> sql/tiers/updates.sql:1:1
      |
    1 | UPDATE tiers.rfm SET r_score = 5
      | ^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    10 problems
    ");
}

#[test]
fn one_file_holds_one_statement() {
    let project = with_models(&[
        ("empty", "-- to be done\n"),
        ("two", "SELECT user_id FROM tiers.rfm;\nSELECT 1"),
    ]);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the file is empty
     --> sql/tiers/empty.sql:1:1
      |
    1 | -- to be done
      | ^
      |
      = help: a model is one SELECT

    error: a second statement
     --> sql/tiers/two.sql:2:1
      |
    2 | SELECT 1
      | ^^^^^^^^
      |
      = help: a model is one SELECT; put the other into a file of its own

    2 problems
    ");
}

#[test]
fn clock_and_chance_are_refused() {
    let project = with_models(&[
        (
            "current_date",
            "SELECT user_id, current_date AS today FROM tiers.rfm",
        ),
        ("now", "SELECT user_id, now() AS today FROM tiers.rfm"),
        (
            "quoted",
            "SELECT user_id, \"now\"() AS today FROM tiers.rfm",
        ),
        ("random", "SELECT user_id FROM tiers.rfm ORDER BY Random()"),
        (
            "sampled",
            "SELECT user_id FROM tiers.rfm TABLESAMPLE (10 PERCENT)",
        ),
    ]);
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: `current_date` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/current_date.sql:1:17
      |
    1 | SELECT user_id, current_date AS today FROM tiers.rfm
      |                 ^^^^^^^^^^^^
      |
      = help: use $snapshot_date for today; order by a column instead of chance

    error: `now` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/now.sql:1:17
      |
    1 | SELECT user_id, now() AS today FROM tiers.rfm
      |                 ^^^
      |
      = help: use $snapshot_date for today; order by a column instead of chance

    error: `now` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/quoted.sql:1:17
      |
    1 | SELECT user_id, "now"() AS today FROM tiers.rfm
      |                 ^^^^^
      |
      = help: use $snapshot_date for today; order by a column instead of chance

    error: `random` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/random.sql:1:40
      |
    1 | SELECT user_id FROM tiers.rfm ORDER BY Random()
      |                                        ^^^^^^
      |
      = help: use $snapshot_date for today; order by a column instead of chance

    error: TABLESAMPLE is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/sampled.sql:1:21
      |
    1 | SELECT user_id FROM tiers.rfm TABLESAMPLE (10 PERCENT)
      |                     ^^^^^^^^^
      |
      = help: filter by a column instead of chance

    5 problems
    "#);
}

#[test]
fn files_and_urls_are_out_of_reach() {
    let project = with_models(&[
        ("function", "SELECT * FROM read_csv('/etc/passwd')"),
        ("path", "SELECT * FROM '/etc/passwd'"),
        ("quoted_path", "SELECT * FROM \"/etc/passwd\""),
        ("schema", "SELECT * FROM information_schema.tables"),
        ("url", "SELECT * FROM \"s3://bucket/orders.parquet\""),
    ]);
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: table function `read_csv` is not allowed
     --> sql/tiers/function.sql:1:15
      |
    1 | SELECT * FROM read_csv('/etc/passwd')
      |               ^^^^^^^^
      |
      = help: the one table function is windows('rollups.<name>', '30d', ...)

    error: a model cannot read the file or URL `/etc/passwd`
     --> sql/tiers/path.sql:1:15
      |
    1 | SELECT * FROM '/etc/passwd'
      |               ^^^^^^^^^^^^^
      |
      = help: declare it under [sources] in the job file and read it as sources.<name> in a staging model

    error: a model cannot read the file or URL `/etc/passwd`
     --> sql/tiers/quoted_path.sql:1:15
      |
    1 | SELECT * FROM "/etc/passwd"
      |               ^^^^^^^^^^^^^
      |
      = help: declare it under [sources] in the job file and read it as sources.<name> in a staging model

    error: unknown table: `information_schema` is not a folder of tables
     --> sql/tiers/schema.sql:1:15
      |
    1 | SELECT * FROM information_schema.tables
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: the folders are sources, reference, staging, rollups, features, calibration, tiers, publish, previous, week_ago, history, audits

    error: a model cannot read the file or URL `s3://bucket/orders.parquet`
     --> sql/tiers/url.sql:1:15
      |
    1 | SELECT * FROM "s3://bucket/orders.parquet"
      |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: declare it under [sources] in the job file and read it as sources.<name> in a staging model

    5 problems
    "#);
}
