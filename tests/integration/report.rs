//! `tierline report`: the figures within the page against the published tables, read from their
//! Delta logs and Parquet files; what the page names and asks for; the pages beside the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::NaiveDate;
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;
use tierline::storage::{Location, RetryPolicy, Stores};

use crate::bad_input::project::{Project, files_below};
use crate::nights::tables::{self, Row};
use crate::support::command::{Tierline, demo_of};
use crate::support::s3_server::S3Server;

const LAST: &str = "2026-10-31";

/// The page that a call writes to a file.
fn page(folder: &Path, arguments: &[&str]) -> String {
    let file = folder.join("page.html");
    let finished = Tierline::new()
        .args(["report"])
        .args([folder.join("jobs/demo.toml")])
        .args(["--output"])
        .args([&file])
        .args(arguments)
        .run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert_eq!(finished.stderr, "");
    assert_eq!(finished.stdout, format!("{}\n", file.display()));
    fs::read_to_string(file).unwrap()
}

/// The figures that a page has in it.
fn figures(page: &str) -> Value {
    let begin = r#"<script type="application/json" id="figures">"#;
    let (_, figures) = page.split_once(begin).unwrap();
    let (figures, _) = figures.split_once("</script>").unwrap();
    serde_json::from_str(figures).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn output_of(folder: &Path) -> Location {
    let folder = fs::canonicalize(folder.join("output")).unwrap();
    let url = format!("file://{}", folder.display());
    let mut stores = Stores::new(RetryPolicy::default());
    stores.open(&url, Path::new("")).unwrap()
}

fn last_day() -> NaiveDate {
    LAST.parse().unwrap()
}

async fn rows(folder: &Path, table: &str) -> Vec<Row> {
    tables::rows(&output_of(folder), last_day(), table).await
}

/// Nine nights have moves in a night and in a week.
#[tokio::test]
async fn figures_are_those_of_the_tables() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let said = demo_of("9", folder).stdout;
    let place = folder.join(format!("output/report/{LAST}.html"));
    let told = format!("The report: open {} in a browser.\n", place.display());
    assert!(said.contains(&told), "{said}");
    let of_demo = fs::read_to_string(place).unwrap();
    let page = page(folder, &[]);
    assert!(of_demo == page, "the demo's page is another");
    let figures = figures(&page);
    assert_eq!(figures["snapshot_date"], LAST);
    assert_eq!(figures["period"], "night");
    tiers_are_those_of_the_summary(folder, &figures).await;
    moves_are_those_of_the_matrix(folder, &figures).await;
    kpis_and_alerts_are_as_published(folder, &figures).await;
    warnings_are_those_of_the_snapshot(folder, &figures).await;
    actions_are_added_up_and_nobody_is_named(folder, &page, &figures).await;
    pages_ask_for_nothing(&page);
    options_are_heeded(folder);
}

async fn tiers_are_those_of_the_summary(folder: &Path, figures: &Value) {
    let mut expected = BTreeSet::new();
    for row in rows(folder, "tier_summary").await {
        expected
            .insert(["dimension", "tier", "users", "revenue_365d"].map(|name| row[name].clone()));
    }
    let mut found = BTreeSet::new();
    let dates = list(&figures["history"]["dates"]);
    assert_eq!(dates.len(), 9);
    assert_eq!(dates.last().unwrap(), LAST);
    for dimension in list(&figures["dimensions"]) {
        for tier in list(&dimension["tiers"]) {
            let names = [&dimension["name"], &tier["name"]].map(text);
            assert!(tier["label_en"].is_string(), "{tier}");
            assert!(tier["playbook_zh"].is_string(), "{tier}");
            let of_tier = &figures["history"]["tiers"][&names[0]][&names[1]];
            if of_tier.is_null() {
                assert_eq!(tier["users"], 0);
                continue;
            }
            assert_eq!(list(&of_tier["users"]).len(), 9);
            // Nobody is in it on some dates.
            match &list(&of_tier["users"])[8] {
                Value::Null => assert_eq!(tier["users"], 0),
                users => assert_eq!(users, &tier["users"]),
            }
            found.insert([
                names[0].clone(),
                names[1].clone(),
                text(&tier["users"]),
                text(&tier["revenue_365d"]),
            ]);
        }
    }
    found.retain(|row| expected.contains(row) || row[2] != "0");
    assert_eq!(found, expected);
}

async fn moves_are_those_of_the_matrix(folder: &Path, figures: &Value) {
    let names = ["from_tier", "to_tier", "users", "revenue_365d"];
    let mut expected = BTreeSet::new();
    for row in rows(folder, "tier_migration_matrix").await {
        let of = ["period", "previous_snapshot_date", "dimension"].map(|name| row[name].clone());
        expected.insert([of.to_vec(), names.map(|name| row[name].clone()).to_vec()].concat());
    }
    let mut found = BTreeSet::new();
    let mut periods = Vec::new();
    for moves in list(&figures["moves"]) {
        periods.push(text(&moves["period"]));
        for (dimension, flows) in moves["dimensions"].as_object().unwrap() {
            for flow in list(flows) {
                let of = [
                    text(&moves["period"]),
                    text(&moves["since"]),
                    dimension.clone(),
                ];
                let flow = ["from", "to", "users", "revenue_365d"].map(|name| text(&flow[name]));
                found.insert([of.to_vec(), flow.to_vec()].concat());
            }
        }
    }
    assert_eq!(periods, ["night", "week"]);
    assert_eq!(found, expected);
}

async fn kpis_and_alerts_are_as_published(folder: &Path, figures: &Value) {
    let number = |value: &Value| {
        value
            .as_f64()
            .map_or("NULL".to_owned(), |n| format!("{n:.6}"))
    };
    let kpis = list(&figures["kpis"]).iter().map(|kpi| {
        let history = &figures["history"]["kpis"][text(&kpi["metric"])];
        assert_eq!(list(history).last().unwrap(), &kpi["value"]);
        let values = [&kpi["value"], &kpi["previous_value"]].map(number);
        (text(&kpi["metric"]), values)
    });
    let expected = rows(folder, "kpi_daily").await.into_iter().map(|row| {
        let values = ["value", "previous_value"].map(|name| row[name].clone());
        (row["metric"].clone(), values)
    });
    let (kpis, expected): (BTreeMap<_, _>, BTreeMap<_, _>) = (kpis.collect(), expected.collect());
    assert!(expected.len() > 20);
    assert_eq!(kpis, expected);
    const ALERT: [&str; 5] = ["alert", "title_en", "title_zh", "message", "message_zh"];
    let of = |names: [&str; 5], row: &dyn Fn(&str) -> String| names.map(row);
    let named = &figures["metrics"]["revenue_d0"];
    assert_eq!(
        [&named["label_en"], &named["unit"]],
        ["Revenue of the day", "money"]
    );
    let alerts: BTreeSet<_> = list(&figures["alerts"])
        .iter()
        .map(|alert| of(ALERT, &|name| text(&alert[name])))
        .collect();
    let published = rows(folder, "alerts").await;
    let published: BTreeSet<_> = published
        .iter()
        .map(|row| of(ALERT, &|name| row[name].clone()))
        .collect();
    assert_eq!(alerts, published);
}

async fn warnings_are_those_of_the_snapshot(folder: &Path, figures: &Value) {
    let snapshot = rows(folder, "tier_snapshot").await;
    let migration = rows(folder, "tier_migration").await;
    let warnings = list(&figures["warnings"]);
    assert_eq!(warnings.len(), 8);
    for warning in warnings {
        let name = text(&warning["name"]);
        let warned: Vec<&Row> = snapshot.iter().filter(|row| row[&name] == "true").collect();
        assert_eq!(warning["users"], warned.len(), "{name}");
        let since = warned
            .iter()
            .map(|row| row[&format!("{name}_since")].clone());
        let since = since.min().unwrap_or_else(|| "NULL".to_owned());
        assert_eq!(text(&warning["oldest_since"]), since, "{name}");
        for direction in ["raised", "cleared"] {
            let moved = migration
                .iter()
                .filter(|row| row["dimension"] == name && row["direction"] == direction);
            assert_eq!(warning[direction], moved.count(), "{name} {direction}");
        }
    }
}

async fn actions_are_added_up_and_nobody_is_named(folder: &Path, page: &str, figures: &Value) {
    let published = rows(folder, "actions").await;
    let mut expected: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for row in &published {
        let key = (row["action"].clone(), row["channel"].clone());
        let found = expected.entry(key).or_default();
        found.0 += 1;
        found.1 = row["playbook"].clone();
    }
    let actions = list(&figures["actions"]).iter().map(|action| {
        let key = (text(&action["action"]), text(&action["channel"]));
        let users = usize::try_from(action["users"].as_i64().unwrap()).unwrap();
        (key, (users, text(&action["playbook"])))
    });
    assert_eq!(actions.collect::<BTreeMap<_, _>>(), expected);
    assert!(list(&figures["listed_users"]).is_empty());
    for row in rows(folder, "tier_snapshot").await {
        let id = format!("\"{}\"", row["user_id"]);
        assert!(!page.contains(&id), "a user is named");
    }
}

/// Addresses stand in licences and as names of XML alone, and the policy forbids every request.
fn pages_ask_for_nothing(page: &str) {
    let policy = r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; "#;
    assert!(page.contains(policy));
    let comments = Regex::new(r"(?s)/\*.*?\*/").unwrap();
    let code = comments.replace_all(page, "");
    let addresses = Regex::new(r"https?://[^\s\x22']+").unwrap();
    for address in addresses.find_iter(&code) {
        assert!(
            address.as_str().starts_with("http://www.w3.org/"),
            "{address:?}"
        );
    }
    assert!(page.contains("Apache License") && page.contains("Redistribution and use"));
}

fn options_are_heeded(folder: &Path) {
    let in_chinese = page(
        folder,
        &["--lang", "zh", "--period", "week", "--with-users", "3"],
    );
    assert!(in_chinese.starts_with("<!DOCTYPE html>\n<html lang=\"zh\">"));
    let found = figures(&in_chinese);
    assert_eq!(
        (&found["language"], &found["period"]),
        (&"zh".into(), &"week".into())
    );
    let users = list(&found["listed_users"]);
    assert_eq!(users.len(), 3);
    let mut contacts = list(&found["actions"]).iter();
    let first = contacts.find(|row| row["channel"] != "none").unwrap();
    for user in users {
        assert!(!text(&user["user_id"]).is_empty());
        assert!(user["reason_zh"].is_string());
    }
    assert_eq!(users[0]["action"], first["action"]);
    let since = figures(&page(
        folder,
        &["--from", "2026-10-25", "--to", "2026-10-29"],
    ));
    assert_eq!(since["snapshot_date"], "2026-10-29");
    assert_eq!(since["period"], "between");
    let between = list(&since["moves"]).last().unwrap();
    assert_eq!(between["since"], "2026-10-25");
    let shown = Tierline::new()
        .args(["show"])
        .args([folder.join("jobs/demo.toml")])
        .args([
            "--from",
            "2026-10-25",
            "--to",
            "2026-10-29",
            "--output",
            "json",
        ])
        .run();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    for dimension in list(&shown["dimensions"]) {
        let name = text(&dimension["name"]);
        assert_eq!(between["dimensions"][&name], dimension["flows"], "{name}");
    }
}

#[test]
fn a_first_night_has_a_page_without_moves() {
    let folder = TempDir::new().unwrap();
    demo_of("1", folder.path());
    let figures = figures(&page(folder.path(), &[]));
    assert_eq!(figures["previous_snapshot_date"], Value::Null);
    assert!(list(&figures["moves"]).is_empty());
    assert_eq!(list(&figures["history"]["dates"]).len(), 1);
    for warning in list(&figures["warnings"]) {
        assert_eq!(warning["raised"], Value::Null, "nobody had any before");
    }
}

/// Whoever writes labels, playbooks and names of jobs writes no HTML with them.
#[test]
fn texts_of_the_job_are_no_part_of_the_page() {
    let hostile = "</script><img src=x onerror=alert(1)>'\"&amp;";
    let quoted = format!("\"{}\"", hostile.replace('"', "\"\""));
    let project = Project::new()
        .edit(
            "job.toml",
            "version = 1\n",
            "version = 1\nname = '<b>\"tiers\" & co</b>'\n",
        )
        .edit("sql/reference/value_tiers.csv", "High value", &quoted)
        .append("job.toml", "\n[report]\n")
        .publish("2026-03-06");
    let page = fs::read_to_string(project.path("output/report/2026-03-06.html")).unwrap();
    assert!(!page.contains("<img"), "HTML of a label");
    // Those of the words, the figures, the charts and the script: no text ends one of them.
    assert_eq!(page.matches("</script").count(), 4);
    let figures = figures(&page);
    assert_eq!(figures["job"], "<b>\"tiers\" & co</b>");
    assert_eq!(figures["dimensions"][0]["tiers"][0]["label_en"], hostile);
    let index = fs::read_to_string(project.path("output/report/index.html")).unwrap();
    assert!(
        index.contains("&lt;b&gt;&quot;tiers&quot; &amp; co&lt;/b&gt;"),
        "{index}"
    );
    assert!(!index.contains("<b>"));
}

/// The dates that have a page, and whether each is linked to in the index.
fn site(project: &Project) -> Vec<String> {
    let files = files_below(&project.path("output/report")).into_keys();
    let names = files.map(|path| path.display().to_string());
    names.collect()
}

#[test]
fn pages_beside_the_tables_follow_what_is_published() {
    let project = Project::new().publish("2026-03-05");
    assert!(
        !project.path("output/report").exists(),
        "nobody asked for pages"
    );
    let project = project
        .append("job.toml", "\n[report]\nlang = \"zh\"\nusers = 1\n")
        .publish("2026-03-06");
    assert_eq!(site(&project), ["2026-03-06.html", "index.html"]);
    let path = project.path("output/report/2026-03-06.html");
    let of_night = figures(&fs::read_to_string(&path).unwrap());
    assert_eq!(of_night["language"], "zh");
    assert_eq!(of_night["quality"]["is_counted"], true);
    let index = || fs::read_to_string(project.path("output/report/index.html")).unwrap();
    assert!(
        index().contains("<a href=\"2026-03-06.html\">"),
        "{}",
        index()
    );
    assert!(
        !index().contains("<a href=\"2026-03-05.html\">"),
        "{}",
        index()
    );

    let call = |arguments: &[&str]| {
        let finished = project.call(arguments);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        finished
    };
    let said = call(&["report", "job.toml", "--site"]).stdout;
    assert!(said.starts_with("1 page written, 2 in all\n"), "{said}");
    assert!(
        index().contains("<a href=\"2026-03-05.html\">"),
        "{}",
        index()
    );
    assert!(index().contains("2026-03-06.html#night"), "{}", index());
    let said = call(&["report", "job.toml", "--site"]).stdout;
    assert!(said.starts_with("0 pages written, 2 in all\n"), "{said}");

    // A page that was made later knows the sample of rows, not their number.
    let url = call(&["report", "job.toml", "--date", "2026-03-06"]).stdout;
    assert!(
        url.trim_end().ends_with("/output/report/2026-03-06.html"),
        "{url}"
    );
    let later = figures(&fs::read_to_string(&path).unwrap());
    assert_eq!(later["quality"]["is_counted"], false);

    let url = call(&["report", "job.toml", "--from", "2026-03-05"]).stdout;
    let span = "2026-03-06-since-2026-03-05.html";
    assert!(url.trim_end().ends_with(span), "{url}");
    assert!(site(&project).contains(&span.to_owned()));

    call(&["withdraw", "job.toml", "--date", "2026-03-06", "--yes"]);
    assert_eq!(site(&project), ["2026-03-05.html", "index.html"]);
    assert!(!index().contains("2026-03-06"), "{}", index());
    let planned = call(&["maintain", "job.toml"]).stdout;
    assert!(!planned.contains("report/"), "{planned}");
    call(&["doctor", "job.toml", "--date", "2026-03-06"]);
}

#[test]
fn a_restated_date_has_its_page_written_again() {
    let project = Project::new()
        .append("job.toml", "\n[report]\n")
        .publish("2026-03-05")
        .publish("2026-03-06");
    let run = |date: &str| {
        let page = project.path(&format!("output/report/{date}.html"));
        text(&figures(&fs::read_to_string(page).unwrap())["run_id"])
    };
    let before = run("2026-03-05");
    let project = project.withhold("orders", 4);
    let project = &project;
    let finished = project.call(&[
        "backfill",
        "job.toml",
        "--affected",
        "--accept-removed-days",
    ]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    let page = fs::read_to_string(project.path("output/report/2026-03-05.html")).unwrap();
    let after = figures(&page);
    assert_ne!(text(&after["run_id"]), before);
    assert_eq!(after["quality"]["restated"]["2026-03-05"], 2);
}

/// It ended the whole site: no later date got its page, and there was no index.
#[test]
fn a_date_that_cannot_be_read_keeps_no_other_from_its_page() {
    let project = Project::new().publish("2026-03-05").publish("2026-03-06");
    let partition = project.path("output/tables/tier_snapshot/snapshot_date=2026-03-05");
    for file in files_below(&partition).into_keys() {
        fs::remove_file(partition.join(file)).unwrap();
    }
    let finished = project.call(&["report", "job.toml", "--site"]);
    assert_ne!(finished.exit_code, 0, "{finished:?}");
    assert_eq!(site(&project), ["2026-03-06.html", "index.html"]);
}

/// What is published stands, and the log says that the page does not.
#[test]
fn a_page_that_cannot_be_written_fails_nothing() {
    let project = Project::new()
        .append("job.toml", "\n[report]\n")
        .write("output/report", "a file, where a folder is needed\n")
        .publish("2026-03-05");
    let finished = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    assert!(
        finished.stderr.contains("reports are those of before"),
        "{finished:?}"
    );
    assert!(finished.stdout.contains("2026-03-06"), "{finished:?}");
}

#[test]
fn what_a_report_cannot_be_is_told_with_the_remedy() {
    let project = Project::new().append("job.toml", "\n[report]\nlang = \"fr\"\n");
    let said = project.check();
    assert!(
        said.contains("`lang` is \"fr\", which is no language of reports"),
        "{said}"
    );
    assert!(
        said.contains("write lang = \"en\" or lang = \"zh\""),
        "{said}"
    );
    let project = project
        .edit("job.toml", "lang = \"fr\"", "lang = \"en\"")
        .publish("2026-03-05");
    let report = |file: &str| project.call(&["report", "job.toml", "--output", file]);
    let refused = report("job.toml/page.html");
    assert_eq!(refused.exit_code, 2, "{refused:?}");
    let help = "name a file that can be written, and see that there is room for it";
    assert!(refused.stderr.contains(help), "{refused:?}");
    assert_eq!(report("page.html").exit_code, 0);
    assert_eq!(report("missing/page.html").exit_code, 0);
    let names = std::fs::read_dir(project.path("")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.contains('#')));
    let week = project.call(&[
        "report",
        "job.toml",
        "--period",
        "week",
        "--output",
        "page.html",
    ]);
    assert_eq!(week.exit_code, 0, "{week:?}");
    let note = "no date a week before 2026-03-05 is published: the page opens with what it has";
    assert!(week.stderr.contains(note), "{week:?}");
    let span = ["--from", "2026-03-06", "--to", "2026-03-05"];
    let backwards = project.call(&[&["report", "job.toml", "--site"], &span[..]].concat());
    assert_eq!(backwards.exit_code, 2, "{backwards:?}");
    let help = "name the earlier of the two dates by --from";
    assert!(backwards.stderr.contains(help), "{backwards:?}");
    let unknown = project.call(&["report", "job.toml", "--date", "2026-03-04"]);
    assert_eq!(unknown.exit_code, 2, "{unknown:?}");
    assert!(
        unknown.stderr.contains("2026-03-04 is not published"),
        "{unknown:?}"
    );
}

#[test]
fn a_bucket_serves_pages_as_html() {
    let server = S3Server::start();
    let project = Project::new()
        .edit(
            "job.toml",
            "output = \"output\"",
            "output = \"s3://tierline/nightly\"",
        )
        .append("job.toml", "\n[report]\n")
        .environment(server.environment())
        .publish("2026-03-05");
    let url = project.call(&["report", "job.toml"]);
    assert_eq!(
        url.stdout, "s3://tierline/nightly/report/2026-03-05.html\n",
        "{url:?}"
    );
}
