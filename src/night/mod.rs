//! A night: a plan carried out.

mod alerts;
mod auditing;
mod beside;
mod comparable;
mod context;
mod error;
mod execute;
mod features;
mod marts;
mod old_records;
mod reject_sample;
mod rejects;
mod report;
mod row_remarks;
mod scratch;
mod snapshot;
mod sources;
mod stages;
mod status;
mod tiling;
mod times_outside;
mod unreported;
mod volumes;

pub use alerts::Alert;
pub(crate) use alerts::alerts_of;
pub(crate) use context::{Run, open_session};
pub use error::NightError;
pub use execute::{execute, put_right_unplanned};
pub(crate) use features::Featured;
pub(crate) use report::{ReasonCount, by_reason};
pub use report::{Report, RowCount, TableReport};
pub(crate) use snapshot::Specs;
pub use stages::Progress;
pub(crate) use stages::Stages;
pub use status::Status;
