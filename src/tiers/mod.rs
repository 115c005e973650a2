//! Tiers: from the values that SQL gives each user today to the values that are shown.
//!
//! 1. [`Dimensions::read`]: the dimensions, their tiers, ranks and [`Delay`], from the rows of
//!    `dim_tier` and the job.
//! 2. [`bands::check`]: the bands of the RFM total cover every total once.
//! 3. [`coverage`]: the rules of the tier models give every user one value.
//!    [`literals`] that any model compares with a dimension are among its values.
//! 4. [`Settling`]: raw values against the previous snapshot: grace and hold, as far as
//!    [`DelayLimits`] let them go, and since when; warnings and since when they are raised.

pub mod bands;
mod columns;
pub mod coverage;
mod delay;
mod delay_limits;
mod dimension;
mod falling;
mod grace;
mod hold;
pub mod literals;
mod numbering;
mod score_changes;
mod settle;
mod shown;
mod warned;

pub use delay::Delay;
pub use delay_limits::{DelayLimits, Unscored};
pub use dimension::{Dimension, Dimensions, Tier, WARNING, is_listed_twice, warnings};
pub use falling::{FALLING, FALLING_OF};
pub use settle::{Settled, SettledCounts, SettledDimension, Settling};
pub use warned::{CLEAR, RAISED, SettledWarning};
