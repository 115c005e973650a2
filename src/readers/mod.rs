//! What lies beside the tables for people and programs that do not read the tables' logs:
//!
//! 1. [`read_me`]: `_README.txt` at the output's root, which says what to read.
//! 2. [`plain`]: where the job says `plain = true`, copies of the tables' files in `plain/`, which may be read
//!    by a glob.
//!
//! Both are made to agree with what is published by whatever succeeds in publishing, in taking back or in
//! finding that there is nothing to do. Publications stand whatever becomes of these files.

mod plain;
mod read_me;

use crate::job::Job;
use crate::night::NightError;
use crate::publish::Publications;
use crate::storage::Stores;

/// Makes the files agree with what is published below the output of a job.
///
/// # Errors
/// Stores that fail, and tables that cannot be read: then some files are those of before.
pub(crate) async fn keep(job: &Job) -> Result<(), NightError> {
    let output = Stores::new(job.retry_policy).open(&job.output, &job.base)?;
    read_me::keep(&output, job.plain).await?;
    if job.plain {
        let publications = Publications::load(&output).await?;
        plain::keep(&output, &publications).await?;
    }
    Ok(())
}
