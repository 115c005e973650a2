//! How good the data of a date is: rows left out, dates missing, dates published again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Days;
use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Serialize;

use crate::engine::{EngineError, texts};
use crate::ground::{Layout, SnapshotDate};
use crate::job::Job;
use crate::night::{NightError, RowCount};
use crate::pack::REJECT_REASON;
use crate::publish::Publication;
use crate::storage::Location;

use super::published::{Published, STAGE};
use super::request::NightNotes;

/// How many days before the date are looked at.
const DAYS: u64 = 60;

/// What is known of the data of a date.
#[derive(Debug, Serialize)]
pub(super) struct Quality {
    /// When it was published, as 2026-11-21T04:31:00Z, where the table's log still says so.
    published_at: Option<String>,
    /// Rows that staging left out.
    rejected: Vec<Rejected>,
    /// Whether these are all such rows; otherwise those of the sample that is kept.
    is_counted: bool,
    /// What the night found worth a look; a report made later does not know it.
    remarks: Vec<String>,
    /// Days between published dates, up to 60 days before, that are not published.
    missing_dates: Vec<String>,
    /// Dates up to 60 days before that were published more than once, as late data or another edition
    /// of the SQL has it, and how often.
    restated: BTreeMap<String, usize>,
}

/// Rows of a source that were left out for one reason.
#[derive(Debug, Serialize)]
struct Rejected {
    source: String,
    reason: String,
    rows: i64,
}

impl Quality {
    /// Reads it.
    pub(super) async fn read(
        job: &Job,
        published: Published<'_>,
        night: Option<NightNotes<'_>>,
    ) -> Result<Self, NightError> {
        let publication = published.publication;
        let publications = &published.opened.publications;
        let night = night.filter(|night| night.run_id == publication.run_id);
        let at = publications.published_at(publication).await?;
        let by_night = night.and_then(|night| night.rejected);
        let rejected = match by_night {
            Some(rejected) => counted(rejected),
            None => sampled(job, published).await?,
        };
        let rejected = rejected.into_iter();
        let rejected = rejected.map(|((source, reason), rows)| Rejected {
            source,
            reason,
            rows,
        });
        let mut times = BTreeMap::new();
        let until = publication.snapshot_date;
        let from = SnapshotDate::on(until.day() - Days::new(DAYS));
        let recent = publications.all().iter().filter(|other| {
            let is_recent = (from..=until).contains(&other.snapshot_date);
            is_recent && other.is_published()
        });
        for other in recent {
            *times.entry(other.snapshot_date.to_string()).or_insert(0) += 1;
        }
        times.retain(|_, times| *times > 1);
        Ok(Self {
            published_at: at.map(|at| at.format("%FT%TZ").to_string()),
            rejected: rejected.collect(),
            is_counted: by_night.is_some(),
            remarks: night.map_or_else(Vec::new, |night| night.warnings.to_vec()),
            missing_dates: missing(&publications.dates_with_sums(), from, until),
            restated: times,
        })
    }
}

/// The days between published dates that are not published.
fn missing(
    published: &BTreeSet<SnapshotDate>,
    from: SnapshotDate,
    until: SnapshotDate,
) -> Vec<String> {
    let Some(first) = published.range(from..).next() else {
        return Vec::new();
    };
    let days = first.day().iter_days().map(SnapshotDate::on);
    let days = days.take_while(|day| *day < until);
    let missing = days.filter(|day| !published.contains(day));
    missing.map(|day| day.to_string()).collect()
}

/// Rows by source and reason.
type Rows = BTreeMap<(String, String), i64>;

fn counted(rejected: &[RowCount]) -> Rows {
    let mut rows = Rows::new();
    for found in rejected {
        let key = (found.source.clone(), found.reason.clone());
        *rows.entry(key).or_default() += found.rows;
    }
    rows
}

/// The sample of rejected rows that is kept for some months: of the run, or of one before it that published the
/// date from the same files by the same SQL, whose tiles the run has used.
async fn sampled(job: &Job, published: Published<'_>) -> Result<Rows, NightError> {
    let publication = published.publication;
    let is_alike = |other: &&Publication| {
        other.snapshot_date == publication.snapshot_date
            && other.source_fingerprint == publication.source_fingerprint
            && other.sql_fingerprint == publication.sql_fingerprint
    };
    let alike = published.opened.publications.all().iter().rev();
    for other in alike.filter(is_alike) {
        let rows = sample_of(job, &published.opened.output, &other.run_id).await?;
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Rows::new())
}

/// The sample that a run has kept.
async fn sample_of(job: &Job, output: &Location, run_id: &str) -> Result<Rows, NightError> {
    let layout = Layout::below(output.path.clone());
    let mut rows = Rows::new();
    for source in job.sources.keys() {
        let path = layout.quarantine(source, run_id);
        let found = match output.store.get(&path).await {
            Ok(found) => found.bytes().await,
            Err(object_store::Error::NotFound { .. }) => continue,
            Err(error) => Err(error),
        };
        let bytes = found.map_err(|error| output.failure("read", &path, error))?;
        for reason in reasons(bytes).map_err(EngineError::during(STAGE))? {
            *rows.entry((source.clone(), reason)).or_default() += 1;
        }
    }
    Ok(rows)
}

fn reasons(sample: bytes::Bytes) -> datafusion::error::Result<Vec<String>> {
    let mut reasons = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(sample)?.build()? {
        let found = texts(&batch?, REJECT_REASON)?;
        reasons.extend(found.iter().flatten().map(str::to_owned));
    }
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_between_published_dates_are_missing() {
        let date = |day: &str| day.parse::<SnapshotDate>().unwrap();
        let published = [
            "2026-11-01",
            "2026-11-16",
            "2026-11-18",
            "2026-11-20",
            "2026-11-25",
        ];
        let published = published.map(date).into();
        let found = |from, until| missing(&published, date(from), date(until));
        assert_eq!(
            found("2026-11-10", "2026-11-20"),
            ["2026-11-17", "2026-11-19"]
        );
        assert!(found("2026-11-20", "2026-11-20").is_empty());
        assert!(found("2026-12-01", "2026-12-01").is_empty());
    }
}
