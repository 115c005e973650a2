//! SQL models: from the files of a pack to analysed plans.
//!
//! 1. [`SqlPack::load`] reads the files: models, reference tables, parameters.
//! 2. [`Parameters::resolve`] lays the job's values over the pack's defaults.
//! 3. [`Model::parse`] turns one file into one SELECT, refusing everything else.
//! 4. [`Graph::build`] orders the models by the tables they name.
//! 5. [`planner::plan`] puts typed literals in place of `$parameters` and plans the statement.
//!
//! Every step reports all the problems it finds, each with file, line and column.

mod at_time_zone;
mod canonical;
mod cases;
mod comments;
mod compared_texts;
mod constants;
mod distinct_from;
mod encodings;
mod explanation;
mod graph;
mod last_few;
mod lexemes;
mod limits;
mod misfits;
mod model;
mod named_parameters;
mod misleading_characters;
mod outer_using;
mod pack;
mod parameters;
mod places;
pub mod planner;
pub mod profile;
mod reference;
mod selected;
mod tables_beneath;

pub use canonical::tokens;
pub use cases::{WrittenBranch, WrittenCase};
pub use constants::{computable, folded};
pub use explanation::explain;
pub use graph::Graph;
pub use model::{Model, Reference, WindowsCall};
pub use pack::{BUILT_IN, SqlPack};
pub use parameters::Parameters;
pub use reference::ReferenceTable;
