//! `tierline export` of what two nights have published, read back as its users would.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::bad_input::project::{Project, files_below};
use crate::support::command::Finished;
use crate::support::s3_server::S3Server;

const CALLS: &str = "SELECT user_id, value_tier, orders_lifetime, revenue_365d, '=' || value_tier AS note\nFROM publish.tier_snapshot\n";

/// Two nights with tables of the job's own.
fn published() -> Project {
    Project::new()
        .write("sql/publish/calls.sql", CALLS)
        .append(
            "job.toml",
            "\n[tables.calls]\nkey = [\"user_id\"]\n[tables.tiers_today]\nkey = [\"value_tier\"]\ndated = false\n",
        )
        .write(
            "sql/publish/tiers_today.sql",
            "SELECT value_tier, COUNT(*) AS users FROM publish.calls GROUP BY value_tier\n",
        )
        .publish("2026-03-05")
        .publish("2026-03-06")
}

/// One project for all of it: its nights take longer than the exports.
#[test]
fn what_is_published_is_exported() {
    let project = published();
    every_format_has_the_rows_of_the_date_in_the_order_of_the_key(&project);
    rows_and_columns_are_chosen_and_split_into_files(&project);
    rows_come_in_the_order_that_is_asked_for(&project);
    rows_of_several_dates_are_exported(&project);
    a_table_that_keeps_the_newest_date_is_that_of_then_for_an_older_one(&project);
    columns_of_the_snapshot_come_with_a_table_of_users(&project);
    what_another_program_has_written_is_left_alone(&project);
    a_bare_name_is_of_the_folder_here(&project);
    what_cannot_be_exported_is_told_with_the_remedy(&project);
    an_older_date_with_another_key_is_exported(project);
}

/// A table of the job's own has a row for each user and date, those of the one before the other.
fn rows_of_several_dates_are_exported(project: &Project) {
    let arguments = ["--table", "calls", "--format", "csv"];
    let one = |date| exported(project, &[&arguments[..], &["--date", date]].concat());
    let dates = ["2026-03-05", "2026-03-06"].map(one);
    let from = ["--from", "2026-03-05"];
    let both = exported(project, &[&arguments[..], &from].concat());
    let sorted = |texts: &[String]| {
        let lines = texts.iter().flat_map(|text| text.lines().skip(1));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let rows = sorted(std::slice::from_ref(&both));
    assert_eq!(rows, sorted(&dates));
    let first_user = both.lines().skip(1).take(2);
    let dates: Vec<_> = first_user.map(|line| &line[..10]).collect();
    assert_eq!(dates, ["2026-03-05", "2026-03-06"]);
    let limited = exported(
        project,
        &[
            &arguments[..],
            &from,
            &["--limit", "1", "--to", "both", "--split-by", "value_tier"],
        ]
        .concat(),
    );
    assert!(
        limited.contains(" of calls from 2026-03-05 to 2026-03-06, "),
        "{limited}"
    );
    let manifest = manifest(&project.path("both/manifest.json"));
    assert_eq!(
        (&manifest["from"], &manifest["limit"]),
        (&"2026-03-05".into(), &1.into())
    );
    let files = files_of(&project.path("both"), &manifest);
    assert!(
        files.values().all(|text| text.lines().count() == 2),
        "{files:?}"
    );
    let written = manifest["rows"].as_u64().unwrap();
    let left_out = manifest["files"].as_array().unwrap().iter();
    let left_out: u64 = left_out.filter_map(|file| file["left_out"].as_u64()).sum();
    assert_eq!(written + left_out, rows.len() as u64);
    assert!(
        limited.contains("calls-high_value.csv: 1 row, 116 bytes; 2 more left out by --limit\n"),
        "{limited}"
    );
    // One user of three has it on both dates.
    assert!(
        files["calls-high_value.csv"].contains("\n2026-03-05,1005,"),
        "{files:?}"
    );
}

/// A call centre begins with the most valuable.
fn rows_come_in_the_order_that_is_asked_for(project: &Project) {
    let of = |order: &[&str]| {
        let arguments = ["--table", "calls", "--format", "csv"];
        let columns = ["--columns", "orders_lifetime,user_id"];
        let rows = exported(project, &[&arguments[..], &columns, order].concat());
        let rows = rows.lines().skip(1).map(|line| {
            let (orders, user_id) = line.split_once(',').unwrap();
            (orders.parse().unwrap(), user_id.parse().unwrap())
        });
        rows.collect::<Vec<(i64, i64)>>()
    };
    let mut rows = of(&[]);
    rows.sort_by_key(|(orders, user_id)| (-orders, *user_id));
    assert_eq!(of(&["--order-by", "orders_lifetime desc"]), rows);
    rows.sort_by_key(|(orders, user_id)| (*orders, -user_id));
    assert_eq!(of(&["--order-by", "orders_lifetime,user_id DESC"]), rows);
    // Of the snapshot, too.
    let by_revenue = of(&["--order-by", "revenue_365d desc"]);
    assert_eq!(by_revenue.len(), rows.len());
    let arguments = ["--table", "calls", "--format", "csv"];
    let refused = export(
        project,
        &[&arguments[..], &["--order-by", "orders"]].concat(),
    );
    assert_eq!(refused.exit_code, 2);
    let told = "--order-by: `calls` has no column `orders`";
    assert!(refused.stderr.contains(told), "{refused:?}");
}

/// A list for a campaign is cut by tier or city, which lists of actions do not have.
fn columns_of_the_snapshot_come_with_a_table_of_users(project: &Project) {
    let of = |table: &str, chosen: &[&str]| {
        exported(
            project,
            &[&["--table", table, "--format", "csv"], chosen].concat(),
        )
    };
    let columns = ["--columns", "user_id,lifecycle_stage,note"];
    let rows = of("calls", &columns);
    let snapshot = of("tier_snapshot", &["--columns", "user_id,lifecycle_stage"]);
    let without_note = rows.lines().map(|line| line.rsplit_once(',').unwrap().0);
    assert_eq!(
        without_note.collect::<Vec<_>>(),
        snapshot.lines().collect::<Vec<_>>()
    );
    let stages: Vec<&str> = snapshot.lines().skip(1).collect();
    let stage = stages[0].split_once(',').unwrap().1;
    let condition = format!("lifecycle_stage = '{stage}' AND note LIKE '=%'");
    let chosen = of("calls", &["--where", &condition]);
    let of_stage = stages
        .iter()
        .filter(|line| line.ends_with(&format!(",{stage}")));
    assert_eq!(chosen.lines().count(), 1 + of_stage.count());
    assert_eq!(chosen.lines().next(), of("calls", &[]).lines().next());
}

/// Six users of two megabytes each: more than S3 takes for the last part of an upload alone.
fn letters() -> String {
    let of = |text: &str, times| vec![text; times].join(", ");
    format!(
        "WITH pages AS (SELECT user_id, value_tier, REPEAT('letter ', 1000) AS page FROM publish.tier_snapshot),
chapters AS (SELECT user_id, value_tier, CONCAT({}) AS chapter FROM pages)
SELECT user_id, value_tier, CONCAT({}) AS letter FROM chapters
",
        of("page", 20),
        of("chapter", 15)
    )
}

#[tokio::test]
async fn a_bucket_gets_whole_files_and_keeps_none_of_the_export_before() {
    let server = S3Server::start();
    let project = Project::new()
        .write("sql/publish/letters.sql", &letters())
        .append("job.toml", "\n[tables.letters]\nkey = [\"user_id\"]\n")
        .publish("2026-03-06")
        .environment(server.environment());
    let letters = ["--table", "letters", "--format", "csv"];
    let of_all = exported(&project, &letters);
    let to_bucket = |to: &str, chosen: &[&str]| {
        let to = format!("s3://tierline/{to}");
        exported(&project, &[&letters[..], &["--to", &to], chosen].concat())
    };

    to_bucket("one/letters.csv", &[]);
    let files = objects(&server, "one").await;
    let names: Vec<&String> = files.keys().collect();
    assert_eq!(names, ["letters.csv", "letters.csv.manifest.json"]);
    assert!(
        files["letters.csv"] == of_all.as_bytes(),
        "other bytes than on stdout"
    );
    assert_manifest(&files, "letters.csv.manifest.json");
    assert!(server.requests().multipart > 2);

    let by_tier = ["--split-by", "value_tier"];
    to_bucket("split", &by_tier);
    let all = objects(&server, "split").await;
    assert_manifest(&all, "manifest.json");
    let high = ["--where", "value_tier = 'high_value'"];
    let said = to_bucket("split", &[by_tier, high].concat());
    assert_eq!(
        said.matches("  removed letters-").count(),
        all.len() - 2,
        "{said}"
    );
    let left = objects(&server, "split").await;
    let names: Vec<&String> = left.keys().collect();
    assert_eq!(names, ["letters-high_value.csv", "manifest.json"]);
    assert_eq!(
        left["letters-high_value.csv"],
        all["letters-high_value.csv"]
    );
    assert_manifest(&left, "manifest.json");

    let arguments = [&letters[..], &["--to", "s3://elsewhere/letters"]].concat();
    let refused = export(&project, &arguments);
    insta::assert_snapshot!(project.said(&refused), @"
    exit code 1

    error: cannot write `s3://elsewhere/letters/letters.csv`; check the endpoint, the credentials and the permissions: Object at location letters/letters.csv not found: POST http://127.0.0.1:[PORT]/elsewhere/letters/letters.csv: NoSuchBucket
    ");
}

/// The objects below a folder of the bucket, by their names there.
async fn objects(server: &S3Server, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let store = server.store();
    let listed: Vec<_> = store
        .list(Some(&folder.into()))
        .try_collect()
        .await
        .unwrap();
    let mut objects = BTreeMap::new();
    for object in listed {
        let bytes = store.get(&object.location).await.unwrap();
        let bytes = bytes.bytes().await.unwrap();
        let name = object.location.filename().unwrap().to_owned();
        objects.insert(name, bytes.to_vec());
    }
    objects
}

/// Fails unless a manifest names the objects beside it as they are.
fn assert_manifest(objects: &BTreeMap<String, Vec<u8>>, manifest: &str) {
    let read: Value = serde_json::from_slice(&objects[manifest]).unwrap();
    let files = read["files"].as_array().unwrap();
    assert_eq!(files.len(), objects.len() - 1, "{read:#}");
    for file in files {
        let bytes = &objects[file["name"].as_str().unwrap()];
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["sha256"], sha256(bytes));
    }
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn export(project: &Project, arguments: &[&str]) -> Finished {
    project.call(&[&["export", "job.toml"], arguments].concat())
}

fn exported(project: &Project, arguments: &[&str]) -> String {
    let finished = export(project, arguments);
    assert_eq!(
        (finished.exit_code, &*finished.stderr),
        (0, ""),
        "{finished:?}"
    );
    finished.stdout
}

fn manifest(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Every file that a manifest names is there as it says; their texts by name.
fn files_of(folder: &Path, manifest: &Value) -> BTreeMap<String, String> {
    let files = manifest["files"].as_array().unwrap().iter();
    let read = files.map(|file| {
        let name = file["name"].as_str().unwrap().to_owned();
        let bytes = fs::read(folder.join(&name)).unwrap();
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["sha256"], sha256(&bytes));
        (name, String::from_utf8(bytes).unwrap())
    });
    read.collect()
}

fn every_format_has_the_rows_of_the_date_in_the_order_of_the_key(project: &Project) {
    let csv = exported(project, &["--table", "calls", "--format", "csv"]);
    let mut lines = csv.lines();
    assert_eq!(
        lines.next().unwrap(),
        "snapshot_date,user_id,value_tier,orders_lifetime,revenue_365d,note"
    );
    let lines: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let expected = (1..=6).map(|user| {
        let (orders, revenue) = (user.to_string(), format!("{user}0.00"));
        (format!("100{user}"), orders, revenue)
    });
    let found = lines.iter().map(|fields| {
        assert_eq!(
            (fields[0], fields[5]),
            ("2026-03-06", &*format!("={}", fields[2]))
        );
        let [_, user, _, orders, revenue, _] = fields[..] else {
            panic!("{fields:?}");
        };
        (user.to_owned(), orders.to_owned(), revenue.to_owned())
    });
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());

    let json = exported(project, &["--table", "calls", "--format", "json"]);
    let objects = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let texts = objects.map(|object| {
        ["user_id", "value_tier", "orders_lifetime", "note"]
            .map(|name| object[name].to_string().replace('"', ""))
    });
    let of_csv = lines
        .iter()
        .map(|fields| [1, 2, 3, 5].map(|field| fields[field].to_owned()));
    assert_eq!(texts.collect::<Vec<_>>(), of_csv.collect::<Vec<_>>());
    // All digits, whatever a reader makes of them.
    assert!(
        json.starts_with("{\"snapshot_date\":\"2026-03-06\",\"user_id\":1001,")
            && json.contains("\"revenue_365d\":10.00,"),
        "{json}"
    );

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("calls.parquet");
    let to = file.to_str().unwrap();
    exported(
        project,
        &["--table", "calls", "--format", "parquet", "--to", to],
    );
    let manifest = manifest(&folder.path().join("calls.parquet.manifest.json"));
    assert_eq!(manifest["rows"], 6);
    assert_eq!(manifest["files"][0]["name"], "calls.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(file).unwrap());
    let rows = reader
        .unwrap()
        .build()
        .unwrap()
        .map(|batch| batch.unwrap().num_rows());
    assert_eq!(rows.sum::<usize>(), 6);
}

fn rows_and_columns_are_chosen_and_split_into_files(project: &Project) {
    let folder = TempDir::new().unwrap();
    let to = folder.path().join("calls");
    let split = |condition: &str| {
        let arguments = [
            "--table",
            "calls",
            "--date",
            "2026-03-06",
            "--format",
            "csv",
        ];
        let columns = [
            "--columns",
            "orders_lifetime,user_id",
            "--split-by",
            "value_tier",
        ];
        let rest = ["--where", condition, "--to", to.to_str().unwrap(), "--bom"];
        exported(project, &[&arguments[..], &columns, &rest].concat())
    };
    split("user_id > 1000 AND $snapshot_date = DATE '2026-03-06'");
    let all = manifest(&to.join("manifest.json"));
    assert_eq!(
        (
            &all["table"],
            &all["snapshot_date"],
            &all["rows"],
            &all["split_by"]
        ),
        (
            &"calls".into(),
            &"2026-03-06".into(),
            &6.into(),
            &"value_tier".into()
        )
    );
    assert_eq!(
        all["columns"],
        serde_json::json!([{"name": "orders_lifetime", "type": "BIGINT"}, {"name": "user_id", "type": "BIGINT"}])
    );
    let files = files_of(&to, &all);
    assert!(files.len() > 1, "{all:#}");
    let mut users = Vec::new();
    for (file, text) in all["files"].as_array().unwrap().iter().zip(files.values()) {
        let value = file["value"].as_str().unwrap();
        assert_eq!(file["name"], format!("calls-{value}.csv"));
        let text = text.strip_prefix('\u{feff}').unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("orders_lifetime,user_id"));
        users.extend(lines.map(|line| line.split_once(',').unwrap().1.to_owned()));
    }
    users.sort();
    assert_eq!(users, ["1001", "1002", "1003", "1004", "1005", "1006"]);

    // Names are those that the manifest says, whatever they are written in.
    let named = folder.path().join("名单 100%.csv");
    let arguments = [
        "--table",
        "calls",
        "--format",
        "csv",
        "--to",
        named.to_str().unwrap(),
    ];
    exported(project, &arguments);
    let beside = named.with_file_name("名单 100%.csv.manifest.json");
    assert_eq!(manifest(&beside)["files"][0]["name"], "名单 100%.csv");
    assert!(named.exists());

    // The next one leaves no file of this one behind that it does not have.
    let last = all["files"][0]["value"].as_str().unwrap();
    let said = split(&format!("value_tier = '{last}'"));
    assert!(said.contains("  removed calls-"), "{said}");
    let left = manifest(&to.join("manifest.json"));
    let mut names: Vec<String> = fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<String> = files_of(&to, &left).into_keys().collect();
    expected.push("manifest.json".to_owned());
    assert_eq!(names, expected);

    // A file with notes of somebody is kept, each time under a name of its own; one that was copied is as it was.
    let name = left["files"][0]["name"].as_str().unwrap();
    for kept_as in [format!("{name}.changed"), format!("{name}.changed-2")] {
        fs::write(to.join(name), &kept_as).unwrap();
        let said = split("true");
        let told = format!("  kept {name}, which had been changed, as {kept_as}\n");
        assert!(said.contains(&told), "{said}");
        assert_eq!(fs::read_to_string(to.join(&kept_as)).unwrap(), kept_as);
    }
    for kept in [".changed", ".changed-2"] {
        fs::remove_file(to.join(format!("{name}{kept}"))).unwrap();
    }
    let bytes = fs::read(to.join(name)).unwrap();
    fs::write(to.join(name), bytes).unwrap();
    let said = split("true");
    assert!(!said.contains("  kept "), "{said}");

    // Nor does the next one after an export that failed, as a file could not get its name.
    split("true");
    let all = files_of(&to, &manifest(&to.join("manifest.json")));
    let blocked = all.keys().last().unwrap();
    fs::remove_file(to.join(blocked)).unwrap();
    fs::create_dir_all(to.join(blocked).join("in the way")).unwrap();
    let arguments = [
        "--table",
        "calls",
        "--format",
        "csv",
        "--split-by",
        "value_tier",
    ];
    let arguments = [&arguments[..], &["--to", to.to_str().unwrap()]].concat();
    assert_eq!(export(project, &arguments).exit_code, 1);
    assert!(!to.join("manifest.json").exists());
    fs::remove_dir_all(to.join(blocked)).unwrap();
    split(&format!("value_tier = '{last}'"));
    let mut names: Vec<String> = fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, expected);
}

/// A `manifest.json` may be another program's, and what it names that program's files.
fn what_another_program_has_written_is_left_alone(project: &Project) {
    let folder = TempDir::new().unwrap();
    let foreign = r#"{"files": [{"name": "important.txt"}]}"#;
    fs::write(folder.path().join("manifest.json"), foreign).unwrap();
    fs::write(folder.path().join("important.txt"), "keep").unwrap();
    let to = folder.path().to_str().unwrap();
    let arguments = ["--table", "calls", "--format", "csv", "--to", to];
    let refused = export(project, &arguments);
    assert_eq!(refused.exit_code, 2, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("/manifest.json` is no manifest of an export"),
        "{refused:?}"
    );
    let help =
        "name a folder of its own for the export, or delete that file if it is one's remains";
    assert!(refused.stderr.contains(help), "{refused:?}");
    let left = files_below(folder.path());
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[Path::new("manifest.json")], foreign.as_bytes());
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    exported(project, &arguments);
    assert!(folder.path().join("important.txt").exists());
}

/// The key of then is not that of the job today.
fn an_older_date_with_another_key_is_exported(project: Project) {
    let project = project
        .edit("sql/publish/calls.sql", "user_id,", "user_id AS id,")
        .edit("job.toml", "[\"user_id\"]", "[\"id\"]");
    let of_then = [
        "--table",
        "calls",
        "--date",
        "2026-03-05",
        "--format",
        "csv",
    ];
    let text = exported(&project, &of_then);
    assert_eq!(text.lines().count(), 6, "{text}");
}

/// A file without a folder is one of the folder that the command runs in.
fn a_bare_name_is_of_the_folder_here(project: &Project) {
    exported(
        project,
        &["--table", "calls", "--format", "csv", "--to", "here.csv"],
    );
    assert!(project.path("here.csv").exists());
}

fn a_table_that_keeps_the_newest_date_is_that_of_then_for_an_older_one(project: &Project) {
    let users = |date: &str| -> i64 {
        let csv = exported(
            project,
            &["--table", "tiers_today", "--date", date, "--format", "csv"],
        );
        let counts = csv
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').unwrap().1);
        counts.map(|count| count.parse::<i64>().unwrap()).sum()
    };
    assert_eq!((users("2026-03-05"), users("2026-03-06")), (5, 6));
    let none = export(
        project,
        &["--table", "calls", "--where", "false", "--format", "csv"],
    );
    assert_eq!(
        none.stdout,
        "snapshot_date,user_id,value_tier,orders_lifetime,revenue_365d,note\r\n"
    );
    a_condition_that_leaves_no_row_is_told(project);
    let escaped = [
        "--table",
        "calls",
        "--format",
        "csv",
        "--columns",
        "note",
        "--escape-formulas",
    ];
    assert!(exported(project, &escaped).contains("\r\n'="));
}

/// A label in the place of a name, which says what names there are.
fn a_condition_that_leaves_no_row_is_told(project: &Project) {
    let conditions = [
        "value_tier = 'High value'",
        "'Active' = value_tier OR value_tier IN ('Silent')",
        "orders_lifetime > 1000",
    ];
    let said = conditions.map(|condition| {
        let columns = ["--columns", "user_id, value_tier", "--format", "csv"];
        let asked = ["--table", "calls", "--where", condition];
        let finished = export(project, &[asked, columns].concat());
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        assert_eq!(finished.stdout, "user_id,value_tier\r\n");
        project.said(&finished)
    });
    insta::assert_snapshot!(said.join("\n"), @"
    exit code 0

    user_id,value_tier
    warning: no row has `value_tier` = 'High value'
     --> --where:1:14
      |
    1 | value_tier = 'High value'
      |              ^^^^^^^^^^^^
      |
      = help: it is one of active, high_potential, high_value, low_value, silent

    exit code 0

    user_id,value_tier
    warning: no row has `value_tier` = 'Active'
     --> --where:1:1
      |
    1 | 'Active' = value_tier OR value_tier IN ('Silent')
      | ^^^^^^^^
      |
      = help: it is one of active, high_potential, high_value, low_value, silent

    warning: no row has `value_tier` = 'Silent'
     --> --where:1:41
      |
    1 | 'Active' = value_tier OR value_tier IN ('Silent')
      |                                         ^^^^^^^^
      |
      = help: it is one of active, high_potential, high_value, low_value, silent

    exit code 0

    user_id,value_tier
    warning: no row of `calls` of 2026-03-06 meets --where
    ");
}

fn what_cannot_be_exported_is_told_with_the_remedy(project: &Project) {
    let refused = [
        vec!["--table", "call"],
        vec!["--table", "calls", "--columns", "user,orders_lifetime"],
        vec!["--table", "calls", "--where", "orders_lifetim > 1"],
        vec!["--table", "calls", "--where", "value_tier = high_value"],
        vec!["--table", "calls", "--where", "orders_lifetime >"],
        vec![
            "--table",
            "calls",
            "--where",
            "now() > TIMESTAMP '2026-01-01'",
        ],
        vec![
            "--table",
            "calls",
            "--where",
            "user_id IN (SELECT user_id FROM publish.tier_snapshot)",
        ],
        vec![
            "--table",
            "calls",
            "--where",
            "true) UNION ALL SELECT * FROM publish.calls WHERE (true",
        ],
        vec!["--table", "calls", "--split-by", "value_tier"],
        vec!["--table", "calls", "--date", "2026-03-01"],
        vec!["--table", "calls", "--to", "calls.parquet"],
        vec![
            "--table",
            "calls",
            "--to",
            "calls.csv",
            "--split-by",
            "value_tier",
        ],
        vec!["--table", "calls", "--where", "revenue_365d"],
        vec![
            "--table",
            "calls",
            "--where",
            "1 / (orders_lifetime - orders_lifetime) > 0",
        ],
        vec!["--table", "calls", "--to", "data/orders/dt=2026-03-06"],
        vec!["--table", "calls", "--to", "output/tables/calls"],
        vec!["--table", "calls", "--to", "each", "--split-by", "user_id"],
        vec!["--table", "calls", "--where", "snapshot_date > '5.3.2026'"],
        vec!["--table", "calls", "--from", "2026-03-07"],
        vec!["--table", "tiers_today", "--from", "2026-03-05"],
    ];
    let said = refused.map(|arguments| {
        let finished = export(project, &[&arguments[..], &["--format", "csv"]].concat());
        assert_eq!(
            (finished.exit_code, &*finished.stdout),
            (2, ""),
            "{finished:?}"
        );
        project.said(&finished).replace("exit code 2\n\n", "")
    });
    let mark = export(project, &["--table", "calls", "--format", "json", "--bom"]);
    let said = [&said[..], &[project.said(&mark)]].concat();
    insta::assert_snapshot!(said.join("\n"), @"
    error: there is no published table `call`; did you mean `calls`?
     |
     = help: the tables of 2026-03-06 are actions, alerts, calls, dim_metric, dim_tier, kpi_daily, tier_current, tier_migration, tier_migration_matrix, tier_snapshot, tier_summary, tiers_today

    error: --columns: `calls` has no column `user`
     |
     = help: its columns are snapshot_date, user_id, value_tier, orders_lifetime, revenue_365d, note

    error: unknown column `orders_lifetim`
     --> --where:1:1
      |
    1 | orders_lifetim > 1
      | ^^^^^^^^^^^^^^
      |
      = help: did you mean `orders_lifetime`?

    error: unknown column `high_value`
     --> --where:1:14
      |
    1 | value_tier = high_value
      |              ^^^^^^^^^^
      |
      = help: there are: user_id, value_tier, orders_lifetime, revenue_365d, note, snapshot_date; a text has single quotes: 'high_value'

    error: syntax error: Expected: an expression, found the end of the file
     --> --where:1:17
      |
    1 | orders_lifetime >
      |                 ^

    error: `now` is not allowed: a run must give the same rows tomorrow
     --> --where:1:1
      |
    1 | now() > TIMESTAMP '2026-01-01'
      | ^^^
      |
      = help: use $snapshot_date for today; sort by a column instead of random()

    error: a condition reads no other rows
     --> --where:1:13
      |
    1 | user_id IN (SELECT user_id FROM publish.tier_snapshot)
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it may use the columns of the table; what needs more belongs in a table of your own

    error: syntax error: Expected: EOF, found: )
     --> --where:1:5
      |
    1 | true) UNION ALL SELECT * FROM publish.calls WHERE (true
      |     ^

    error: --split-by makes several files, and stdout takes one
     |
     = help: name a folder by --to

    error: 2026-03-01 is not published; the nearest that are: 2026-03-05, 2026-03-06
     |
     = help: name one of them, or publish it: `tierline run --date 2026-03-01`

    error: --to ends with `calls.parquet`, which is of another format than --format says
     |
     = help: give the file the ending of its format, or name a folder

    error: --to names one file, `calls.csv`, and --split-by makes several
     |
     = help: name a folder

    error: a condition is of type DECIMAL(18, 2), and not true or false
     --> --where:1:1
      |
    1 | revenue_365d
      | ^^^^^^^^^^^^
      |
      = help: compare it, as in x > 0

    error: --where: `1 / (calls.orders_lifetime - calls.orders_lifetime)` cannot be computed: a division by zero
     |
     = help: leave such rows out by CASE, use TRY_CAST, or divide by NULLIF(..., 0)

    error: --to lies within the source `orders`
     |
     = help: name a folder of its own, so that the files are not read as a part of it

    error: --to lies within the published tables
     |
     = help: name a folder of its own, so that the files are not read as a part of it

    error: --split-by: files are named by the values of `user_id`, and names of files are printed
     |
     = help: split by a column of few values, such as action or channel

    error: '5.3.2026' is compared with a DATE
     --> --where:1:17
      |
    1 | snapshot_date > '5.3.2026'
      |                 ^^^^^^^^^^
      |
      = help: write a day as DATE '2026-10-01', or CAST the other side

    error: --from 2026-03-07 is after 2026-03-06, the date that is exported
     |
     = help: give an earlier one, or leave --from out

    error: --from: `tiers_today` does not keep every date
     |
     = help: leave --from out

    exit code 2

    error: --bom is for CSV alone
     |
     = help: leave it out, or give --format csv
    ");
}
