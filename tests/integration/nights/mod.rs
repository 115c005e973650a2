//! The proof that the pipeline is right: whole nights, from delivered files to published tables,
//! read back and compared with the naive computation.
//!
//! | module | proves |
//! |---|---|
//! | `property` | random histories give the rows of the naive computation |
//! | `complete_journey` | so does a year of real orders, from the local disk and from S3 |
//! | `rerun` | the same inputs publish nothing again, changed ones replace a date whole |
//! | `crash` | a run that dies harms no reader, and the next one, of any date, puts the tables right |
//! | `crash_matrix` | so does one that dies at any of its writes |
//! | `fault_matrix` | nights on a store that fails at random publish what is right, or nothing |
//! | `withdraw` | a published date is taken back, and later dates are restated |
//! | `maintain` | what nobody needs is deleted, and everything goes on as if it were there |
//! | `conflict` | of two runs at once one publishes |
//! | `together` | two commands at once leave what one after the other leaves |
//! | `incremental` | nights that use stored tiles publish the rows of nights that have none |
//! | `tile_store` | which tiles are made, which are used again, and what damage does |
//! | `row_remarks` | what is said of rows that are odd, in few lines |
//! | `requests` | how many requests a night takes, and that the history does not count |
//! | `retention` | raw files that expire take nothing away, and what is gone otherwise is asked about |
//! | `retention_later` | so do sources delivered once or late, and dates that are restated or withdrawn after expiries |
//! | `rules_of_then` | late data restates dates by the rules that they were published by |
//! | `columns_of_then` | the same in tables whose columns are others by now |
//! | `source_records` | what runs knew of their sources is not mixed up, and does not pile up |
//! | `schedules` | random expiries, late files, overwrites, edits, restatements, withdrawals and crashes, over folders and Delta tables, leave the rows of a lake that keeps everything |
//! | `backfill` | many nights in order: gaps filled, late data restated |
//! | `foreign_changes` | what others do to published tables is put back, or refused with what happened |
//! | `lost_files` | published files that somebody removed are told, and their dates made again |
//! | `retired` | a table that the pack makes no longer keeps the dates that no run republishes |
//! | `schema_evolution` | tables get columns and dimensions, and lose columns only when the run may |
//! | `calibrate` | new cut points are compared, and kept when confirmed; cut points by hand are kept |
//! | `published_before` | KPIs over earlier snapshots, also where there is none or it has fewer columns |
//! | `dim_tier` | the list of tiers is that of the page, with labels and playbooks |
//! | `own_tables` | tables that the job adds go the way of tierline's own, from the night they come to that they go |
//! | `own_columns` | a dimension and attributes that the job adds are published everywhere |
//! | `aggregates` | windows of every aggregate that merges are what the engine computes over the rows |
//! | `last_contents` | the last three contents browsed, as the page of the pack says to add them |
//! | `doctor` | what keeps nights from running is told beforehand, and a store that would lose commits is refused |
//! | `pings` | a service is told how a command goes |
//! | `dumps` | attributes of users come from the newest delivery that has the user, whole |
//! | `subqueries` | what staging reads in a subquery is an input of its tiles |
//! | `sums` | sums that outgrow their type are told, absurd amounts left out |
//! | `ranges` | the rows are the same in whatever number of ranges of users they are computed |
//! | `same_bits` | the same inputs give the same numbers, whatever the threads |
//! | `boundaries` | every threshold and tie, in a case that can be read |
//! | `conservation` | what breaks the books is blocked, and readers see nothing of it |
//!
//! `lake` delivers histories as Parquet, `pack` edits the SQL, `job` runs nights, `bucket` runs them
//! on S3, `tables` reads tables back, and `expected` compares; `example` is a small history for the
//! tests about running again.
#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "an amount is written in cents as 12_30"
)]

mod aggregates;
mod backfill;
mod boundaries;
pub(crate) mod bucket;
mod calibrate;
mod columns_of_then;
mod complete_journey;
mod conflict;
mod conservation;
mod crash;
mod crash_matrix;
mod dim_tier;
mod doctor;
mod dumps;
mod example;
mod expected;
mod fault_matrix;
mod foreign_changes;
mod schema_evolution;
mod incremental;
pub(crate) mod job;
pub(crate) mod lake;
mod last_contents;
mod lineage;
mod lost_files;
mod maintain;
mod own_columns;
mod own_tables;
pub(crate) mod pack;
mod pings;
mod plain;
mod property;
mod published_before;
pub(crate) mod ranges;
mod remedies_of_history;
mod requests;
mod rerun;
mod row_remarks;
mod same_bits;
mod subqueries;
mod sums;
mod retention;
mod retention_later;
mod retired;
mod rules_of_then;
mod schedules;
#[cfg(unix)]
mod signals;
mod source_records;
pub(crate) mod tables;
mod tile_store;
mod together;
mod withdraw;
