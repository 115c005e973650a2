//! Where a tile lies: its name says everything that its rows depend on.
//!
//! ```text
//! 2026-10-24.8d-5f0c21d7-9a44be10-0d3f6a7c81e2b945
//! period        SQL      reference  source files of the period
//! ```
//!
//! What has the right name is the right tile; whatever changes asks for another name. That the
//! parts stand apart lets a plan say what changed. Each is the beginning of a [`Fingerprint`]:
//!
//! | part | hex digits | labels, in their order |
//! |---|---|---|
//! | SQL | 8 | `format`, `rollup`, `model` for each with its parameters, `source` for each with its declared columns, `engine`, its version, where tiles hold what it alone can read |
//! | reference | 8 | `reference` for each, its name and its text in [one form](crate::models::ReferenceTable::canonical_text) |
//! | source files | 16 | `of all days` for each source that is read whole, each day with its files |
//!
//! Most tiles hold nothing whose form depends on the version of the engine: numbers, texts and
//! times, sums and lists of them. Those with a state of the engine's own, such as the sketch of
//! `APPROX_DISTINCT`, have its version in their address: another version makes these anew, and no
//! others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ground::{Fingerprint, TableName};

use super::period::{Period, day_of};

/// Part of every address: raised when the same inputs would give other tiles, or other addresses.
const FORMAT_VERSION: &str = "3";

/// The format before, whose tiles have other names.
const FORMAT_BEFORE: &str = "2";

/// Hex digits of what people change by hand, and of what a program compares.
const SHORT: usize = 8;
const LONG: usize = 16;

/// What the rows of a rollup are computed from, besides the source files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The rollup's table, `rollups.<name>`.
    pub rollup: TableName,
    /// The rollup and the staging it reads, with their parameters.
    pub models: Vec<Fingerprint>,
    /// The declared columns of the sources it reads.
    pub sources: Vec<Fingerprint>,
    /// The reference files it reads, as text in one form.
    pub references: Vec<String>,
    /// The version of the engine, where its tiles hold states in the engine's own form.
    pub engine: Option<String>,
    /// The same as it was written in the format before.
    pub before: DefinitionBefore,
}

/// What rows were computed from, as addresses of before had it: SQL in the format before, reference files
/// as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionBefore {
    /// The statements of the rollup and of the staging it reads, after parameters.
    pub statements: Vec<String>,
    /// The declared columns of the sources it reads.
    pub columns: Vec<String>,
    /// The reference files it reads, as they are.
    pub references: Vec<String>,
}

/// The source files of a rollup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceDays {
    /// What the rows of a day depend on.
    pub by_day: BTreeMap<NaiveDate, Fingerprint>,
    /// Files that every day depends on: of sources that staging does not read day by day.
    pub of_all_days: Vec<Fingerprint>,
    /// Days that cannot be read from the sources any more: stored tiles alone hold their rows.
    pub unreadable: BTreeSet<NaiveDate>,
}

/// Everything that the rows of one tile depend on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The days whose rows it has.
    pub period: Period,
    sql: String,
    references: String,
    files: String,
}

/// What a stored tile of the same period was made from, if not from the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Change {
    /// There is no tile of the period yet.
    New,
    /// Nothing but the version of tierline that made it.
    Format,
    /// Source files were added, replaced or removed.
    Files,
    /// The SQL, a parameter or a declared column is another.
    Sql,
    /// A reference file is another.
    Reference,
}

/// Gives the periods of one rollup their addresses.
#[derive(Debug, Clone)]
pub struct Addresses {
    sql: String,
    references: String,
    /// The same parts in addresses of before.
    sql_before: String,
    references_before: String,
    days: SourceDays,
}

impl Addresses {
    /// The addresses of a rollup whose sources have these files.
    pub fn new(definition: &Definition, days: SourceDays) -> Self {
        let sql = Fingerprint::builder()
            .part("format", FORMAT_VERSION)
            .part("rollup", &definition.rollup.to_string())
            .parts("model", &definition.models)
            .parts("source", &definition.sources)
            .parts("engine", &definition.engine)
            .finish();
        let sql_before = Fingerprint::builder()
            .part("format", FORMAT_BEFORE)
            .part("rollup", &definition.rollup.to_string())
            .parts("statement", &definition.before.statements)
            .parts("columns", &definition.before.columns)
            .finish();
        let of_references = |texts: &[String]| {
            let references = Fingerprint::builder().parts("reference", texts).finish();
            references.as_str()[..SHORT].to_owned()
        };
        Self {
            sql: sql.as_str()[..SHORT].to_owned(),
            references: of_references(&definition.references),
            sql_before: sql_before.as_str()[..SHORT].to_owned(),
            references_before: of_references(&definition.before.references),
            days,
        }
    }

    /// The address of a period; none when no file lies in it.
    pub fn of(&self, period: Period) -> Option<Address> {
        let last = day_of(period.last());
        let days = match period.first() {
            Some(first) => self.days.by_day.range(day_of(first)..=last),
            None => self.days.by_day.range(..=last),
        };
        let mut days = days.peekable();
        if !self.depends_on_all_days() {
            days.peek()?;
        }
        let of_all_days = self.days.of_all_days.iter().map(Fingerprint::as_str);
        let files = days.fold(
            Fingerprint::builder().parts("of all days", of_all_days),
            |builder, (day, files)| builder.part(&day.to_string(), files.as_str()),
        );
        Some(Address {
            period,
            sql: self.sql.clone(),
            references: self.references.clone(),
            files: files.finish().as_str()[..LONG].to_owned(),
        })
    }

    /// The address of a tile of today that has one of before; none where it has another.
    pub(super) fn of_before(&self, name: &str) -> Option<String> {
        let [period, sql, references, files] = Address::parts_of(name)?;
        let has_sql_of_before = sql == self.sql_before;
        let has_references_of_before = references == self.references_before;
        let sql = if has_sql_of_before { &self.sql } else { sql };
        let references = match has_references_of_before {
            true => &self.references,
            false => references,
        };
        let of_today = format!("{period}-{sql}-{references}-{files}");
        (of_today != name).then_some(of_today)
    }

    /// The name that a tile had in the format before.
    #[cfg(test)]
    pub(super) fn name_before(&self, address: &Address) -> String {
        address.to_string().replace(&self.sql, &self.sql_before)
    }

    /// Whether any file may hold rows of any day, one without files too.
    pub fn depends_on_all_days(&self) -> bool {
        !self.days.of_all_days.is_empty()
    }

    /// How the stored tiles of the rollup, whose addresses these are, differ from what these ask
    /// for at the least. A tile of the same files alone tells that something else is in the way.
    pub fn change_from_any<'a>(&self, stored: impl Iterator<Item = &'a str>) -> Change {
        let changes = stored.filter_map(|name| {
            let [period, sql, references, files] = Address::parts_of(name)?;
            let change = match (sql == self.sql, references == self.references) {
                (true, true) => Change::Files,
                (true, false) => Change::Reference,
                (false, _) => Change::Sql,
            };
            let asked = Period::parse(period).and_then(|period| self.of(period));
            Some((change, asked.is_some_and(|asked| asked.files == files)))
        });
        let rank = |(change, has_same_files): &(Change, bool)| match change {
            Change::Reference | Change::Sql if *has_same_files => 0,
            Change::Files => 1,
            Change::Reference => 2,
            Change::Sql | Change::New | Change::Format => 3,
        };
        let least = changes.min_by_key(rank);
        least.map_or(Change::New, |(change, _)| change)
    }

    /// Whether the rows of a day can be read from the sources.
    pub fn is_readable(&self, day: NaiveDate) -> bool {
        !self.days.unreadable.contains(&day)
    }

    /// The days that cannot be read from the sources any more.
    pub fn unreadable(&self) -> &BTreeSet<NaiveDate> {
        &self.days.unreadable
    }

    /// The days that may have rows.
    pub fn days_in(&self, first: i32, last: i32) -> Vec<NaiveDate> {
        if self.depends_on_all_days() {
            return (first..=last).map(day_of).collect();
        }
        if first > last {
            return Vec::new();
        }
        let days = self.days.by_day.range(day_of(first)..=day_of(last));
        days.map(|(day, _)| *day).collect()
    }

    /// The first day that has files.
    pub fn first_day(&self) -> Option<NaiveDate> {
        self.days.by_day.keys().next().copied()
    }
}

impl Address {
    /// Period, SQL, references and files of an address as [`Display`](fmt::Display) writes it.
    fn parts_of(name: &str) -> Option<[&str; 4]> {
        let mut parts = name.rsplitn(4, '-');
        let (files, references, sql) = (parts.next()?, parts.next()?, parts.next()?);
        Some([parts.next()?, sql, references, files])
    }

    /// What is different in a stored tile of the same period with the address `other`.
    pub fn change_from(&self, other: &str) -> Change {
        match Self::parts_of(other) {
            Some([_, sql, _, _]) if sql != self.sql => Change::Sql,
            Some([_, _, references, _]) if references != self.references => Change::Reference,
            Some(_) => Change::Files,
            None => Change::New,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            period,
            sql,
            references,
            files,
        } = self;
        write!(formatter, "{period}-{sql}-{references}-{files}")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::New => "new days",
            Self::Format => "tiles of an older tierline",
            Self::Files => "changed files",
            Self::Sql => "changed SQL",
            Self::Reference => "changed reference",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::SqlSchema;

    fn addresses(statement: &str, reference: &str, days: &[(&str, &str)]) -> Addresses {
        let definition = Definition {
            rollup: TableName::new(SqlSchema::Rollups, "purchases"),
            models: vec![Fingerprint::of(statement)],
            sources: Vec::new(),
            references: vec![reference.to_owned()],
            engine: None,
            before: DefinitionBefore {
                statements: vec![statement.to_owned()],
                columns: Vec::new(),
                references: vec![format!("{reference}\r\n")],
            },
        };
        let by_day = days
            .iter()
            .map(|(day, files)| (day.parse().unwrap(), Fingerprint::of(files)));
        let days = SourceDays {
            by_day: by_day.collect(),
            ..SourceDays::default()
        };
        Addresses::new(&definition, days)
    }

    const DAYS: [(&str, &str); 3] = [
        ("1970-01-01", "a"),
        ("1970-01-02", "b"),
        ("1970-01-06", "c"),
    ];

    #[test]
    fn a_changed_file_moves_the_tiles_of_its_day_and_no_other() {
        let before = addresses("SELECT", "", &DAYS);
        let changed = [DAYS[0], ("1970-01-02", "B"), DAYS[2]];
        let after = addresses("SELECT", "", &changed);
        let moved = |period| before.of(period) != after.of(period);
        assert!(moved(Period::day(1)));
        assert!(moved(Period::Block { level: 2, first: 0 }));
        assert!(moved(Period::Until { last: 31 }));
        assert!(!moved(Period::day(0)));
        assert!(!moved(Period::day(5)));
        assert!(!moved(Period::Block { level: 2, first: 4 }));
        assert!(!moved(Period::Until { last: 0 }));
    }

    /// A change of these makes every tile again: it needs another version of the format, and those
    /// of the format before are found by it where expired days are held in them.
    #[test]
    fn addresses_stay_what_they_were() {
        let addresses = addresses("SELECT", "open,yes", &DAYS);
        let of_today = addresses.of(Period::Until { last: 31 }).unwrap();
        insta::assert_snapshot!(of_today, @"until.1970-02-01-8e5a9c69-c0616097-983985e6dd9075d0");
        assert_eq!(addresses.of_before(&of_today.to_string()), None);
        let before = addresses.name_before(&of_today);
        insta::assert_snapshot!(before, @"until.1970-02-01-993dfea1-c0616097-983985e6dd9075d0");
        assert_eq!(addresses.of_before(&before), Some(of_today.to_string()));
        // By the text of a reference file, whatever its form.
        let as_written = of_today.to_string();
        let as_written = as_written.replace(&addresses.references, &addresses.references_before);
        assert_eq!(addresses.of_before(&as_written), Some(of_today.to_string()));
    }

    #[test]
    fn the_engine_counts_where_tiles_hold_its_states() {
        let of_engine = |engine: Option<&str>| {
            let definition = Definition {
                rollup: TableName::new(SqlSchema::Rollups, "purchases"),
                models: Vec::new(),
                sources: Vec::new(),
                references: Vec::new(),
                engine: engine.map(str::to_owned),
                before: DefinitionBefore::default(),
            };
            let by_day = [(day_of(0), Fingerprint::of("a"))].into();
            let days = SourceDays {
                by_day,
                ..SourceDays::default()
            };
            Addresses::new(&definition, days).of(Period::day(0))
        };
        assert_ne!(of_engine(Some("55.2.0")), of_engine(Some("56.0.0")));
        assert_ne!(of_engine(Some("55.2.0")), of_engine(None));
    }

    #[test]
    fn days_without_files_have_no_tile() {
        let addresses = addresses("SELECT", "", &DAYS);
        assert_eq!(addresses.of(Period::day(3)), None);
        assert_eq!(addresses.of(Period::Until { last: -1 }), None);
    }

    #[test]
    fn an_address_tells_what_changed() {
        let now = addresses("SELECT", "", &DAYS).of(Period::day(0)).unwrap();
        let change_from = |statement, reference, files| {
            let other = addresses(statement, reference, &[("1970-01-01", files)]);
            now.change_from(&other.of(Period::day(0)).unwrap().to_string())
        };
        assert_eq!(change_from("SELECT", "", "z"), Change::Files);
        assert_eq!(change_from("SELECT", "open,yes", "a"), Change::Reference);
        assert_eq!(change_from("SELECT 1", "open,yes", "z"), Change::Sql);
        assert_eq!(now.change_from("whatever"), Change::New);
    }
}
