//! The fixtures of formats: where they are, and what is read from them. Tests of the library share
//! this file.
//!
//! ```text
//! tests/fixtures/formats/calibration/
//!   v1/calibrations/2026-11-18-v1.json   a file, or several, as they lie below an output
//!   v1.expected.json                     what is read from them
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

const EXPECTED: &str = ".expected.json";

/// A path below the fixtures.
pub(crate) fn path(below: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/formats");
    root.join(below)
}

/// The forms that a format has fixtures of, the oldest first: `v1`, `v1-with-digest`, `v2`.
pub(crate) fn versions(format: &str) -> Vec<String> {
    let entries = fs::read_dir(path(format)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let versions = names.filter(|name| !name.ends_with(EXPECTED));
    let mut versions: Vec<String> = versions
        .map(|name| name.split('.').next().unwrap().to_owned())
        .collect();
    versions.sort_by_key(|version| (number_of(version), version.clone()));
    assert!(!versions.is_empty(), "{format} has no fixture");
    versions
}

fn number_of(version: &str) -> u32 {
    let number = version.split('-').next().unwrap().strip_prefix('v');
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("a fixture is called `{version}`, not v1, v2 or v2-what"))
}

/// Fails when a fixture does not read as it is written beside it.
pub(crate) fn assert_reads(format: &str, version: &str, reading: &Value) {
    let beside = path(&format!("{format}/{version}{EXPECTED}"));
    let expected = fs::read_to_string(&beside).ok();
    let expected: Option<Value> = expected.map(|text| serde_json::from_str(&text).unwrap());
    assert!(
        expected.as_ref() == Some(reading),
        "{} does not say what is read from {format} {version} now. Users have files of this form: mend the reading, and leave the fixture as it is. Only what is new in the reading of every form may be added there. What is read now:\n{reading:#}",
        beside.display(),
    );
}
