//! What is kept beside the tables once something is published, taken back or found to be as it should be:
//! pages for people, and files for readers without Delta Lake.

use crate::ground::SnapshotDate;
use crate::job::Job;
use crate::night::Report;
use crate::readers;

use super::report;

/// Writes it. What is published stands when that fails: the files are those of before, which is logged.
pub(super) async fn keep(job: &Job, dates: &[SnapshotDate], night: Option<&Report>) {
    Box::pin(report::keep(job, dates, night)).await;
    if let Err(error) = Box::pin(readers::keep(job)).await {
        tracing::warn!(%error, "files for readers without Delta Lake are those of before");
    }
}
