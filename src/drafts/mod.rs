//! Drafts: the next rows of a published table, as Parquet files that no reader sees yet.
//!
//! ```text
//! TableSpec ── open ──> DraftWriter ── write, write, .. finish ──> Draft ──> audited, committed
//!                            └──────── abandon                       └─────── copy_as, discard
//! ```
//!
//! 1. [`contract`] refuses every schema that some reader would not open; a [`TableSpec`] cannot
//!    be made from such a schema, so nothing of it is ever written.
//! 2. [`DraftWriter`] takes record batches and writes Parquet below the table's folder, into a
//!    folder that no other draft uses.
//!    [`BackgroundWriter`] does so in a task of its own.
//! 3. A [`Draft`] names those files. Until a commit names them too, they are not in the table.
//! 4. [`SchemaEvolution`] is what a draft changes about the columns of its table, where that is allowed.

mod background_writer;
pub(crate) mod contract;
mod draft;
mod error;
mod files;
pub(crate) mod objects;
mod order;
mod rows;
mod schema_evolution;
mod spec;
mod uploads;
mod writer;

pub(crate) use crate::tables::{Dating, SNAPSHOT_DATE};
pub(crate) use background_writer::BackgroundWriter;
pub(crate) use contract::{ContractError, ContractProblem};
#[cfg(feature = "cluster")]
pub(crate) use draft::DraftParts;
pub(crate) use draft::{Draft, discard};
pub(crate) use error::DraftError;
pub(crate) use schema_evolution::{PublishedColumns, SchemaEvolution, TableColumn};
pub(crate) use spec::TableSpec;
pub(crate) use writer::DraftWriter;

#[cfg(test)]
pub(crate) mod testing;
