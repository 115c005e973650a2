//! A cluster: pieces of work that executors carry out in place of this process, on
//! [Ballista](https://datafusion.apache.org/ballista/).
//!
//! ```text
//! Cluster::work_off(task, pieces)  ── one plan ──>  scheduler  ── one piece a time ──>  executors
//!            <── n answers, in order ──             <── an answer for each piece ──
//! ```
//!
//! 1. A task is bytes, and so is what is said of each of its pieces, and the answer to it: nobody here knows what
//!    they say. The executor's [`Worker`] does.
//! 2. The [plan](work) is a stage of pieces, and one more stage that brings their answers together: what a
//!    lost executor had answered is worked off again, and counted once.
//! 3. A piece whose worker fails for want of a store or of memory is tried again, elsewhere too. One that no try
//!    would do ends the task at once.
//! 4. Scheduler and executors carry out nothing but such plans.
//! 5. With certificates, all of them speak [mutual TLS](tls). Executors ask the scheduler for pieces then: Ballista
//!    serves the port that it would push them to in the clear alone.

mod client;
mod codec;
mod error;
mod executor;
mod guard;
mod scheduler;
mod slots;
mod tls;
mod work;

/// The largest message between client, scheduler and executors, in bytes: a scheduler sends the task with each of its
/// pieces, those of an executor in one message.
const MESSAGE_BYTES: u32 = 256 << 20;

pub use client::{Cluster, scheduler_at};
pub use error::ClusterError;
pub use executor::ExecutorSettings;
pub use scheduler::SchedulerSettings;
pub use work::{Piece, Undone, Worker};

pub(crate) use executor::serve as serve_pieces;
pub(crate) use scheduler::serve as schedule;
