//! Tables of the job's own: one that keeps every date and one that keeps the newest, added to a job
//! that has published nights without them, restated, withdrawn and taken away again.

use std::fs;

use chrono::NaiveDate;
use tierline::backfill::RulesChoice;
use tierline::plan::Accepted;

use super::crash::die_unpublished;
use super::example::{history, last_night, late, night_before};
use super::job::Nights;
use super::lake::Delivery;
use super::own_columns::newest_metadata;
use super::tables::{Row, newest_rows, publication, rows};
use crate::bad_input::project::Project;
use crate::naive::fixtures::days_ago;
use crate::naive::text;
use crate::support::command::Tierline;

/// Both tiers of whoever ever ordered, beside that of four weeks before.
const CALLS: &str = "\
-- Whom to call.
SELECT
    today.user_id,  -- the user
    today.value_tier,
    today.value_tier_raw,
    month_ago.value_tier AS value_tier_month_ago,
    -today.orders_lifetime AS priority  -- the smallest is called first
FROM publish.tier_snapshot AS today
LEFT JOIN month_ago.tier_snapshot AS month_ago ON today.user_id = month_ago.user_id
WHERE today.orders_lifetime > 0
";

/// How many calls there are today for each tier.
const CALLS_TODAY: &str = "\
SELECT $snapshot_date AS as_of, calls.value_tier, COUNT(*) AS calls
FROM publish.calls AS calls
GROUP BY calls.value_tier
";

const TABLES: &str = "
[tables.calls]
key = [\"user_id\"]
sorted_by = [\"priority\"]

[tables.calls_today]
key = [\"value_tier\"]
dated = false
";

/// The night after D.
fn next_night() -> NaiveDate {
    last_night().succ_opt().unwrap()
}

/// A job that has published two nights: that before D, which has users enough to calibrate on, and
/// one four weeks before D.
async fn nights_before() -> Nights {
    let mut nights = Nights::over(&history(), &Delivery::default());
    nights.edit_pack(&[]);
    for night in [night_before(), days_ago(28)] {
        assert_eq!(nights.status_of(night).await, "published");
    }
    nights
}

/// The same job, with tables of its own from now on.
fn with_tables(nights: &mut Nights) {
    for (table, sql) in [("calls", CALLS), ("calls_today", CALLS_TODAY)] {
        fs::write(
            nights.pack_folder().join(format!("publish/{table}.sql")),
            sql,
        )
        .unwrap();
    }
    nights.sections = TABLES.to_owned();
}

fn calls(nights: &Nights) -> impl Future<Output = Vec<Row>> {
    calls_of(nights, last_night())
}

async fn calls_of(nights: &Nights, night: NaiveDate) -> Vec<Row> {
    rows(&nights.output(), night, "calls").await
}

/// The calls of D by the snapshots that were published, in the order of their files.
async fn expected_calls(nights: &Nights, night: NaiveDate) -> Vec<Row> {
    let output = nights.output();
    let then = rows(&output, days_ago(28), "tier_snapshot").await;
    let buyers = rows(&output, night, "tier_snapshot").await.into_iter();
    let buyers = buyers.filter(|row| row["orders_lifetime"] != "0");
    let call = |row: Row| {
        let same = then.iter().find(|then| then["user_id"] == row["user_id"]);
        let same = same.filter(|_| night == last_night());
        let month_ago = same.map_or(text::NULL, |then| &then["value_tier"]);
        let named = [
            ("snapshot_date", night.to_string()),
            ("user_id", row["user_id"].clone()),
            ("value_tier", row["value_tier"].clone()),
            ("value_tier_raw", row["value_tier_raw"].clone()),
            ("value_tier_month_ago", month_ago.to_owned()),
            ("priority", format!("-{}", row["orders_lifetime"])),
        ];
        named.map(|(name, text)| (name.to_owned(), text)).into()
    };
    let mut calls: Vec<Row> = buyers.map(call).collect();
    let number = |row: &Row, name: &str| row[name].parse::<i64>().unwrap();
    calls.sort_by_key(|row| (number(row, "priority"), number(row, "user_id")));
    calls
}

/// The dates that the table of today has rows of.
async fn today(nights: &Nights) -> Vec<String> {
    let rows = newest_rows(&nights.output(), last_night(), "calls_today").await;
    let mut dates: Vec<String> = rows.iter().map(|row| row["as_of"].clone()).collect();
    dates.dedup();
    dates
}

#[tokio::test]
async fn tables_that_come_later_are_restated_and_withdrawn_like_any_other() {
    let mut nights = nights_before().await;
    with_tables(&mut nights);
    let planned = nights.plan(last_night()).await.unwrap().plan().to_string();
    let note = "  publish.calls  (a table of the job's own, by user_id: keeps every date)\n";
    assert!(planned.contains(note), "{planned}");
    assert_eq!(nights.status_of(last_night()).await, "published");
    let found = calls(&nights).await;
    assert_eq!(found.len(), 6);
    assert!(
        found
            .iter()
            .any(|row| row["value_tier_month_ago"] != text::NULL)
    );
    assert_eq!(found, expected_calls(&nights, last_night()).await);
    assert_eq!(today(&nights).await, [last_night().to_string()]);
    let metadata = newest_metadata(&nights.output_folder().join("tables/calls"));
    assert_eq!(metadata["description"], "Whom to call.");
    let before = publication(&nights.output(), night_before()).await;
    assert!(!before.tables.contains_key("calls"), "{before:?}");
    assert_eq!(nights.status_of(last_night()).await, "already_published");

    // Every date is restated by the rules that it was published by: the tables stay out of those
    // that had none.
    let late_files = Delivery {
        file_name: "late",
        ..Delivery::default()
    };
    nights.deliver(&late(), &late_files);
    let plan = nights.affected(RulesChoice::Published).await.unwrap();
    assert_eq!(plan.nights.len(), 3);
    for night in plan.nights {
        let date = night.date.day();
        let report = nights.run_by(date, &night.rules, Accepted::default()).await;
        let report = report.unwrap();
        assert!(
            !report
                .warnings
                .iter()
                .any(|warning| warning.contains("no longer")),
            "{report:?}"
        );
        let restated = publication(&nights.output(), date).await;
        assert_eq!(restated.tables.contains_key("calls"), date == last_night());
    }
    let restated = calls(&nights).await;
    assert_eq!(restated.len(), 7);
    assert_eq!(restated, expected_calls(&nights, last_night()).await);

    // A date before the newest leaves the table that keeps the newest alone.
    assert_eq!(nights.status_of(next_night()).await, "published");
    let plan = nights.plan(night_before()).await.unwrap();
    assert!(
        plan.plan()
            .to_string()
            .contains("which this is not: left as it is")
    );
    assert_eq!(plan.execute().await.unwrap().status.to_string(), "replaced");
    assert_eq!(
        calls_of(&nights, night_before()).await,
        expected_calls(&nights, night_before()).await
    );
    assert_eq!(today(&nights).await, [next_night().to_string()]);

    nights.withdraw(next_night()).await;
    assert_eq!(today(&nights).await, [last_night().to_string()]);
    assert_eq!(
        newest_rows(&nights.output(), next_night(), "calls").await,
        []
    );
    // The night before publishes no state of its own.
    nights.withdraw(last_night()).await;
    assert_eq!(today(&nights).await, Vec::<String>::new());
    assert_eq!(nights.status_of(last_night()).await, "published");
    assert_eq!(calls(&nights).await, restated);
}

#[tokio::test]
async fn a_run_that_dies_with_the_first_rows_of_a_table_leaves_none() {
    let mut nights = nights_before().await;
    with_tables(&mut nights);
    die_unpublished(&nights, last_night()).await;
    let output = nights.output();
    assert_eq!(newest_rows(&output, last_night(), "calls").await.len(), 6);
    let report = nights.run(next_night()).await.unwrap();
    let repaired = |table: &str| report.repaired.iter().any(|repaired| repaired == table);
    assert!(repaired("calls") && repaired("calls_today"), "{report:?}");
    assert_eq!(newest_rows(&output, last_night(), "calls").await, []);
    assert_eq!(calls_of(&nights, next_night()).await.len(), 6);
}

#[tokio::test]
async fn tables_that_the_job_declares_no_longer_stay_as_they_are() {
    let mut nights = nights_before().await;
    with_tables(&mut nights);
    assert_eq!(nights.status_of(last_night()).await, "published");
    let shown = Tierline::new()
        .args(["show"])
        .args([nights.job_file()])
        .run();
    assert!(
        shown.stdout.contains("Tables of the job's own\n"),
        "{shown:?}"
    );
    let before = calls(&nights).await;

    nights.edit_pack(&[]);
    for table in ["calls", "calls_today"] {
        fs::remove_file(nights.pack_folder().join(format!("publish/{table}.sql"))).unwrap();
    }
    nights.sections.clear();
    let told = format!(
        "table `calls` is published no longer, since the job no longer declares it: it has rows of dates until {}, and none of {}",
        last_night(),
        next_night()
    );
    let planned = nights.plan(next_night()).await.unwrap().plan().to_string();
    assert!(
        planned.contains(&format!("  warning: {told}\n")),
        "{planned}"
    );
    let report = nights.run(next_night()).await.unwrap();
    assert!(report.repaired.is_empty(), "{report:?}");
    assert_eq!(
        newest_rows(&nights.output(), last_night(), "calls").await,
        before
    );
    assert_eq!(today(&nights).await, [last_night().to_string()]);

    // The date that had them loses the dated one's rows when it is published without.
    assert_eq!(nights.status_of(last_night()).await, "replaced");
    assert_eq!(
        newest_rows(&nights.output(), last_night(), "calls").await,
        []
    );
    assert_eq!(today(&nights).await, [last_night().to_string()]);
    nights.withdraw(next_night()).await;
    assert_eq!(today(&nights).await, [last_night().to_string()]);
    let report = nights.run(next_night()).await.unwrap();
    assert!(report.repaired.is_empty(), "{report:?}");
}

/// The worked example of sql/README.md is what the page says.
#[test]
fn the_example_of_the_page_has_no_problems() {
    let page = include_str!("../../../sql/README.md");
    let block = |language: &str, first: &str| {
        let start = format!("  ```{language}\n  {first}");
        let (_, rest) = page.split_once(&start).unwrap();
        let (block, _) = rest.split_once("  ```").unwrap();
        format!("{first}{}", block.replace("\n  ", "\n"))
    };
    let project = Project::new()
        .write(
            "sql/publish/call_list.sql",
            &block("sql", "-- Whom to call"),
        )
        .append("job.toml", &block("toml", "[tables.call_list]"));
    let checked = project.check();
    assert!(checked.starts_with("exit code 0\n"), "{checked}");
}

/// What is wrong in the job, in the pack, and between them.
const WRONG: &str = "
[tables.calls]
key = [\"users_id\"]
sorted_by = [\"tier\"]

[tables.visits]
key = [\"user_id\"]

[tables.alerts]
key = [\"alert\"]

[tables.\"Call List\"]
key = [\"user_id\"]

[tables.bare]
sorted_by = [\"user_id\", \"user_id\"]

[tables.days]
key = [\"snapshot_date\", \"user_id\"]
";

const RIGHT: &str = "
[tables.calls]
key = [\"user_id\"]
sorted_by = [\"value_tier\"]

[tables.visits]
key = [\"user_id\"]

[tables.lists]
key = [\"one\"]
";

const SELECT: &str = "SELECT user_id, value_tier FROM publish.tier_snapshot\n";

#[test]
fn what_is_wrong_with_a_table_is_told_with_the_remedy() {
    let with_files = |sections: &str| {
        Project::new()
            .write("sql/publish/calls.sql", SELECT)
            .write("sql/publish/lists.sql", "SELECT 1 AS one\n")
            .append("job.toml", sections)
    };
    insta::assert_snapshot!(with_files(WRONG).check(), @r#"
    exit code 2

    error: `Call List` cannot be the name of a table
      --> job.toml:22:9
       |
    22 | [tables."Call List"]
       |         ^^^^^^^^^^^
       |
       = help: use lowercase letters, digits and underscores, a letter first, 63 at most, such as call_list

    error: `alerts` is a table of tierline's own
      --> job.toml:19:9
       |
    19 | [tables.alerts]
       |         ^^^^^^
       |
       = help: give yours another name

    error: table `bare` has no key
      --> job.toml:25:9
       |
    25 | [tables.bare]
       |         ^^^^
       |
       = help: list the columns that tell its rows apart, such as key = ["user_id"]

    error: `sorted_by` names `user_id` twice
      --> job.toml:26:1
       |
    26 | sorted_by = ["user_id", "user_id"]
       | ^^^^^^^^^
       |
       = help: name it once

    error: `key` names `snapshot_date`
      --> job.toml:29:1
       |
    29 | key = ["snapshot_date", "user_id"]
       | ^^^
       |
       = help: leave it out: a dated table has that column, and each date is looked at alone

    error: `publish.lists` is not a table that tierline publishes; did you mean `visits`?
     --> sql/publish/lists.sql:1:1
      |
    1 | SELECT 1 AS one
      | ^
      |
      = help: publish/ holds tier_snapshot.sql, dim_tier.sql, kpi_daily.sql, alerts.sql, actions.sql, dim_metric.sql, bare.sql, calls.sql, days.sql, visits.sql; what they read belongs in features or tiers, and a table of your own is declared in the job as [tables.lists] with its key

    error: table `bare` has no SQL file `publish/bare.sql`
      --> job.toml:25:9
       |
    25 | [tables.bare]
       |         ^^^^
       |
       = help: write that file into the SQL pack, one SELECT, or take the section out

    error: table `days` has no SQL file `publish/days.sql`
      --> job.toml:28:9
       |
    28 | [tables.days]
       |         ^^^^
       |
       = help: write that file into the SQL pack, one SELECT, or take the section out

    error: table `visits` has no SQL file `publish/visits.sql`
      --> job.toml:16:9
       |
    16 | [tables.visits]
       |         ^^^^^^
       |
       = help: write that file into the SQL pack, one SELECT, or take the section out

    error: `publish.calls` selects no column `tier`, which `sorted_by` of the table names
     --> sql/publish/calls.sql:1:1
      |
    1 | SELECT user_id, value_tier FROM publish.tier_snapshot
      | ^^^^^^
      |
      = help: select it, or correct `sorted_by` of [tables.calls] in the job

    error: `publish.calls` selects no column `users_id`, which `key` of the table names; did you mean `user_id`?
     --> sql/publish/calls.sql:1:1
      |
    1 | SELECT user_id, value_tier FROM publish.tier_snapshot
      | ^^^^^^
      |
      = help: select it, or correct `key` of [tables.calls] in the job

    11 problems
    "#);
    let right = with_files(RIGHT).write("sql/publish/visits.sql", SELECT);
    assert!(right.check().starts_with("exit code 0\n"));
    let built_in = right.edit("job.toml", "sql = \"sql\"\n", "");
    let said = built_in.check();
    let (_, help) = said.rsplit_once("help: ").unwrap();
    insta::assert_snapshot!(help, @"
    the job uses the pack built into tierline: write it out with `tierline init`, name its folder by `sql`, and add that file

    3 problems
    ");
}

/// Users are a part of most keys: none is named.
#[test]
fn a_key_that_does_not_hold_blocks_the_night() {
    let project = Project::new()
        .write(
            "sql/publish/calls.sql",
            "SELECT value_tier, user_id FROM publish.tier_snapshot\n",
        )
        .append("job.toml", "\n[tables.calls]\nkey = [\"value_tier\"]\n");
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 3

    error: an audit blocked publication; readers still see what was published before

    calls_key: 1 offending row
    +----------------+---------------+
    | keys_with_null | keys_repeated |
    +----------------+---------------+
    | 0              | 1             |
    +----------------+---------------+
    each row of `calls` needs a key of its own, value_tier, without NULL: a join in publish/calls.sql multiplies rows or finds nothing, or the key lacks a column
    ");
}
