//! Stores that do not answer, or refuse.

use super::project::Project;
use crate::support::s3_server::S3Server;

/// Retries for a second, so that the test is quick.
const IMPATIENT: &str = "\n[storage]\nretry_seconds = 1\nrequest_seconds = 1\n";

/// A port of this machine on which nothing listens.
fn closed_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn environment(endpoint: String) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "hidden-secret".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

#[test]
fn unreachable_endpoint_is_named() {
    let orders = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .append("job.toml", IMPATIENT)
        .environment(environment(closed_port()));
    insta::assert_snapshot!(orders.refused_run(), @"");

    let output = Project::new()
        .edit("job.toml", "\"output\"", "\"s3://tierline/output\"")
        .append("job.toml", IMPATIENT)
        .environment(environment(closed_port()));
    insta::assert_snapshot!(output.refused_run(), @"");
}

#[test]
fn plain_http_must_be_allowed() {
    let mut variables = environment(closed_port());
    variables.retain(|(name, _)| *name != "AWS_ALLOW_HTTP");
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .append("job.toml", IMPATIENT)
        .environment(variables);
    insta::assert_snapshot!(project.refused_run(), @"");
}

#[test]
fn wrong_credentials_are_refused_without_being_shown() {
    let server = S3Server::start();
    let mut variables = server.environment();
    for (name, value) in &mut variables {
        if *name == "AWS_SECRET_ACCESS_KEY" {
            *value = "hidden-secret".to_owned();
        }
    }
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .append("job.toml", IMPATIENT)
        .environment(variables);
    let said = project.refused_run();
    assert!(!said.contains("hidden-secret"), "{said}");
    insta::assert_snapshot!(said, @"");
}
