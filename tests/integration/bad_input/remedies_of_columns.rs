//! The help texts about published columns and about values that SQL cannot compute with, applied
//! one after the other in one project: a night is refused, what it says is done, and in the end it
//! is published.

use super::project::Project;

const SNAPSHOT: &str = "sql/publish/tier_snapshot.sql";
const SELECTED: &str = "    users.first_order_day,";
const NIGHT: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];

/// Columns of the snapshot, what is said of each, and what it is instead.
type Column = [&'static str; 3];

/// The project with a column more.
fn selecting(project: Project, column: &str) -> Project {
    project.edit(SNAPSHOT, SELECTED, &format!("    {column},\n{SELECTED}"))
}

fn refused(project: &Project, told: &[&str], more: &[&str]) {
    let finished = project.call(&[&NIGHT[..], more].concat());
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.exit_code, 3, "{said}");
    for told in told {
        assert!(said.contains(told), "`{told}` is not said: {said}");
    }
}

fn succeeds(project: &Project, more: &[&str]) {
    let finished = project.call(&[&NIGHT[..], more].concat());
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}

/// All are told at once.
#[test]
fn of_types_that_readers_cannot_open() {
    let remedies: [Column; 12] = [
        [
            "arrow_cast(users.orders_30d, 'UInt16') AS a",
            "cast it to INT",
            "CAST(users.orders_30d AS INT) AS a",
        ],
        [
            "arrow_cast(users.orders_30d, 'UInt32') AS b",
            "cast it to BIGINT",
            "CAST(users.orders_30d AS BIGINT) AS b",
        ],
        [
            "NULL AS c",
            "give it a type, such as CAST(NULL AS VARCHAR)",
            "CAST(NULL AS VARCHAR) AS c",
        ],
        [
            "CAST(users.first_order_day AS TIMESTAMP) AS d",
            "cast it to DATE, or write arrow_cast(.., 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "CAST(users.first_order_day AS DATE) AS d",
        ],
        [
            "CAST(users.last_order_day AS TIMESTAMP) AS e",
            "cast it to DATE, or write arrow_cast(.., 'Timestamp(Microsecond, Some(\"UTC\"))')",
            "arrow_cast(users.last_order_day, 'Timestamp(Microsecond, Some(\"UTC\"))') AS e",
        ],
        [
            "arrow_cast(users.first_order_day, 'Date64') AS f",
            "which not every reader opens; cast it to DATE\n",
            "CAST(users.first_order_day AS DATE) AS f",
        ],
        [
            "arrow_cast(users.orders_30d, 'Float16') AS g",
            "cast it to REAL",
            "CAST(users.orders_30d AS REAL) AS g",
        ],
        [
            "arrow_cast(users.orders_30d, 'Decimal256(40, 0)') AS h",
            "cast it to DECIMAL(p, s) with 0 <= s <= p <= 38",
            "CAST(users.orders_30d AS DECIMAL(38, 0)) AS h",
        ],
        [
            "INTERVAL '1 day' AS i",
            "publish a number of seconds or days as BIGINT",
            "CAST(1 AS BIGINT) AS i",
        ],
        [
            "decode('ab', 'hex') AS j",
            "publish text, such as encode(.., 'hex')",
            "encode(decode('ab', 'hex'), 'hex') AS j",
        ],
        [
            "[users.orders_30d] AS k",
            "publish one column of a simple type for each part that readers need",
            "[users.orders_30d][1] AS k",
        ],
        [
            "users.orders_30d AS \"Bad Name\"",
            "start with a letter and use only lower-case letters, digits and underscores",
            "users.orders_30d AS better_name",
        ],
    ];
    let columns = |which: usize| {
        let columns = remedies.map(|remedy| remedy[which]);
        selecting(Project::new(), &columns.join(",\n    "))
    };
    refused(&columns(0), &remedies.map(|remedy| remedy[1]), &[]);
    succeeds(&columns(2), &[]);
}

/// Both ways out of a column of another type, now and after it was dropped.
#[test]
fn of_columns_that_change() {
    let both = ["tier_snapshot.x,tier_current.x"];
    let dropping = [&["--drop-columns"], &both[..]].concat();
    let project = selecting(Project::new(), "users.orders_30d AS x").publish("2026-03-05");
    let project = project.edit(SNAPSHOT, "users.orders_30d AS x", "'many' AS x");
    let help = "cast it back, or give it a new name and drop the old one with `--drop-columns tier_snapshot.x`";
    refused(&project, &[help], &[]);
    let project = project.edit(
        SNAPSHOT,
        "'many' AS x",
        "CAST(users.orders_365d AS BIGINT) AS x",
    );
    let help = "column `x` is to be dropped and still selected; take it out of the SQL, or out of `--drop-columns`";
    refused(&project, &[help], &dropping);
    succeeds(&project, &[]);

    let project = project.edit(
        SNAPSHOT,
        "CAST(users.orders_365d AS BIGINT) AS x",
        "'many' AS y",
    );
    succeeds(&project, &dropping);
    let project = project.edit(SNAPSHOT, "'many' AS y", "'many' AS y, 'many' AS x");
    refused(
        &project,
        &["cast it to what it was, or give it a new name"],
        &[],
    );
    let project = project.edit(
        SNAPSHOT,
        "'many' AS x",
        "users.orders_30d AS x, 'many' AS z",
    );
    succeeds(&project, &[]);
}

/// Texts where numbers are published, and both ways out.
#[test]
fn of_ids_of_another_type() {
    let declared = ["orders", "engagement"]
        .map(|source| format!("\n[sources.{source}.columns]\nuser_id = \"VARCHAR\"\n"));
    let project = Project::new().publish("2026-03-05");
    let project = project.append("job.toml", &declared.concat());
    let help = "write CAST(user_id AS BIGINT) AS user_id in the files of sql/staging/, and * REPLACE (CAST(user_id AS BIGINT) AS user_id) for * in users.sql, or publish to a new folder, `output` in the job file, and make its dates with `tierline backfill`";
    refused(&project, &[help], &[]);

    let job = std::fs::read_to_string(project.path("job.toml")).unwrap();
    let elsewhere = job.replace("\"output\"", "\"elsewhere\"");
    let project = project.write("elsewhere.toml", &elsewhere);
    let dates = ["--from", "2026-03-06", "--to", "2026-03-06"];
    let made = project.call(&[&["backfill", "elsewhere.toml"], &dates[..]].concat());
    assert_eq!(made.exit_code, 0, "{made:?}");

    let cast = "CAST(user_id AS BIGINT) AS user_id";
    let project = project
        .edit(
            "sql/staging/orders.sql",
            "    user_id,",
            &format!("    {cast},"),
        )
        .edit(
            "sql/staging/engagement.sql",
            "    events.user_id,",
            "    CAST(events.user_id AS BIGINT) AS user_id,",
        )
        .edit(
            "sql/staging/users.sql",
            "    *, ",
            &format!("    * REPLACE ({cast}), "),
        );
    succeeds(&project, &[]);
}

#[test]
fn of_a_table_without_rows() {
    let kpis = "sql/publish/kpi_daily.sql";
    let project = Project::new().append(kpis, "WHERE FALSE\n");
    let help = "has no rows and would replace what is published; check the inputs and the SQL";
    refused(&project, &[help], &[]);
    succeeds(&project.edit(kpis, "WHERE FALSE\n", ""), &[]);
}

#[test]
fn of_values_that_sql_cannot_compute_with() {
    let remedies: [Column; 4] = [
        [
            "'a' ~ (rfm_class.rfm_class || '(') AS x",
            "correct the pattern, or leave rows whose pattern is not one out by CASE",
            "'a' ~ (rfm_class.rfm_class || '[(]') AS x",
        ],
        [
            "chr(users.orders_30d * 10000000000) AS x",
            "leave the rows of which it cannot be computed out by CASE, or give them a reject_reason in staging",
            "CASE WHEN users.orders_30d = 0 THEN chr(users.orders_30d * 10000000000) END AS x",
        ],
        [
            "CAST('90000000000000000000000000000000000000' AS DECIMAL(38, 0)) * users.orders_30d AS x",
            "CAST to a wider one before computing, or give rows that cannot be right a reject_reason in staging",
            "CAST('90000000000000000000000000000000000000' AS DOUBLE) * users.orders_30d AS x",
        ],
        [
            "CAST(DATE_TRUNC('month', arrow_cast(users.orders_30d + 9300000000, 'Timestamp(Second, None)')) AS DATE) AS x",
            "leave such instants out by CASE",
            "CASE WHEN users.orders_30d > 1000 THEN CAST(DATE_TRUNC('month', arrow_cast(users.orders_30d + 9300000000, 'Timestamp(Second, None)')) AS DATE) END AS x",
        ],
    ];
    let mut project = Project::new();
    for (number, [broken, help, mended]) in (0..).zip(remedies) {
        let [broken, mended] = [broken, mended].map(|column| format!("{column}{number}"));
        project = selecting(project, &broken);
        refused(&project, &[help], &[]);
        project = project.edit(SNAPSHOT, &broken, &mended);
    }
    succeeds(&project, &[]);
}
