//! Stores that do not answer, or refuse.

use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::lake::file_of;
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
    insta::assert_snapshot!(orders.refused_run(), @"
    exit code 1

    error: cannot list `s3://tierline/orders`; check the endpoint, the credentials and the permissions: GET http://127.0.0.1:[PORT]/tierline: tcp connect error: Connection refused (os error 111)
    ");

    let output = Project::new()
        .edit("job.toml", "\"output\"", "\"s3://tierline/output\"")
        .append("job.toml", IMPATIENT)
        .environment(environment(closed_port()));
    insta::assert_snapshot!(output.refused_run(), @"
    exit code 1

    error: cannot read table `publications` at `s3://tierline/output/tables/publications`; check the endpoint, the credentials and the permissions, and that its folder is whole: Failed to read delta log object: GET http://127.0.0.1:[PORT]/tierline: tcp connect error: Connection refused (os error 111)
    ");
}

#[test]
fn plain_http_must_be_allowed() {
    let mut variables = environment(closed_port());
    variables.retain(|(name, _)| *name != "AWS_ALLOW_HTTP");
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .append("job.toml", IMPATIENT)
        .environment(variables);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 1

    error: cannot list `s3://tierline/orders`; check the endpoint, the credentials and the permissions: GET http://127.0.0.1:[PORT]/tierline: plain http is refused; set AWS_ALLOW_HTTP=true to allow it
    ");
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
    insta::assert_snapshot!(said, @"
    exit code 1

    error: cannot list `s3://tierline/orders`; check the endpoint, the credentials and the permissions: GET http://127.0.0.1:[PORT]/tierline: SignatureDoesNotMatch
    ");
}

/// A project whose orders are in the bucket of a server.
fn with_orders_in(server: &S3Server) -> Project {
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .environment(server.environment());
    let uploads = async {
        for day in 1..=6 {
            let file = file_of("orders", day);
            let bytes = std::fs::read(project.path(&file)).unwrap();
            let key = Path::from(file.strip_prefix("data/").unwrap());
            server.store().put(&key, bytes.into()).await.unwrap();
        }
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(uploads);
    project
}

/// The client of the store can hold no such key, and nor does it read the others beside it.
#[test]
fn odd_key_hides_no_other_and_is_refused_where_it_may_be_data() {
    let server = S3Server::start();
    let project = with_orders_in(&server);
    server.list_besides("orders/notes//all.txt");
    server.list_besides("orders/dt=2026-03-09//part-0.parquet");
    server.list_besides("orders/dt=2026-03-06/_tmp\t/part-0.parquet");
    let published = project.call(&["run", "job.toml", "--date", "2026-03-06"]);
    assert_eq!(published.exit_code, 0, "{published:?}");
    let told = "1 name in source `orders` cannot be read, and what has it is left out; rename or remove it: notes//all.txt";
    assert!(
        published.stdout.contains(told) || published.stderr.contains(told),
        "{published:?}"
    );

    server.list_besides("orders/dt=2026-03-05/part\t1.parquet");
    insta::assert_snapshot!(project.refused_run(), @r"
    exit code 3

    error: source `orders` has a file with a name that cannot be read: s3://tierline/orders/dt=2026-03-05/part\t1.parquet
     |
     = help: rename it, or remove it if it is no data: names may not have control characters, bytes that are not UTF-8, or parts such as a//b and a/../b
    ");
}
