//! Parts of a night that a cluster carries out in place of this machine.
//!
//! ```text
//! rejects ── RejectTask ─┐                                                  ┌─ reject_worker
//! tiles   ── TileTask   ─┼─ hand_over ── Task (JSON) ──►  cluster  ──► worker ── tile_worker
//! ranges  ── RangeTask  ─┘                                                  └─ range_worker
//! ```
//!
//! 1. A [`Task`](task::Task) says all that a process needs to know that has nothing but the credentials of the
//!    stores; a piece of it says what is to be done.
//! 2. The [worker] does it by the code that a night on one machine runs, and answers with what it has written. What
//!    nobody could do is [refused](refused_work::RefusedWork), and ends the night; anything else is tried again.
//! 3. Made [tiles] lie in the store under their addresses, and are found there like any others. What is
//!    written of [ranges] is in the answers, and in no table before the night commits it.

mod hand_over;
pub(super) mod range_files;
mod range_task;
mod range_worker;
pub(super) mod ranges;
pub(super) mod refused_work;
mod reject_task;
mod reject_worker;
mod rejects;
mod source_files;
mod task;
mod tile_task;
mod tile_worker;
pub(super) mod tiles;
pub(super) mod worker;
