//! What a job adds without a line of Rust: a dimension of its own, and attributes of users.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tierline::storage::{Location, RetryPolicy, Stores};
use tierline::tables::OUR_NAMES as PUBLISHED_TABLES;

use super::pack;
use super::tables::{self, Row};
use crate::bad_input::project::Project;
use crate::support::command::{Finished, Tierline};

/// How fond a user is of the app, as an analyst would write it.
const APP_FAN: &str = "\
-- How fond a user is of the app.
SELECT
    user_id,
    CASE
        WHEN opens_15d >= $fan_opens_15d THEN 'fan'
        WHEN opens_15d >= 1 THEN 'visitor'
        ELSE 'stranger'
    END AS app_fan  -- how fond the user is of the app
FROM features.users
";

/// What stands in the job for it, and for two attributes.
const SETTINGS: &str = r#"
[sources.users.profile]
city = "VARCHAR"
registered_at = "TIMESTAMP"

[dimensions.app_fan]
tiers = ["stranger", "visitor", "fan"]

[grace_days]
app_fan = 3
"#;

/// A demo without nights, whose job is the built-in pack, `tiers/app_fan.sql` and the settings.
fn demo(folder: &Path, settings: &str) {
    let sizes = ["--users", "200", "--days", "60", "--nights", "0"];
    let made = Tierline::new()
        .args(["demo"])
        .args([folder])
        .args(sizes)
        .run();
    assert_eq!(made.exit_code, 0, "{made:?}");
    pack::write(&folder.join("sql"), &[]);
    std::fs::write(folder.join("sql/tiers/app_fan.sql"), APP_FAN).unwrap();
    append(
        &folder.join("sql/parameters.toml"),
        "\nfan_opens_15d = 10\n",
    );
    let job = folder.join("jobs/demo.toml");
    let text = std::fs::read_to_string(&job).unwrap();
    let text = text.replacen("output =", "sql = \"../sql\"\noutput =", 1);
    std::fs::write(&job, text + settings).unwrap();
}

fn append(path: &Path, text: &str) {
    let before = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, before + text).unwrap();
}

fn tierline(folder: &Path, command: &str, arguments: &[&str]) -> Finished {
    let job = folder.join("jobs/demo.toml");
    Tierline::new()
        .args([command])
        .args([job])
        .args(arguments)
        .run()
}

fn location(folder: &Path) -> Location {
    let url = folder.to_str().unwrap();
    let mut stores = Stores::new(RetryPolicy::default());
    stores.open(url, Path::new("")).unwrap()
}

async fn rows(output: &Location, table: &str) -> Vec<Row> {
    tables::rows(output, "2026-10-31".parse().unwrap(), table).await
}

#[tokio::test]
async fn a_dimension_and_attributes_of_the_jobs_own_are_published() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo(folder, SETTINGS);
    for night in ["2026-10-30", "2026-10-31"] {
        let finished = tierline(folder, "run", &["--date", night]);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
    }
    let output = location(&folder.join("output"));

    let snapshot = rows(&output, "tier_snapshot").await;
    assert_eq!(snapshot.len(), 200);
    for row in &snapshot {
        let opens: i64 = row["opens_15d"].parse().unwrap();
        let raw = match opens {
            10.. => "fan",
            1..10 => "visitor",
            _ => "stranger",
        };
        assert_eq!(row["app_fan_raw"], raw, "{row:?}");
        assert!(row.contains_key("app_fan_pending_since"), "{row:?}");
        assert_eq!(row["city"] == "NULL", row["registered_at"] == "NULL");
    }
    assert!(snapshot.iter().any(|row| row["city"] == "Shanghai"));

    let of_ours = |rows: Vec<Row>| -> Vec<Row> {
        let rows = rows.into_iter();
        rows.filter(|row| row["dimension"] == "app_fan").collect()
    };
    let listed = of_ours(rows(&output, "dim_tier").await);
    let ranks = listed.iter().map(|row| (&*row["tier"], &*row["rank"]));
    assert_eq!(
        ranks.collect::<Vec<_>>(),
        [("fan", "2"), ("visitor", "1"), ("stranger", "0")]
    );
    let users = |rows: &[Row]| -> usize {
        let users = rows
            .iter()
            .map(|row| row["users"].parse::<usize>().unwrap());
        users.sum()
    };
    let matrix = of_ours(rows(&output, "tier_migration_matrix").await);
    let summary = of_ours(rows(&output, "tier_summary").await);
    assert_eq!((users(&matrix), users(&summary)), (200, 200));
    assert!(!of_ours(rows(&output, "tier_migration").await).is_empty());

    let silent = columns_without_comment(&folder.join("output"));
    assert_eq!(silent, Vec::<String>::new());
    for table in PUBLISHED_TABLES.into_iter().chain(["publications"]) {
        let metadata = newest_metadata(&folder.join("output/tables").join(table));
        let description = metadata["description"].as_str().unwrap_or_default();
        assert!(description.len() > 20, "{table}: {metadata}");
    }
    labels_leave_its_grace(folder);
}

/// Values that get labels in dim_tier.csv go by the same rules, in whichever order they stand there.
fn labels_leave_its_grace(folder: &Path) {
    let replace = |file: &str, from: &str, to: &str| {
        let file = folder.join(file);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{file:?}");
        std::fs::write(file, text.replacen(from, to, 1)).unwrap();
    };
    let section = "[dimensions.app_fan]\ntiers = [\"stranger\", \"visitor\", \"fan\"]\n";
    replace("jobs/demo.toml", section, "");
    let snapshot = "sql/publish/tier_snapshot.sql";
    let selected = "    value_engagement.value_engagement,\n";
    replace(
        snapshot,
        selected,
        &format!("{selected}    app_fan.app_fan,\n"),
    );
    let joined = "INNER JOIN tiers.warnings AS warnings\n";
    let own = "INNER JOIN tiers.app_fan AS app_fan ON users.user_id = app_fan.user_id\n";
    replace(snapshot, joined, &format!("{own}{joined}"));
    let values = [("stranger", 0), ("visitor", 1), ("fan", 2)];
    let lines = values.map(|(tier, rank)| format!("app_fan,{tier},{rank},A label,x,Ask,x\n"));
    append(&folder.join("sql/reference/dim_tier.csv"), &lines.concat());
    let finished = tierline(folder, "run", &["--date", "2026-10-31"]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(!finished.stderr.contains("rules"), "{finished:?}");
}

/// Columns of published tables that do not say what they mean.
fn columns_without_comment(output: &Path) -> Vec<String> {
    let mut silent = Vec::new();
    for table in PUBLISHED_TABLES.into_iter().chain(["publications"]) {
        let metadata = newest_metadata(&output.join("tables").join(table));
        let schema = metadata["schemaString"].as_str().unwrap();
        let schema: Value = serde_json::from_str(schema).unwrap();
        for field in schema["fields"].as_array().unwrap() {
            if field["metadata"]["comment"].is_null() {
                silent.push(format!("{table}.{}", field["name"]));
            }
        }
    }
    silent
}

/// The newest metadata in a table's log.
pub(super) fn newest_metadata(table: &Path) -> Value {
    let entries = std::fs::read_dir(table.join("_delta_log")).unwrap();
    let commits: BTreeSet<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    let commits = commits
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    let texts = commits.map(|commit| std::fs::read_to_string(commit).unwrap());
    let metadata = texts.flat_map(|text| {
        let actions = text
            .lines()
            .map(|line| -> Value { serde_json::from_str(line).unwrap() });
        let metadata = actions.map(|mut action| action["metaData"].take());
        let metadata = metadata.filter(|metadata| !metadata.is_null());
        metadata.collect::<Vec<_>>()
    });
    metadata.last().unwrap()
}

#[test]
fn a_warning_is_one_file() {
    let project = Project::new().edit(
        "sql/tiers/warnings.sql",
        "    users.touches_30d >=",
        "    CASE WHEN users.orders_lifetime >= 5 THEN TRUE END AS keen,  -- five orders or more\n\n    users.touches_30d >=",
    );
    insta::assert_snapshot!(project.check(), @"
    exit code 0

    job job: no problems in 37 models and 6 reference files
    note: the warning `keen` has no labels and no playbook
      --> sql/tiers/warnings.sql:44:59
       |
    44 |     CASE WHEN users.orders_lifetime >= 5 THEN TRUE END AS keen,  -- five orders or more
       |                                                           ^^^^
       |
       = help: add a line warning,keen,,,,, to reference/dim_tier.csv, with its labels between the commas, for people to read more than its name
    ");
    let project = project.publish("2026-03-05").publish("2026-03-06");
    let rows = |table: &str, columns: &str, condition: &str| {
        let arguments = ["export", "job.toml", "--format", "csv", "--table", table];
        let chosen = ["--columns", columns, "--where", condition];
        let finished = project.call(&[&arguments[..], &chosen].concat());
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        finished.stdout.replace('\r', "")
    };
    insta::assert_snapshot!(rows("tier_snapshot", "user_id,keen,keen_since", "keen"), @"
    user_id,keen,keen_since
    1005,true,2026-03-05
    1006,true,2026-03-06
    ");
    // What is not known raises nothing.
    insta::assert_snapshot!(rows("tier_snapshot", "user_id", "keen IS NULL"), @"user_id");
    let moved = "user_id,from_tier,to_tier,direction";
    insta::assert_snapshot!(rows("tier_migration", moved, "dimension = 'keen'"), @"
    user_id,from_tier,to_tier,direction
    1006,clear,raised,raised
    ");
    let listed = "dimension,tier,rank,label_en,playbook";
    insta::assert_snapshot!(rows("dim_tier", listed, "tier = 'keen'"), @"
    dimension,tier,rank,label_en,playbook
    warning,keen,,keen,
    ");
    let shown = project.call(&["show", "job.toml"]).stdout;
    assert!(shown.lines().any(|line| line.contains("keen")), "{shown}");
}

/// The value `fan` is nobody's to give when the job does not list it.
#[test]
fn a_value_that_the_job_does_not_list_is_refused() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo(folder, &SETTINGS.replace(", \"fan\"", ""));
    let finished = tierline(folder, "run", &["--date", "2026-10-31"]);
    assert_eq!(finished.exit_code, 2, "{finished:?}");
    let message = "`app_fan` gives `fan`, which dim_tier does not list";
    assert!(finished.stderr.contains(message), "{finished:?}");
}

#[test]
fn what_is_missing_or_double_is_told() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    demo(
        folder,
        "\n[dimensions.lifecycle_stage]\ntiers = [\"a\"]\n\n[sources.orders.profile]\ncity = \"VARCHAR\"\n",
    );
    let check = |expected: &str| {
        let finished = tierline(folder, "check", &[]);
        assert_eq!(finished.exit_code, 2, "{finished:?}");
        assert!(finished.stderr.contains(expected), "{finished:?}");
    };
    check("source `orders` has no profile");
    let job = folder.join("jobs/demo.toml");
    let text = std::fs::read_to_string(&job).unwrap();
    let text = text.replace("[sources.orders.profile]", "[sources.users.profile]");
    std::fs::write(&job, &text).unwrap();
    check("`lifecycle_stage` is a dimension of the SQL pack's dim_tier already");
    std::fs::write(&job, text.replace("lifecycle_stage", "mood")).unwrap();
    check("dimension `mood` has no model");
}
