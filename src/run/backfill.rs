//! Many nights, in the order of their dates: each follows on the one before it.

use std::fmt;

use serde::Serialize;

use crate::config::job::Job;
use crate::ground::{Classified, SnapshotDate};
use crate::publish::Publications;

use super::affected::{Affected, affected, source_fingerprints};
use super::plan::list_sources;
use super::{Report, RunError, Status, Workspace, chain};

/// Which nights to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backfill {
    /// Every date of a span, published or not: those that are published from what is stored
    /// today are passed over.
    Between {
        /// The first date.
        from: SnapshotDate,
        /// The last date.
        to: SnapshotDate,
    },
    /// The published dates from the first affected one on: each of them follows on it.
    Affected,
}

impl Backfill {
    /// The dates, in order.
    ///
    /// # Errors
    /// Stores that fail.
    pub async fn dates(
        self,
        job: &Job,
        workspace: &Workspace,
    ) -> Result<Vec<SnapshotDate>, RunError> {
        match self {
            Self::Between { from, to } => {
                let days = from.day().iter_days();
                let days = days.take_while(|day| *day <= to.day());
                Ok(days.map(SnapshotDate::on).collect())
            }
            Self::Affected => {
                let publications = Publications::load(&workspace.output).await?;
                let affected = affected_dates(job, workspace, &publications).await?;
                let Some(first) = affected.first() else {
                    return Ok(Vec::new());
                };
                let dates = publications.dates();
                Ok(dates.range(first.date..).copied().collect())
            }
        }
    }
}

/// The published dates that would come out otherwise today, in order.
async fn affected_dates(
    job: &Job,
    workspace: &Workspace,
    publications: &Publications,
) -> Result<Vec<Affected>, RunError> {
    let delivered = list_sources(job, workspace).await?;
    let fingerprints = source_fingerprints(&delivered, &publications.dates());
    Ok(affected(publications, &fingerprints))
}

/// What became of many nights: all of them, or those up to the first that failed.
#[derive(Debug, Clone, Default, Serialize)]
pub struct BackfillReport {
    /// `published`, `already_published` when nothing was to be done, or the kind of failure.
    pub status: Status,
    /// Why it ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How many nights were asked for.
    pub nights_planned: usize,
    /// The nights that ran, in order.
    pub nights: Vec<Report>,
    /// The night that ended it early, with what it had found by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_night: Option<Report>,
}

impl BackfillReport {
    /// A backfill of so many nights, none of which has run.
    pub fn of(nights_planned: usize) -> Self {
        Self {
            status: Status::AlreadyPublished,
            nights_planned,
            ..Self::default()
        }
    }

    /// Adds a night that ran.
    pub fn add(&mut self, night: Report) {
        if night.status != Status::AlreadyPublished {
            self.status = Status::Published;
        }
        self.nights.push(night);
    }

    /// Adds the night that ended it.
    pub fn add_failed(&mut self, night: Report) {
        self.failed_night = Some(night);
    }

    /// Notes the error that ended it.
    pub fn fail(&mut self, error: &RunError) {
        self.status = Status::Failed(error.kind());
        self.error = Some(chain(error));
    }

    /// The whole result as one line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self)
            .unwrap_or_else(|error| format!(r#"{{"status":"failed","error":"{error}"}}"#))
    }
}

impl fmt::Display for BackfillReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nights_planned == 0 {
            return writeln!(formatter, "no published date is affected; nothing done");
        }
        for night in &self.nights {
            let date = night.snapshot_date.as_deref().unwrap_or("?");
            let users = night
                .tables
                .get("tier_snapshot")
                .map_or(0, |table| table.rows);
            writeln!(
                formatter,
                "{date} {}: {users} users",
                night.status.as_str().replace('_', " ")
            )?;
        }
        if let Some(night) = &self.failed_night {
            write!(formatter, "{night}")?;
        }
        let left = self.nights_planned - self.nights.len();
        if left > 0 {
            let failed = self.failed_night.as_ref();
            if let Some(date) = failed.and_then(|night| night.snapshot_date.as_deref()) {
                write!(formatter, "stopped at {date}, ")?;
            }
            writeln!(
                formatter,
                "{left} of {} nights to go; the same command goes on from there",
                self.nights_planned
            )?;
        }
        Ok(())
    }
}
