//! What a night would do, as a value: printed by `tierline plan`, carried out by `tierline run`.
//!
//! 1. [`Facts::gather`]: listings and small records; no input file and no tile is opened.
//! 2. [`decide`]: what follows from them, without reading anything more.
//! 3. [`Plan`]: what is to be done, and [what is to be said](text) of it.
//!
//! Where it is decided that a date is republished: [`action`]. What of expired days a night can
//! still see: [`reach`]. Which dates are to be restated: [`affected`]. Which tiles no night reads any
//! more: [`unneeded_tiles`].

mod action;
mod affected;
mod calibration_plan;
mod circumstances;
mod days_had;
mod decide;
mod deliveries;
mod drop_columns;
mod earlier;
mod error;
mod facts;
mod gather;
mod history;
mod lost_files;
mod out_of_reach;
mod planned_action;
mod planned_night;
mod reach;
mod remarks;
mod retired;
mod rollups;
mod rules;
mod scans;
mod seen_then;
mod short_history;
mod source_files;
mod text;
#[cfg(test)]
mod tests;
mod tiles_before;
mod undivided;
mod unneeded_tiles;

pub(crate) use affected::Found;
pub use affected::{Affected, AffectedBy};
pub use calibration_plan::CalibrationPlan;
pub use circumstances::{Accepted, Circumstances};
pub use decide::decide;
pub(crate) use deliveries::doubled;
pub use error::{HistoryError, PlanError};
pub use facts::Facts;
pub(crate) use gather::list_sources;
pub use history::HeldInTiles;
pub(crate) use history::{check_doubts, histories, known_days};
pub(crate) use lost_files::{of_final_dates, remark_on_final_dates, remark_on_lost_files};
pub(crate) use out_of_reach::refuse;
pub use out_of_reach::{Because, OutOfReach};
pub use planned_action::PlannedAction;
pub use planned_night::{Plan, SourcePlan};
pub(crate) use remarks::remarks_on;
pub use rollups::{RollupInputs, RollupTiles};
pub(crate) use rules::fingerprint;
pub use rules::{HistoryStarts, Rules};
pub(crate) use seen_then::seen_then;
pub(crate) use short_history::ShortHistory;
pub(crate) use source_files::files_then;
