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
      = help: use $snapshot_date for today; sort by a column instead of random()

    error: `now` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/now.sql:1:17
      |
    1 | SELECT user_id, now() AS today FROM tiers.rfm
      |                 ^^^
      |
      = help: use $snapshot_date for today; sort by a column instead of random()

    error: `now` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/quoted.sql:1:17
      |
    1 | SELECT user_id, "now"() AS today FROM tiers.rfm
      |                 ^^^^^
      |
      = help: use $snapshot_date for today; sort by a column instead of random()

    error: `random` is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/random.sql:1:40
      |
    1 | SELECT user_id FROM tiers.rfm ORDER BY Random()
      |                                        ^^^^^^
      |
      = help: use $snapshot_date for today; sort by a column instead of random()

    error: TABLESAMPLE is not allowed: a run must give the same rows tomorrow
     --> sql/tiers/sampled.sql:1:21
      |
    1 | SELECT user_id FROM tiers.rfm TABLESAMPLE (10 PERCENT)
      |                     ^^^^^^^^^
      |
      = help: filter by a column instead of sampling

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
      = help: the folders are sources, reference, staging, rollups, features, calibration, tiers, publish, previous, week_ago, month_ago, history, audits

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

/// A night that was not checked before ends as a check does: no retry helps.
#[test]
fn what_no_night_can_compute_is_a_usage_error_of_the_run() {
    let project = Project::new().edit(
        "sql/staging/orders.sql",
        "COALESCE(status IN ('paid', 'completed'), FALSE)",
        "EXISTS (SELECT 1 FROM reference.event_types AS known WHERE known.event_type = status)",
    );
    let said = project.refused_run();
    assert!(said.starts_with("exit code 2\n"), "{said}");
}

#[test]
fn what_no_night_can_compute_is_found_by_check() {
    let project = with_models(&[
        (
            "among",
            "SELECT user_id, CASE WHEN user_id IN (SELECT user_id FROM features.purchases) THEN 1 END AS a\nFROM features.users",
        ),
        (
            "exists",
            "SELECT\n    user_id,\n    EXISTS (SELECT 1 FROM features.purchases AS p WHERE p.user_id = users.user_id) AS x\nFROM features.users AS users",
        ),
        (
            "into",
            "WITH a AS (SELECT user_id INTO x FROM features.users)\nSELECT user_id FROM a",
        ),
        (
            "recursive",
            "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 AS n FROM a)\nSELECT n AS user_id FROM a",
        ),
    ]);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: SELECT ... INTO is not allowed in a model
     --> sql/tiers/into.sql:1:12
      |
    1 | WITH a AS (SELECT user_id INTO x FROM features.users)
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: a model is one SELECT; tables are created and written by tierline itself

    error: WITH RECURSIVE is not allowed: it may never end
     --> sql/tiers/recursive.sql:1:1
      |
    1 | WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 AS n FROM a)
      | ^^^^
      |
      = help: write each level as a common table expression of its own, or deliver the pairs as a CSV of reference/

    error: a subquery cannot be computed here: `IN (SELECT`
     --> sql/tiers/among.sql:1:35
      |
    1 | SELECT user_id, CASE WHEN user_id IN (SELECT user_id FROM features.purchases) THEN 1 END AS a
      |                                   ^^^^^^^^^^
      |
      = help: put it into WHERE, or LEFT JOIN what it selects and ask whether its column IS NOT NULL

    error: a subquery cannot be computed here: `EXISTS`
     --> sql/tiers/exists.sql:3:5
      |
    3 |     EXISTS (SELECT 1 FROM features.purchases AS p WHERE p.user_id = users.user_id) AS x
      |     ^^^^^^
      |
      = help: put it into WHERE, or LEFT JOIN what it selects and ask whether its column IS NOT NULL

    4 problems
    ");
}

#[test]
fn characters_that_look_like_others_are_shown_at_their_place() {
    let project = with_models(&[
        (
            "direction",
            "SELECT user_id, 'a\u{202e}b' AS x\nFROM features.users",
        ),
        ("marked", "\u{feff}SELECT user_id FROM features.users"),
        (
            "quotes",
            "SELECT user_id, \u{2018}gold\u{2019} AS x -- it\u{2019}s fine here\nFROM features.users",
        ),
        ("spaces", "SELECT user_id,\u{a0}1 AS x\nFROM features.users"),
        (
            "unknown",
            "SELECT user_id, \u{1f600} AS x\nFROM features.users",
        ),
        ("zero_width", "SELECT user\u{200b}_id\nFROM features.users"),
    ]);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: an invisible mark that changes the direction of writing (U+202E)
     --> sql/tiers/direction.sql:1:19
      |
    1 | SELECT user_id, 'a�b' AS x
      |                   ^
      |
      = help: delete it: what is shown is not what is run

    error: the file begins with a byte order mark
     --> sql/tiers/marked.sql:1:1
      |
    1 | \u{feff}SELECT user_id FROM features.users
      | ^
      |
      = help: save it as UTF-8 without a byte order mark (BOM)

    error: a typographic quote (U+2018)
     --> sql/tiers/quotes.sql:1:17
      |
    1 | SELECT user_id, \u{2018}gold\u{2019} AS x -- it\u{2019}s fine here
      |                 ^
      |
      = help: write texts in straight single quotes: 'text'

    error: a typographic quote (U+2019)
     --> sql/tiers/quotes.sql:1:22
      |
    1 | SELECT user_id, \u{2018}gold\u{2019} AS x -- it\u{2019}s fine here
      |                      ^
      |
      = help: write texts in straight single quotes: 'text'

    error: a space that is none in SQL (U+00A0)
     --> sql/tiers/spaces.sql:1:16
      |
    1 | SELECT user_id,\u{a0}1 AS x
      |                ^
      |
      = help: type an ordinary space

    error: syntax error: Expected: an expression, found: 😀
     --> sql/tiers/unknown.sql:1:17
      |
    1 | SELECT user_id, 😀 AS x
      |                 ^^

    error: an invisible character (U+200B)
     --> sql/tiers/zero_width.sql:1:12
      |
    1 | SELECT user\u{200b}_id
      |            ^
      |
      = help: delete it, or retype the line

    7 problems
    ");
}

#[test]
fn statements_beyond_every_size_are_refused_within_seconds() {
    let many = |count: usize, item: &str, with: &str| vec![item; count].join(with);
    let from = "FROM features.users";
    let chained: Vec<String> = (1..=300)
        .map(|number| format!("c{number} AS (SELECT user_id FROM c{})", number - 1))
        .collect();
    let doubled: Vec<String> = (1..=40)
        .map(|number| {
            let before = number - 1;
            format!("c{number} AS (SELECT a.user_id FROM c{before} AS a JOIN c{before} AS b ON a.user_id = b.user_id)")
        })
        .collect();
    let common = |tables: &[String]| {
        let last = tables.len();
        format!(
            "WITH c0 AS (SELECT user_id {from}), {} SELECT user_id FROM c{last}",
            tables.join(", ")
        )
    };
    for (sql, told) in [
        (
            format!("SELECT user_id, {} AS x {from}", many(20_000, "1", " + ")),
            "operators in a chain",
        ),
        (
            format!(
                "SELECT user_id {from} WHERE {}",
                many(15_000, "user_id = 1", " OR ")
            ),
            "operators in a chain",
        ),
        (
            format!("SELECT user_id, {}1 AS x {from}", many(20_000, "(1 + ", "")),
            "nested too deeply",
        ),
        (
            format!(
                "SELECT user_id, {} AS x {from}",
                many(9_000, "CASE WHEN true THEN 1 END", " + ")
            ),
            "operators in a chain",
        ),
        (
            many(3_000, &format!("SELECT user_id {from}"), " UNION ALL "),
            "more than 100 SELECTs",
        ),
        (
            format!(
                "SELECT user_id {from} WHERE user_id IN ({})",
                many(50_000, "1", ", ")
            ),
            "more than 2000 items",
        ),
        (
            format!("SELECT user_id, {} {from}", many(1_000_000, "1 AS x", ", ")),
            "bytes long",
        ),
        (common(&chained), "more than 100 common table expressions"),
        (common(&doubled), "reads more than 500 tables"),
    ] {
        let begun = std::time::Instant::now();
        let checked = with_models(&[("large", &sql)]).check().to_string();
        assert!(checked.contains("exit code 2"), "{told}: {checked}");
        assert!(checked.contains(told), "{told}: {checked}");
        assert!(
            begun.elapsed().as_secs() < 30,
            "{told}: {:?}",
            begun.elapsed()
        );
    }
}

/// What lies just within the limits is neither too deep for the stack nor checked for minutes.
#[test]
fn statements_within_every_limit_pass() {
    let many = |count: usize, item: &str, with: &str| vec![item; count].join(with);
    let from = "FROM features.users";
    let chained: Vec<String> = (1..=99)
        .map(|number| format!("c{number} AS (SELECT user_id FROM c{})", number - 1))
        .collect();
    let columns: Vec<String> = (1..=1_900)
        .map(|number| format!("1 AS x{number}"))
        .collect();
    let listed: Vec<String> = (1..=1_900).map(|number| number.to_string()).collect();
    let project = with_models(&[
        (
            "chained",
            &format!("SELECT user_id, {} AS x {from}", many(500, "1", " + ")),
        ),
        (
            "columns",
            &format!("SELECT user_id, {} {from}", columns.join(", ")),
        ),
        (
            "common",
            &format!(
                "WITH c0 AS (SELECT user_id {from}), {} SELECT user_id FROM c99",
                chained.join(", ")
            ),
        ),
        (
            "listed",
            &format!(
                "SELECT user_id {from} WHERE user_id IN ({})",
                listed.join(", ")
            ),
        ),
        (
            "united",
            &many(100, &format!("SELECT user_id {from}"), " UNION ALL "),
        ),
    ]);
    let checked = project.check().to_string();
    assert!(checked.contains("exit code 0"), "{checked}");
}

/// Each model joins the one before it twice: what a night computes doubles with every link.
#[test]
fn models_that_double_are_told_before_anybody_waits() {
    let names: Vec<String> = (1..=40).map(|number| format!("link_{number}")).collect();
    let statements: Vec<String> = std::iter::once("features.users".to_owned())
        .chain(names.iter().map(|name| format!("tiers.{name}")))
        .map(|before| {
            format!("SELECT a.user_id\nFROM {before} AS a\nINNER JOIN {before} AS b ON a.user_id = b.user_id\n")
        })
        .collect();
    let links = names.iter().map(String::as_str);
    let links: Vec<(&str, &str)> = links.zip(statements.iter().map(String::as_str)).collect();
    let begun = std::time::Instant::now();
    let checked = with_models(&links).check();
    let problem = checked.split("\n\n").nth(1).unwrap_or_default();
    insta::assert_snapshot!(problem, @"
    error: `tiers.link_9` reads more than 1000 tables, models written out wherever they are named
     --> sql/tiers/link_9.sql:2:6
      |
    2 | FROM tiers.link_8 AS a
      |      ^^^^^^^^^^^^
      |
      = help: read each model once: select from it all that is needed, instead of joining it again
    ");
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    let once: Vec<String> = statements
        .iter()
        .map(|twice| twice.lines().take(2).collect::<Vec<_>>().join("\n"))
        .collect();
    let links = names.iter().map(String::as_str);
    let links: Vec<(&str, &str)> = links.zip(once.iter().map(String::as_str)).collect();
    let checked = with_models(&links[..12]).check();
    assert!(checked.contains("exit code 0"), "{checked}");
}
