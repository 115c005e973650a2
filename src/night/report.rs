//! What happened in a run: the JSON result for machines, a few lines for people.
//!
//! The result is one line of JSON, the last of `--output json` and all of `--result-file`. [`Report`]
//! documents its fields: dates and days as `2026-11-20`, bytes, rows, users and requests as whole
//! numbers, seconds and the values of metrics as fractions. `status` is one of the words of
//! [`Status::as_str`]; of a run that failed, a field that says nothing is null, 0 or empty. Fields that
//! are only there when there is something to say: `error`, `failure`, `readers_see`, `execution`, `repaired`,
//! `held_in_tiles`. Fields may come,
//! and none goes: schedulers and scripts read them.
//!
//! | command | its result |
//! |---|---|
//! | `run` | [`Report`] |
//! | `backfill` | `backfill::BackfillReport` |
//! | `calibrate` | `job`, whether the cut points are `kept`, `not_kept` or `unchanged` as `status`, and `proposal::Proposal` |
//! | `withdraw` | `job`, `withdrawn`, `not_withdrawn` or `already_withdrawn` as `status`, `withdrawal::Withdrawal`, and `withdrawn_by`, the run |
//! | `show` | `job`, `shown` as `status`, and as `view` what is shown: a `snapshot` or the `moves` between two dates, `overview::Overview`; a `user`, `overview::UserOverview`; `actions`, `overview::ActionsOverview` |
//! | the last three, where they fail | [`Report`] |

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::chain;
use crate::ground::{Classified, Execution, Retry, SnapshotDate, counted, escaped};
use crate::migration::Moves;
use crate::plan::HeldInTiles;
use crate::publish::{Publication, Publications};
use crate::storage::TrafficTotals;

use super::alerts::Alert;
use super::error::NightError;
use super::row_remarks::span;
use super::status::Status;

/// The result of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How the run ended.
    pub status: Status,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where it failed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The newest date that readers find, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readers_see: Option<ReadersSee>,
    /// Which execution of the program it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// The snapshot date, D.
    pub snapshot_date: Option<String>,
    /// The date that moves are counted from.
    pub previous_snapshot_date: Option<String>,
    /// The run that published D, or failed to; the sample of rejected rows lies under it.
    pub run_id: Option<String>,
    /// The cut points that scores come from.
    pub cutpoints_id: Option<String>,
    /// Whether this run calibrated them.
    pub calibrated: bool,
    /// Whether this run kept them, as the job gives them by hand.
    pub kept_by_hand: bool,
    /// Rows and Delta version of every table.
    pub tables: BTreeMap<String, TableReport>,
    /// Tables with commits that no publication names, which were undone: what a run left that died,
    /// or what somebody else changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repaired: Vec<String>,
    /// The stage that the run was in when it ended.
    #[serde(skip)]
    pub(super) stage: Option<String>,
    /// Whether the run failed in its very last step, so that nobody can tell yet whether the date
    /// is published.
    #[serde(skip)]
    pub(super) is_uncertain: bool,
    /// Moves by dimension and direction.
    pub moves: Moves,
    /// Metrics past their limits.
    pub alerts: Vec<Alert>,
    /// Tiles made by this run.
    pub tiles_built: u64,
    /// Tiles found and used.
    pub tiles_reused: u64,
    /// Bytes read from all stores.
    pub bytes_read: u64,
    /// Bytes written to all stores.
    pub bytes_written: u64,
    /// GET and HEAD requests.
    pub get_requests: u64,
    /// LIST requests.
    pub list_requests: u64,
    /// PUT and COPY requests.
    pub put_requests: u64,
    /// Seconds that each stage took, by its name.
    pub seconds: BTreeMap<String, f64>,
    /// Rows left out, by source, day and reason.
    pub rejected: Vec<RowCount>,
    /// Whether rows of D itself were read, so that those left out are among `rejected`.
    #[serde(skip)]
    pub has_read_date: bool,
    /// What is worth a look: unknown values, gaps, dates that late data affects.
    pub warnings: Vec<String>,
    /// Days that tiles alone hold, since their raw files have expired, by source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held_in_tiles: Vec<HeldInTiles>,
    /// The URL below which the tables are.
    pub output: Option<String>,
}

/// What whoever is on call needs besides the error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The stage that failed, of a run that has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Whether the same command may be given again.
    pub retry: Retry,
    /// What to do, by the kind of failure.
    pub to_do: &'static str,
}

impl Failure {
    /// What is to be said of an error.
    pub fn of(error: &NightError) -> Self {
        let kind = error.kind();
        Self {
            stage: None,
            retry: kind.retry(),
            to_do: kind.to_do(),
        }
    }
}

/// The newest date that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadersSee {
    /// The date.
    pub snapshot_date: String,
    /// The run that published it.
    pub run_id: String,
}

impl ReadersSee {
    /// The newest of what is published; none where nothing is.
    pub(super) fn newest_of(publications: &Publications) -> Option<Self> {
        let newest = publications.newest_for(publications.latest_date()?)?;
        Some(Self::of(newest))
    }

    fn of(publication: &Publication) -> Self {
        Self {
            snapshot_date: publication.snapshot_date.to_string(),
            run_id: publication.run_id.clone(),
        }
    }
}

/// Rows of one source and day with the same reason or remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCount {
    /// The staging table's name.
    pub source: String,
    /// The business day, as YYYY-MM-DD.
    pub day: String,
    /// Why the rows were left out, or what is remarked on.
    pub reason: String,
    /// How many rows.
    pub rows: i64,
}

/// One published table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Rows of the date.
    pub rows: u64,
    /// The version of the Delta table that has these rows.
    pub version: i64,
}

impl Report {
    /// The result of a run of which only the date is known.
    pub fn of(snapshot_date: SnapshotDate) -> Self {
        Self {
            snapshot_date: Some(snapshot_date.to_string()),
            ..Self::default()
        }
    }

    /// Notes the error that ended the run, in addition to what was found until then.
    pub fn fail(&mut self, error: &NightError) {
        self.status = Status::Failed(error.kind());
        self.error = Some(chain(error));
        let stage = self.failure.take().and_then(|failure| failure.stage);
        self.failure = Some(Failure {
            stage: stage.or(self.stage.take()),
            ..Failure::of(error)
        });
        self.is_uncertain = matches!(error, NightError::Publish(failure) if failure.is_uncertain());
    }

    /// Notes that readers find a publication now, unless they find a newer date.
    pub(super) fn readers_see(&mut self, publication: &Publication) {
        let published = ReadersSee::of(publication);
        let seen = self.readers_see.take();
        // Dates are texts whose order is that of the calendar.
        let newer = seen.filter(|seen| seen.snapshot_date > published.snapshot_date);
        self.readers_see = Some(newer.unwrap_or(published));
    }

    /// Adds what the stores counted.
    pub(super) fn count_traffic(&mut self, traffic: TrafficTotals) {
        self.bytes_read = traffic.bytes_read;
        self.bytes_written = traffic.bytes_written;
        self.get_requests = traffic.gets;
        self.list_requests = traffic.lists;
        self.put_requests = traffic.puts;
    }

    /// The whole result as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#))
    }
}

/// For people: what was published, and what is worth a look. Of a run that failed, what it had
/// found by then; the error itself is reported by whoever handles it.
impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_findings = !self.rejected.is_empty() || !self.warnings.is_empty();
        match self.status {
            Status::Failed(_) if !has_findings => return Ok(()),
            _ => writeln!(formatter, "{}", self.headline())?,
        }
        if self.is_new() {
            self.write_tables(formatter)?;
            self.write_moves(formatter)?;
            self.write_alerts(formatter)?;
            self.write_cut_points(formatter)?;
        }
        self.write_findings(formatter)
    }
}

impl Report {
    /// What is worth a look, a line each: alerts, new cut points, rows left out, warnings.
    pub fn findings(&self) -> String {
        struct Findings<'a>(&'a Report);
        impl fmt::Display for Findings<'_> {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.0.is_new() {
                    self.0.write_alerts(formatter)?;
                    self.0.write_cut_points(formatter)?;
                }
                self.0.write_findings(formatter)
            }
        }
        Findings(self).to_string()
    }

    fn headline(&self) -> String {
        let date = self.snapshot_date.as_deref().unwrap_or("?");
        let run_id = self.run_id.as_deref().unwrap_or("?");
        match self.status {
            Status::Published => format!("{date} published by run {run_id}"),
            Status::Replaced => {
                format!("{date} published again by run {run_id}: its inputs or rules had changed")
            }
            Status::Repaired => format!(
                "{date} is already published from identical inputs (run {run_id}); the tables are as it published them again"
            ),
            Status::AlreadyPublished => format!(
                "{date} is already published from identical inputs (run {run_id}); nothing done"
            ),
            Status::Failed(_) if self.is_uncertain => {
                format!("cannot tell whether this run published {date}; what it found:")
            }
            Status::Failed(_) => format!("this run of {date} published nothing; what it found:"),
        }
    }

    /// Whether the run published the date.
    fn is_new(&self) -> bool {
        match self.status {
            Status::Published | Status::Replaced => true,
            Status::Repaired | Status::AlreadyPublished | Status::Failed(_) => false,
        }
    }

    fn write_tables(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, TableReport { rows, version }) in &self.tables {
            let rows = counted(*rows, "row");
            writeln!(formatter, "  {name}: {rows}, version {version}")?;
        }
        Ok(())
    }

    fn write_moves(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(previous) = &self.previous_snapshot_date {
            writeln!(formatter, "moves since {previous}")?;
        }
        for (dimension, directions) in &self.moves {
            let counts = directions.iter();
            let counts = counts.map(|(direction, users)| format!("{users} {direction}"));
            let counts = counts.collect::<Vec<_>>().join(", ");
            writeln!(formatter, "  {dimension}: {counts}")?;
        }
        Ok(())
    }

    fn write_alerts(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for alert in &self.alerts {
            let [value, threshold] =
                [alert.value, alert.threshold].map(|number| (number * 1e4).round() / 1e4);
            writeln!(
                formatter,
                "{} alert: {} is {value}, {} {threshold}; {}",
                alert.severity,
                alert.alert,
                alert.side(),
                alert.message
            )?;
        }
        Ok(())
    }

    fn write_cut_points(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(id) = &self.cutpoints_id else {
            return Ok(());
        };
        if self.calibrated {
            writeln!(
                formatter,
                "calibrated cut points {id}; later runs keep them"
            )?;
        }
        if self.kept_by_hand {
            writeln!(formatter, "kept the cut points given by hand as {id}")?;
        }
        Ok(())
    }

    /// Rejected rows and warnings.
    fn write_findings(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejected: i64 = self.rejected.iter().map(|count| count.rows).sum();
        if rejected > 0 {
            writeln!(formatter, "rows left out: {rejected}")?;
        }
        for count in by_reason(&self.rejected) {
            let ReasonCount {
                source,
                reason,
                rows,
                ..
            } = count;
            writeln!(formatter, "  {source} of {}: {rows} {reason}", count.days())?;
        }
        for held in &self.held_in_tiles {
            writeln!(formatter, "{held}")?;
        }
        for warning in &self.warnings {
            writeln!(formatter, "warning: {}", escaped(warning))?;
        }
        Ok(())
    }
}

/// Rows of one source with the same reason or remark, of all days together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReasonCount<'a> {
    pub source: &'a str,
    pub reason: &'a str,
    pub rows: i64,
    days: BTreeSet<&'a str>,
}

impl ReasonCount<'_> {
    /// The day, or how many from which to which.
    pub(crate) fn days(&self) -> String {
        span(&self.days)
    }
}

/// Counts of days added up by source and reason, in the order in which these are met.
pub(crate) fn by_reason(counts: &[RowCount]) -> Vec<ReasonCount<'_>> {
    let mut groups: Vec<ReasonCount<'_>> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for RowCount {
        source,
        day,
        reason,
        rows,
    } in counts
    {
        let place = *places.entry((source, reason)).or_insert_with(|| {
            groups.push(ReasonCount {
                source,
                reason,
                rows: 0,
                days: BTreeSet::new(),
            });
            groups.len() - 1
        });
        groups[place].rows += rows;
        groups[place].days.insert(day);
    }
    groups
}
