//! What every stage of a run works on, its session among it.

use crate::engine::{EngineError, Session};
use crate::job::{Job, Workspace};
use crate::plan::Plan;
use crate::publish::Inspection;
use crate::tiles::fuse_full_joins;

use super::scenario::Scenario;

/// One run, with everything it works on. The same run of another scenario is a copy of it.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub job: &'a Job,
    pub workspace: &'a Workspace,
    pub plan: &'a Plan,
    /// What is computed.
    pub scenario: Scenario<'a>,
    /// The tables as they are once they are put right.
    pub inspection: &'a Inspection,
    pub session: &'a Session,
    /// Whether its tables are written; others want to know something of the users alone.
    pub writes_tables: bool,
}

impl Run<'_> {
    /// Whether others compute the ranges of users: then this machine plans them alone, and keeps no rows of
    /// them aside.
    pub(crate) fn hands_ranges_over(&self) -> bool {
        let is_divided = self.plan.ranges.get() > 1 && self.plan.undivided.is_empty();
        let has_cluster = cfg!(feature = "cluster") && self.job.cluster.is_some();
        has_cluster && self.writes_tables && is_divided
    }
}

/// A session over the places of a job, which knows how the windows of tiles are joined.
pub(crate) fn open_session(job: &Job, workspace: &Workspace) -> Result<Session, EngineError> {
    Session::open(&job.engine, workspace.locations(), [fuse_full_joins()])
        .map_err(EngineError::during("opening a session"))
}
