//! What a night is planned with besides the job.

use crate::drafts::TableColumn;

use super::rules::Rules;

/// What somebody has said a run may do about history that is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Days that are gone and not expired count as removed, and so do files of days of which some
    /// are left.
    pub removed_days: bool,
    /// Rows of expired days that no stored tile gives are given up.
    pub shorter_history: bool,
}

/// What a night is planned with besides the job.
#[derive(Debug, Clone, Copy, Default)]
pub struct Circumstances<'a> {
    /// What may be done about history that is gone.
    pub accepted: Accepted,
    /// The rules that D was published by, which [made](Rules::job) the job; none for the job's own.
    pub rules: Option<&'a Rules>,
    /// Whether the rules are those that D was published by, be they the job's own by chance. Then
    /// the columns of the tables stay as they are: others may have come since.
    pub is_by_rules_of_then: bool,
    /// The columns that tables may lose.
    pub may_drop: &'a [TableColumn],
    /// Whether the same command goes on with other dates, so that which are affected is not said yet.
    pub is_followed: bool,
    /// Whether the tiles are planned also where D is published as it would be today.
    pub needs_tiles: bool,
}
