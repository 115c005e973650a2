//! The recipes of sql/README.md for local time, over the change from summer to winter time.
use std::path::PathBuf;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use regex::Regex;

use super::*;
use crate::engine::{EngineLimits, Session};
use crate::ground::{SqlSchema, TableName};
use crate::models::{Model, planner};

const PAGE: &str = include_str!("../../../sql/README.md");

fn parameters(timezone: &str) -> Parameters {
    let text = format!(
        "version = 1\ntimezone = \"{timezone}\"\noutput = \"out\"\n\
         [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n"
    );
    let job = Job::parse(&SourceFile::new("job.toml", text), "job", PathBuf::new()).unwrap();
    let defaults = SourceFile::new("parameters.toml", "");
    Parameters::resolve(&defaults, &job).unwrap().0
}

/// What the page says of local time, over some instants of UTC.
fn local_times(timezone: &str, instants: &[&str]) -> Vec<String> {
    let recipes = Regex::new(r"(?m)^ *(date_part\(.*\$timezone.*AS local_\w+)").unwrap();
    let recipes = recipes.captures_iter(PAGE).map(|found| found[1].to_owned());
    let recipes: Vec<String> = recipes.collect();
    assert_eq!(recipes.len(), 2, "{recipes:?}");
    let instants = instants.iter().map(|instant| {
        format!("(arrow_cast('{instant}Z', 'Timestamp(Microsecond, Some(\"UTC\"))'))")
    });
    let instants: Vec<String> = instants.collect();
    let sql = format!(
        "SELECT {} FROM (VALUES {}) AS t(occurred_at)",
        recipes.join(", "),
        instants.join(", ")
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let batches = runtime.block_on(async {
        let limits = EngineLimits::default();
        let session = Session::open(&limits, [], []).unwrap();
        let name = TableName::new(SqlSchema::Staging, "events");
        let model = Model::parse(name, SourceFile::new("staging/events.sql", sql)).unwrap();
        assert!(model.names_timezone());
        let (state, parameters) = (session.state(), parameters(timezone));
        let plan = planner::plan(&state, &model, &parameters).await.unwrap();
        session.plan(plan).collect().await.unwrap()
    });
    batches.iter().flat_map(rows).collect()
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let rows = (0..batch.num_rows()).map(|row| {
        let values = batch.columns().iter();
        let values = values.map(|values| array_value_to_string(values, row).unwrap());
        values.collect::<Vec<_>>().join(" ")
    });
    rows.collect()
}

#[test]
fn local_hours_and_weekdays_follow_the_clock_of_the_timezone() {
    // On Sunday, 25 October 2026, three o'clock in Berlin became two.
    let night = [
        "2026-10-24T21:59:59",
        "2026-10-24T22:00:00",
        "2026-10-25T00:30:00",
        "2026-10-25T01:30:00",
        "2026-10-25T22:59:59",
        "2026-10-25T23:00:00",
    ];
    let berlin = ["23 6", "0 7", "2 7", "2 7", "23 7", "0 1"];
    assert_eq!(local_times("Europe/Berlin", &night), berlin);
    // On Sunday, 29 March 2026, two o'clock became three.
    let spring = ["2026-03-29T00:59:59", "2026-03-29T01:00:00"];
    assert_eq!(local_times("Europe/Berlin", &spring), ["1 7", "3 7"]);
    assert_eq!(
        local_times("Europe/Berlin", &["9999-12-31T22:59:59"]),
        ["23 5"]
    );
    let shanghai = local_times(
        "Asia/Shanghai",
        &["2026-10-25T15:59:59", "2026-10-25T16:00:00"],
    );
    assert_eq!(shanghai, ["23 7", "0 1"]);
}
