//! Tables of a job's own: `[tables.<name>]` in the job file, and `sql/publish/<name>.sql`.
//!
//! | the job says | the table |
//! |---|---|
//! | `dated = true` | keeps the rows of every date, as `kpi_daily` does |
//! | `dated = false` | keeps one state, that of the newest date, and has no date of its own |

use std::collections::BTreeSet;

use crate::ground::{Diagnostic, Problems};
use crate::job::{Job, OwnTable};

use super::{Dating, Maker, OUR_NAMES, OURS, PublishedTable, SNAPSHOT_DATE};

/// The table that says what is published.
const PUBLICATIONS: &str = "publications";

/// The longest name: what the databases that people copy tables to take.
const MOST_BYTES: usize = 63;

/// The tables of a job, whose versions a publication records: those of tierline, then its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    own: Vec<&'static PublishedTable>,
}

impl Tables {
    /// The tables of a job, and what is wrong with those that it declares.
    pub fn of(job: &Job) -> (Self, Problems) {
        let (own, problems) = read(job);
        (Self { own }, problems)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &'static PublishedTable> {
        OURS.into_iter().chain(self.own())
    }

    /// Those that the job declares, by name.
    pub fn own(&self) -> impl Iterator<Item = &'static PublishedTable> {
        self.own.iter().copied()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.iter().map(|table| table.name)
    }

    /// The table of a name.
    pub fn find(&self, name: &str) -> Option<&'static PublishedTable> {
        self.iter().find(|table| table.name == name)
    }

    /// The tables that come from one kind of maker.
    pub fn made_by(&self, maker: Maker) -> impl Iterator<Item = &'static PublishedTable> {
        self.iter().filter(move |table| table.maker == maker)
    }
}

/// The tables that a job declares, by name, and what is wrong with the declarations.
fn read(job: &Job) -> (Vec<&'static PublishedTable>, Problems) {
    let mut problems = Problems::default();
    let mut tables = Vec::new();
    for (name, table) in &job.tables {
        match problem_with_name(job, name) {
            Some(problem) => problems.push(problem),
            None => tables.push(published(name, table)),
        }
        problems.0.extend(problems_with_key(job, name, table));
    }
    (tables, problems)
}

/// The table as those of tierline itself are known: for as long as the process lives. They are a
/// few names, and a job is loaded once.
fn published(name: &str, table: &OwnTable) -> &'static PublishedTable {
    let OwnTable {
        key,
        is_dated,
        sorted_by,
        may_be_empty,
    } = table;
    // The key decides between rows that are equal in what a table is sorted by, so that the same
    // rows lie in the same order.
    let tie_breakers = key.iter().filter(|column| !sorted_by.contains(column));
    let sorted_by = sorted_by.iter().chain(tie_breakers);
    Box::leak(Box::new(PublishedTable {
        name: String::leak(name.to_owned()),
        description: "",
        maker: Maker::Mart,
        dating: match is_dated {
            true => Dating::EveryDate,
            false => Dating::Undated,
        },
        key: kept(key),
        sorted_by: kept(sorted_by),
        columns: &[],
        may_be_empty: *may_be_empty,
        earlier: &[],
    }))
}

fn kept<'a>(names: impl IntoIterator<Item = &'a String>) -> &'static [&'static str] {
    let names = names.into_iter().map(|name| &*String::leak(name.clone()));
    Vec::leak(names.collect())
}

/// A name is that of a folder, of a file and of a table in whatever reads it.
fn problem_with_name(job: &Job, name: &str) -> Option<Diagnostic> {
    let problem = |message: String| job.problem(&format!("tables.{name}"), message);
    if OUR_NAMES.contains(&name) || name == PUBLICATIONS {
        let message = format!("`{name}` is a table of tierline's own");
        return Some(problem(message).help("give yours another name"));
    }
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let begins_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins_well && name.bytes().all(is_plain) && name.len() <= MOST_BYTES {
        return None;
    }
    let message = format!("`{name}` cannot be the name of a table");
    Some(problem(message).help(format!(
        "use lowercase letters, digits and underscores, a letter first, {MOST_BYTES} at most, such as call_list"
    )))
}

/// What can be wrong with the columns before the SQL is planned.
fn problems_with_key(job: &Job, name: &str, table: &OwnTable) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if table.key.is_empty() {
        let message = format!("table `{name}` has no key");
        let help = "list the columns that tell its rows apart, such as key = [\"user_id\"]";
        problems.push(job.problem(&format!("tables.{name}"), message).help(help));
    }
    for (key, columns) in [("key", &table.key), ("sorted_by", &table.sorted_by)] {
        let place = format!("tables.{name}.{key}");
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(*column)) {
            let message = format!("`{key}` names `{twice}` twice");
            problems.push(job.problem(&place, message).help("name it once"));
        }
        if table.is_dated && columns.iter().any(|column| column == SNAPSHOT_DATE) {
            let message = format!("`{key}` names `{SNAPSHOT_DATE}`");
            let help =
                "leave it out: a dated table has that column, and each date is looked at alone";
            problems.push(job.problem(&place, message).help(help));
        }
    }
    problems
}
