//! The job file and the arguments.

use super::project::Project;
use crate::support::command::Tierline;

fn with_job(text: &str) -> Project {
    Project::new().write("job.toml", text)
}

/// A job file is the same in one that knows them.
#[cfg(not(feature = "cluster"))]
#[test]
fn a_cluster_needs_a_tierline_that_knows_clusters() {
    let cluster = "\n[engine]\ncluster = \"http://scheduler:50050\"\n";
    let project = Project::new().append("job.toml", cluster);
    assert!(project.check().contains("no problems"));
    let run = ["run", "job.toml", "--date", "2026-03-05"];
    let refused = project.call(&run);
    assert_eq!(refused.exit_code, 2, "{refused:?}");
    let help =
        "take one that was built with `--features cluster`, or take `cluster` out of [engine]";
    assert!(refused.stderr.contains(help), "{refused:?}");
    let project = project.edit("job.toml", cluster, "");
    assert_eq!(project.call(&run).exit_code, 0);
}

#[test]
fn unknown_keys_are_told_at_their_own_places() {
    let keys = "requird = true\n\n[sources.orders.columns]\nstore_id = { type = \"BIGINT\", optinal = true }\n\n[storage]\nretry_second = 1\nurl = \"x\"\n\n[gaurds]\nx = 1\n";
    let project = Project::new()
        .edit("job.toml", "timezone", "timezon = \"UTC\"\ntimezone")
        .append("job.toml", keys);
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: unknown key `timezon`; did you mean `timezone`?
     --> job.toml:2:1
      |
    2 | timezon = "UTC"
      | ^^^^^^^

    error: unknown key `sources.engagement.requird`; did you mean `required`?
      --> job.toml:12:1
       |
    12 | requird = true
       | ^^^^^^^

    error: expected a type such as "BIGINT", or { type = "BIGINT", optional = true }
      --> job.toml:15:12
       |
    15 | store_id = { type = "BIGINT", optinal = true }
       |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: unknown key `storage.retry_second`; did you mean `retry_seconds`?
      --> job.toml:18:1
       |
    18 | retry_second = 1
       | ^^^^^^^^^^^^

    error: unknown key `storage.url`
      --> job.toml:19:1
       |
    19 | url = "x"
       | ^^^
       |
       = help: the keys here are retry_seconds, request_seconds

    error: unknown key `gaurds`; did you mean `guards`?
      --> job.toml:21:2
       |
    21 | [gaurds]
       |  ^^^^^^

    6 problems
    "#);
}

#[test]
fn missing_keys_are_told_at_once() {
    let project = with_job("[sources.orders]\nrequired = true\n");
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: missing key `version`
     --> job.toml:1:1
      |
    1 | [sources.orders]
      | ^
      |
      = help: add version = 1

    error: missing key `timezone`
     --> job.toml:1:1
      |
    1 | [sources.orders]
      | ^
      |
      = help: add timezone = "UTC"

    error: missing key `output`
     --> job.toml:1:1
      |
    1 | [sources.orders]
      | ^
      |
      = help: add output = "s3://bucket/tierline"

    error: the job declares no source `engagement`
     --> job.toml:1:2
      |
    1 | [sources.orders]
      |  ^^^^^^^
      |
      = help: add [sources.engagement] with the url of its dt=YYYY-MM-DD partitions

    error: missing key `sources.orders.url`
     --> job.toml:1:10
      |
    1 | [sources.orders]
      |          ^^^^^^
      |
      = help: add url = "s3://bucket/orders"

    5 problems
    "#);
}

#[test]
fn a_job_has_a_name() {
    let project = Project::new().edit("job.toml", "timezone", "name = \" \"\ntimezone");
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: the job has an empty `name`
     --> job.toml:2:8
      |
    2 | name = " "
      |        ^^^
      |
      = help: name the job, or leave it out: then it is called as its file is
    "#);
}

#[test]
fn whoever_has_made_a_demo_is_told_where_its_job_is() {
    let folder = tempfile::TempDir::new().unwrap();
    let jobs = folder.path().join("tierline-demo/jobs");
    std::fs::create_dir_all(&jobs).unwrap();
    std::fs::write(jobs.join("demo.toml"), "").unwrap();
    let refused = Tierline::new()
        .args(["show"])
        .current_dir(folder.path())
        .run();
    assert_eq!(refused.exit_code, 2, "{refused:?}");
    let help = "call it in the folder of the demo, `cd tierline-demo`, or name the demo's job file, tierline-demo/jobs/demo.toml";
    assert!(refused.stderr.contains(help), "{refused:?}");
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
churned_days = [6.5]

[guards]
max_users_drop = "5%"
max_users_growth = -1

[engine]
threads = 0

[storage]
retry_seconds = -1
"#,
    );
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: invalid type: string "1", expected a whole number
     --> job.toml:1:11
      |
    1 | version = "1"
      |           ^^^

    error: unknown timezone `Asia/Shangai`; did you mean `Asia/Shanghai`?
     --> job.toml:2:12
      |
    2 | timezone = "Asia/Shangai"
      |            ^^^^^^^^^^^^^^
      |
      = help: use an IANA name such as UTC, Asia/Shanghai or Europe/Berlin

    error: expected a URL or a path, or { url = "s3://bucket/tierline", plain = true }
     --> job.toml:3:10
      |
    3 | output = ["x"]
      |          ^^^^^

    error: invalid type: integer `5`, expected a string
     --> job.toml:6:7
      |
    6 | url = 5
      |       ^

    error: invalid type: string "yes", expected a boolean
     --> job.toml:7:12
      |
    7 | required = "yes"
      |            ^^^^^

    error: column `store_id`: unknown type `STRNG`
      --> job.toml:10:1
       |
    10 | store_id = "STRNG"
       | ^^^^^^^^
       |
       = help: types are BIGINT, VARCHAR, ID (BIGINT or VARCHAR, as the files have it), DECIMAL(p, s), DOUBLE, BOOLEAN, DATE and TIMESTAMP

    error: expected a type such as "BIGINT", or { type = "BIGINT", optional = true }
      --> job.toml:11:11
       |
    11 | channel = 3
       |           ^

    error: parameter `churned_days` has no SQL type
      --> job.toml:17:1
       |
    17 | churned_days = [6.5]
       | ^^^^^^^^^^^^
       |
       = help: use an integer, a decimal number, a text, true, false, a date, or a list of texts or integers

    error: invalid type: string "5%", expected a number
      --> job.toml:20:18
       |
    20 | max_users_drop = "5%"
       |                  ^^^^

    error: `max_users_growth` is -1, but a share is 0 or more
      --> job.toml:21:1
       |
    21 | max_users_growth = -1
       | ^^^^^^^^^^^^^^^^
       |
       = help: give a fraction, such as 0.05 for 5 %

    error: invalid value: integer `0`, expected a whole number of at least 1
      --> job.toml:24:11
       |
    24 | threads = 0
       |           ^

    error: invalid value: integer `-1`, expected a whole number of at least 0
      --> job.toml:27:17
       |
    27 | retry_seconds = -1
       |                 ^^

    12 problems
    "#);
}

#[test]
fn text_that_is_not_toml_is_refused() {
    let project = Project::new().edit("job.toml", "version = 1", "version = = 1");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: not TOML: extra `=`, expected nothing
     --> job.toml:1:11
      |
    1 | version = = 1
      |           ^
    ");
}

#[test]
fn section_that_stands_twice_is_refused() {
    let twice = "\n[guards]\nmax_users_drop = 0.1\n\n[guards]\nmax_users_growth = 0.1\n";
    let project = Project::new().append("job.toml", twice);
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: not TOML: duplicate key
      --> job.toml:15:2
       |
    15 | [guards]
       |  ^^^^^^
       |
       = help: a section stands once in a file, and a key once in its section: join the two
    ");
}

#[test]
fn later_version_is_refused() {
    let project = Project::new().edit("job.toml", "version = 1", "version = 99");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: job file version 99 is not known
     --> job.toml:1:11
      |
    1 | version = 99
      |           ^^
      |
      = help: this tierline reads version 1
    ");
}

#[test]
fn unknown_parameter_is_told_at_its_place() {
    let project = Project::new().append("job.toml", "\n[params]\nchurned_dayz = 60\n");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: the job sets an unknown parameter `churned_dayz`; did you mean `churned_days`?
      --> job.toml:13:1
       |
    13 | churned_dayz = 60
       | ^^^^^^^^^^^^
       |
       = help: parameters are declared, with their defaults, in sql/parameters.toml
    ");
}

#[test]
fn url_that_no_store_understands_is_refused() {
    let project = Project::new().edit("job.toml", "\"data/orders\"", "\"ftp://host/orders\"");
    insta::assert_snapshot!(project.check(), @r#"
    exit code 2

    error: cannot open `ftp://host/orders`; use file:///path, s3://bucket/path or a path relative to the job file: Generic URL error: Unable to recognise URL "ftp://host/orders"
    "#);

    let project = Project::new().edit("job.toml", "\"data/orders\"", "\"s3:/bucket/orders\"");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: cannot open `s3:/bucket/orders`; use file:///path, s3://bucket/path or a path relative to the job file: a URL has two slashes after the colon, as in file:///data or s3://bucket/path
    ");
}

#[test]
fn missing_files_are_named() {
    let project = Project::new();
    let finished = project.call(&["check", "jbo.toml"]);
    insta::assert_snapshot!(project.said(&finished), @"
    exit code 2

    error: there is no job file `jbo.toml`, nor jobs/jbo.toml
     |
     = help: `tierline init` writes a job file to start from
    ");

    let finished = project.call(&["check", "prodction"]);
    insta::assert_snapshot!(project.said(&finished), @"
    exit code 2

    error: there is no job file `prodction`, nor jobs/prodction.toml; did you mean `production`?
     |
     = help: `tierline init` writes a job file to start from
    ");

    let project = project.edit("job.toml", "sql = \"sql\"", "sql = \"sqll\"");
    insta::assert_snapshot!(project.check(), @"
    exit code 2

    error: cannot read `sqll/`: No such file or directory (os error 2)
     |
     = help: `sql` in the job file names the folder of the SQL pack; leave it out for the built-in pack
    ");
}

/// `prod.eu` was taken for `prod` with another ending, and the wrong job ran.
#[test]
fn job_that_was_named_is_the_job_that_is_taken() {
    let project = Project::new();
    let job = std::fs::read_to_string(project.path("job.toml")).unwrap();
    let job = job
        .replace("\"data", "\"../data")
        .replace("\"sql\"", "\"../sql\"");
    let project = project
        .write("jobs/prod.toml", &format!("name = \"prod\"\n{job}"))
        .write("jobs/prod.eu.toml", &format!("name = \"prod_eu\"\n{job}"));
    let checked = |name: &str| project.said(&project.call(&["check", name]));
    let job_of = |name: &str| {
        let finished = project.call(&["check", name]);
        let first = finished.stdout.split(':').next().unwrap_or_default();
        (finished.exit_code, first.to_owned())
    };
    assert_eq!(job_of("prod.eu"), (0, "job prod_eu".to_owned()));
    assert_eq!(job_of("prod"), (0, "job prod".to_owned()));
    assert_eq!(job_of("prod.eu.toml"), (0, "job prod_eu".to_owned()));
    assert_eq!(job_of("jobs/prod.eu.toml"), (0, "job prod_eu".to_owned()));
    insta::assert_snapshot!(checked("prod.us"), @"
    exit code 2

    error: there is no job file `prod.us`, nor jobs/prod.us.toml; did you mean `prod.eu`?
     |
     = help: `tierline init` writes a job file to start from
    ");

    let job = std::fs::read_to_string(project.path("job.toml")).unwrap();
    std::fs::write(project.path("prod.toml"), job).unwrap();
    insta::assert_snapshot!(checked("prod.toml"), @"
    exit code 2

    error: job `prod.toml` may be ./prod.toml or jobs/prod.toml
     |
     = help: name the one you mean by its path
    ");
    assert_eq!(job_of("./prod.toml").0, 0);
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let project = Project::new();
    let called = |arguments: &[&str]| project.said(&project.call(arguments));
    insta::assert_snapshot!(called(&["rnu"]), @"
    exit code 2

    error: unrecognized subcommand 'rnu'

    Usage: tierline [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(called(&["run", "job.toml", "--as-of", "2026-03-07", "--date", "2026-03-06"]), @"
    exit code 2

    error: the argument '--as-of <T>' cannot be used with '--date <DATE>'

    Usage: tierline run --as-of <T> <JOB>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(called(&["run", "job.toml", "--date", "2026-02-30"]), @"
    exit code 2

    error: cannot read `2026-02-30` as a date; give one such as 2026-11-20
    ");
    insta::assert_snapshot!(called(&["run", "job.toml", "--as-of", "yesterday"]), @"
    exit code 2

    error: cannot read `yesterday` as a point in time; give a date such as 2026-11-21 or an instant with an offset such as 2026-11-21T02:00:00+08:00
    ");
}
