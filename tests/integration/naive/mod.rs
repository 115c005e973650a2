//! The second computation of the published tables: plain loops over rows, one function per
//! sentence of the contract, sharing nothing with the pipeline it checks.
//!
//! In: the [`history::History`] of orders, events and users, the [`parameters::Rules`] of the
//! job, the date of a night. Out: the rows each published table should hold that night.
//!
//! 1. [`history`] cuts what exists at the snapshot date and groups it by user;
//!    [`windows`] says which days a window holds, [`event_types`] what an event is.
//! 2. [`purchases`] and [`interactions`] count, [`features`] puts one user's counts together.
//! 3. [`calibration`] finds cut points, [`scores`] applies them.
//! 4. [`dimensions`] decides today's raw tiers, [`warnings`] and [`lifetime_value`] the rest.
//! 5. [`grace`] settles raw against previously shown tiers, [`snapshot`] holds the result.
//! 6. [`migration`] and [`matrix`] compare two snapshots, [`summary`], [`kpis`] and [`alerts`]
//!    add them up.
//!
//! [`histories`] makes random histories to compare on; [`text`] is how values are compared.
#![cfg(test)]
#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "an amount is written in cents as 12_30"
)]

pub(crate) mod alerts;
pub(crate) mod calibration;
pub(crate) mod dimensions;
pub(crate) mod event_types;
pub(crate) mod features;
pub(crate) mod fixtures;
pub(crate) mod grace;
pub(crate) mod histories;
pub(crate) mod history;
pub(crate) mod interactions;
pub(crate) mod kpis;
pub(crate) mod lifetime_value;
pub(crate) mod matrix;
pub(crate) mod migration;
pub(crate) mod parameters;
mod properties;
pub(crate) mod purchases;
pub(crate) mod ratio;
pub(crate) mod scores;
pub(crate) mod snapshot;
pub(crate) mod summary;
pub(crate) mod text;
pub(crate) mod warnings;
pub(crate) mod windows;
