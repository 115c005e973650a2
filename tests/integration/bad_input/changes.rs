//! Files that change, vanish or come in pieces while a night reads them. Each ends the night with
//! a code that is worth a retry and the file's name, and leaves no tile that is not of the files
//! that were listed.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::file::properties::WriterProperties;

use super::lake::{LAST_DAY, Rows, file_of};
use super::project::Project;
use crate::support::s3_server::{S3Server, Trouble};

/// Retries for a second, so that the test is quick.
const IMPATIENT: &str = "\n[storage]\nretry_seconds = 1\nrequest_seconds = 1\n";

const RUN: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];

/// The orders that trouble comes to.
const LAST_ORDERS: &str = "data/orders/dt=2026-03-06/part-0.parquet";

/// The project with its orders and its engagement in a bucket.
async fn in_bucket(server: &S3Server) -> Project {
    let project = Project::new();
    for day in 1..=LAST_DAY {
        for source in ["orders", "engagement"] {
            let key = file_of(source, day);
            let bytes = std::fs::read(project.path(&key)).unwrap();
            put(server, &key, bytes).await;
        }
    }
    project
        .edit(
            "job.toml",
            "\"data/orders\"",
            "\"s3://tierline/data/orders\"",
        )
        .edit(
            "job.toml",
            "\"data/engagement\"",
            "\"s3://tierline/data/engagement\"",
        )
        .append("job.toml", IMPATIENT)
        .environment(server.environment())
}

async fn put(server: &S3Server, key: &str, bytes: Vec<u8>) {
    server
        .store()
        .put(&Path::from(key), bytes.into())
        .await
        .unwrap();
}

/// The last day's orders as they were, and by another user in as large a file, so that nothing
/// but its tag tells them apart.
fn two_versions() -> [Vec<u8>; 2] {
    let old = Rows::orders(LAST_DAY);
    let new = old.clone().by_user_of(LAST_DAY - 1);
    [old, new].map(|rows| rows.bytes(WriterProperties::default()))
}

#[tokio::test]
async fn file_that_is_overwritten_between_two_reads_is_named_and_leaves_no_tile() {
    let [old, new] = two_versions();
    assert_eq!(old.len(), new.len());
    let server = S3Server::start();
    let undisturbed = in_bucket(&server).await.publish("2026-03-06");
    let undisturbed = undisturbed.call(&["show", "job.toml"]).stdout;
    let mut reads = 0;
    for nth in 1.. {
        let server = S3Server::start();
        let project = in_bucket(&server).await;
        server.make_trouble(LAST_ORDERS, nth, Trouble::Overwritten(new.clone().into()));
        let finished = project.call(&RUN);
        if finished.exit_code == 0 {
            break;
        }
        reads = nth;
        insta::allow_duplicates! {
            insta::assert_snapshot!(project.said(&finished), @"
            exit code 1

            error: `s3://tierline/data/orders/dt=2026-03-06/part-0.parquet` of source `orders` changed while it was read; run again
            ");
        }
        // The old file is back: a tile of the new one under its address would be taken for its own.
        put(&server, LAST_ORDERS, old.clone()).await;
        let finished = project.call(&RUN);
        assert_eq!(finished.exit_code, 0, "{finished:?}");
        let shown = project.call(&["show", "job.toml"]).stdout;
        assert_eq!(shown, undisturbed);
    }
    // Its footer, its tile and the audit of the day's revenue.
    assert!(reads >= 3, "{reads}");
}

#[tokio::test]
async fn file_that_is_removed_while_it_is_read_is_named() {
    let server = S3Server::start();
    let project = in_bucket(&server).await;
    server.make_trouble(LAST_ORDERS, 3, Trouble::Removed);
    insta::assert_snapshot!(project.refused_run(), @"
    exit code 1

    error: `s3://tierline/data/orders/dt=2026-03-06/part-0.parquet` of source `orders` was removed since it was listed; run again
    ");
    // Now it waits for the file, and is published once that is back.
    assert_eq!(project.call(&RUN).exit_code, 4);
    put(&server, LAST_ORDERS, two_versions()[0].clone()).await;
    project.publish("2026-03-06");
}

/// The footer is whole, and then the store answers in pieces, or not at all; once it answers again,
/// the same command succeeds.
#[tokio::test]
async fn answers_that_do_not_come_whole_are_failures_of_the_store() {
    for trouble in [Trouble::Cut, Trouble::Stalled, Trouble::TimedOut] {
        for nth in [1, 4] {
            let server = S3Server::start();
            let project = in_bucket(&server).await;
            server.make_trouble(LAST_ORDERS, nth, trouble.clone());
            let said = project.refused_run();
            let named = "error: cannot read `s3://tierline/data/orders/dt=2026-03-06/part-0.parquet` of source `orders`; check the endpoint, the credentials and the permissions: ";
            assert!(
                said.starts_with(&format!("exit code 1\n\n{named}")),
                "{trouble:?}, {nth}: {said}"
            );
            if nth > 1 {
                server.end_trouble();
                project.publish("2026-03-06");
            }
        }
    }
}

/// Tables that tierline wrote itself are nobody's delivery.
#[tokio::test]
async fn tables_that_do_not_come_whole_are_failures_of_the_store_too() {
    let server = S3Server::start();
    let project = in_bucket(&server).await;
    let project = project.edit("job.toml", "\"output\"", "\"s3://tierline/output\"");
    let files = "output/tables/tier_snapshot/snapshot_date=";
    server.make_trouble(files, 2, Trouble::TimedOut);
    let said = project.refused_run();
    let named = "exit code 1\n\nerror: cannot read `s3://tierline/output/tables/tier_snapshot/";
    assert!(said.starts_with(named), "{said}");
    server.end_trouble();
    project.publish("2026-03-06");
}

#[tokio::test]
async fn every_read_of_a_source_asks_for_the_file_that_was_listed() {
    let server = S3Server::start();
    let project = in_bucket(&server).await;
    server.reset_requests();
    project.publish("2026-03-06");
    assert_eq!(server.unpinned_keys(), Vec::<String>::new());
}
