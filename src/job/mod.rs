//! The job file: TOML as written in, a validated [`Job`] out, with every problem at once.
//!
//! 1. [`file`]: the mirror of the TOML; unknown keys are collected by name.
//! 2. [`Job::load`]: each value parsed into its type, each source into its columns, and
//!    `[calibration]` into a choice of cut points.

mod calibration;
mod column;
mod delivery;
pub mod encodings;
mod file;
mod lineage;
mod parameter;
mod report;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;

use crate::engine::EngineLimits;
#[cfg(feature = "cluster")]
use crate::ground::CertificateFiles;
use crate::ground::{
    Diagnostic, Problems, SourceFile, SqlSchema, TableName, did_you_mean, has_secret, starred,
};
use crate::storage::{RetryPolicy, without_dots};

pub use calibration::{CalibrationChoice, GivenCuts};
pub use column::{Column, ColumnType, contract_columns};
pub use delivery::{Delivery, Incomplete, NamePattern, OddDays, PARTITION_KEY, day_of_partition};
pub use file::Keys;
pub use lineage::LineageSettings;
pub use parameter::ParameterValue;
pub use report::{Language, ReportSettings};
pub use workspace::Workspace;

use file::JobFile;

/// The format version of job files.
const VERSION: i64 = 1;

/// The least that may be kept of anything that `tierline maintain` deletes: readers and nights that are at
/// work may need what is younger.
const LEAST_RETENTION_DAYS: u32 = 7;

/// The least of days that keep every date: nights look back at snapshots of four weeks ago, and late data
/// restates some dates before.
const LEAST_DAILY_DAYS: u32 = 60;

/// The most: a century.
const MOST_RETENTION_DAYS: u32 = 36_500;

/// How many users a report names at most.
const MOST_USERS_NAMED: u32 = 10_000;

/// How many ranges users are cut into for a cluster, where the job does not say.
const RANGES_OF_CLUSTER: NonZeroUsize = NonZeroUsize::MIN.saturating_add(15);

/// The most bytes of a job file.
const MOST_BYTES: usize = 128 * 1024;

/// One night's configuration.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job's name, in logs and in the publications it commits.
    pub name: String,
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// Decides where one business day ends and the next begins.
    pub timezone: Tz,
    /// The URL below which everything is published and kept.
    pub output: String,
    /// Whether the tables are kept as plain Parquet, too.
    pub plain: bool,
    /// The folder of the SQL pack; the built-in pack when none.
    pub sql: Option<PathBuf>,
    /// The files of a SQL pack by path, in place of that folder.
    pub pack: Option<BTreeMap<String, String>>,
    /// The inputs by name.
    pub sources: BTreeMap<String, Source>,
    /// Values laid over the pack's parameters.
    pub parameters: BTreeMap<String, ParameterValue>,
    /// How long a demotion must last before it shows, by dimension, in days, as written.
    pub grace_days: BTreeMap<String, u32>,
    /// How long another value must last before it shows, by dimension without ranks, in days, as
    /// written; none where an older tierline said by which rules a date was published.
    pub hold_days: Option<BTreeMap<String, u32>>,
    /// Dimensions in addition to those of the SQL pack's `dim_tier`.
    pub dimensions: BTreeMap<String, OwnDimension>,
    /// Tables in addition to those of tierline, as declared: `publish/<name>.sql` gives their rows.
    pub tables: BTreeMap<String, OwnTable>,
    /// Which cut points users are scored by.
    pub calibration: CalibrationChoice,
    /// What the engine may use.
    pub engine: EngineLimits,
    /// How many ranges the users of a night are cut into; one when none.
    pub ranges: Option<NonZeroUsize>,
    /// The scheduler of the cluster that computes the ranges; this machine does when none.
    pub cluster: Option<String>,
    /// Who this process is on the cluster.
    #[cfg(feature = "cluster")]
    pub certificates: Option<CertificateFiles>,
    /// How long a night may take; none means as long as it does.
    pub time_limit: Option<Duration>,
    /// How long requests to the stores are retried.
    pub retry_policy: RetryPolicy,
    /// How much a snapshot may differ from the one before it.
    pub guards: Guards,
    /// How long what is no longer needed is kept.
    pub retention: Retention,
    /// The report that is written beside the tables; none where the job wants none.
    pub report: Option<ReportSettings>,
    /// Who is told which tables a night reads and writes; none where the job wants nobody told.
    pub lineage: Option<LineageSettings>,
    /// The file without what may be secrets, for problems that show only together with other files.
    pub file: SourceFile,
    /// Where its keys stand.
    pub keys: Keys,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The folder of its `dt=YYYY-MM-DD` partitions; none for an input that is not delivered.
    pub url: Option<String>,
    /// Whether tiles hold all that was ever delivered of it, though it is delivered no more.
    pub is_held: bool,
    /// Whether day D must have a partition.
    pub required: bool,
    /// Which of its files are read, and when a day is whole.
    pub delivery: Delivery,
    /// How many days old its files are when a retention rule removes them; none when nothing is
    /// said of that.
    pub keeps_days: Option<u32>,
    /// The columns that staging SQL may name.
    pub columns: Vec<Column>,
    /// Those of them that the snapshot shows as they are.
    pub profile: Vec<String>,
}

/// A dimension that the job declares; `tiers/<name>.sql` gives its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDimension {
    /// Its values; from the lowest to the highest when they are ranked.
    pub tiers: Vec<String>,
    /// Whether their order means anything.
    pub ranked: bool,
}

/// A table that the job declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTable {
    /// The columns of which no two rows of a date have the same values.
    pub key: Vec<String>,
    /// Whether it keeps the rows of every date, or those of the newest alone.
    pub is_dated: bool,
    /// The columns that its files are sorted by, before those of the key.
    pub sorted_by: Vec<String>,
    /// Whether a date may have no rows.
    pub may_be_empty: bool,
}

/// Bounds on how far a night may be from those before it, as shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guards {
    /// The largest share of users that may be missing.
    pub max_users_drop: f64,
    /// The largest growth of the number of users.
    pub max_users_growth: f64,
    /// The largest change of any tier's share of the users.
    pub max_tier_share_change: f64,
    /// Whether dates in the future may be published.
    pub future_dates: bool,
    /// The smallest share of the usual volume that a required source may deliver of a day.
    pub min_volume_share: f64,
}

/// How long `tierline maintain` keeps what is no longer needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For how many days every date keeps its rows of users, and after which only the last of each month
    /// does; for ever when none.
    pub daily_days: Option<u32>,
    /// How many days a version of a table stays readable once another has followed.
    pub versions_days: u32,
    /// How many days a sample of rejected rows is kept.
    pub quarantine_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            daily_days: None,
            versions_days: 30,
            quarantine_days: 90,
        }
    }
}

impl Job {
    /// The sources that are among some tables.
    pub fn sources_among(
        &self,
        tables: &BTreeSet<TableName>,
    ) -> impl Iterator<Item = (&String, &Source)> {
        let sources = self.sources.iter();
        sources
            .filter(|(name, _)| tables.contains(&TableName::new(SqlSchema::Sources, name.as_str())))
    }

    /// A problem with the key at `path`, such as `params.churned_days`.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, self.keys.place(path), message)
    }

    /// The graces as written, and for `value_tier` seven days where nothing is written; those
    /// hold where the SQL pack has a `value_tier` with ranks.
    pub fn grace_days_or_default(&self) -> BTreeMap<String, u32> {
        let mut grace_days = self.grace_days.clone();
        let (dimension, days) = file::DEFAULT_GRACE;
        grace_days.entry(dimension.to_owned()).or_insert(days);
        grace_days
    }

    /// The holds as written, and those that some dimensions have where nothing is written, unless
    /// there is no hold at all. `has_dimension` says which of these dimensions the SQL pack has.
    pub fn hold_days_or_default(
        &self,
        has_dimension: impl Fn(&str) -> bool,
    ) -> BTreeMap<String, u32> {
        let Some(mut hold_days) = self.hold_days.clone() else {
            return BTreeMap::new();
        };
        let defaults = file::DEFAULT_HOLD.into_iter();
        for (dimension, days) in defaults.filter(|(dimension, _)| has_dimension(dimension)) {
            hold_days.entry(dimension.to_owned()).or_insert(days);
        }
        hold_days
    }

    /// The same job, whose ranges a cluster computes.
    #[cfg(feature = "cluster")]
    #[must_use]
    pub fn on_cluster(self, url: Option<&str>) -> Self {
        match url {
            Some(url) => Self {
                ranges: self.ranges.or(Some(RANGES_OF_CLUSTER)),
                cluster: Some(url.to_owned()),
                ..self
            },
            None => self,
        }
    }

    /// Reads and validates the job file at `path`.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let bytes = std::fs::read(path).map_err(|error| {
            let message = format!("cannot read the job file `{}`: {error}", path.display());
            Problems(vec![
                Diagnostic::new(message).help("`tierline init` writes a job file to start from"),
            ])
        })?;
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let file = SourceFile::of_bytes(path.display().to_string(), bytes);
        let file = file.map_err(|problem| Problems(vec![problem]))?;
        Self::parse(&file, stem.unwrap_or("job"), base)
    }

    /// Validates the text of a job file.
    ///
    /// # Errors
    /// Every problem of the file.
    pub fn parse(file: &SourceFile, default_name: &str, base: PathBuf) -> Result<Self, Problems> {
        check_size(file).map_err(|problem| Problems(vec![problem]))?;
        let shown = SourceFile::new(&*file.name, starred(&file.text));
        shown
            .check_visible()
            .map_err(|problem| Problems(vec![problem]))?;
        let (job_file, keys, mut problems) = JobFile::parse(&file.text, &shown)?;
        let mut reading = Reading {
            file: &shown,
            keys: &keys,
            problems: &mut problems,
        };
        let job = reading.job(job_file, default_name, base);
        problems.sort_by_place();
        match job {
            Some(job) => problems.or_ok(job),
            None => Err(problems),
        }
    }
}

/// A file of some size is no job file, and finding all that is wrong with it would take minutes.
fn check_size(file: &SourceFile) -> Result<(), Diagnostic> {
    let bytes = file.text.len();
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let name = &file.name;
    let message = format!("the job file `{name}` is {bytes} bytes long, of at most {MOST_BYTES}");
    let help = "values that SQL looks up belong in a CSV of the SQL pack's reference/";
    Err(Diagnostic::new(message).help(help))
}

/// What the engine may use.
fn engine_limits(section: &file::EngineSection, base: &Path) -> EngineLimits {
    let memory = section.memory_limit_mib;
    let spill = section.spill_limit_mib;
    let folder = section.spill_folder.as_ref();
    EngineLimits {
        threads: section.threads.unwrap_or_else(available_threads),
        memory_bytes: memory.map(|mebibytes| mebibytes.get() << 20),
        spill_bytes: spill.map(|mebibytes| (mebibytes.get() as u64) << 20),
        spill_folder: folder.map(|folder| base.join(folder)),
    }
}

/// How many ranges users are cut into; for a cluster several, where nothing is said.
fn ranges_of(section: &file::EngineSection) -> Option<NonZeroUsize> {
    let of_cluster = section.cluster.as_ref().map(|_| RANGES_OF_CLUSTER);
    section.ranges.or(of_cluster)
}

/// Turns the mirror into the job, collecting problems on the way.
struct Reading<'a> {
    file: &'a SourceFile,
    keys: &'a Keys,
    problems: &'a mut Problems,
}

impl Reading<'_> {
    fn job(&mut self, file: JobFile, default_name: &str, base: PathBuf) -> Option<Job> {
        if let Some(version) = &file.version {
            self.version(version);
        }
        let name = file.name.and_then(|name| self.name(name));
        let timezone = file.timezone.and_then(|name| self.timezone(&name));
        let (output, plain) = match file.output {
            Some(file::OutputKey::Url(url)) => (self.output("output", url), false),
            Some(file::OutputKey::Section(section)) => {
                let url = section.url.and_then(|url| self.output("output.url", url));
                (url, section.plain)
            }
            None => (None, false),
        };
        let sources = self.sources(file.sources);
        let parameters = self.parameters(&file.params);
        let guards = self.guards(&file.guards);
        let time_limit = file.engine.time_limit.as_ref();
        let time_limit = time_limit.and_then(|limit| self.time_limit(limit));
        let retention = self.retention(&file.maintain);
        let report = file.report.map(|section| self.report(&section));
        let lineage = file.openlineage.map(|section| {
            let place = (self.file, self.keys);
            let (settings, problems) = lineage::read(&section, place, &base);
            self.problems.extend(problems);
            settings
        });
        let dimensions = self.dimensions(file.dimensions);
        let (calibration, problems) = calibration::read(&file.calibration, self.file, self.keys);
        self.problems.extend(problems);
        Some(Job {
            name: name.unwrap_or_else(|| default_name.to_owned()),
            timezone: timezone?,
            output: output?,
            plain,
            sql: file.sql.map(|folder| without_dots(&base.join(folder))),
            pack: None,
            sources,
            parameters,
            grace_days: file.grace_days,
            hold_days: Some(file.hold_days),
            dimensions,
            tables: file.tables.into_iter().map(own_table).collect(),
            calibration,
            ranges: ranges_of(&file.engine),
            engine: engine_limits(&file.engine, &base),
            cluster: file.engine.cluster,
            #[cfg(feature = "cluster")]
            certificates: None,
            time_limit,
            retry_policy: RetryPolicy {
                retry: Duration::from_secs(file.storage.retry_seconds),
                request: Duration::from_secs(file.storage.request_seconds),
            },
            guards,
            retention,
            report,
            lineage,
            base,
            file: self.file.clone(),
            keys: self.keys.clone(),
        })
    }

    fn dimensions(
        &mut self,
        sections: BTreeMap<String, file::DimensionSection>,
    ) -> BTreeMap<String, OwnDimension> {
        let mut dimensions = BTreeMap::new();
        for (name, file::DimensionSection { tiers, ranked }) in sections {
            if tiers.is_empty() {
                let place = self.keys.place(&format!("dimensions.{name}"));
                let message = format!("dimension `{name}` has no values");
                let help = "list them from the lowest to the highest, such as tiers = [\"low\", \"high\"]; add ranked = false when their order means nothing";
                self.problems
                    .push(Diagnostic::at(self.file, place, message).help(help));
            }
            dimensions.insert(name, OwnDimension { tiers, ranked });
        }
        dimensions
    }

    fn guards(&mut self, section: &file::GuardsSection) -> Guards {
        let mut share = |key: &str, value: f64| {
            if !value.is_finite() || value < 0.0 {
                let place = self.keys.place(&format!("guards.{key}"));
                let message = format!("`{key}` is {value}, but a share is 0 or more");
                self.problems.push(
                    Diagnostic::at(self.file, place, message)
                        .help("give a fraction, such as 0.05 for 5 %"),
                );
            }
            value
        };
        Guards {
            max_users_drop: share("max_users_drop", section.max_users_drop),
            max_users_growth: share("max_users_growth", section.max_users_growth),
            max_tier_share_change: share("max_tier_share_change", section.max_tier_share_change),
            future_dates: section.future_dates,
            min_volume_share: share("min_volume_share", section.min_volume_share),
        }
    }

    fn version(&mut self, version: &toml::Spanned<i64>) {
        if *version.get_ref() != VERSION {
            let message = format!("job file version {} is not known", version.get_ref());
            self.problems.push(
                Diagnostic::at(self.file, version.span(), message)
                    .help(format!("this tierline reads version {VERSION}")),
            );
        }
    }

    fn timezone(&mut self, timezone: &toml::Spanned<String>) -> Option<Tz> {
        let name = timezone.get_ref();
        let parsed = name.parse::<Tz>().map_err(|_| {
            let near = did_you_mean(name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
            Diagnostic::at(
                self.file,
                timezone.span(),
                format!("unknown timezone `{name}`{near}"),
            )
            .help("use an IANA name such as UTC, Asia/Shanghai or Europe/Berlin")
        });
        self.problems.keep(parsed)
    }

    /// The declared sources, and the contract's other ones as not delivered.
    fn sources(
        &mut self,
        declared: BTreeMap<String, file::SourceSection>,
    ) -> BTreeMap<String, Source> {
        let mut sources = BTreeMap::new();
        for (name, section) in declared {
            let columns = self.columns(&name, &section);
            let profile = self.profile(&name, &section);
            let delivery = self.delivery(&name, &section);
            if let Some(url) = &section.url {
                self.url_without_secret(&format!("sources.{name}.url"), url);
                self.url_of_whole_source(&name, url);
            }
            let keeps_days = section.keeps.as_ref().and_then(|keeps| self.keeps(keeps));
            sources.insert(
                name,
                Source {
                    url: section.url,
                    is_held: false,
                    required: section.required,
                    delivery,
                    keeps_days,
                    columns,
                    profile,
                },
            );
        }
        for (name, is_optional) in column::CONTRACT_SOURCES {
            if sources.contains_key(name) {
                continue;
            }
            if !is_optional {
                let message = format!("the job declares no source `{name}`");
                let help =
                    format!("add [sources.{name}] with the url of its dt=YYYY-MM-DD partitions");
                let place = self.keys.place("sources");
                self.problems
                    .push(Diagnostic::at(self.file, place, message).help(help));
            }
            let absent = Source {
                url: None,
                is_held: false,
                required: false,
                delivery: Delivery::default(),
                keeps_days: None,
                columns: contract_columns(name),
                profile: Vec::new(),
            };
            sources.insert(name.to_owned(), absent);
        }
        sources
    }

    /// Which files of a source are read, and when a day of it is whole.
    fn delivery(&mut self, source: &str, section: &file::SourceSection) -> Delivery {
        let (delivery, problems) = Delivery::read(section);
        for (key, mut problem) in problems {
            let place = self.keys.place(&format!("sources.{source}.{key}"));
            problem.place = Some((self.file.clone(), place));
            self.problems.push(problem);
        }
        delivery
    }

    /// A URL is seen in messages, results and records.
    fn output(&mut self, key: &str, url: String) -> Option<String> {
        self.url_without_secret(key, &url);
        Some(url)
    }

    fn url_without_secret(&mut self, key: &str, url: &str) {
        if has_secret(url) {
            let message = format!("`{key}` has a user name, a password or a signature in its URL");
            let help = "take it out of the URL: credentials come from the environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AZURE_STORAGE_SAS_TOKEN";
            self.problems
                .push(Diagnostic::at(self.file, self.keys.place(key), message).help(help));
        }
    }

    /// A URL of a partition, or of a folder below one, would give one day to every row.
    fn url_of_whole_source(&mut self, source: &str, url: &str) {
        let mut parts = url.trim_end_matches('/').rsplit('/').enumerate();
        let partition = parts.find(|(_, part)| day_of_partition(part).is_some());
        let Some((above, partition)) = partition else {
            return;
        };
        let place = self.keys.place(&format!("sources.{source}.url"));
        let message = match above {
            0 => format!("the url of source `{source}` is that of one partition, {partition}"),
            _ => format!("the url of source `{source}` lies inside one partition, {partition}"),
        };
        let help = "give the folder that has all dt=YYYY-MM-DD partitions in it";
        self.problems
            .push(Diagnostic::at(self.file, place, message).help(help));
    }

    /// `"400 days"`, as a number of days.
    fn keeps(&mut self, keeps: &toml::Spanned<String>) -> Option<u32> {
        let text = keeps.get_ref();
        let parsed = days_in(text).filter(|days| *days > 0).ok_or_else(|| {
            let message = format!("`keeps` is \"{text}\", which is not a number of days");
            Diagnostic::at(self.file, keeps.span(), message).help(
                "write how old raw files are when a retention rule removes them, such as keeps = \"400 days\"",
            )
        });
        self.problems.keep(parsed)
    }

    /// What the job is called in logs, publications and commits.
    fn name(&mut self, name: toml::Spanned<String>) -> Option<String> {
        if name.get_ref().trim().is_empty() {
            let message = "the job has an empty `name`";
            let help = "name the job, or leave it out: then it is called as its file is";
            let problem = Diagnostic::at(self.file, name.span(), message);
            self.problems.push(problem.help(help));
        }
        Some(name.into_inner())
    }

    /// What the report is like.
    fn report(&mut self, section: &file::ReportSection) -> ReportSettings {
        let language = section.lang.as_ref().and_then(|lang| {
            let name = lang.get_ref();
            let parsed = Language::of(name).ok_or_else(|| {
                let message = format!("`lang` is \"{name}\", which is no language of reports");
                Diagnostic::at(self.file, lang.span(), message)
                    .help("write lang = \"en\" or lang = \"zh\"")
            });
            self.problems.keep(parsed)
        });
        let users = section.users.as_ref().and_then(|users| {
            let count = *users.get_ref();
            let parsed = (count <= MOST_USERS_NAMED).then_some(count).ok_or_else(|| {
                let message =
                    format!("`users` is {count}, and a report names {MOST_USERS_NAMED} at most");
                let help = "give fewer, and write lists by `tierline export --table actions`";
                Diagnostic::at(self.file, users.span(), message).help(help)
            });
            self.problems.keep(parsed)
        });
        ReportSettings {
            language: language.unwrap_or_default(),
            users: users.unwrap_or_default(),
        }
    }

    /// How long what is no longer needed is kept.
    fn retention(&mut self, section: &file::MaintainSection) -> Retention {
        let default = Retention::default();
        let daily = section.daily.as_ref();
        let daily = daily.and_then(|daily| self.kept_days("daily", daily, LEAST_DAILY_DAYS));
        let mut days = |key: &str, written: Option<&toml::Spanned<String>>, default: u32| {
            let least = LEAST_RETENTION_DAYS;
            let kept = written.and_then(|written| self.kept_days(key, written, least));
            kept.unwrap_or(default)
        };
        Retention {
            daily_days: daily,
            versions_days: days("versions", section.versions.as_ref(), default.versions_days),
            quarantine_days: days(
                "quarantine",
                section.quarantine.as_ref(),
                default.quarantine_days,
            ),
        }
    }

    /// `"30 days"`, as a number of days that is safe: a reader or a night may be at work for a while.
    fn kept_days(&mut self, key: &str, written: &toml::Spanned<String>, least: u32) -> Option<u32> {
        let text = written.get_ref();
        let days = days_in(text);
        let days = days.filter(|days| (least..=MOST_RETENTION_DAYS).contains(days));
        let parsed = days.ok_or_else(|| {
            let message = format!(
                "`{key}` is \"{text}\", which is not a number of days of at least {least}, and at most {MOST_RETENTION_DAYS}"
            );
            Diagnostic::at(self.file, written.span(), message).help(format!(
                "write how long they are kept, {least} days or longer, such as {key} = \"90 days\""
            ))
        });
        self.problems.keep(parsed)
    }

    /// `"2 hours"`, as a duration.
    fn time_limit(&mut self, limit: &toml::Spanned<String>) -> Option<Duration> {
        let text = limit.get_ref();
        let duration = humantime::parse_duration(text).ok();
        let duration = duration.filter(|duration| !duration.is_zero());
        let parsed = duration.ok_or_else(|| {
            let message = format!("`time_limit` is \"{text}\", which is not a time");
            Diagnostic::at(self.file, limit.span(), message).help(
                "write how long a night may take, such as time_limit = \"2 hours\" or \"90 minutes\"",
            )
        });
        self.problems.keep(parsed)
    }

    /// The contract's columns of a source, with those of the job laid over and added.
    fn columns(&mut self, source: &str, section: &file::SourceSection) -> Vec<Column> {
        let mut columns = contract_columns(source);
        let declared = section.columns.iter().map(|column| ("columns", column));
        let profile = section.profile.iter().map(|column| ("profile", column));
        for (key, (name, declared)) in declared.chain(profile) {
            let (type_name, optional) = declared.parts();
            let parsed = type_name.parse::<ColumnType>().map_err(|error| {
                let place = self.keys.place(&format!("sources.{source}.{key}.{name}"));
                Diagnostic::at(self.file, place, format!("column `{name}`: {error}"))
                    .help(column::TYPES_HELP)
            });
            let Some(column_type) = self.problems.keep(parsed) else {
                continue;
            };
            columns.retain(|column| column.name != *name);
            columns.push(Column {
                name: name.clone(),
                column_type,
                optional,
            });
        }
        columns
    }

    /// The attributes of users that the snapshot shows.
    fn profile(&mut self, source: &str, section: &file::SourceSection) -> Vec<String> {
        if source != "users" && !section.profile.is_empty() {
            let place = self.keys.place(&format!("sources.{source}.profile"));
            let message = format!("source `{source}` has no profile");
            self.problems.push(
                Diagnostic::at(self.file, place, message)
                    .help("attributes of users come from [sources.users.profile]"),
            );
        }
        section.profile.keys().cloned().collect()
    }

    fn parameters(
        &mut self,
        values: &BTreeMap<String, toml::Value>,
    ) -> BTreeMap<String, ParameterValue> {
        let mut parameters = BTreeMap::new();
        for (name, value) in values {
            match ParameterValue::from_toml(value) {
                Some(value) => {
                    parameters.insert(name.clone(), value);
                }
                None => self.problems.push(
                    Diagnostic::at(
                        self.file,
                        self.keys.place(&format!("params.{name}")),
                        format!("parameter `{name}` has no SQL type"),
                    )
                    .help("use an integer, a decimal number, a text, true, false, a date, or a list of texts or integers"),
                ),
            }
        }
        parameters
    }
}

fn own_table((name, section): (String, file::TableSection)) -> (String, OwnTable) {
    let file::TableSection {
        key,
        dated,
        sorted_by,
        may_be_empty,
    } = section;
    let table = OwnTable {
        key,
        is_dated: dated,
        sorted_by,
        may_be_empty,
    };
    (name, table)
}

/// `"400 days"`, as a number of days.
fn days_in(text: &str) -> Option<u32> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let days = number.parse::<u32>().ok();
    days.filter(|_| matches!(unit.trim(), "day" | "days"))
}

fn available_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(sections: &str) -> Job {
        let text = format!(
            "version = 1\ntimezone = \"UTC\"\noutput = \"out\"\n\
             [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n{sections}"
        );
        let file = SourceFile::new("job.toml", text);
        Job::parse(&file, "job", PathBuf::new()).unwrap()
    }

    /// The graces are part of what a run is recognised by: the default must stay among them.
    #[test]
    fn value_tier_has_a_week_of_grace_unless_the_job_says_otherwise() {
        let graces = |sections: &str| {
            let graces = job(sections).grace_days_or_default();
            graces.into_iter().collect::<Vec<_>>()
        };
        let grace = |dimension: &str, days| (dimension.to_owned(), days);
        assert_eq!(graces(""), [grace("value_tier", 7)]);
        assert_eq!(
            graces("[grace_days]\nvalue_tier = 0\n"),
            [grace("value_tier", 0)]
        );
        assert_eq!(
            graces("[grace_days]\nhabit = 3\n"),
            [grace("habit", 3), grace("value_tier", 7)]
        );
        assert_eq!(job("").grace_days, BTreeMap::new());
    }

    #[test]
    fn two_dimensions_have_a_week_of_hold_where_the_pack_has_them() {
        let holds = |job: &Job, pack: &[&str]| {
            let holds = job.hold_days_or_default(|name| pack.contains(&name));
            holds.into_iter().collect::<Vec<_>>()
        };
        let hold = |dimension: &str, days| (dimension.to_owned(), days);
        let both = ["rfm_class", "value_engagement"];
        assert_eq!(holds(&job(""), &both), both.map(|name| hold(name, 7)));
        assert_eq!(holds(&job(""), &["rfm_class"]), [hold("rfm_class", 7)]);
        assert_eq!(
            holds(&job("[hold_days]\nrfm_class = 0\nneed_type = 3\n"), &both),
            [
                hold("need_type", 3),
                hold("rfm_class", 0),
                hold("value_engagement", 7)
            ]
        );
        let before_hold = Job {
            hold_days: None,
            ..job("")
        };
        assert_eq!(holds(&before_hold, &both), []);
    }
}
