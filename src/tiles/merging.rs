//! How values of a rollup merge.

/// How two values of one column, from periods that share no day, become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Counts add up; nothing counts as 0.
    Count,
    /// Sums add up; the sum of nothing is NULL.
    Sum,
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
    /// True when both are.
    And,
    /// True when either is.
    Or,
    /// That of the later period.
    Last,
}
