//! What can be wrong with a pack in a session.

use crate::drafts::ContractError;
use crate::engine::EngineError;
use crate::ground::Problems;

/// Why the SQL of a job cannot be planned, or what it is planned for not be read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The job file, the SQL or the reference files are wrong.
    #[error("{0}")]
    Problems(#[from] Problems),
    /// A table would not be readable everywhere.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// A query failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
