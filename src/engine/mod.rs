//! The engine room: DataFusion behind a [`Session`]. Nobody else opens sessions, registers tables or
//! runs SQL; whoever computes something makes a plan and hands it in.

mod aggregates;
mod band_lookups;
mod by_model;
mod checked;
mod columns;
mod error;
mod exhausted;
mod exact_aggregates;
mod file_error;
mod filtered_joins;
mod float_order;
mod growth;
mod hash_joins;
mod in_with_nulls;
mod interruptible;
mod join_rule;
mod loop_joins;
mod memory;
mod node_rule;
mod panicked;
mod projected;
mod reference_joins;
mod self_joins;
mod session;
#[cfg(feature = "cluster")]
mod shipped;
mod streams;
mod sums;
mod views;
mod words;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;

use crate::storage::ScratchFolder;

use self::aggregates::last_n_distinct;
use self::band_lookups::look_up_bands;
use self::checked::CheckExpressions;
use self::exact_aggregates::ComputeExactly;
use self::filtered_joins::hash_filtered_joins;
use self::in_with_nulls::look_up_nulls;
use self::interruptible::HeedSignals;
use self::loop_joins::loop_joins_fit_in_memory;
use self::reference_joins::hash_reference_joins;
use self::self_joins::fuse_self_joins;
use self::views::OpenViews;

pub use self::aggregates::{
    AggregateState, ExactMoments, LAST_N_DISTINCT, MOST_VALUES, Moment, OrderedValues, StateMerger,
    limit_of,
};
pub use self::checked::{CastFailure, ComputationFailure, NumberOverflow};
pub use self::columns::{decimals, integers, numbers, optional_texts, texts};
pub use self::error::EngineError;
pub use self::file_error::{FileError, FileName};
pub(crate) use self::file_error::{Refused, naming};
pub use self::float_order::{keys_of, numbers_of};
pub use self::memory::{memory_for_queries, memory_of_machine};
pub use self::node_rule::NodeRule;
pub use self::panicked::{Panicked, caught, note_panics};
pub use self::projected::{Projected, equal_keys, project_as, replaced};
pub use self::session::{CATALOG, Session, all_rows, empty, reference_to};
#[cfg(feature = "cluster")]
pub(crate) use self::shipped::ShippedRows;
pub(crate) use self::streams::{
    PlannedRows, planned_in_ranges, reading_whole_files, stream_ahead_of,
};
pub use self::sums::{EXACT, MOST_DIGITS, SumOverflow, widened, within_bigint};
pub use self::views::{analysed, over_no_rows};
pub use self::words::chain;

/// How many consumers an out-of-memory message names.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4);

/// Sorted runs merged at once, so that a spilling night keeps few files open.
const SPILL_MERGE_FAN_IN: usize = 32;

/// What the engine may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineLimits {
    /// Threads, and partitions of every plan.
    pub threads: NonZeroUsize,
    /// Memory for queries before they spill, in bytes; a [share](memory) of the machine's when none.
    pub memory_bytes: Option<usize>,
    /// What they may have on disk at once, in bytes; what the engine allows when none.
    pub spill_bytes: Option<u64>,
    /// Where to spill; the system's temporary folder when none.
    pub spill_folder: Option<PathBuf>,
}

/// One thread, and nothing said of the rest.
impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            threads: NonZeroUsize::MIN,
            memory_bytes: None,
            spill_bytes: None,
            spill_folder: None,
        }
    }
}

/// The engine's state: limits, and our rules among its own.
fn state(limits: &EngineLimits, fusing: &LogicalRules) -> Result<SessionState> {
    let mut rules: Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> = vec![
        Arc::new(hash_reference_joins()),
        Arc::new(hash_filtered_joins()),
    ];
    let of_engine = PhysicalOptimizer::default().rules.into_iter();
    rules.extend(of_engine.filter(|rule| !is_by_name_alone(rule.name())));
    rules.push(Arc::new(loop_joins_fit_in_memory()));
    rules.push(Arc::new(HeedSignals));
    let mut config = config(limits);
    let spill = spill_folder(limits)?;
    let runtime = runtime(limits, spill.as_ref().map(ScratchFolder::path))?;
    if let Some(spill) = spill {
        // So it is there for as long as the session, and what runs in it.
        config = config.with_extension(Arc::new(spill));
    }
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::new(runtime))
        .with_aggregate_functions(vec![last_n_distinct()])
        .with_default_features()
        .with_table_functions(Default::default())
        .with_analyzer_rule(Arc::new(CheckExpressions))
        .with_analyzer_rule(Arc::new(OpenViews))
        .with_optimizer_rules(logical_rules(fusing))
        .with_physical_optimizer_rules(rules)
        .build();
    Ok(state)
}

/// Rules of the logical optimizer, in their order.
type LogicalRules = Vec<Arc<dyn OptimizerRule + Send + Sync>>;

/// Our rules and then the engine's own: ours look for SQL as it was written, before ranges and
/// COALESCE are taken apart. `fusing` are those of the session.
fn logical_rules(fusing: &LogicalRules) -> LogicalRules {
    let mut rules: LogicalRules = vec![Arc::new(look_up_bands()), Arc::new(look_up_nulls())];
    rules.extend(fusing.iter().cloned());
    rules.push(Arc::new(fuse_self_joins()));
    rules.push(Arc::new(ComputeExactly));
    rules.extend(Optimizer::default().rules);
    rules
}

/// Whether a rule of the engine moves filters of the physical plan down. It does so by the names of
/// columns, and below a join both sides may have one of the same name: a filter on the side that
/// has no row then reached the side that has one, and rows were lost. The filters of SQL have been
/// moved down in the logical plan by then, where columns have their table's name. Can go with a
/// version in which they are [moved by position](https://github.com/apache/datafusion/pull/25259).
fn is_by_name_alone(rule: &str) -> bool {
    rule.starts_with("FilterPushdown")
}

fn config(limits: &EngineLimits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.threads.get())
        .with_default_catalog_and_schema(CATALOG, "none")
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false)
        .with_collect_statistics(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // A hash join cannot spill; a sort-merge join on equality can, and leaves its rows in user order.
    options.optimizer.prefer_hash_join = false;
    // Dealing batches out in turn would cost the order in which users are kept.
    options.optimizer.enable_round_robin_repartition = false;
    options.execution.spill_compression = datafusion::config::SpillCompression::Lz4Frame;
    config
}

/// Where the rows of one session are spilled to. The engine's own folders would stay for good where a
/// run is killed: nobody could tell whose they are. Where the system has no temporary folder there is none,
/// which only a query that spills has to know.
fn spill_folder(limits: &EngineLimits) -> Result<Option<ScratchFolder>> {
    let Some(parent) = &limits.spill_folder else {
        return Ok(ScratchFolder::create(None).ok());
    };
    let made = std::fs::create_dir_all(parent);
    let created = made.and_then(|()| ScratchFolder::create(Some(parent)));
    created.map(Some).map_err(|error| {
        let making = format!("making spill_folder `{}` of [engine]", parent.display());
        DataFusionError::from(error).context(making)
    })
}

fn runtime(limits: &EngineLimits, spill: Option<&Path>) -> Result<RuntimeEnv> {
    let bytes = limits
        .memory_bytes
        .unwrap_or_else(memory::memory_for_queries);
    let pool = TrackConsumersPool::new(FairSpillPool::new(bytes), CONSUMERS_NAMED);
    let pool: Arc<dyn MemoryPool> = Arc::new(pool);
    let mut builder = RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_object_list_cache_limit(0)
        .with_max_spill_merge_fan_in(SPILL_MERGE_FAN_IN);
    if let Some(bytes) = limits.spill_bytes {
        builder = builder.with_max_temp_directory_size(bytes);
    }
    if let Some(folder) = spill {
        builder = builder.with_temp_file_path(folder);
    }
    builder.build()
}
