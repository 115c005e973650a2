//! What happened in a run: the JSON result for machines, a few lines for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::config::storage::{TrafficTotals, without_noise};
use crate::ground::{Classified, SnapshotDate};

use super::overview::Alert;
use super::{RunError, Status};

/// The result of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// How the run ended.
    pub status: Status,
    /// Why the run failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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
    /// How long each stage took.
    pub seconds: BTreeMap<String, f64>,
    /// Rows left out, by source, day and reason.
    pub rejected: Vec<RowCount>,
    /// What is worth a look: unknown values, gaps, dates that late data affects.
    pub warnings: Vec<String>,
    /// The URL below which the tables are.
    pub output: Option<String>,
}

/// Rows of one source and day with the same reason or remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowCount {
    /// The staging table's name.
    pub source: String,
    /// The business day.
    pub day: String,
    /// Why the rows were left out, or what is remarked on.
    pub reason: String,
    /// How many rows.
    pub rows: i64,
}

/// Users who moved, by dimension and direction.
pub type Moves = BTreeMap<String, BTreeMap<String, i64>>;

/// One published table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Rows of the date.
    pub rows: u64,
    /// The Delta version.
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

    /// Notes the error that ended the run, beside what was found until then.
    pub fn fail(&mut self, error: &RunError) {
        self.status = Status::Failed(error.kind());
        self.error = Some(chain(error));
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

/// An error with everything that caused it, from the outside in.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    without_noise(&text)
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.snapshot_date.as_deref().unwrap_or("?");
        if self.error.is_some() {
            // The error itself is told by whoever handles it.
            if !self.rejected.is_empty() || !self.warnings.is_empty() {
                writeln!(
                    formatter,
                    "this run of {date} published nothing; what it found:"
                )?;
            }
            return self.write_findings(formatter);
        }
        let run_id = self.run_id.as_deref().unwrap_or("?");
        match self.status {
            Status::AlreadyPublished => {
                return writeln!(
                    formatter,
                    "{date} is already published from identical inputs (run {run_id}); nothing done"
                );
            }
            Status::Repaired => writeln!(
                formatter,
                "{date} published once more by run {run_id}: a later attempt had not finished"
            )?,
            Status::Replaced => writeln!(
                formatter,
                "{date} published anew by run {run_id}: its inputs had changed"
            )?,
            Status::Published | Status::Failed(_) => {
                writeln!(formatter, "{date} published by run {run_id}")?
            }
        }
        for (name, table) in &self.tables {
            writeln!(
                formatter,
                "  {name}: {} rows, version {}",
                table.rows, table.version
            )?;
        }
        if let Some(previous) = &self.previous_snapshot_date {
            writeln!(formatter, "moves since {previous}")?;
        }
        for (dimension, directions) in &self.moves {
            let counts = directions
                .iter()
                .map(|(direction, users)| format!("{users} {direction}"));
            writeln!(
                formatter,
                "  {dimension}: {}",
                counts.collect::<Vec<_>>().join(", ")
            )?;
        }
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
        if self.calibrated
            && let Some(id) = &self.cutpoints_id
        {
            writeln!(
                formatter,
                "calibrated cut points {id}; later runs keep them"
            )?;
        }
        if self.kept_by_hand
            && let Some(id) = &self.cutpoints_id
        {
            writeln!(formatter, "kept the cut points given by hand as {id}")?;
        }
        self.write_findings(formatter)
    }
}

/// The counts of each source and reason, over all their days, in the order in which they are met.
pub(super) fn by_reason(counts: &[RowCount]) -> Vec<(&str, &str, i64, String)> {
    let mut groups: Vec<(&str, &str, i64, Vec<&str>)> = Vec::new();
    for count in counts {
        let known = groups
            .iter_mut()
            .find(|(source, reason, ..)| *source == count.source && *reason == count.reason);
        match known {
            Some((_, _, rows, days)) => {
                *rows += count.rows;
                days.push(&count.day);
            }
            None => groups.push((&count.source, &count.reason, count.rows, vec![&count.day])),
        }
    }
    let told = |days: Vec<&str>| match (days.iter().min(), days.iter().max()) {
        (Some(first), Some(last)) if first != last => {
            format!("{} days, {first} to {last}", days.len())
        }
        _ => days.concat(),
    };
    let groups = groups.into_iter();
    groups
        .map(|(source, reason, rows, days)| (source, reason, rows, told(days)))
        .collect()
}

impl Report {
    /// Rejected rows and warnings.
    fn write_findings(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejected: i64 = self.rejected.iter().map(|count| count.rows).sum();
        if rejected > 0 {
            writeln!(formatter, "rows left out: {rejected}")?;
        }
        for (source, reason, rows, days) in by_reason(&self.rejected) {
            writeln!(formatter, "  {source} of {days}: {rows} {reason}")?;
        }
        for warning in &self.warnings {
            writeln!(formatter, "warning: {warning}")?;
        }
        Ok(())
    }
}
