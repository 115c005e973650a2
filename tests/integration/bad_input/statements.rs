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
    insta::assert_snapshot!(project.check(), @"");
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
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn one_file_holds_one_statement() {
    let project = with_models(&[
        ("empty", "-- to be done\n"),
        ("two", "SELECT user_id FROM tiers.rfm;\nSELECT 1"),
    ]);
    insta::assert_snapshot!(project.check(), @"");
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
    insta::assert_snapshot!(project.check(), @"");
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
    insta::assert_snapshot!(project.check(), @"");
}
