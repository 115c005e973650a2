//! A session: the tables that SQL may read, and the one way to them.
//!
//! ```text
//! register(name, provider)          what there is to read
//! register_view(name, plan)         what is computed of it
//! sql(text), table(name), read(..)  a plan, as a [`DataFrame`]
//! plan(plan)                        a plan made elsewhere, to be executed
//! ```
//!
//! Tables are named by schema and name, as SQL names them. A table that is registered again takes
//! the place of the one before; plans that were made over that one keep it.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that opens sessions and runs SQL"
)]

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, TableProvider,
};
use datafusion::common::TableReference;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Optimizer;
use datafusion::physical_plan::{SendableRecordBatchStream, execute_stream};
use datafusion::prelude::{DataFrame, SessionContext};

use crate::ground::{SqlSchema, TableName};
use crate::storage::Location;

use super::views::{View, analysed};
use super::{EngineLimits, LogicalRules, NodeRule, state};

/// The one catalog of a session; its schemas are the folders of the SQL pack.
pub const CATALOG: &str = "tierline";

/// The engine with the job's limits, the job's stores, and nothing that would let a query reach a
/// file, a URL, the clock or another table.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    /// The rules that fuse the joins of a view as it is registered.
    fusing: Arc<Optimizer>,
}

impl Session {
    /// A session with an empty schema per folder of the SQL pack and every store of `locations`.
    /// `fusing` are rules that know more of tables than a session does.
    ///
    /// # Errors
    /// When the spill folder cannot be used.
    pub fn open<'a>(
        limits: &EngineLimits,
        locations: impl IntoIterator<Item = &'a Location>,
        fusing: impl IntoIterator<Item = NodeRule>,
    ) -> Result<Self> {
        let mut rules = LogicalRules::new();
        for rule in fusing {
            rules.push(Arc::new(rule));
        }
        let context = SessionContext::new_with_state(state(limits, &rules)?);
        let catalog = MemoryCatalogProvider::new();
        for folder in SqlSchema::ALL {
            let schema = Arc::new(MemorySchemaProvider::new());
            catalog.register_schema(folder.as_str(), schema)?;
        }
        context.register_catalog(CATALOG, Arc::new(catalog));
        for location in locations {
            context.register_object_store(location.root.as_ref(), Arc::clone(&location.store));
        }
        Ok(Self {
            context,
            fusing: Arc::new(Optimizer::with_rules(rules)),
        })
    }

    /// Registers a table, in place of one of the same name.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn register(&self, name: &TableName, table: Arc<dyn TableProvider>) -> Result<()> {
        self.context.deregister_table(reference_to(name))?;
        self.context.register_table(reference_to(name), table)?;
        Ok(())
    }

    /// Registers the rows of a plan as a table, in place of one of the same name.
    ///
    /// # Errors
    /// What the engine cannot analyse, and literals that cannot be cast.
    pub fn register_view(&self, name: &TableName, plan: LogicalPlan) -> Result<()> {
        let state = self.context.state();
        let plan = analysed(plan, &state)?;
        let view = View::of(
            reference_to(name),
            plan,
            &self.fusing,
            state.config_options(),
        )?;
        self.register(name, Arc::new(view))
    }

    /// Whether there is a table of this name.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn has(&self, name: &TableName) -> Result<bool> {
        self.context.table_exist(reference_to(name))
    }

    /// A table's rows, to be selected from and executed.
    ///
    /// # Errors
    /// When there is no such table.
    pub async fn table(&self, name: &TableName) -> Result<DataFrame> {
        self.context.table(reference_to(name)).await
    }

    /// All rows of a table.
    ///
    /// # Errors
    /// When there is no such table, or it cannot be read.
    pub async fn rows(&self, name: &TableName) -> Result<RecordBatch> {
        all_rows(self.table(name).await?).await
    }

    /// The rows of a query of tierline's own.
    ///
    /// # Errors
    /// What the engine cannot plan.
    pub async fn sql(&self, query: &str) -> Result<DataFrame> {
        self.context.sql(query).await
    }

    /// The rows of a table that has no name.
    ///
    /// # Errors
    /// The engine's: a bug.
    pub fn read(&self, table: Arc<dyn TableProvider>) -> Result<DataFrame> {
        self.context.read_table(table)
    }

    /// The rows of a plan.
    pub fn plan(&self, plan: LogicalPlan) -> DataFrame {
        DataFrame::new(self.context.state(), plan)
    }

    /// Executes a plan as it is, in batches of one stream.
    ///
    /// # Errors
    /// What the engine cannot plan.
    pub async fn execute(&self, plan: LogicalPlan) -> Result<SendableRecordBatchStream> {
        let rows = self.plan(plan);
        let task = Arc::new(rows.task_ctx());
        execute_stream(rows.create_physical_plan().await?, task)
    }

    /// A plan as the optimizer leaves it.
    ///
    /// # Errors
    /// What cannot be computed at planning already.
    pub fn optimized(&self, plan: &LogicalPlan) -> Result<LogicalPlan> {
        self.context.state().optimize(plan)
    }

    /// What statements are planned with.
    pub fn state(&self) -> SessionState {
        self.context.state()
    }

    /// How many partitions are computed side by side.
    pub fn threads(&self) -> usize {
        self.context.copied_config().target_partitions()
    }

    /// What files are read with.
    pub fn runtime(&self) -> Arc<RuntimeEnv> {
        self.context.runtime_env()
    }
}

/// The engine's name of a table.
pub fn reference_to(name: &TableName) -> TableReference {
    TableReference::partial(name.schema.as_str(), name.name.as_str())
}

/// All rows of a query, as one batch.
///
/// # Errors
/// Rows that cannot be computed.
pub async fn all_rows(rows: DataFrame) -> Result<RecordBatch> {
    let schema = Arc::new(rows.schema().as_arrow().clone());
    Ok(concat_batches(&schema, &rows.collect().await?)?)
}

/// A table of these columns without rows.
pub fn empty(schema: SchemaRef) -> Arc<EmptyTable> {
    Arc::new(EmptyTable::new(schema))
}
