//! Credentials and values of users: never in what is printed, whatever they end up in.

use super::lake::{LAST_DAY, Rows};
use super::project::Project;
use crate::support::s3_server::S3Server;

const SECRET: &str = "hidden/secret";

/// What each command says of a project that is refused for its secret.
fn said(project: &Project) -> String {
    let commands = [
        &["check", "job.toml"][..],
        &["plan", "job.toml", "--date", "2026-03-06"],
        &["run", "job.toml", "--date", "2026-03-06", "--output=json"],
        &["show", "job.toml"],
    ];
    let mut first = None;
    for command in commands {
        let finished = project.call(command);
        assert_eq!(finished.exit_code, 2, "{finished:?}");
        let said = project.said(&finished);
        assert!(!said.contains(SECRET), "{said}");
        first.get_or_insert(said);
    }
    first.unwrap()
}

#[test]
fn credentials_in_a_url_are_refused_without_being_shown() {
    let urls = [
        format!("s3://key:{SECRET}@bucket/orders"),
        format!("http://user:{SECRET}@127.0.0.1:9/orders"),
        format!("gs://user:{SECRET}@bucket/orders"),
        format!("az://container/orders?sv=2024-08-04&sig={SECRET}"),
        format!("https://bucket.s3.amazonaws.com/orders?X-Amz-Signature={SECRET}"),
    ];
    for url in urls {
        for place in ["data/orders", "output"] {
            said(&Project::new().edit("job.toml", &format!("\"{place}\""), &format!("\"{url}\"")));
        }
    }
    let url = format!("\"s3://key:{SECRET}@bucket/orders\"");
    let project = Project::new().edit("job.toml", "\"data/orders\"", &url);
    insta::assert_snapshot!(said(&project), @r#"
    exit code 2

    error: `sources.orders.url` has a user name, a password or a signature in its URL
     --> job.toml:7:1
      |
    7 | url = "s3://*****************@bucket/orders"
      | ^^^
      |
      = help: take it out of the URL: credentials come from the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AZURE_STORAGE_SAS_TOKEN
    "#);
}

#[test]
fn password_in_an_endpoint_is_refused_without_being_shown() {
    let endpoint = format!("http://user:{SECRET}@127.0.0.1:9");
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .environment(vec![("AWS_ENDPOINT_URL", endpoint)]);
    insta::assert_snapshot!(said(&project), @"
    exit code 2

    error: the variable `AWS_ENDPOINT_URL` has a user name, a password or a signature in its URL; take them out of it: credentials have variables of their own, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
    ");
}

#[test]
fn line_of_a_secret_is_not_shown_when_it_is_not_toml() {
    let unclosed = format!("secret_access_key = \"{SECRET}\nversion = 1");
    let project = Project::new().edit("job.toml", "version = 1", &unclosed);
    insta::assert_snapshot!(said(&project), @r#"
    exit code 2

    error: not TOML: invalid basic string, expected `"`
     --> job.toml:1:35
      |
    1 | secret_access_key =***************
      |                                   ^
    "#);

    let of_a_wrong_type = format!("\n[engine]\nthreads = \"http://user:{SECRET}@h\"\n");
    said(&Project::new().append("job.toml", &of_a_wrong_type));
}

/// Functions of the engine quote the value that they cannot take, each in its own way.
#[test]
fn values_that_a_function_cannot_take_are_not_shown() {
    let functions = [
        "regexp_count('x', '(' || status)",
        "regexp_replace(status, '[' || status, '')",
        "to_timestamp('2020', status)",
        "CAST(status AS BIGINT)",
        "arrow_cast(status, 'Decimal128(10, 2)')",
        "CAST(status AS INTERVAL)",
    ];
    for function in functions {
        let project = Project::new()
            .deliver(
                "orders",
                LAST_DAY,
                &Rows::orders(LAST_DAY).with_text("status", "alice@example.com"),
            )
            .edit(
                "sql/staging/orders.sql",
                "status IN ('paid', 'completed')",
                &format!("CAST({function} AS VARCHAR) IN ('paid', 'completed')"),
            );
        let said = project.refused_run();
        assert!(!said.contains("alice"), "{function}: {said}");
        // Rows are counted before they are computed with; what is said of them is cut.
        let others = said.replace("a…@example.com", "");
        assert!(!others.contains("example.com"), "{function}: {said}");
    }
}

/// A store repeats what it was asked, and a signed request has the key in it.
#[test]
fn store_that_refuses_does_not_show_the_request() {
    let server = S3Server::start();
    let mut variables = server.environment();
    for (name, value) in &mut variables {
        if *name == "AWS_ACCESS_KEY_ID" {
            *value = "hidden-key".to_owned();
        }
    }
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .append(
            "job.toml",
            "\n[storage]\nretry_seconds = 1\nrequest_seconds = 1\n",
        )
        .environment(variables);
    let said = project.refused_run();
    assert!(!said.contains("hidden-key"), "{said}");
}
