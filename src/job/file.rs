//! The mirror of a job file: its keys, their defaults, nothing more.
//!
//! 1. [`Keys::of`]: where every key is.
//! 2. [`JobFile::parse`]: the mirror. A value of a wrong type is reported and left out, until the
//!    rest reads, so that every wrong value is found.
//! 3. `check_required`: the keys that are missing.
//!
//! A job file is TOML, of version 1. A key may come, with a default that leaves older files what
//! they were; one that goes, or means something else, makes another version. Unknown keys are refused.
//!
//! | key | type | default | |
//! |---|---|---|---|
//! | `version` | whole number | required | 1 |
//! | `name` | text | the file's name | in logs, publications and commits |
//! | `timezone` | text | required | an IANA name: where a business day ends |
//! | `output` | text, or `{ url = "out", plain = true }` | required | the URL, or the path relative to the file, below which everything is kept |
//! | `output.plain` | boolean | false | whether the tables are kept as plain Parquet, too, for readers who glob |
//! | `sql` | text | the built-in pack | the folder of the SQL pack, relative to the file |
//! | `sources.<name>.url` | text | required | where the source is delivered |
//! | `.required` | boolean | true | whether a night needs a partition of its date |
//! | `.files`, `.ready`, `.incomplete`, `.odd_days` | text | | see [`delivery`](super::delivery) |
//! | `.keeps` | text, such as `"400 days"` | nothing is known | how old files are when a retention rule removes them |
//! | `.columns.<column>` | a type as text, or `{ type = "BIGINT", optional = true }` | | columns beyond the contract, or of other types than there |
//! | `.profile.<column>` | the same | | columns that the snapshot shows as they are |
//! | `params.<name>` | whole number, number, text, boolean, date, or list of texts and whole numbers | those of the pack | parameters of the SQL |
//! | `grace_days.<dimension>` | whole number | 7 for `value_tier`, else 0 | days that a lower tier must last |
//! | `hold_days.<dimension>` | whole number | 7 for `rfm_class` and `value_engagement`, else 0 | days that another value must last, in a dimension without ranks |
//! | `dimensions.<name>.tiers` | list of texts | required | the values, from the lowest rank |
//! | `.ranked` | boolean | true | whether their order means anything |
//! | `tables.<name>.key` | list of texts | required | the columns that tell the rows of a table of one's own apart |
//! | `.dated` | boolean | true | whether it keeps the rows of every date, or those of the newest |
//! | `.sorted_by` | list of texts | the key | the columns that its files are sorted by |
//! | `.may_be_empty` | boolean | true | whether a date may have no rows |
//! | `calibration.id` | text | the newest | the calibration to score by |
//! | `calibration.<metric>` | list of four numbers, or texts of numbers | | cut points by hand, in the unit of the metric |
//! | `guards.max_users_drop`, `.max_users_growth`, `.max_tier_share_change`, `.min_volume_share` | number, a share | 0.05, 1.0, 0.25, 0.2 | how far a night may be from those before it |
//! | `guards.future_dates` | boolean | false | whether dates in the future may be published |
//! | `engine.threads` | whole number of at least 1 | those of the machine | |
//! | `engine.ranges` | whole number of at least 1 | 1; with a cluster 16 | parts that users are cut into, which are computed side by side |
//! | `engine.cluster` | text, such as `"http://scheduler:50050"` | none | the scheduler of a cluster that computes the ranges; a tierline with the feature `cluster` |
//! | `engine.memory_limit_mib` | whole number of at least 1, MiB | 60 % of the container's or machine's | queries spill beyond it |
//! | `engine.spill_limit_mib` | whole number of at least 1, MiB | 100 GiB | what queries may have on disk at once |
//! | `engine.spill_folder` | text | the system's | relative to the file |
//! | `engine.time_limit` | text, such as `"2 hours"` | no limit | how long a night may take |
//! | `storage.retry_seconds`, `.request_seconds` | whole number, seconds | 180, 120 | how long a failing request is retried, and how long one may take |
//! | `maintain.daily` | text, such as `"400 days"` | every date; at least 60 days | how long every date keeps its rows of users, and then the last of each month |
//! | `maintain.versions`, `.quarantine` | text, such as `"30 days"` | 30 days, 90 days; at least 7 days | how long old versions of tables stay readable, and how long samples of rejected rows are kept |
//! | `report.lang` | text | `"en"` | the language of the report that nights write beside the tables, `en` or `zh`; without `[report]` none is written |
//! | `report.users` | whole number | 0 | how many users to be contacted the report names |
//! | `openlineage.url` | text | none | the server that is told what nights read and write, in the events of OpenLineage |
//! | `openlineage.file` | text | none | the file that gets a line for each event; relative to the file |
//! | `openlineage.namespace` | text | `"tierline"` | the namespace that the job has there |

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use toml::de::{DeTable, DeValue};

use crate::ground::{Diagnostic, Problems, SourceFile, did_you_mean};

/// The keys of each section, for suggestions; `*` stands for any name.
const SECTIONS: [(&str, &[&str]); 10] = [
    (
        "",
        &[
            "version",
            "name",
            "timezone",
            "output",
            "sql",
            "sources",
            "params",
            "grace_days",
            "hold_days",
            "dimensions",
            "tables",
            "calibration",
            "guards",
            "engine",
            "storage",
            "maintain",
            "report",
            "openlineage",
        ],
    ),
    (
        "sources.*",
        &[
            "url",
            "required",
            "keeps",
            "files",
            "ready",
            "incomplete",
            "odd_days",
            "columns",
            "profile",
        ],
    ),
    ("dimensions.*", &["tiers", "ranked"]),
    ("tables.*", &["key", "dated", "sorted_by", "may_be_empty"]),
    (
        "guards",
        &[
            "max_users_drop",
            "max_users_growth",
            "max_tier_share_change",
            "min_volume_share",
            "future_dates",
        ],
    ),
    (
        "engine",
        &[
            "threads",
            "ranges",
            "cluster",
            "memory_limit_mib",
            "spill_limit_mib",
            "spill_folder",
            "time_limit",
        ],
    ),
    ("storage", &["retry_seconds", "request_seconds"]),
    ("maintain", &["daily", "versions", "quarantine"]),
    ("report", &["lang", "users"]),
    ("openlineage", &["url", "file", "namespace"]),
];

/// The keys that a job file must have, with an example of each.
const REQUIRED: [(&str, &str); 3] = [
    ("version", "version = 1"),
    ("timezone", "timezone = \"UTC\""),
    ("output", "output = \"s3://bucket/tierline\""),
];

/// The dimension that has grace where the job says nothing, and how many days of it. It has none
/// where its values have no ranks.
pub(super) const DEFAULT_GRACE: (&str, u32) = ("value_tier", 7);

/// The dimensions that have hold where the job says nothing, and how many days of it. They have none
/// where the SQL pack has no model of their name, or gives their values ranks.
pub(super) const DEFAULT_HOLD: [(&str, u32); 2] = [("rfm_class", 7), ("value_engagement", 7)];

/// Serde's names for what it expects, and what people call it.
const EXPECTATIONS: [(&str, &str); 6] = [
    ("a nonzero usize", "a whole number of at least 1"),
    ("i64", "a whole number"),
    ("u64", "a whole number of at least 0"),
    ("u32", "a whole number of at least 0"),
    ("f64", "a number"),
    ("a map", "a section"),
];

#[derive(Debug, Deserialize)]
pub(super) struct JobFile {
    pub version: Option<toml::Spanned<i64>>,
    pub name: Option<toml::Spanned<String>>,
    pub timezone: Option<toml::Spanned<String>>,
    pub output: Option<OutputKey>,
    pub sql: Option<String>,
    #[serde(default)]
    pub sources: BTreeMap<String, SourceSection>,
    #[serde(default)]
    pub params: BTreeMap<String, toml::Value>,
    /// Of a dimension that is not here none, but for [`DEFAULT_GRACE`].
    #[serde(default)]
    pub grace_days: BTreeMap<String, u32>,
    /// Of a dimension that is not here none, but for [`DEFAULT_HOLD`].
    #[serde(default)]
    pub hold_days: BTreeMap<String, u32>,
    #[serde(default)]
    pub dimensions: BTreeMap<String, DimensionSection>,
    #[serde(default)]
    pub tables: BTreeMap<String, TableSection>,
    #[serde(default)]
    pub calibration: BTreeMap<String, toml::Value>,
    #[serde(default)]
    pub engine: EngineSection,
    #[serde(default)]
    pub storage: StorageSection,
    #[serde(default)]
    pub guards: GuardsSection,
    #[serde(default)]
    pub maintain: MaintainSection,
    pub report: Option<ReportSection>,
    pub openlineage: Option<LineageSection>,
}

/// `"s3://bucket/tierline"`, or `{ url = "s3://bucket/tierline", plain = true }`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a URL or a path, or { url = \"s3://bucket/tierline\", plain = true }"
)]
pub(super) enum OutputKey {
    Url(String),
    Section(#[serde(deserialize_with = "of_section")] OutputSection),
}

/// A section and nothing else: serde would read a list in its place.
fn of_section<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OutputSection, D::Error> {
    let section = toml::Table::deserialize(deserializer)?;
    section.try_into().map_err(D::Error::custom)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputSection {
    pub url: Option<String>,
    #[serde(default)]
    pub plain: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct SourceSection {
    pub url: Option<String>,
    #[serde(default = "yes")]
    pub required: bool,
    pub files: Option<String>,
    pub ready: Option<String>,
    pub incomplete: Option<String>,
    pub odd_days: Option<String>,
    /// Such as `"400 days"`.
    pub keeps: Option<toml::Spanned<String>>,
    #[serde(default)]
    pub columns: BTreeMap<String, DeclaredColumn>,
    #[serde(default)]
    pub profile: BTreeMap<String, DeclaredColumn>,
}

/// `"BIGINT"`, or `{ type = "BIGINT", optional = true }`.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a type such as \"BIGINT\", or { type = \"BIGINT\", optional = true }"
)]
pub(super) enum DeclaredColumn {
    Required(String),
    Detailed(DetailedColumn),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DetailedColumn {
    #[serde(rename = "type")]
    type_name: String,
    #[serde(default)]
    optional: bool,
}

impl DeclaredColumn {
    /// The type's name, and whether files may lack the column.
    pub(super) fn parts(&self) -> (&str, bool) {
        match self {
            Self::Required(type_name) => (type_name, false),
            Self::Detailed(column) => (&column.type_name, column.optional),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct DimensionSection {
    #[serde(default)]
    pub tiers: Vec<String>,
    #[serde(default = "yes")]
    pub ranked: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct TableSection {
    #[serde(default)]
    pub key: Vec<String>,
    #[serde(default = "yes")]
    pub dated: bool,
    #[serde(default)]
    pub sorted_by: Vec<String>,
    #[serde(default = "yes")]
    pub may_be_empty: bool,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct EngineSection {
    pub threads: Option<NonZeroUsize>,
    pub ranges: Option<NonZeroUsize>,
    pub cluster: Option<String>,
    pub memory_limit_mib: Option<NonZeroUsize>,
    pub spill_limit_mib: Option<NonZeroUsize>,
    pub spill_folder: Option<String>,
    /// Such as `"2 hours"`.
    pub time_limit: Option<toml::Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct StorageSection {
    pub retry_seconds: u64,
    pub request_seconds: u64,
}

impl Default for StorageSection {
    fn default() -> Self {
        Self {
            retry_seconds: 180,
            request_seconds: 120,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(default)]
pub(super) struct GuardsSection {
    pub max_users_drop: f64,
    pub max_users_growth: f64,
    pub max_tier_share_change: f64,
    pub future_dates: bool,
    pub min_volume_share: f64,
}

impl Default for GuardsSection {
    fn default() -> Self {
        Self {
            max_users_drop: 0.05,
            max_users_growth: 1.0,
            max_tier_share_change: 0.25,
            future_dates: false,
            min_volume_share: 0.2,
        }
    }
}

/// Such as `"30 days"`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct MaintainSection {
    pub daily: Option<toml::Spanned<String>>,
    pub versions: Option<toml::Spanned<String>>,
    pub quarantine: Option<toml::Spanned<String>>,
}

/// Without it no report is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ReportSection {
    pub lang: Option<toml::Spanned<String>>,
    pub users: Option<toml::Spanned<u32>>,
}

/// Without it nobody is told what nights read and write.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LineageSection {
    pub url: Option<toml::Spanned<String>>,
    pub file: Option<toml::Spanned<String>>,
    pub namespace: Option<String>,
}

fn yes() -> bool {
    true
}

impl JobFile {
    /// The mirror of a text with where its keys stand, and every key that is unknown, missing or
    /// of a wrong type. `shown` is the same text with stars for secrets.
    ///
    /// # Errors
    /// What is not TOML.
    pub(super) fn parse(
        text: &str,
        shown: &SourceFile,
    ) -> Result<(Self, Keys, Problems), Problems> {
        let file = shown;
        let document =
            DeTable::parse(text).map_err(|error| Problems(vec![not_toml(file, &error)]))?;
        let keys = Keys::of(document.get_ref());
        let mut problems = Problems::default();
        let mut remaining = document.clone();
        let (job_file, unknown) = loop {
            let mut unknown = Vec::new();
            let deserializer = toml::Deserializer::from(remaining.clone());
            let parsed = serde_ignored::deserialize(deserializer, |path| {
                unknown.push(path.to_string());
            });
            let error: toml::de::Error = match parsed {
                Ok(job_file) => break (job_file, unknown),
                Err(error) => error,
            };
            problems.push(problem_at(file, &error, ""));
            let place = error.span().unwrap_or(0..0);
            if !remove_value_at(remaining.get_mut(), &place) {
                return Err(problems);
            }
        };
        for path in unknown {
            problems.push(unknown_key(file, &keys, &path));
        }
        problems.extend(check_required(file, &keys, document.get_ref()));
        Ok((job_file, keys, problems))
    }
}

/// Where each key of a job file is, by its path, such as `storage.retry_seconds`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<String, Range<usize>>);

impl Keys {
    fn of(document: &DeTable<'_>) -> Self {
        let mut keys = Self::default();
        keys.collect(document, "");
        keys
    }

    fn collect(&mut self, table: &DeTable<'_>, prefix: &str) {
        for (key, value) in table {
            let path = format!("{prefix}{}", key.get_ref());
            if let DeValue::Table(inner) = value.get_ref() {
                self.collect(inner, &format!("{path}."));
            }
            self.0.insert(path, key.span());
        }
    }

    /// The place of a key; the start of the file when it is not there.
    pub fn place(&self, path: &str) -> Range<usize> {
        self.0.get(path).cloned().unwrap_or(0..0)
    }
}

fn not_toml(file: &SourceFile, error: &toml::de::Error) -> Diagnostic {
    let problem = problem_at(file, error, "not TOML: ");
    match error.message() {
        "duplicate key" => problem
            .help("a section stands once in a file, and a key once in its section: join the two"),
        _ => problem,
    }
}

/// An error of the TOML reader as a problem at its place.
fn problem_at(file: &SourceFile, error: &toml::de::Error, kind: &str) -> Diagnostic {
    let place = error.span().unwrap_or(0..0);
    // What the reader says repeats the value.
    let is_secret = file
        .text
        .get(place.clone())
        .is_some_and(|at| at.contains('*'));
    if is_secret && kind.is_empty() {
        return Diagnostic::at(file, place, "a value of a wrong type");
    }
    let message = error.message().trim_end_matches('.');
    let message = match message.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let plain = EXPECTATIONS.iter().find(|(name, _)| *name == expected);
            let expected = plain.map_or(expected, |(_, plain)| plain);
            format!("{found}, expected {expected}")
        }
        None => message.to_owned(),
    };
    Diagnostic::at(file, place, format!("{kind}{message}"))
}

/// Takes out the innermost value that holds `place`.
fn remove_value_at(table: &mut DeTable<'_>, place: &Range<usize>) -> bool {
    let holds = |span: Range<usize>| span.start <= place.start && place.end <= span.end;
    let mut found = None;
    for (key, value) in table.iter_mut() {
        let is_here = holds(value.span());
        if let DeValue::Table(inner) = value.get_mut()
            && remove_value_at(inner, place)
        {
            return true;
        }
        if is_here {
            found = Some(key.clone());
        }
    }
    found.is_some_and(|key| table.remove(&key).is_some())
}

fn unknown_key(file: &SourceFile, keys: &Keys, path: &str) -> Diagnostic {
    // A section that may be left out is told so in the path.
    let path = &path.replace(".?", "");
    let (section, key) = path.rsplit_once('.').unwrap_or(("", path));
    let message = format!("unknown key `{path}`");
    let known = SECTIONS.iter().find(|(name, _)| is_section(name, section));
    let known = known.map_or(&[][..], |(_, known)| known);
    let near = did_you_mean(key, known.iter().copied());
    let problem = Diagnostic::at(file, keys.place(path), format!("{message}{near}"));
    match near.is_empty() {
        true => problem.help(format!("the keys here are {}", known.join(", "))),
        false => problem,
    }
}

fn is_section(pattern: &str, section: &str) -> bool {
    let (pattern, section) = (pattern.split('.'), section.split('.'));
    pattern.clone().count() == section.clone().count()
        && pattern
            .zip(section)
            .all(|(part, name)| part == "*" || part == name)
}

fn check_required(file: &SourceFile, keys: &Keys, document: &DeTable<'_>) -> Problems {
    let mut problems = Problems::default();
    let mut require = |path: &str, place: Range<usize>, example: &str| {
        if !keys.0.contains_key(path) {
            let message = format!("missing key `{path}`");
            problems.push(Diagnostic::at(file, place, message).help(format!("add {example}")));
        }
    };
    for (key, example) in REQUIRED {
        require(key, 0..0, example);
    }
    if let Some(DeValue::Table(_)) = document.get("output").map(toml::Spanned::get_ref) {
        let example = "url = \"s3://bucket/tierline\"";
        require("output.url", keys.place("output"), example);
    }
    let sources = document.get("sources").map(toml::Spanned::get_ref);
    if let Some(DeValue::Table(sources)) = sources {
        for source in sources.keys() {
            let section = format!("sources.{}", source.get_ref());
            let example = format!("url = \"s3://bucket/{}\"", source.get_ref());
            require(&format!("{section}.url"), keys.place(&section), &example);
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::fixtures::path;

    /// A key that comes needs no new version: it goes into this fixture, and its default into what
    /// is read from the others.
    #[test]
    fn one_fixture_has_every_key() {
        let text = std::fs::read_to_string(path("job/v1-every-key.toml")).unwrap();
        let (_, keys, problems) =
            JobFile::parse(&text, &SourceFile::new("job.toml", &*text)).unwrap();
        assert!(problems.0.is_empty(), "{problems}");
        let has = |section: &str, key: &str| {
            keys.0.keys().any(|path| {
                let (found, last) = path.rsplit_once('.').unwrap_or(("", path));
                last == key && is_section(section, found)
            })
        };
        for (section, known) in SECTIONS {
            for key in known {
                assert!(
                    has(section, key),
                    "tests/fixtures/formats/job/v1-every-key.toml has no `{key}` in `{section}`"
                );
            }
        }
    }
}
