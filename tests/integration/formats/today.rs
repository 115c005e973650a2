//! Nights of today write the newest form of each format: a change of form without a fixture of the
//! new one is found here.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::datatypes::DataType;
use serde_json::{Value, json};
use tierline::publish::{Publication, Publications, Table};

use super::fixtures::path;
use super::form::{Kept, form};
use super::results::assert_result;
use super::samples::form_of_sample;
use super::{names_in, newest, output};
use crate::bad_input::lake::Rows;
use crate::bad_input::project::{Project, files_below};

/// All that a record of rules may say of a job.
const SECTIONS: &str = r#"
[sources.users]
url = "data/users"
required = false

[sources.users.profile]
city = { type = "VARCHAR", optional = true }

[params]
churned_days = 61

[grace_days]
value_tier = 3

[hold_days]
rfm_class = 3

[dimensions.buyer]
tiers = ["no", "yes"]
"#;

const BUYER: &str = "-- Whether a user ever bought.\nSELECT user_id, CASE WHEN orders_lifetime > 0 THEN 'yes' ELSE 'no' END AS buyer\nFROM features.purchases\n";

const AUDIT: &str = "sql/audits/orders.sql";

/// Passes no night, and with `> 99` every one.
const BLOCKING: &str =
    "-- Orders.\nSELECT orders_lifetime FROM publish.tier_snapshot WHERE orders_lifetime > 0\n";

/// What lies below an output: one that is not here needs a fixture and a document, too.
const KINDS: [&str; 11] = [
    "_README.txt",
    "calibrations",
    "last-publication.json",
    "output.json",
    "plain",
    "quarantine",
    "rules",
    "sources",
    "tables",
    "tiles",
    "views",
];

/// What is read of commits.
const OF_COMMITS: [&str; 6] = [
    "commitInfo.timestamp",
    "commitInfo.operation:",
    "commitInfo.runId",
    "commitInfo.inputFingerprint",
    "commitInfo.actionCount",
    "txn.",
];

/// The maps of records of rules.
const OF_RULES: [&str; 7] = [
    "files",
    "parameters",
    "grace_days",
    "hold_days",
    "dimensions",
    "sources",
    "history_starts",
];

/// Nights over a few days, one of which has a row that staging leaves out.
struct Nights {
    project: Project,
}

impl Nights {
    fn new() -> Self {
        let liked = Rows::engagement(5).with_text("event_type", "like");
        let project = Project::new()
            .edit("job.toml", "\"output\"", "{ url = \"output\", plain = true }")
            .append("job.toml", SECTIONS)
            .write("sql/tiers/buyer.sql", BUYER)
            .deliver("engagement", 5, &liked)
            .edit(
                "sql/staging/engagement.sql",
                "WHEN events.user_id IS NULL",
                "WHEN events.event_type = 'like' THEN 'a_like'\n        WHEN events.user_id IS NULL",
            )
            .write(AUDIT, BLOCKING);
        Self { project }
    }

    /// The result of a call as programs read it.
    fn result(&self, arguments: &[&str], exit_code: i32) -> Value {
        let finished = self
            .project
            .call(&[arguments, &["--output", "json"]].concat());
        assert_eq!(finished.exit_code, exit_code, "{finished:?}");
        serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap()
    }

    fn output(&self) -> PathBuf {
        self.project.path("output")
    }

    /// The first of the records in a folder of the output.
    fn record(&self, folder: &str) -> Value {
        let names = names_in(&self.output().join(folder));
        self.json(&format!("{folder}/{}.json", names[0]))
    }

    fn json(&self, below: &str) -> Value {
        serde_json::from_slice(&fs::read(self.output().join(below)).unwrap()).unwrap()
    }
}

#[tokio::test]
async fn nights_of_today_write_the_newest_forms() {
    let nights = Nights::new();
    let run = ["run", "job.toml", "--date", "2026-03-05"];
    let blocked = nights.result(&run, 3);
    assert_result("run-blocked", Some("run-every-field"), &blocked);
    let unreported = nights.json("quarantine/unreported.json");
    let is_always = |field: &str| !field.ends_with(": nothing") && !field.contains("remarks[]");
    assert_record("unreported", &unreported, &["sources"], is_always);
    assert_sample(&nights.output());

    let Nights { project } = nights;
    let project = project.edit(AUDIT, "> 0", "> 99");
    let nights = Nights { project };
    let published = nights.result(&run, 0);
    assert_result("run", Some("run-every-field"), &published);
    assert_records(&nights);
    assert_commits(&nights.output());
    assert_publications(&nights.output()).await;
    assert_tables(&nights.output()).await;

    let backfill = [
        "backfill",
        "job.toml",
        "--from",
        "2026-03-05",
        "--to",
        "2026-03-06",
    ];
    let filled = nights.result(&backfill, 0);
    assert_result("backfill", Some("backfill-every-field"), &filled);
    let calibrate = ["calibrate", "job.toml", "--date", "2026-03-06"];
    assert_result("calibrate", None, &nights.result(&calibrate, 0));
    assert_shown(&nights);
    assert_exported(&nights);
    let withdraw = ["withdraw", "job.toml", "--date", "2026-03-05", "--yes"];
    assert_result("withdraw", None, &nights.result(&withdraw, 0));
    let maintain = ["maintain", "job.toml", "--yes"];
    assert_result("maintain", None, &nights.result(&maintain, 0));
}

/// Fails when `show` has another result, whatever it shows.
fn assert_shown(nights: &Nights) {
    let shown: [(&str, &[&str]); 4] = [
        ("show-snapshot", &[]),
        ("show-moves", &["--from", "2026-03-05"]),
        ("show-user", &["--user", "1001", "--date", "2026-03-05"]),
        ("show-actions", &["--actions"]),
    ];
    for (fixture, arguments) in shown {
        let result = nights.result(&[&["show", "job.toml"], arguments].concat(), 0);
        assert_result(fixture, None, &result);
    }
}

/// Fails when the manifest of an export is of another form.
fn assert_exported(nights: &Nights) {
    let export = "export job.toml --table tier_current --format csv --to exported";
    let chosen = ["--where", "orders_lifetime > 1", "--split-by", "value_tier"];
    let arguments: Vec<&str> = export.split(' ').chain(chosen).collect();
    let finished = nights.project.call(&arguments);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let manifest = nights.json("../exported/manifest.json");
    assert_record("export-manifest", &manifest, &[], |_| true);
}

fn assert_records(nights: &Nights) {
    let kinds = fs::read_dir(nights.output()).unwrap();
    let kinds = kinds.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kinds: BTreeSet<String> = kinds.collect();
    assert_eq!(
        kinds,
        KINDS.map(str::to_owned).into(),
        "what lies below an output"
    );

    let calibration = nights.record("calibrations");
    assert_record("calibration", &calibration, &[], |field| {
        field != "origin: text"
    });
    let rules = nights.record("rules");
    assert_record("rules", &rules, &OF_RULES, |field| {
        !field.starts_with("history_starts")
    });
    let days = nights.record("sources");
    assert_record("source-days", &days, &["sources"], |field| {
        !field.contains("expired")
    });
    let last = nights.json("last-publication.json");
    assert_record("last-publication", &last, &[], |_| true);
    let output = nights.json("output.json");
    assert_record("output", &output, &[], |_| true);
    let views = nights.json("views/newest.json");
    assert_record("views", &views, &["tables"], |_| true);
    let plain = nights.json("plain/_written.json");
    assert_record("plain", &plain, &["objects"], |_| true);
}

/// Fails when a record is not of the form of the newest fixtures of its format.
fn assert_record(format: &str, written: &Value, maps: &[&str], is_always: impl Fn(&str) -> bool) {
    let fixture = format!("{format}/{}", newest(format));
    let files = files_below(&path(&fixture)).into_values();
    let forms = files.map(|bytes| form(&serde_json::from_slice(&bytes).unwrap(), maps));
    let kept = Kept::of(fixture, forms.flatten().collect(), is_always);
    kept.assert_form(&form(written, maps));
}

/// Fails when samples lack what they have whatever staging selects.
fn assert_sample(folder: &Path) {
    let fixture = format!("quarantine/{}", newest("quarantine"));
    let kept = form_of_sample(&path(&fixture), "orders");
    let kept = Kept::of(fixture, kept, |_| true);
    kept.assert_form(&form_of_sample(folder, "engagement"));
}

/// Fails when a published table has lost a column, or has one in another type. Columns may come.
async fn assert_tables(folder: &Path) {
    let fixture = format!("tables/{}", newest("tables"));
    let kept = fs::read_to_string(path(&fixture).join("columns.txt")).unwrap();
    let kept: BTreeSet<String> = kept.lines().map(str::to_owned).collect();
    let (output, _) = output(folder);
    let mut written = BTreeSet::new();
    for name in tierline::tables::OUR_NAMES {
        let table = Table::open(&output, name).await.unwrap().unwrap();
        let columns = columns_of(&table).into_iter();
        written.extend(columns.map(|column| format!("{name}.{column}")));
    }
    let mut kept = Kept::of(fixture, kept, |_| true);
    kept.may.extend(written.iter().cloned());
    kept.assert_form(&written);
}

/// The columns of a table, `user_id: Int64`.
fn columns_of(table: &Table) -> Vec<String> {
    let schema = table.schema().unwrap();
    let columns = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8View => &DataType::Utf8,
            other => other,
        };
        format!("{}: {data_type}", field.name())
    });
    columns.collect()
}

/// Fails when commits say other things of themselves.
fn assert_commits(folder: &Path) {
    let fixture = format!("commits/{}/publication.json", newest("commits"));
    let kept = Kept::of(fixture.clone(), form_of_commit(&path(&fixture)), |_| true);
    let entry = "tables/publications/_delta_log/00000000000000000001.json";
    kept.assert_form(&form_of_commit(&folder.join(entry)));
}

/// The form of what is read of a commit; the rest is the table library's.
fn form_of_commit(entry: &Path) -> BTreeSet<String> {
    let entry = fs::read_to_string(entry).unwrap();
    let actions = entry
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let form = actions.flat_map(|action| form(&action, &[""; 0]));
    let is_read = |field: &String| OF_COMMITS.iter().any(|read| field.contains(read));
    form.filter(is_read).collect()
}

/// Fails when the table has other columns, or other texts in them.
async fn assert_publications(folder: &Path) {
    let fixture = format!("publications/{}", newest("publications"));
    let kept = form_of_publications(&path(&fixture)).await;
    let kept = Kept::of(fixture, kept, |field| !field.contains("expired"));
    kept.assert_form(&form_of_publications(folder).await);
}

async fn form_of_publications(folder: &Path) -> BTreeSet<String> {
    let (output, _) = output(folder);
    let table = Table::open(&output, "publications").await.unwrap().unwrap();
    let mut form = BTreeSet::new();
    form.extend(columns_of(&table).iter().map(|column| of_any_table(column)));
    let publications = Publications::load(&output).await.unwrap();
    form.extend(publications.all().iter().flat_map(form_of_texts));
    form
}

/// The list of published tables may grow: it is no part of the form.
fn of_any_table(column: &str) -> String {
    let suffixes = ["_version: Int64", "_rows: Int64"];
    let suffix = suffixes.into_iter().find(|suffix| column.ends_with(suffix));
    suffix.map_or_else(|| column.to_owned(), |suffix| format!("*{suffix}"))
}

/// The form of the texts that have parts of their own.
fn form_of_texts(publication: &Publication) -> BTreeSet<String> {
    let json_of = |text: &Option<String>| -> Value {
        let text = text.as_deref();
        text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
    };
    let version_of = |text: &Value| {
        let versions = text.as_str().and_then(|text| text.split_once(':'));
        versions.map_or(
            Value::Null,
            |(version, _)| json!({version: "a fingerprint"}),
        )
    };
    let rules = json_of(&publication.tier_rules);
    let rules = rules
        .as_object()
        .into_iter()
        .flat_map(|rules| rules.values());
    let rules: Vec<Value> = rules.map(version_of).collect();
    let texts = json!({
        "sql_fingerprint": version_of(&json!(publication.sql_fingerprint)),
        "tier_rules": rules,
        "source_files": json_of(&publication.source_files),
    });
    form(&texts, &["source_files"])
}
