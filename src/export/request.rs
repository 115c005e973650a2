//! What is exported.

use crate::ground::SnapshotDate;

use super::encoder::Form;

/// What the engine was doing when it failed.
pub(super) const STAGE: &str = "exporting a table";

/// What is exported, and how.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A published table.
    pub table: &'a str,
    /// The published date; the newest where none is given.
    pub date: Option<SnapshotDate>,
    /// What holds of the rows, in SQL; all of them where there is none.
    pub condition: Option<&'a str>,
    /// The columns, in their order; those of the table where there are none.
    pub columns: &'a [String],
    /// The column of whose values each has a file.
    pub split_by: Option<&'a str>,
    /// What the files are like.
    pub form: Form,
}
