//! The pack: a job's SQL in a session.
//!
//! 1. [`Project::load`]: the models, parsed and ordered; all their problems at once.
//! 2. [`Catalog`]: the models as tables of a session, over the files of a night or over the sources
//!    as they are [declared], with the type of [user ids](user_ids) that staging selects.
//! 3. [`Shape`]: the tiers that `dim_tier` lists, and the snapshot compared with them; the job's
//!    [own dimensions](own_dimensions) and [warnings without a line](own_warnings) are among them.
//!    [`marts`]: the tables that follow.
//! 4. [`cut_points`]: the metrics of the calibration models, counted.
//! 5. [`TierRules`]: what decides the values of each dimension, as a fingerprint: [what it
//!    reads](needed) of the models behind it, and [what the snapshot makes of it](snapshot_column).

mod action_rules;
mod alert_names;
mod catalog;
mod clauses;
mod contracted;
pub(crate) mod cut_points;
mod declared;
mod dim_tier_rows;
mod error;
pub(crate) mod marts;
mod metric_labels;
mod needed;
mod own_dimensions;
pub(crate) mod own_warnings;
mod project;
mod queries;
pub(crate) mod runnable;
mod shape;
mod snapshot_column;
mod tier_rules;
mod unused;
mod user_ids;

pub(crate) use action_rules::{actions_without_rules, unknown_actions_on, unusable_actions};
pub(crate) use alert_names::{metrics_of, unknown_alerts, unknown_severities};
pub use catalog::Catalog;
pub(crate) use catalog::{REJECT_REASON, WARNING};
pub(crate) use contracted::ID_TYPES;
pub(crate) use declared::{
    UPSTREAM, declared_metrics, register_declared, register_sources, session_of,
};
pub use error::PackError;
pub(crate) use metric_labels::{metrics_without_labels, unknown_directions};
pub use project::Project;
pub(crate) use project::{VALUE_TIER, made_by_tierline, required};
pub(crate) use shape::{Shape, column_comments};
pub(crate) use tier_rules::TierRules;
pub(crate) use unused::unused;
pub(crate) use user_ids::{check_previous, disagreement, stage};
