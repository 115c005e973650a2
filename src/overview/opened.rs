//! An output, opened for somebody who reads what is published below it.

use crate::engine::{EngineError, Session};
use crate::ground::SnapshotDate;
use crate::job::Job;
use crate::night::NightError;
use crate::publish::{Publication, Publications, check_complete};
use crate::storage::{Location, Stores};

use super::not_published::{Wish, not_published};

/// An output, and what is published below it.
pub(crate) struct Opened {
    /// Where the tables are.
    pub output: Location,
    /// Every publication.
    pub publications: Publications,
    /// A session that reads from there.
    pub session: Session,
}

impl Opened {
    /// Opens the output of a job.
    ///
    /// # Errors
    /// Stores that fail, and publications that were lost.
    pub(crate) async fn of(job: &Job) -> Result<Self, NightError> {
        let output = Stores::new(job.retry_policy).open(&job.output, &job.base)?;
        let publications = Publications::load(&output).await?;
        check_complete(&output, &publications).await?;
        let session = Session::open(&job.engine, [&output], [])
            .map_err(EngineError::during("opening a session"))?;
        Ok(Self {
            output,
            publications,
            session,
        })
    }

    /// The valid publication of `date`, or of the newest date.
    ///
    /// # Errors
    /// A date that is not published, or an output without any.
    pub(crate) async fn publication(
        &self,
        date: Option<SnapshotDate>,
    ) -> Result<&Publication, NightError> {
        let wanted = date.or_else(|| self.publications.latest_date());
        match wanted.and_then(|date| self.publications.newest_for(date)) {
            Some(found) => Ok(found),
            None => Err(not_published(wanted, &self.publications, Wish::Show).await),
        }
    }
}
