//! Audits: queries over the drafts as they lie in storage, each returning offending rows.
//!
//! [`run`] is the only way to a [`Cleared`] value, and publishing demands one.

pub mod built_in;
mod user_ids;

use std::fmt;

use crate::engine::Session;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;

use crate::drafts::Draft;

/// How many offending rows a message shows.
const ROWS_SHOWN: usize = 5;

/// One query that must return nothing.
#[derive(Debug, Clone)]
pub struct Audit {
    /// The audit's name, for messages.
    pub name: String,
    /// What it means when rows come back, and what to do.
    pub help: String,
    /// Gives the rows that offend; none means that the audit passes.
    pub plan: LogicalPlan,
}

/// Drafts that passed every audit.
#[derive(Debug)]
pub struct Cleared {
    drafts: Vec<Draft>,
}

impl Cleared {
    /// The drafts, to be committed.
    pub fn into_drafts(self) -> Vec<Draft> {
        self.drafts
    }
}

/// What the audits say.
#[derive(Debug)]
pub enum Verdict {
    /// Every audit came back empty.
    Cleared(Cleared),
    /// Some did not; the drafts are handed back to be discarded.
    Blocked(Blocked, Vec<Draft>),
}

/// Audits that found offending rows.
#[derive(Debug, thiserror::Error)]
#[error("{} blocked publication; readers still see what was published before\n\n{}", count(.failed), list(.failed))]
pub struct Blocked {
    /// Each audit with what it found.
    pub failed: Vec<FailedAudit>,
}

/// One audit that found offending rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAudit {
    /// The audit's name.
    pub name: String,
    /// How many rows offend.
    pub rows: usize,
    /// The first of them as a table, without user ids.
    pub sample: String,
    /// What the rows mean, and what to do.
    pub help: String,
}

/// Runs every audit, so that one night shows everything that is wrong.
///
/// # Errors
/// The engine's, with the audit that failed to run.
pub async fn run(
    session: &Session,
    audits: Vec<Audit>,
    drafts: Vec<Draft>,
) -> Result<Verdict, (Box<DataFusionError>, Vec<Draft>)> {
    let mut failed = Vec::new();
    for audit in audits {
        match self::failed(session, &audit).await {
            Ok(None) => {}
            Ok(Some(failure)) => failed.push(failure),
            Err(error) => {
                let named = error.context(format!("audit {}", audit.name));
                return Err((Box::new(named), drafts));
            }
        }
    }
    Ok(match failed.is_empty() {
        true => Verdict::Cleared(Cleared { drafts }),
        false => Verdict::Blocked(Blocked { failed }, drafts),
    })
}

/// What an audit finds; nothing where it passes.
///
/// # Errors
/// The engine's.
pub async fn failed(
    session: &Session,
    audit: &Audit,
) -> Result<Option<FailedAudit>, DataFusionError> {
    let mut found = session.execute(audit.plan.clone()).await?;
    let mut first = Vec::new();
    let mut rows = 0;
    while let Some(batch) = found.try_next().await? {
        // A pack may be wrong about every user: no more rows are kept than are shown.
        if rows < ROWS_SHOWN {
            first.push(batch.clone());
        }
        rows += batch.num_rows();
    }
    if rows == 0 {
        return Ok(None);
    }
    Ok(Some(FailedAudit {
        name: audit.name.clone(),
        rows,
        sample: sample(&first, &user_ids::columns_from_user_ids(&audit.plan))?,
        help: audit.help.clone(),
    }))
}

/// The first rows as a table. User ids stay out of messages, which end in logs.
fn sample(batches: &[RecordBatch], from_user_ids: &[bool]) -> Result<String, DataFusionError> {
    let mut left = ROWS_SHOWN;
    let mut shown = Vec::new();
    for batch in batches {
        let kept: Vec<usize> = (0..batch.num_columns())
            .filter(|index| from_user_ids.get(*index) == Some(&false))
            .collect();
        let rows = left.min(batch.num_rows());
        shown.push(batch.slice(0, rows).project(&kept)?);
        left -= rows;
    }
    if shown.first().is_none_or(|batch| batch.num_columns() == 0) {
        return Ok(String::new());
    }
    Ok(pretty_format_batches(&shown)?.to_string())
}

fn count(failed: &[FailedAudit]) -> String {
    match failed {
        [_] => "an audit".to_owned(),
        failed => format!("{} audits", failed.len()),
    }
}

fn list(failed: &[FailedAudit]) -> String {
    let parts = failed.iter().map(FailedAudit::to_string);
    parts.collect::<Vec<_>>().join("\n\n")
}

impl fmt::Display for FailedAudit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            rows,
            sample,
            help,
        } = self;
        let noun = if *rows == 1 { "row" } else { "rows" };
        write!(formatter, "{name}: {rows} offending {noun}")?;
        if !sample.is_empty() {
            write!(formatter, "\n{sample}")?;
            if let more @ 1.. = rows.saturating_sub(ROWS_SHOWN) {
                write!(formatter, "\nand {more} more")?;
            }
        }
        write!(formatter, "\n{help}")
    }
}
