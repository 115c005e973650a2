//! The rules that a run publishes by: everything of the SQL pack and the job that decides rows.
//! They are kept below the output by their fingerprint, so that a published date can be restated
//! as it was meant, whatever has been edited since.
//!
//! | kept | not kept |
//! |---|---|
//! | SQL, reference files and parameters of the pack, as text | URLs, credentials |
//! | of the job: parameters, grace, hold, its own dimensions and tables, declared columns and profile; the timezone where SQL names it | limits of engine and storage, guards |
//! | from which day on a model sees history, where that was given up | cut points: they have records of their own |

use std::collections::BTreeMap;

use chrono::NaiveDate;
use chrono_tz::Tz;
use object_store::ObjectStoreExt;
use serde::{Deserialize, Serialize};

use crate::ground::{Fingerprint, TableName};
use crate::job::{
    CalibrationChoice, Column, ColumnType, Job, OwnDimension, OwnTable, ParameterValue, Source,
    Workspace, encodings,
};
use crate::models::Model;
use crate::pack::Project;

use super::error::{HistoryError, PlanError};

/// The format of the records.
const FORMAT: u32 = 1;

/// From which day on a model sees history, where earlier days were given up.
pub type HistoryStarts = BTreeMap<TableName, NaiveDate>;

/// The rules of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    files: BTreeMap<String, String>,
    parameters: BTreeMap<String, ParameterValue>,
    grace_days: BTreeMap<String, u32>,
    hold_days: Option<BTreeMap<String, u32>>,
    dimensions: BTreeMap<String, OwnDimension>,
    tables: BTreeMap<String, OwnTable>,
    sources: BTreeMap<String, RuledSource>,
    /// The job's, where a model names it.
    timezone: Option<Tz>,
    /// From which day on models see history.
    pub history_starts: HistoryStarts,
}

/// What the rules say of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RuledSource {
    is_delivered: bool,
    columns: Vec<Column>,
    profile: Vec<String>,
}

/// The fingerprint of the rules of a run:
///
/// | label | value |
/// |---|---|
/// | `sql` | the [pack](Project::fingerprint) |
/// | `grace`, for each dimension | its name, a space, the days |
/// | `hold`, for each dimension that has it | its name, a space, the days |
/// | `dimension`, for each of the job's own | its `name`, its [`value`](encodings::of_dimension) |
/// | `table`, for each of the job's own | its `name`, its [`value`](encodings::of_table) |
/// | `source`, for each that SQL reads | its `name`, its [`columns`](encodings::of_columns), whether it is `delivered` |
/// | `history start`, for each model that has one | its name, a space, the day |
///
/// The timezone has a part in it where SQL names it, as a parameter of the pack. Otherwise it decides
/// which day a run is of, and no row of that day.
pub(crate) fn fingerprint(job: &Job, project: &Project, starts: &HistoryStarts) -> Fingerprint {
    let grace_days = job.grace_days_or_default();
    let grace = grace_days
        .iter()
        .map(|(dimension, days)| format!("{dimension} {days}"));
    let hold_days = project.hold_days(job);
    let hold = hold_days.iter();
    let hold = hold.map(|(dimension, days)| format!("{dimension} {days}"));
    let named = |name: &str| Fingerprint::builder().part("name", name);
    let dimensions = job.dimensions.iter().map(|(name, dimension)| {
        let dimension = encodings::of_dimension(dimension);
        named(name).nested("value", &dimension).finish()
    });
    let tables = job.tables.iter().map(|(name, table)| {
        let table = encodings::of_table(table);
        named(name).nested("value", &table).finish()
    });
    let sources = job.sources.iter();
    let read = sources.filter(|(name, _)| project.graph.reads_source(name));
    let sources = read.map(|(name, source)| {
        let delivered = is_delivered(source).then_some("true");
        named(name)
            .nested("columns", &encodings::of_columns(&source.columns))
            .parts("delivered", delivered)
            .finish()
    });
    let starts = starts.iter().map(|(model, day)| format!("{model} {day}"));
    Fingerprint::builder()
        .nested("sql", &project.fingerprint)
        .parts("grace", grace)
        .parts("hold", hold)
        .parts("dimension", dimensions)
        .parts("table", tables)
        .parts("source", sources)
        .parts("history start", starts)
        .finish()
}

/// Whether the night has files of a source, or had them when its rules were published.
fn is_delivered(source: &Source) -> bool {
    source.url.is_some() || source.is_held
}

impl Rules {
    /// The rules of a job, with the SQL as it was loaded, whatever has become of its files since.
    pub(crate) fn of(job: &Job, project: &Project, history_starts: HistoryStarts) -> Self {
        let sources = job.sources.iter().map(|(name, source)| {
            let ruled = RuledSource {
                is_delivered: is_delivered(source),
                columns: source.columns.clone(),
                profile: source.profile.clone(),
            };
            (name.clone(), ruled)
        });
        let mut models = project.graph.models().iter();
        Self {
            timezone: models.any(Model::names_timezone).then_some(job.timezone),
            files: project.texts.clone(),
            parameters: job.parameters.clone(),
            grace_days: job.grace_days.clone(),
            hold_days: job.hold_days.clone(),
            dimensions: job.dimensions.clone(),
            tables: job.tables.clone(),
            sources: sources.collect(),
            history_starts,
        }
    }

    /// The job with these rules in place of its own, scored by a calibration that is kept. Where
    /// to read, what to use, and how much a snapshot may differ stay as the job says.
    pub fn job(&self, job: &Job, cutpoints_id: &str) -> Job {
        let sources = self.sources.iter().map(|(name, ruled)| {
            let today = job.sources.get(name);
            let url = today.and_then(|source| source.url.clone());
            let url = url.filter(|_| ruled.is_delivered);
            let source = Source {
                is_held: url.is_none() && ruled.is_delivered,
                required: url.is_some() && today.is_some_and(|source| source.required),
                delivery: today
                    .map(|source| source.delivery.clone())
                    .unwrap_or_default(),
                keeps_days: today.and_then(|source| source.keeps_days),
                url,
                columns: ruled.columns.clone(),
                profile: ruled.profile.clone(),
            };
            (name.clone(), source)
        });
        Job {
            pack: Some(self.files.clone()),
            parameters: self.parameters.clone(),
            grace_days: self.grace_days.clone(),
            hold_days: self.hold_days.clone(),
            dimensions: self.dimensions.clone(),
            tables: self.tables.clone(),
            sources: sources.collect(),
            timezone: self.timezone.unwrap_or(job.timezone),
            calibration: CalibrationChoice::Pinned(cutpoints_id.to_owned()),
            ..job.clone()
        }
    }

    /// The rules as another process is told of them.
    ///
    /// # Errors
    /// None: they are texts and numbers.
    #[cfg(feature = "cluster")]
    pub(crate) fn to_text(&self) -> serde_json::Result<String> {
        serde_json::to_string(&RulesFile::of(self))
    }

    /// The rules that another process tells of.
    ///
    /// # Errors
    /// Those of another version of tierline.
    #[cfg(feature = "cluster")]
    pub(crate) fn of_text(text: &str) -> Result<Self, String> {
        let record: RulesFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
        record.rules()
    }

    /// The sources that the rules know, and whether they were delivered.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&String, bool)> {
        let sources = self.sources.iter();
        sources.map(|(name, source)| (name, source.is_delivered))
    }

    /// Reads a record.
    ///
    /// # Errors
    /// A store that fails, and a record that is gone or cannot be read.
    pub async fn read(workspace: &Workspace, rules_fingerprint: &str) -> Result<Self, PlanError> {
        let Workspace { output, layout, .. } = workspace;
        let path = layout.rules(rules_fingerprint);
        let refused = |reason: String| HistoryError::Rules {
            path: output.url_of(&path),
            reason,
        };
        let found = match output.store.get(&path).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                return Err(refused("it is gone".to_owned()).into());
            }
            Err(error) => return Err(output.failure("read", &path, error).into()),
        };
        let bytes = found.bytes().await;
        let bytes = bytes.map_err(|error| output.failure("read", &path, error))?;
        let record: RulesFile =
            serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
        record.check_digest(rules_fingerprint).map_err(refused)?;
        Ok(record.rules().map_err(refused)?)
    }

    /// Keeps the record for good. One that is there already gives the same rows; it is written
    /// again in case somebody has changed it since.
    ///
    /// # Errors
    /// A store that fails.
    pub(super) async fn keep(
        &self,
        workspace: &Workspace,
        rules_fingerprint: &str,
    ) -> Result<(), PlanError> {
        let Workspace { output, layout, .. } = workspace;
        let path = layout.rules(rules_fingerprint);
        let record = serde_json::to_vec_pretty(&RulesFile::named(self, rules_fingerprint));
        let record = record.map_err(|error| HistoryError::Rules {
            path: output.url_of(&path),
            reason: error.to_string(),
        })?;
        let put = output.store.put(&path, record.into()).await;
        put.map_err(|error| output.failure("write", &path, error))?;
        Ok(())
    }
}

/// `rules/<rules fingerprint>.json`, a record as it is written:
///
/// | field | |
/// |---|---|
/// | `format` | 1; a record of another is refused |
/// | `files` | the files of the SQL pack as text, by path |
/// | `parameters` | of the job, by name: `kind` is `integer`, `decimal`, `text`, `boolean`, `date` or `list`, and `value` its text; those of a list are parted by the character U+001F |
/// | `grace_days` | of the job, by dimension, in days |
/// | `hold_days` | likewise; left out by a tierline that knew no hold, and then there is none |
/// | `dimensions` | the job's own, by name: `tiers`, from the lowest rank to the highest where they are `ranked` |
/// | `tables` | the job's own, by name: the columns of their `key`, whether they are `dated`, the columns they are `sorted_by`, whether they `may_be_empty`; left out where there are none |
/// | `sources` | by name: whether it is `delivered`; its `columns`, each with `name`, `type` as a job file declares it, and whether it is `optional`; the names of those in its `profile` |
/// | `timezone` | of the job, where SQL names it; left out where it does not |
/// | `history_starts` | by table, the first day that it sees, where earlier ones were given up; left out where none were |
/// | `digest` | a fingerprint of all of that and the name of the record, so that a changed one is refused; records from before it have none, and are taken as they are |
///
/// Another field is refused: what it says could change rows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    format: u32,
    files: BTreeMap<String, String>,
    parameters: BTreeMap<String, ParameterText>,
    grace_days: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold_days: Option<BTreeMap<String, u32>>,
    dimensions: BTreeMap<String, DimensionText>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tables: BTreeMap<String, TableText>,
    sources: BTreeMap<String, SourceText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    history_starts: BTreeMap<String, String>,
    /// Of everything else and the name of the record. Records of before there was one lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterText {
    kind: String,
    value: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DimensionText {
    tiers: Vec<String>,
    ranked: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TableText {
    key: Vec<String>,
    dated: bool,
    sorted_by: Vec<String>,
    may_be_empty: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceText {
    delivered: bool,
    columns: Vec<ColumnText>,
    profile: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnText {
    name: String,
    #[serde(rename = "type")]
    column_type: String,
    optional: bool,
}

impl RulesFile {
    /// The record of rules as it is kept under a name.
    fn named(rules: &Rules, name: &str) -> Self {
        let record = Self::of(rules);
        Self {
            digest: Some(record.digest(name)),
            ..record
        }
    }

    /// A digest of what the record says under a name, its own digest aside.
    fn digest(&self, name: &str) -> String {
        // Only texts and numbers, which always can be written.
        let content = serde_json::to_value(self).unwrap_or_default();
        Fingerprint::of_record(name, content).to_string()
    }

    /// Whether this is what was kept under a name.
    fn check_digest(&self, name: &str) -> Result<(), String> {
        match &self.digest {
            Some(digest) if *digest != self.digest(name) => {
                Err("it was changed since it was written, or given another name".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn of(rules: &Rules) -> Self {
        let parameters = rules.parameters.iter().map(|(name, value)| {
            let (kind, value) = value.parts();
            let kind = kind.to_owned();
            (name.clone(), ParameterText { kind, value })
        });
        let dimensions = rules.dimensions.iter().map(|(name, dimension)| {
            let OwnDimension { tiers, ranked } = dimension.clone();
            (name.clone(), DimensionText { tiers, ranked })
        });
        let tables = rules.tables.iter();
        let tables = tables.map(|(name, table)| (name.clone(), TableText::of(table)));
        let sources = rules.sources.iter();
        let sources = sources.map(|(name, source)| (name.clone(), SourceText::of(source)));
        let starts = rules.history_starts.iter();
        let starts = starts.map(|(model, day)| (model.to_string(), day.to_string()));
        Self {
            format: FORMAT,
            files: rules.files.clone(),
            parameters: parameters.collect(),
            grace_days: rules.grace_days.clone(),
            hold_days: rules.hold_days.clone(),
            dimensions: dimensions.collect(),
            tables: tables.collect(),
            sources: sources.collect(),
            timezone: rules.timezone.map(|timezone| timezone.name().to_owned()),
            history_starts: starts.collect(),
            digest: None,
        }
    }

    fn rules(self) -> Result<Rules, String> {
        if self.format != FORMAT {
            let found = self.format;
            return Err(format!(
                "its format is {found}, and this tierline reads {FORMAT}"
            ));
        }
        let parameters = self.parameters.into_iter().map(|(name, text)| {
            let value = ParameterValue::of_parts(&text.kind, &text.value);
            let value = value.ok_or_else(|| format!("parameter `{name}` has no value"))?;
            Ok((name, value))
        });
        let dimensions = self.dimensions.into_iter().map(|(name, dimension)| {
            let DimensionText { tiers, ranked } = dimension;
            (name, OwnDimension { tiers, ranked })
        });
        let tables = self.tables.into_iter();
        let tables = tables.map(|(name, table)| (name, table.table()));
        let sources = self.sources.into_iter();
        let sources = sources.map(|(name, source)| Ok((name, source.source()?)));
        let starts = self.history_starts.iter().map(|(model, day)| {
            let parsed = model.parse::<TableName>().ok().zip(day.parse().ok());
            parsed.ok_or_else(|| format!("`{model}` has no day `{day}`"))
        });
        let timezone = self.timezone.map(|name| {
            let timezone = name.parse::<Tz>();
            timezone.map_err(|_| format!("there is no timezone `{name}`"))
        });
        Ok(Rules {
            timezone: timezone.transpose()?,
            files: self.files,
            parameters: parameters.collect::<Result<_, String>>()?,
            grace_days: self.grace_days,
            hold_days: self.hold_days,
            dimensions: dimensions.collect(),
            tables: tables.collect(),
            sources: sources.collect::<Result<_, String>>()?,
            history_starts: starts.collect::<Result<_, String>>()?,
        })
    }
}

impl TableText {
    fn of(table: &OwnTable) -> Self {
        let OwnTable {
            key,
            is_dated,
            sorted_by,
            may_be_empty,
        } = table.clone();
        Self {
            key,
            dated: is_dated,
            sorted_by,
            may_be_empty,
        }
    }

    fn table(self) -> OwnTable {
        OwnTable {
            key: self.key,
            is_dated: self.dated,
            sorted_by: self.sorted_by,
            may_be_empty: self.may_be_empty,
        }
    }
}

impl SourceText {
    fn of(source: &RuledSource) -> Self {
        let columns = source.columns.iter().map(|column| ColumnText {
            name: column.name.clone(),
            column_type: column.column_type.declared(),
            optional: column.optional,
        });
        Self {
            delivered: source.is_delivered,
            columns: columns.collect(),
            profile: source.profile.clone(),
        }
    }

    fn source(self) -> Result<RuledSource, String> {
        let columns = self.columns.into_iter().map(|column| {
            let column_type = column.column_type.parse::<ColumnType>();
            Ok(Column {
                column_type: column_type.map_err(|error| error.to_string())?,
                name: column.name,
                optional: column.optional,
            })
        });
        Ok(RuledSource {
            is_delivered: self.delivered,
            columns: columns.collect::<Result<_, String>>()?,
            profile: self.profile,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::ground::SourceFile;

    fn job(sections: &str) -> Job {
        let text = format!(
            "version = 1\ntimezone = \"UTC\"\noutput = \"out\"\n\
             [sources.orders]\nurl = \"orders\"\n[sources.engagement]\nurl = \"engagement\"\n{sections}"
        );
        Job::parse(&SourceFile::new("job.toml", text), "job", PathBuf::new()).unwrap()
    }

    const RICH: &str = "[sources.users]\nurl = \"users\"\n[sources.users.profile]\ncity = \"VARCHAR\"\n\
        [sources.orders.columns]\nstore = { type = \"DECIMAL(9, 3)\", optional = true }\n\
        [params]\nchurned_days = 61\n[grace_days]\nvalue_tier = 3\n[hold_days]\nrfm_class = 3\n\
        [dimensions.app_fan]\ntiers = [\"low\", \"high\"]\n";

    const A_TABLE: &str = "[tables.calls]\nkey = [\"user_id\"]\nsorted_by = [\"city\"]\n";

    /// A job with the built-in pack, and a table of its own in it.
    fn with_a_table(sections: &str) -> Job {
        let texts = Project::load(&job("")).unwrap().texts;
        let file = "publish/calls.sql".to_owned();
        let sql = "SELECT user_id, city FROM publish.tier_snapshot".to_owned();
        Job {
            pack: Some(texts.into_iter().chain([(file, sql)]).collect()),
            ..job(sections)
        }
    }

    #[test]
    fn a_table_of_the_jobs_own_is_a_rule() {
        let rules = |sections: &str| {
            let job = with_a_table(sections);
            let project = Project::load(&job).unwrap();
            let fingerprint = fingerprint(&job, &project, &HistoryStarts::new());
            (Rules::of(&job, &project, HistoryStarts::new()), fingerprint)
        };
        let (of_then, by_date) = rules(A_TABLE);
        let written = RulesFile::of(&of_then);
        assert_eq!(written.rules(), Ok(of_then.clone()));
        // Whatever the job declares by now.
        let again = of_then.job(&job(""), "2026-07-01-v1");
        assert_eq!(again.tables, job(A_TABLE).tables);
        Project::load(&again).unwrap();

        assert_ne!(rules(&format!("{A_TABLE}dated = false\n")).1, by_date);
        assert_eq!(
            rules(&format!("{A_TABLE}may_be_empty = false\n")).1,
            by_date
        );
    }

    #[test]
    fn rules_read_back_as_they_were_written() {
        let starts = HistoryStarts::from([(
            "rollups.purchases".parse().unwrap(),
            "2026-08-07".parse().unwrap(),
        )]);
        let rich = job(RICH);
        let rules = Rules::of(&rich, &Project::load(&rich).unwrap(), starts);
        let written = serde_json::to_string(&RulesFile::of(&rules)).unwrap();
        let read: RulesFile = serde_json::from_str(&written).unwrap();
        assert_eq!(read.rules(), Ok(rules));
    }

    const OF_ORDERS: &str = "[sources.orders.columns]\nstore = { type = \"DECIMAL(9, 3)\", optional = true }\n\
        [params]\nleast = 5\n[grace_days]\nvalue_tier = 3\n[dimensions.app_fan]\ntiers = [\"low\", \"high\"]\n";

    /// A change of these restates dates that have not changed: it needs another version wherever
    /// they are a part.
    #[test]
    fn what_is_hashed_stays_what_it_was() {
        let pack = [
            ("parameters.toml", "least = 1\nunused = 2\n"),
            (
                "staging/orders.sql",
                "SELECT * FROM sources.orders WHERE amount > $least",
            ),
            ("reference/statuses.csv", "status,counts\npaid,true\n"),
        ];
        let pack = pack.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let job = Job {
            pack: Some(pack.into()),
            ..job(OF_ORDERS)
        };
        let (project, _) = Project::load_what_parses(&job).unwrap();
        let start = ("rollups.purchases", "2026-08-07");
        let start = (start.0.parse().unwrap(), start.1.parse().unwrap());
        let starts = HistoryStarts::from([start]);
        let found = [
            project.sql_fingerprint(),
            fingerprint(&job, &project, &HistoryStarts::new()).to_string(),
            fingerprint(&job, &project, &starts).to_string(),
        ];
        insta::assert_snapshot!(found.join("\n"), @"
        2:fc31a3d31ef72a8938c1e7edf6954955
        9351cc5ccc1935c0f4c693de0526a737
        1d2d12620654f6284c0bc32bb6c1dcd8
        ");
    }

    #[test]
    fn a_job_by_its_own_rules_has_the_same_fingerprints() {
        let rich = job(RICH);
        let project = Project::load(&rich).unwrap();
        let rules = Rules::of(&rich, &project, HistoryStarts::new());
        // Whatever the job says by now.
        let again = rules.job(&job(""), "2026-07-01-v1");
        let same = Project::load(&again).unwrap();
        assert_eq!(same.fingerprint, project.fingerprint);
        let none = HistoryStarts::new();
        let of = |job: &Job, project: &Project| fingerprint(job, project, &none);
        assert_eq!(of(&again, &same), of(&rich, &project));
        assert_ne!(of(&job(""), &project), of(&rich, &project));
        let mut undelivered = rich.clone();
        undelivered.sources.get_mut("users").unwrap().url = None;
        assert_ne!(of(&undelivered, &project), of(&rich, &project));
        let pinned = CalibrationChoice::Pinned("2026-07-01-v1".to_owned());
        assert_eq!(again.calibration, pinned);
        assert!(again.sources["users"].is_held);
    }

    /// A date that was published before there was hold is restated without.
    #[test]
    fn a_record_of_before_hold_knows_none() {
        let todays = job("");
        let project = Project::load(&todays).unwrap();
        let rules = Rules::of(&todays, &project, HistoryStarts::new());
        let mut record = RulesFile::of(&rules);
        assert_eq!(record.hold_days, Some(BTreeMap::new()));
        record.hold_days = None;
        let then = record.rules().unwrap().job(&todays, "2026-07-01-v1");
        assert_eq!(project.hold_days(&then), BTreeMap::new());
        let none = HistoryStarts::new();
        assert_ne!(
            fingerprint(&then, &project, &none),
            fingerprint(&todays, &project, &none)
        );
    }

    #[test]
    fn the_timezone_is_a_rule_where_sql_names_it() {
        let sql = "SELECT user_id, day, $timezone AS zone FROM sources.orders";
        let of_zone = |sql: &str, zone: Tz| Job {
            pack: Some([("staging/orders.sql".to_owned(), sql.to_owned())].into()),
            timezone: zone,
            ..job("")
        };
        let rules = |job: &Job| {
            let (project, _) = Project::load_what_parses(job).unwrap();
            let rules = Rules::of(job, &project, HistoryStarts::new());
            (rules, project.fingerprint)
        };
        let (berlin, utc) = (Tz::Europe__Berlin, Tz::UTC);
        let (rules_of_berlin, of_berlin) = rules(&of_zone(sql, berlin));
        assert_ne!(rules(&of_zone(sql, utc)).1, of_berlin);
        let restated = rules_of_berlin.job(&of_zone(sql, utc), "2026-07-01-v1");
        assert_eq!(restated.timezone, berlin);
        assert_eq!(rules(&restated).1, of_berlin);
        let written = RulesFile::of(&rules_of_berlin);
        assert_eq!(written.timezone.as_deref(), Some("Europe/Berlin"));
        assert_eq!(written.rules(), Ok(rules_of_berlin));

        let silent = sql.replace("$timezone", "'x'");
        let (unnamed, of_berlin) = rules(&of_zone(&silent, berlin));
        assert_eq!(rules(&of_zone(&silent, utc)), (unnamed.clone(), of_berlin));
        assert_eq!(unnamed.job(&of_zone(sql, utc), "x").timezone, utc);
        assert!(
            !serde_json::to_string(&RulesFile::of(&unnamed))
                .unwrap()
                .contains("timezone")
        );
    }

    #[test]
    fn a_record_says_nothing_of_where_data_lies() {
        let rich = job(RICH);
        let rules = Rules::of(&rich, &Project::load(&rich).unwrap(), HistoryStarts::new());
        let written = serde_json::to_string(&RulesFile::of(&rules)).unwrap();
        assert!(!written.contains("url"), "{written}");
    }
}
