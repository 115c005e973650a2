//! tierline: the nightly user-tiering job. See `README.md` for the whole picture.
//!
//! Data flows down this list; a module uses only modules above it, and a test keeps it so.

pub mod ground;
pub mod storage;
pub mod engine;
pub mod job;
pub mod tables;
pub mod inputs;
mod models;
pub mod tiles;
pub mod calibration;
pub mod tiers;
pub mod migration;
mod drafts;
pub mod audits;
pub mod publish;
pub mod pack;
pub mod plan;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod night;
mod overview;
mod check;
pub mod proposal;
pub mod backfill;
pub mod withdrawal;
pub mod doctor;
pub mod maintenance;
pub mod export;
mod report;
mod readers;
pub mod sample;
pub mod cli;
