//! Files that break in any way: bytes flipped, cut, repeated and put in. Nothing panics, nothing
//! takes long, and what cannot be read is named.
//!
//! The changes are drawn from a fixed seed, forty for each kind of file; `PROPTEST_CASES` draws
//! more.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use super::lake::file_of;
use super::project::{Project, files_below};

/// How many changes are tried of each kind of file.
const CASES: u32 = 40;

/// How many the library tries by itself.
const USUAL_CASES: u32 = 256;

/// How long a call may take on a machine that does other things too.
const LONG: Duration = Duration::from_secs(30);

/// One change of a file.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, u8),
    Cut(Index, usize),
    Repeat(Index, usize),
    Insert(Index, Vec<u8>),
    End(Index),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let until = |start: usize, count: usize| length.min(start + count);
        match self {
            Self::Flip(place, bit) => bytes[place.index(length)] ^= 1 << bit,
            Self::Cut(place, count) => {
                let start = place.index(length);
                bytes.drain(start..until(start, *count));
            }
            Self::Repeat(place, count) => {
                let start = place.index(length);
                let again = bytes[start..until(start, *count)].to_vec();
                bytes.splice(start..start, again);
            }
            Self::Insert(place, new) => {
                let start = place.index(length);
                bytes.splice(start..start, new.iter().copied());
            }
            Self::End(place) => bytes.truncate(place.index(length)),
        }
    }
}

/// What people and programs put into the wrong place.
const WORDS: [&str; 14] = [
    "(",
    "'",
    "\"",
    "--",
    ";",
    " SELECT ",
    " NULL ",
    "\u{feff}",
    "\u{202e}",
    "“",
    "$",
    "99999999999999999999999999999999999999999",
    "\0",
    "[[",
];

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let place = any::<Index>;
    let word = select(&WORDS[..]).prop_map(|word| word.as_bytes().to_vec());
    let bytes = proptest::collection::vec(any::<u8>(), 1..9);
    let change = prop_oneof![
        3 => (place(), 0..8_u8).prop_map(|(place, bit)| Change::Flip(place, bit)),
        2 => (place(), 1..40_usize).prop_map(|(place, count)| Change::Cut(place, count)),
        1 => (place(), 1..200_usize).prop_map(|(place, count)| Change::Repeat(place, count)),
        3 => (place(), word).prop_map(|(place, word)| Change::Insert(place, word)),
        1 => (place(), bytes).prop_map(|(place, bytes)| Change::Insert(place, bytes)),
        1 => place().prop_map(Change::End),
    ];
    proptest::collection::vec(change, 1..4)
}

/// Changes one of `files` in each case, calls the program, and looks at how it ends.
fn fuzz(files: &[String], arguments: &[&str]) {
    // PROPTEST_CASES asks for more.
    let usual = Config::default();
    let cases = match usual.cases == USUAL_CASES {
        true => CASES,
        false => usual.cases,
    };
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..usual
    };
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let case = (select(files.to_vec()), changes());
    let outcome = runner.run(&case, |(file, changes)| {
        let project = Project::new();
        let mut bytes = std::fs::read(project.path(&file)).unwrap();
        for change in &changes {
            change.apply(&mut bytes);
        }
        std::fs::write(project.path(&file), bytes).unwrap();
        ends_well(&project, &file, arguments)
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn ends_well(project: &Project, file: &str, arguments: &[&str]) -> Result<(), TestCaseError> {
    let began = Instant::now();
    let finished = project.call(arguments);
    prop_assert!(began.elapsed() < LONG, "{file} took {:?}", began.elapsed());
    let said = &finished.stderr;
    prop_assert!(!said.contains("panicked"), "{file}: {said}");
    let is_told = match finished.exit_code {
        0 => true,
        // What is refused is named; a model that reads the file may be the one that shows it.
        2..=4 => said.contains(file) || said.contains("error: "),
        // Nothing about a file is worth a retry.
        _ => false,
    };
    prop_assert!(is_told, "{file} ends with {}: {said}", finished.exit_code);
    Ok(())
}

/// The project's files with an ending, below a folder.
fn files_with(ending: &str, folder: &str) -> Vec<String> {
    let project = Project::new();
    let found = files_below(&project.path(folder)).into_keys();
    let found = found.filter(|path| path.extension() == Some(ending.as_ref()));
    let below = |path: &Path| format!("{folder}/{}", path.to_str().unwrap());
    found.map(|path| below(&path)).collect()
}

const CHECK: [&str; 2] = ["check", "job.toml"];

#[test]
fn job_files() {
    fuzz(&["job.toml".to_owned()], &CHECK);
}

#[test]
fn models() {
    fuzz(&files_with("sql", "sql"), &CHECK);
}

#[test]
fn reference_files_and_parameters() {
    let mut files = files_with("csv", "sql/reference");
    files.extend(files_with("toml", "sql"));
    fuzz(&files, &CHECK);
}

#[test]
fn parquet_files() {
    let days = [2, 4, 6].into_iter();
    let files = days.flat_map(|day| ["orders", "engagement"].map(|source| file_of(source, day)));
    let files: Vec<String> = files.collect();
    fuzz(&files, &["run", "job.toml", "--date", "2026-03-06"]);
}
