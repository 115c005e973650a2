//! How values of a rollup merge.

use std::sync::Arc;

use crate::engine::AggregateState;

/// How two values of one column, from periods that share no day, become one.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The bits that both have.
    BitAnd,
    /// The bits that either has.
    BitOr,
    /// The bits that one of them has.
    BitXor,
    /// That of the later period.
    Last,
    /// They are states of an aggregate, and so is what becomes of them.
    States(Arc<AggregateState>),
    /// They are states of an aggregate, and what becomes of them is its value.
    Value(Arc<AggregateState>),
}

impl Merge {
    /// How values are made of what tiles hold.
    #[must_use]
    pub fn finished(&self) -> Self {
        match self {
            Self::States(state) => Self::Value(Arc::clone(state)),
            other => other.clone(),
        }
    }

    /// The state that tiles hold, where it is not the value.
    pub fn state(&self) -> Option<&AggregateState> {
        match self {
            Self::States(state) | Self::Value(state) => Some(state),
            _ => None,
        }
    }
}
