//! `plain = true`: copies of the tables that a glob may read, through the binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use object_store::ObjectStoreExt;
use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::bad_input::lake::Rows;
use crate::bad_input::project::{Project, files_below};
use crate::support::s3_server::{BUCKET, RequestKind, S3Server};

const DATE: &str = "2026-03-06";
const RUN: [&str; 4] = ["run", "job.toml", "--date", DATE];

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A project that keeps the plain layout, and has published the date before.
fn project() -> Project {
    let output = "{ url = \"output\", plain = true }";
    let project = Project::new().edit("job.toml", "\"output\"", output);
    project.publish("2026-03-05")
}

/// What a glob finds below a folder of the output: every Parquet file.
fn glob(project: &Project, folder: &str) -> Files {
    let mut files = files_below(&project.path("output").join(folder));
    files.retain(|path, _| path.extension().is_some_and(|ending| ending == "parquet"));
    files
}

fn rows(files: &Files) -> i64 {
    let rows = files.values().map(|bytes| {
        let reader = SerializedFileReader::new(Bytes::from(bytes.clone())).unwrap();
        reader.metadata().file_metadata().num_rows()
    });
    rows.sum()
}

fn succeed(project: &Project, arguments: &[&str]) {
    let finished = project.call(arguments);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}

/// The folder of a table's date.
fn date_of(table: &str) -> String {
    format!("{table}/snapshot_date={DATE}")
}

/// Puts files in the place of the plain ones. On a disk these are links to the tables' files, which must
/// not be written to.
fn put_back(project: &Project, files: &Files) {
    let plain = project.path("output/plain");
    fs::remove_dir_all(&plain).unwrap();
    for (path, bytes) in files {
        let path = plain.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_glob_reads_a_replaced_date_once() {
    let project = project().publish(DATE);
    let before = glob(&project, "plain");
    let liked = Rows::engagement(6).with_text("event_type", "like");
    let project = project.deliver("engagement", 6, &liked);
    succeed(&project, &RUN);

    let snapshot = date_of("tier_snapshot");
    let found = glob(&project, &format!("plain/{snapshot}"));
    let stored = glob(&project, &format!("tables/{snapshot}"));
    let users = rows(
        &glob(&project, "plain")
            .into_iter()
            .filter(|(path, _)| path == Path::new("tier_current.parquet"))
            .collect(),
    );
    assert!(users > 0);
    assert_eq!((rows(&found), rows(&stored)), (users, 2 * users));
    let names: Vec<&PathBuf> = found.keys().collect();
    assert_eq!(names, [Path::new("part.parquet")]);

    // Nothing of the other date is written anew, and every table is there.
    let after = glob(&project, "plain");
    let of_other_date = |files: &Files| -> Files {
        let files = files
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes.clone()));
        files
            .filter(|(path, _)| path.to_string_lossy().contains("2026-03-05"))
            .collect()
    };
    assert_eq!(of_other_date(&after), of_other_date(&before));
    assert_ne!(after, before);
    for whole in ["tier_current", "dim_tier", "publications"] {
        assert!(
            after.contains_key(Path::new(&format!("{whole}.parquet"))),
            "{whole}"
        );
    }
    for dated in ["kpi_daily", "tier_summary", "tier_migration_matrix"] {
        let path = format!("{}/part.parquet", date_of(dated));
        assert!(after.contains_key(Path::new(&path)), "{path}");
    }
    let said = fs::read_to_string(project.path("output/_README.txt")).unwrap();
    assert!(said.contains("plain/tier_current.parquet"), "{said}");
}

#[test]
fn a_withdrawn_date_leaves_the_plain_files() {
    let project = project();
    let before = glob(&project, "plain");
    let project = project.publish(DATE);
    succeed(&project, &["withdraw", "job.toml", "--date", DATE, "--yes"]);
    let after = glob(&project, "plain");
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before));
    let of_date = date_of("tier_snapshot");
    assert!(!project.path("output/plain").join(of_date).exists());
    let users = Path::new("tier_current.parquet");
    assert_eq!(after[users], before[users]);
}

#[tokio::test]
async fn a_bucket_copies_plain_files_itself() {
    let server = S3Server::start();
    let output = format!("{{ url = \"s3://{BUCKET}/out\", plain = true }}");
    let project = Project::new()
        .edit("job.toml", "\"output\"", &output)
        .environment(server.environment())
        .publish("2026-03-05");
    server.reset_requests();
    let project = project.publish(DATE);
    let read = server.keys(RequestKind::Get);
    assert!(
        !read.iter().any(|key| key.ends_with("/part.parquet")),
        "{read:?}"
    );
    let users = Path::new("out/plain/tier_current.parquet");
    let found = server
        .store()
        .get(&users.to_str().unwrap().into())
        .await
        .unwrap();
    let found = (users.to_owned(), found.bytes().await.unwrap().to_vec());
    let shown = project.call(&[
        "export",
        "job.toml",
        "--table",
        "tier_current",
        "--format",
        "csv",
    ]);
    let exported = shown.stdout.lines().count() as i64 - 1;
    assert_eq!(rows(&Files::from([found])), exported);
}

/// Whole files whatever happened, and the next run makes them those of the publication, be it that it has
/// nothing else to do.
#[test]
fn plain_files_that_a_run_did_not_get_to_come_with_the_next() {
    let project = project();
    let before = files_below(&project.path("output/plain"));
    let project = project.publish(DATE);
    let whole = files_below(&project.path("output/plain"));
    let record = PathBuf::from("_written.json");

    // It died before the first copy.
    put_back(&project, &before);
    succeed(&project, &RUN);
    assert_eq!(files_below(&project.path("output/plain")), whole);

    // It died after some, and one is of a date that nobody has published.
    let mut some = whole.clone();
    let mut written: serde_json::Value = serde_json::from_slice(&before[&record]).unwrap();
    let objects = written["objects"].as_object_mut().unwrap();
    objects.remove("tier_current.parquet");
    objects.remove("publications.parquet");
    some.insert(record, written.to_string().into_bytes());
    let users = PathBuf::from("tier_current.parquet");
    some.insert(users.clone(), before[&users].clone());
    let orphan = "tier_snapshot/snapshot_date=2026-03-01/part.parquet";
    some.insert(orphan.into(), before[&users].clone());
    put_back(&project, &some);
    succeed(&project, &RUN);
    assert_eq!(files_below(&project.path("output/plain")), whole);

    // Somebody deleted all of it.
    fs::remove_dir_all(project.path("output/plain")).unwrap();
    succeed(&project, &RUN);
    assert_eq!(files_below(&project.path("output/plain")), whole);
}

#[test]
fn without_plain_the_text_at_the_root_says_how_to_get_it() {
    let project = Project::new().publish("2026-03-05");
    assert!(!project.path("output/plain").exists());
    let said = fs::read_to_string(project.path("output/_README.txt")).unwrap();
    assert!(said.contains("`plain = true` under [output]"), "{said}");
}

#[test]
fn an_output_of_more_keys_has_a_url() {
    let check = |output: &str| {
        let project = Project::new().edit("job.toml", "\"output\"", output);
        project.check()
    };
    insta::assert_snapshot!(check("{ plain = true }"), @r#"
    exit code 2

    error: missing key `output.url`
     --> job.toml:3:1
      |
    3 | output = { plain = true }
      | ^^^^^^
      |
      = help: add url = "s3://bucket/tierline"
    "#);
    insta::assert_snapshot!(check("{ url = \"output\", plane = true }"), @r#"
    exit code 2

    error: expected a URL or a path, or { url = "s3://bucket/tierline", plain = true }
     --> job.toml:3:10
      |
    3 | output = { url = "output", plane = true }
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(check("{ url = \"output\", plain = 1 }"), @r#"
    exit code 2

    error: expected a URL or a path, or { url = "s3://bucket/tierline", plain = true }
     --> job.toml:3:10
      |
    3 | output = { url = "output", plain = 1 }
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}
