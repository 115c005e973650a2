//! What tierline writes and later reads, or other programs do, stays readable for ever.
//!
//! `tests/fixtures/formats/<format>/` has one of every form that a format ever had, beside what is
//! to be read from it. Its README says how one is added.
//!
//! | format | document | fixtures are read by | today's form is written by |
//! |---|---|---|---|
//! | job file | `job::file` | `job_file` | people |
//! | calibrations | `calibration::record` | `records` | `records`, `today` |
//! | records of rules | `plan::rules` | `records` | `today` |
//! | records of source days | `inputs::record` | `records` | `records`, `today` |
//! | last publication | `publish::last_publication` | `records` | `today` |
//! | record of an output | `storage::output_record` | `records` | `today` |
//! | findings not reported yet | `night::unreported` | a test in `night::unreported` | `today` |
//! | publications | `publish::publications::columns` | `publications`, a test in `plan::affected` | `today` |
//! | commits of tables | `publish::log` | a test in `publish::log` | `today` |
//! | dropped columns | `publish::growth` | `publications` | tests in `publish::growth` |
//! | tiles | `tiles::file` | a test in `tiles::file` | the same test, `today` |
//! | samples of rejected rows | `night::reject_sample` | `samples` | `today` |
//! | published tables | `tables`, and the comments of their columns | other programs | `today` |
//! | manifests of exports | `export::manifest` | other programs, a test in `export::manifest` | `today` |
//! | views of a publication | `publish::views` | other programs | `today` |
//! | results | `night::report`, `cli::show` | other programs | `results`, `today` |

mod fixtures;
mod form;
mod job_file;
mod publications;
mod records;
mod results;
mod samples;
mod today;

use std::fs;
use std::path::Path;

use tierline::ground::Layout;
use tierline::storage::{Location, RetryPolicy, Stores};

/// The folders of the fixtures, one for each format.
const FORMATS: [&str; 17] = [
    "calibration",
    "commits",
    "dropped-columns",
    "export-manifest",
    "job",
    "last-publication",
    "output",
    "plain",
    "publications",
    "quarantine",
    "results",
    "rules",
    "source-days",
    "tables",
    "tile",
    "unreported",
    "views",
];

#[test]
fn every_fixture_is_of_a_format_that_tests_read() {
    let found = names_in(&fixtures::path(""));
    let known: Vec<&str> = FORMATS.into_iter().chain(["README"]).collect();
    let mut known: Vec<String> = known.into_iter().map(str::to_owned).collect();
    known.sort();
    assert_eq!(found, known);
}

/// The name of the form of a format that is written today: that of the largest number.
fn newest(format: &str) -> String {
    fixtures::versions(format).pop().unwrap()
}

/// A folder as the output of a job.
fn output(folder: &Path) -> (Location, Layout) {
    let url = folder.to_str().unwrap();
    let output = Stores::new(RetryPolicy::default()).open(url, Path::new(""));
    let output = output.unwrap();
    let layout = Layout::below(output.path.clone());
    (output, layout)
}

/// The names of the files in a folder, without what they end in.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().path());
    let mut names: Vec<String> = names
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}
