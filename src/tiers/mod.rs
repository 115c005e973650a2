//! Tiers: from the values that SQL gives each user today to the values that are shown.
//!
//! 1. [`Dimensions::read`]: the dimensions, their tiers, ranks and grace, from the rows of
//!    `dim_tier` and the job.
//! 2. [`bands::check`]: the bands of the RFM total cover every total once.
//! 3. [`coverage`]: the rules of the tier models give every user one value.
//!    [`literals`] that any model compares with a dimension are among its values.
//! 4. [`Settling`]: raw values against the previous snapshot: grace, as far as [`GraceLimits`] let
//!    it go, and since when.

pub mod bands;
pub mod coverage;
mod dimension;
mod grace;
mod grace_limits;
pub mod literals;
mod numbering;
mod settle;

pub use dimension::{Dimension, Dimensions, Tier, WARNING, warnings};
pub use grace_limits::GraceLimits;
pub use settle::{Settled, SettledDimension, Settling};
