//! Aggregates as states that merge, so that they can be computed in parts and put together later,
//! whatever the parts.
//!
//! | aggregate | its state | whose form that is |
//! |---|---|---|
//! | [`OrderedValues`]: the first or last value by an order, the last n distinct, how many distinct | a list of values with what orders them, the first to come first | ours |
//! | [`ExactMoments`]: average, variance, deviation | how many, the sum, the sum of squares: exact numbers | ours |
//! | any other of the engine, such as `APPROX_DISTINCT` | what the engine keeps | the engine's |
//!
//! [`AggregateState`] computes a state, merges states, and gives the value of one.
//! [`last_n_distinct`] is the one function that SQL is given here.

mod exact_moments;
mod last_n_distinct;
mod one_group;
mod ordered_values;
mod state;

pub use exact_moments::{ExactMoments, Moment};
pub(super) use last_n_distinct::last_n_distinct;
pub use last_n_distinct::{LAST_N_DISTINCT, MOST_VALUES, limit_of};
pub use ordered_values::OrderedValues;
pub use state::{AggregateState, StateMerger};
