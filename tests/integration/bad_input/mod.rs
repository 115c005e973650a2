//! What people get wrong, and what they read then: each message as the real binary prints it,
//! with its exit code, and nothing published.
//!
//! | module | holds |
//! |---|---|
//! | `project` | a small project that works, to break in one place |
//! | `lake` | its Parquet files |
//! | `links` | links that lead nowhere, pipes where files belong |
//! | `statements` | SQL that is not one SELECT, or reaches beyond the declared sources |
//! | `names` | tables, columns, parameters and windows that do not exist; types; circles |
//! | `references` | bands, `dim_tier`, grace |
//! | `rules` | CASEs with holes, branches that nothing reaches, values that dim_tier does not list |
//! | `job_file` | the TOML, and the arguments |
//! | `calibration` | cut points given by hand |
//! | `casts` | values that a cast cannot read |
//! | `computations` | values that SQL cannot compute with |
//! | `changes` | files that change, vanish or come in pieces while they are read |
//! | `spelling` | columns in another case, twice, or two for one |
//! | `times` | times as text, days and numbers |
//! | `ids` | ids as floating-point numbers, and beyond BIGINT |
//! | `instants` | instants that microseconds cannot hold |
//! | `files` | partitions and Parquet files that break the contract |
//! | `fuzz` | files that break in any way |
//! | `encodings` | other encodings than UTF-8, and characters that nobody sees |
//! | `deliveries` | writes at work, markers, files that are not read, logs of tables |
//! | `stores` | endpoints and credentials |
//! | `secrets` | credentials and values of users, which nobody may see |
//! | `audits` | what blocks publication |
//! | `columns` | columns that go, and dimensions that come |
//! | `help_texts` | all texts that say what to do, and the tests that do it |
//! | `remedies` | every help text of `check`, applied |
//! | `remedies_of_nights` | the help texts of other commands, applied |
//! | `remedies_of_runs` | those about dates, calibrations, empty snapshots and stores |
//! | `remedies_of_columns` | those about published columns, and about values |
//! | `remedies_of_files` | those about a source's files |
//! | `remedies_of_logs` | those about sources that are tables |
//! | `remedies_of_tables` | those about published tables and records that are damaged |
//! | `remedies_together` | more of those of `check`, many at once |
//! | `results` | JSON, result file and exit codes |

mod audits;
mod calibration;
mod casts;
mod changes;
mod columns;
mod computations;
mod deliveries;
mod encodings;
mod files;
mod fuzz;
mod help_texts;
mod ids;
mod instants;
mod job_file;
pub(crate) mod lake;
#[cfg(unix)]
mod links;
mod names;
mod places;
pub(crate) mod project;
mod references;
mod remedies;
mod remedies_of_columns;
mod remedies_of_files;
mod remedies_of_logs;
mod remedies_of_nights;
mod remedies_of_runs;
mod remedies_of_tables;
mod remedies_together;
mod results;
mod rules;
mod secrets;
mod spelling;
mod statements;
mod stores;
mod times;
