//! The job file and the arguments.

use super::project::Project;

fn with_job(text: &str) -> Project {
    Project::new().write("job.toml", text)
}

#[test]
fn unknown_keys_are_told_at_their_own_places() {
    let keys = "requird = true\n\n[sources.orders.columns]\nstore_id = { type = \"BIGINT\", optinal = true }\n\n[storage]\nretry_second = 1\nurl = \"x\"\n\n[gaurds]\nx = 1\n";
    let project = Project::new()
        .edit("job.toml", "timezone", "timezon = \"UTC\"\ntimezone")
        .append("job.toml", keys);
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn missing_keys_are_told_at_once() {
    let project = with_job("[sources.orders]\nrequired = true\n");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn wrong_values_are_told_at_once() {
    let project = with_job(
        r#"version = "1"
timezone = "Asia/Shangai"
output = ["x"]

[sources.orders]
url = 5
required = "yes"

[sources.orders.columns]
store_id = "STRNG"
channel = 3

[sources.engagement]
url = "data/engagement"

[params]
churned_days = [60]

[guards]
max_users_drop = "5%"
max_users_growth = -1

[engine]
threads = 0

[storage]
retry_seconds = -1
"#,
    );
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn text_that_is_not_toml_is_refused() {
    let project = Project::new().edit("job.toml", "version = 1", "version = = 1");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn later_version_is_refused() {
    let project = Project::new().edit("job.toml", "version = 1", "version = 99");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn unknown_parameter_is_told_at_its_place() {
    let project = Project::new().append("job.toml", "\n[params]\nchurned_dayz = 60\n");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn url_that_no_store_understands_is_refused() {
    let project = Project::new().edit("job.toml", "\"data/orders\"", "\"ftp://host/orders\"");
    insta::assert_snapshot!(project.check(), @"");

    let project = Project::new().edit("job.toml", "\"data/orders\"", "\"s3:/bucket/orders\"");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn missing_files_are_named() {
    let project = Project::new();
    let finished = project.call(&["check", "jbo.toml"]);
    insta::assert_snapshot!(project.said(&finished), @"");

    let finished = project.call(&["check", "prodction"]);
    insta::assert_snapshot!(project.said(&finished), @"");

    let project = project.edit("job.toml", "sql = \"sql\"", "sql = \"sqll\"");
    insta::assert_snapshot!(project.check(), @"");
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let project = Project::new();
    let called = |arguments: &[&str]| project.said(&project.call(arguments));
    insta::assert_snapshot!(called(&["rnu"]), @"");
    insta::assert_snapshot!(called(&["run", "job.toml", "--as-of", "2026-03-07", "--date", "2026-03-06"]), @"");
    insta::assert_snapshot!(called(&["run", "job.toml", "--date", "2026-02-30"]), @"");
    insta::assert_snapshot!(called(&["run", "job.toml", "--as-of", "yesterday"]), @"");
}
