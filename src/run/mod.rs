//! A night: planned as a value, executed in stages, reported.
//!
//! 1. [`Project::load`]: the job's SQL pack, parsed and ordered; all its problems at once.
//! 2. [`Plan::make`]: what the night would read, run and publish, from listings alone.
//! 3. [`execute`]: the plan carried out, stage by stage.
//! 4. [`Backfill`]: many nights in order, each planned when the one before it is published, by the
//!    job's [rules](Rules) or by those that its date was published by.
//! 5. [`Report`]: what happened, as text and as one JSON object.
//! 6. [`propose`]: new cut points, beside those that a night would score by.
//! 7. [`Overview`]: what is published of a date, read back for people.
//! 8. [`WithdrawalPlan`]: a published date taken back.

mod affected;
mod auditing;
mod backfill;
mod beside;
mod calibrate;
mod catalog;
mod check;
mod clauses;
mod comparable;
mod context;
mod contracted;
mod cut_points;
mod declared;
mod deliveries;
mod drops;
mod engine_words;
mod error;
mod execute;
mod features;
mod found;
mod history;
mod lost_files;
mod marts;
mod not_published;
mod old_records;
mod overview;
mod own_dimensions;
mod plan;
mod project;
mod published;
mod reject_sample;
mod rejects;
mod remarks;
mod report;
mod retired;
mod rollups;
mod row_remarks;
mod rules;
mod runnable;
mod scans;
mod scratch;
mod shape;
mod snapshot;
mod snapshot_column;
mod sources;
mod stages;
mod status;
mod streams;
mod tier_rules;
mod tiles_before;
mod tiling;
mod times_outside;
mod unreported;
mod user_ids;
mod volumes;
mod withdraw;
mod workspace;

pub use affected::{Affected, AffectedBy};
pub use backfill::{
    Backfill, BackfillNight, BackfillPlan, BackfillReport, DateLeft, NightRules, RulesChoice,
};
pub use calibrate::{MetricChange, Old, Proposal, Takers, ValueChange, ValueFlow, propose};
pub use catalog::Catalog;
pub use check::{check, check_rules};
pub use error::RunError;
pub use execute::{execute, put_right_unplanned};
pub use history::{Accepted, Because, HeldInTiles, HistoryError, OutOfReach};
pub use overview::{
    Alert, DimensionOverview, Flow, Kpi, Overview, TierOverview, WarningOverview, published_outcome,
};
pub use plan::{CalibrationPlan, Circumstances, Plan, PlannedAction, SourcePlan};
pub use project::Project;
pub use report::{Report, RowCount, TableReport, chain};
pub use rollups::{RollupInputs, RollupTiles};
pub use rules::{HistoryStarts, Rules};
pub use stages::Progress;
pub use status::Status;
pub use withdraw::{CutPointsKept, Withdrawal, WithdrawalPlan};
pub use workspace::Workspace;
