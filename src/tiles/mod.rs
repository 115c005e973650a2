//! Rollups and windows: aggregates per user that merge over days.
//!
//! 1. [`Rollup::derive`]: from the plan of a rollup's SELECT, how each of its columns merges.
//! 2. [`Rollup::daily`]: the same rollup as rows of (day, user_id, columns).
//! 3. [`windows::over`]: one row per user, each column once per window, in one pass.

mod rollup;
pub mod windows;

pub use rollup::{DAY, Merge, Rollup, RollupColumn, USER_ID};
pub use windows::{DayRange, Window};
