//! Deterministic sample data, for the demo and for benchmarks.
//!
//! In: a [`SampleSpec`] and a local folder. Out: three sources as Parquet, partitioned by the UTC
//! business day, and their [`SampleTotals`]:
//!
//! ```text
//! <root>/users/dt=2026-11-20/part-0.parquet        each user once, on the day they registered
//! <root>/orders/dt=2026-11-20/part-0.parquet       every day of the spec
//! <root>/engagement/dt=2026-11-20/part-0.parquet   every day of the spec
//! ```
//!
//! 1. `lives::plan` plans every user's life: who they are (`personas`, `tastes`), when they
//!    register, when they are around, and what they are sent (`mailing_list`).
//! 2. `days::live` plays one day of those lives: who comes by, what happens in their `visits`, and
//!    which `messages` the shop sends. The `calendar` says what the day is like.
//! 3. `tables` turns a day's `rows` into `columns`, `files` writes them, and `workers` share the
//!    days among themselves.
//!
//! Users join, browse, buy, fade, return and take part in campaigns; a few per cent of them bring
//! most of the revenue. Every draw is made with `dice` for one user or one user's day, so equal
//! specs give equal bytes, and days can be written in any order. Memory holds all lives and the
//! rows of one day per worker.

mod calendar;
mod columns;
mod days;
mod dice;
mod error;
mod files;
mod lives;
mod mailing_list;
mod messages;
mod personas;
mod rows;
mod spec;
mod tables;
mod tastes;
#[cfg(test)]
mod tests;
mod visits;
mod workers;

use std::num::NonZero;
use std::path::Path;
use std::thread;

use chrono::NaiveDate;

pub use self::error::SampleError;
pub use self::spec::{SampleSpec, UserIds};
use self::workers::Sample;
pub use self::workers::SampleTotals;

/// Writes every partition below `root` on as many threads as there are processors, and calls
/// `progress` after each finished day, from the thread that finished it. It blocks: asynchronous
/// code calls it on a thread of its own.
///
/// A partition is replaced if it is there; partitions of other days are left alone.
///
/// # Errors
///
/// The first that a worker meets; the others stop after their current day.
pub fn write(
    spec: &SampleSpec,
    root: &Path,
    progress: &(dyn Fn(NaiveDate) + Sync),
) -> Result<SampleTotals, SampleError> {
    let worker_count = thread::available_parallelism().map_or(1, NonZero::get);
    Sample::plan(spec, root).write(worker_count, progress)
}
