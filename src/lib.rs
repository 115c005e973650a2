//! tierline: the nightly user-tiering job. See `README.md` for the whole picture.
//!
//! Data flows down this list; a module uses only modules above it.

pub mod ground;
pub mod config;
pub mod inputs;
pub mod models;
pub mod tiles;
pub mod tiers;
pub mod migration;
pub mod sample;
