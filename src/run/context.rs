//! What every stage of a run works on, its session among it.

use crate::engine::Session;

use crate::job::Job;
use crate::publish::Inspection;
use crate::tiles::fuse_full_joins;

use super::{Plan, Project, RunError, Workspace};

/// One run, with everything it works on.
pub(super) struct Run<'a> {
    pub job: &'a Job,
    pub project: &'a Project,
    pub workspace: &'a Workspace,
    pub plan: &'a Plan,
    /// The tables as they are once they are put right.
    pub inspection: &'a Inspection,
    pub session: &'a Session,
}

/// A session over the places of a job, which knows how the windows of tiles are joined.
pub(super) fn open_session(job: &Job, workspace: &Workspace) -> Result<Session, RunError> {
    Session::open(&job.engine, workspace.locations(), [fuse_full_joins()])
        .map_err(RunError::engine("opening a session"))
}
