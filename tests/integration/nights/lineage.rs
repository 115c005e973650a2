//! What nights tell of lineage: events in a file, and at a server on this machine.

use std::fs;

use serde_json::{Value, json};

use super::pings::Service;
use crate::bad_input::project::Project;
use crate::support::command::Tierline;

const NIGHT: &str = "2026-03-05";

/// The events in the file, and the night that told them.
fn events(project: &Project) -> Vec<Value> {
    let text = fs::read_to_string(project.path("lineage.jsonl")).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn run(project: &Project, date: &str) -> Value {
    let finished = Tierline::new()
        .args(["run", "job.toml", "--output", "json", "--date", date])
        .current_dir(&project.path(""))
        .run();
    serde_json::from_str(finished.stdout.trim()).unwrap()
}

#[test]
fn nights_tell_what_they_read_and_write() {
    let section = "\n[openlineage]\nfile = \"lineage.jsonl\"\nnamespace = \"crm\"\n";
    let project = Project::new().append("job.toml", section);
    let result = run(&project, NIGHT);
    assert_eq!(result["status"], "published", "{result}");
    let [start, complete] = &events(&project)[..] else {
        panic!("two events")
    };
    assert_eq!(
        [&start["eventType"], &complete["eventType"]],
        ["START", "COMPLETE"]
    );
    assert_eq!(start["run"]["runId"], complete["run"]["runId"]);
    assert_eq!(complete["job"]["namespace"], "crm");
    let nominal = &complete["run"]["facets"]["nominalTime"]["nominalStartTime"];
    assert_eq!(nominal, "2026-03-05T00:00:00Z");
    let orders = complete["inputs"].as_array().unwrap().iter();
    let orders = orders
        .clone()
        .find(|input| input["name"].as_str().unwrap().ends_with("/orders"));
    let orders = &orders.unwrap()["inputFacets"]["inputStatistics"];
    assert!(
        orders["fileCount"].as_u64() > Some(0) && orders["size"].as_u64() > Some(0),
        "{orders}"
    );
    let told = complete["outputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|output| {
            let name = output["name"].as_str().unwrap().rsplit('/').next().unwrap();
            let version = &output["facets"]["version"]["datasetVersion"];
            let rows = &output["outputFacets"]["outputStatistics"]["rowCount"];
            (name.to_owned(), json!([version, rows]))
        });
    let published = result["tables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, table)| {
            let version = table["version"].to_string();
            (name.clone(), json!([version, table["rows"]]))
        });
    assert_eq!(
        told.collect::<serde_json::Map<_, _>>(),
        published.collect::<serde_json::Map<_, _>>()
    );
    // Nothing is written where there is nothing to do, and a failure says what it was.
    run(&project, NIGHT);
    run(&project, "2026-03-09");
    let events = events(&project);
    let kinds: Vec<&Value> = events.iter().map(|event| &event["eventType"]).collect();
    let expected = ["START", "COMPLETE", "START", "COMPLETE", "START", "FAIL"];
    assert_eq!(kinds, expected);
    assert_eq!(events[3]["outputs"], json!([]));
    let error = &events[5]["run"]["facets"]["errorMessage"]["message"];
    assert!(
        error.as_str().unwrap().contains("inputs not ready"),
        "{error}"
    );
}

#[test]
fn a_server_takes_events_and_one_that_is_gone_ends_nothing() {
    let service = Service::taking(2);
    let url = service.url.replace("/ping/our-secret", "");
    let section = format!("\n[openlineage]\nurl = \"{url}\"\n");
    let project = Project::new().append("job.toml", &section);
    assert_eq!(run(&project, NIGHT)["status"], "published");
    let taken = service.listening.join().unwrap();
    for (line, body) in &taken {
        assert_eq!(line.trim_end(), "POST /api/v1/lineage HTTP/1.1");
        let event: Value = serde_json::from_str(body).unwrap();
        assert_eq!(event["job"]["namespace"], "tierline");
    }
    assert_eq!(run(&project, "2026-03-06")["status"], "published");
}

#[test]
fn where_nobody_is_told_is_said_with_the_remedy() {
    let project = Project::new().append("job.toml", "\n[openlineage]\nnamespace = \"crm\"\n");
    let said = project.check();
    let help = "give url = \"http://marquez:5000\", or file = \"lineage.jsonl\"";
    assert!(said.contains(help), "{said}");
    let with_bucket = "file = \"s3://bucket/lineage.jsonl\"";
    let project = project.edit("job.toml", "namespace = \"crm\"", with_bucket);
    let said = project.check();
    let help =
        "give the path of a file in a folder that is there, such as file = \"lineage.jsonl\"";
    assert!(said.contains(help), "{said}");
    let project = project.edit("job.toml", with_bucket, "url = \"marquez:5000\"");
    let said = project.check();
    let help = "give the URL of a server, such as url = \"http://marquez:5000\"; an API key is taken from OPENLINEAGE_API_KEY";
    assert!(said.contains(help), "{said}");
}
