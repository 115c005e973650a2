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
mod comparisons;
mod condition;
mod constants;
mod culprit;
mod distinct_from;
mod encodings;
mod explanation;
mod graph;
mod last_few;
mod lexemes;
mod limits;
mod looked_at;
mod misfits;
mod model;
mod named_parameters;
mod misleading_characters;
mod outer_using;
mod own_plan;
mod pack;
mod parameters;
mod places;
pub(crate) mod planner;
pub(crate) mod profile;
mod reference;
mod reference_values;
mod rounded_sums;
mod ruled_texts;
mod same_names;
mod selected;
mod tables_beneath;
mod total_order;
mod wording;
mod written_texts;

#[cfg(test)]
pub(crate) use canonical::tokens;
pub(crate) use cases::WrittenCase;
pub(crate) use condition::rows_where;
pub(crate) use constants::{computable, folded};
pub(crate) use explanation::explain;
pub(crate) use graph::Graph;
pub(crate) use model::{Model, Reference, WindowsCall};
pub(crate) use pack::{BUILT_IN, SqlPack};
pub(crate) use parameters::Parameters;
pub(crate) use reference::ReferenceTable;
pub(crate) use rounded_sums::rounded_sums;
