//! tierline: the nightly user-tiering job. See `README.md` for the whole picture.
//!
//! Data flows down this list; a module uses only modules above it.

pub mod ground;
pub mod config;
pub mod sample;
pub mod drafts;
pub mod publish;
