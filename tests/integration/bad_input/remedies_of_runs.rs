//! The help texts about dates, calibrations, empty snapshots and stores, applied: the command fails
//! and says what to do, that is done, and the command succeeds. Expired days are in
//! `nights::retention`, volumes in `nights::boundaries`.

use std::sync::Arc;

use arrow::array::{Decimal128Array, Int64Array};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::lake::{Rows, file_of};
use super::project::Project;
use crate::support::command::Finished;
use crate::support::s3_server::S3Server;

const NIGHT: [&str; 4] = ["run", "job.toml", "--date", "2026-03-06"];
const CALIBRATE: [&str; 5] = ["calibrate", "job.toml", "--date", "2026-03-06", "--yes"];

/// Cut points for whatever users there are.
const BY_HAND: &str = "\n[calibration]\nrecency_days = [1, 2, 4, 8]\norders_365d = [1, 2, 4, 8]\nrevenue_365d = [1, 2, 4, 8]\n";

fn refused(project: &Project, command: &[&str], exit_code: i32, help: &str) {
    let finished = project.call(command);
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert_eq!(finished.exit_code, exit_code, "{said}");
    assert!(said.contains(help), "{help}: {said}");
}

fn succeeds(project: &Project, command: &[&str]) -> Finished {
    let finished = project.call(command);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    finished
}

#[test]
fn of_a_date_in_the_future() {
    let project = Project::new();
    for source in ["orders", "engagement"] {
        let day = project.path(&format!("data/{source}/dt=2999-03-07/part-0.parquet"));
        match source {
            "orders" => Rows::orders(6).write(&day),
            _ => Rows::engagement(6).write(&day),
        }
    }
    let command = ["run", "job.toml", "--date", "2999-03-07"];
    let help = "the job may say `future_dates = true` under [guards]";
    refused(&project, &command, 2, help);
    let project = project.append("job.toml", BY_HAND);
    let project = project.append("job.toml", "\n[guards]\nfuture_dates = true\n");
    succeeds(&project, &command);
}

/// Neither is what a night made then gone: it is pinned, restored, or left.
#[test]
fn of_a_calibration_record() {
    let project = Project::new().publish("2026-03-06");
    let record = "output/calibrations/2026-03-06-v1.json";
    let whole = std::fs::read_to_string(project.path(record)).unwrap();

    let project = project.append("job.toml", "\n[calibration]\nid = \"2026-03-05-v1\"\n");
    let help =
        "the job pins calibration `2026-03-05-v1`, which does not exist; there are: 2026-03-06-v1";
    refused(&project, &NIGHT, 2, help);
    let project = project.edit("job.toml", "2026-03-05-v1", "2026-03-06-v1");
    succeeds(&project, &NIGHT);

    let project = project.write(record, "{");
    refused(&project, &NIGHT, 2, "cannot be read: ");
    refused(&project, &NIGHT, 2, "restore it, or pin another id");
    let project = project.write(record, &whole);
    succeeds(&project, &NIGHT);

    std::fs::rename(
        project.path(record),
        project.path("output/calibrations/2026-03-06-v2.json"),
    )
    .unwrap();
    let project = project.edit("job.toml", "2026-03-06-v1", "2026-03-06-v2");
    refused(&project, &NIGHT, 2, "rename it to `2026-03-06-v1.json`");
    std::fs::rename(
        project.path("output/calibrations/2026-03-06-v2.json"),
        project.path(record),
    )
    .unwrap();
    let project = project.edit("job.toml", "2026-03-06-v2", "2026-03-06-v1");
    succeeds(&project, &NIGHT);

    let of_another = whole.replace("\"format\": 1", "\"format\": 99");
    assert_ne!(of_another, whole);
    let project = project.write(record, &of_another);
    refused(
        &project,
        &NIGHT,
        2,
        "use the tierline that wrote it, or pin another id",
    );
    let mut read: serde_json::Value = serde_json::from_str(&whole).unwrap();
    read["metrics"][0]["cuts"][0] = "9".into();
    let project = project.write(record, &read.to_string());
    refused(
        &project,
        &NIGHT,
        2,
        "it is not as it was written; restore it, or pin",
    );
    // Those of before have no digest.
    read.as_object_mut().unwrap().remove("digest");
    let project = project.write(record, &read.to_string());
    refused(
        &project,
        &NIGHT,
        2,
        " comes after 9; restore it, or pin another id",
    );
    let mut read: serde_json::Value = serde_json::from_str(&whole).unwrap();
    read.as_object_mut().unwrap().remove("digest");
    let of_another = read.to_string().replace("2026-03-06-v1", "2026-03-06-v7");
    let project = project.write("output/calibrations/2026-03-06-v7.json", &of_another);
    let project = project.edit("job.toml", "2026-03-06-v1", "2026-03-06-v7");
    succeeds(&project, &NIGHT);
    let project = project.write(record, &whole);
    let project = project.edit("job.toml", "2026-03-06-v7", "2026-03-06-v1");
    succeeds(&project, &NIGHT);
}

/// Users are not scored by other cut points without a word, nor by others of the same name.
#[test]
fn of_a_calibration_record_that_is_gone() {
    let project = Project::new().publish("2026-03-05");
    let record = "output/calibrations/2026-03-05-v1.json";
    let whole = std::fs::read_to_string(project.path(record)).unwrap();
    std::fs::remove_file(project.path(record)).unwrap();
    let help = "calibrations/2026-03-05-v1.json` is gone, by which 2026-03-05 was scored; restore it from a copy, or say under [calibration] of the job by which cut points users are scored from now on";
    refused(&project, &NIGHT, 3, help);
    refused(
        &project,
        &["plan", "job.toml", "--date", "2026-03-06"],
        3,
        help,
    );
    let project = project.write(record, &whole);
    succeeds(&project, &NIGHT);
    std::fs::remove_file(project.path(record)).unwrap();
    refused(
        &project,
        &NIGHT,
        3,
        "by which 2026-03-05 and 1 later date were scored",
    );
    let project = project.append(
        "job.toml",
        "\n[calibration]\nrecency_days = [1, 2, 3, 4]\norders_365d = [1, 2, 3, 4]\nrevenue_365d = [10, 20, 30, 40]\n",
    );
    succeeds(&project, &["run", "job.toml", "--date", "2026-03-05"]);
    assert!(
        project
            .path("output/calibrations/2026-03-05-v2.json")
            .exists()
    );
}

/// What `calibrate` says of its outcome is what to do next.
#[test]
fn of_a_new_calibration() {
    let project = Project::new().publish("2026-03-06");
    let proposed = succeeds(&project, &CALIBRATE[..4]).stdout;
    let unchanged = "The new cut points are those of 2026-03-06-v1: nothing to keep.";
    assert!(proposed.contains(unchanged), "{proposed}");

    // Everybody has ordered once more, so that cut points differ.
    let model = "sql/calibration/rfm.sql";
    let project = project.edit(model, "orders_365d", "orders_365d + 1 AS orders_365d");
    let proposed = succeeds(&project, &CALIBRATE[..4]).stdout;
    let keep = "To keep the new cut points as 2026-03-06-v2, run this with --yes.";
    assert!(proposed.contains(keep), "{proposed}");
    let kept = succeeds(&project, &CALIBRATE).stdout;
    assert!(kept.contains("Kept as 2026-03-06-v2."), "{kept}");
    let again = "tierline backfill job.toml --from 2026-03-06 --to 2026-03-06";
    assert!(kept.contains(again), "{kept}");
    let command: Vec<&str> = again.split(' ').skip(1).collect();
    succeeds(&project, &command);
}

/// Orders of nobody, and no event that counts.
#[test]
fn of_a_snapshot_without_users() {
    let filtered = "FROM sources.orders\nWHERE day > DATE '2026-03-06'";
    let events = "ON events.event_type = types.event_type";
    let project = Project::new()
        .edit("sql/staging/orders.sql", "FROM sources.orders", filtered)
        .edit(
            "sql/staging/engagement.sql",
            events,
            &format!("{events}\nWHERE events.day > DATE '2026-03-06'"),
        )
        .append("job.toml", BY_HAND);
    let help = "no source has a user on or before this date; check the sources' urls and partitions, and what sql/staging leaves out";
    refused(&project, &NIGHT, 3, help);
    let project = project
        .edit("sql/staging/orders.sql", filtered, "FROM sources.orders")
        .edit(
            "sql/staging/engagement.sql",
            "\nWHERE events.day > DATE '2026-03-06'",
            "",
        );
    succeeds(&project, &NIGHT);
}

/// A project whose orders are in a bucket.
fn with_orders_in(server: &S3Server) -> Project {
    let project = Project::new()
        .edit("job.toml", "\"data/orders\"", "\"s3://tierline/orders\"")
        .append(
            "job.toml",
            "\n[storage]\nretry_seconds = 1\nrequest_seconds = 1\n",
        );
    let uploads = async {
        for day in 1..=6 {
            let file = file_of("orders", day);
            let bytes = std::fs::read(project.path(&file)).unwrap();
            let key = Path::from(file.strip_prefix("data/").unwrap());
            server.store().put(&key, bytes.into()).await.unwrap();
        }
    };
    tokio::runtime::Runtime::new().unwrap().block_on(uploads);
    project
}

/// The server holds no object below another, so that one in the place of a table refuses writes as
/// missing permissions do.
#[test]
fn of_a_store_that_refuses_writes() {
    let server = S3Server::start();
    let project = Project::new()
        .edit("job.toml", "\"output\"", "\"s3://tierline/output\"")
        .append(
            "job.toml",
            "\n[storage]\nretry_seconds = 1\nrequest_seconds = 1\n",
        );
    let mut wrong = server.environment();
    wrong.retain(|(name, _)| *name != "AWS_ALLOW_HTTP");
    let project = project.environment(wrong);
    let help =
        "check the endpoint, the credentials and the permissions, and that its folder is whole: ";
    refused(&project, &NIGHT, 1, help);
    let project = project.environment(server.environment());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for (key, help) in [
        (
            "output/tables/tier_snapshot/snapshot_date=2026-03-06",
            "check the endpoint, the permissions and the space left: ",
        ),
        (
            "output/tables/alerts",
            "cannot create table `alerts` at `s3://tierline/output/tables/alerts`; check the permissions: ",
        ),
    ] {
        let store = server.store();
        let key = Path::from(key);
        runtime
            .block_on(store.put(&key, "in the way".into()))
            .unwrap();
        refused(&project, &NIGHT, 1, help);
        runtime.block_on(store.delete(&key)).unwrap();
    }
    succeeds(&project, &NIGHT);
}

/// More than a fifth of the users have spent the most.
#[test]
fn of_users_that_cannot_be_told_apart() {
    let many = Int64Array::from_iter_values(2001..2007);
    let amounts = Decimal128Array::from(vec![100_000; 6]);
    let amounts = amounts.with_precision_and_scale(18, 2).unwrap();
    let rows = Rows::orders(6).with("user_id", Arc::new(many));
    let rows = rows.with("amount", Arc::new(amounts));
    let project = Project::new().deliver("orders", 6, &rows);
    let help = "that no five groups can be made; give the cut points by hand: a section `[calibration]` in the job file with four increasing numbers for each metric, such as `";
    refused(&project, &NIGHT, 3, help);
    succeeds(&project.append("job.toml", BY_HAND), &NIGHT);
}

#[test]
fn of_a_store_that_does_not_answer() {
    let server = S3Server::start();
    let right = server.environment();
    let with = |name: &str, value: Option<&str>| {
        let mut variables = right.clone();
        variables.retain(|(variable, _)| *variable != name);
        let changed = right.iter().find(|(variable, _)| *variable == name);
        let changed = changed.map(|(variable, _)| *variable).zip(value);
        variables.extend(changed.map(|(variable, value)| (variable, value.to_owned())));
        variables
    };
    let help = "check the endpoint, the credentials and the permissions: ";
    let mut project = with_orders_in(&server);
    for (name, value, told) in [
        (
            "AWS_ENDPOINT_URL",
            Some("http://127.0.0.1:1"),
            "tcp connect error",
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            Some("another"),
            "SignatureDoesNotMatch",
        ),
        (
            "AWS_ALLOW_HTTP",
            None,
            "plain http is refused; set AWS_ALLOW_HTTP=true to allow it",
        ),
    ] {
        project = project.environment(with(name, value));
        refused(&project, &NIGHT, 1, help);
        refused(&project, &NIGHT, 1, told);
    }
    let host = server
        .endpoint()
        .replace("http://", "http://user:password@");
    project = project.environment(with("AWS_ENDPOINT_URL", Some(&host)));
    let help = "take them out of it: credentials have variables of their own, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    refused(&project, &NIGHT, 2, help);
    project = project.environment(right.clone());
    succeeds(&project, &NIGHT);
}
