//! A scan whose errors name the file that they came from, and the column that is damaged.
//!
//! It is the engine's scan of Parquet in all else: every question is passed on to it, and what it
//! answers with is wrapped again.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::ObjectStore;

use crate::engine::{FileName, naming};

use super::damaged_column::ScannedFile;
use super::decoding::{decoded, decoded_stream, decoding};

/// What the files of a scan are called.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub root: ObjectStoreUrl,
    pub source: Option<String>,
    pub store: Arc<dyn ObjectStore>,
}

impl Names {
    fn of(&self, file: &PartitionedFile) -> ScannedFile {
        ScannedFile {
            name: FileName {
                url: format!("{}{}", self.root.as_str(), file.object_meta.location),
                source: self.source.clone(),
            },
            object: file.object_meta.clone(),
            store: Arc::clone(&self.store),
        }
    }
}

/// The scan.
#[derive(Clone)]
pub(super) struct NamedFiles {
    inner: Arc<dyn FileSource>,
    names: Arc<Names>,
}

impl NamedFiles {
    pub(super) fn new(inner: Arc<dyn FileSource>, names: Names) -> Self {
        Self {
            inner,
            names: Arc::new(names),
        }
    }

    fn around(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self {
            inner,
            names: Arc::clone(&self.names),
        })
    }
}

impl FileSource for NamedFiles {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.inner.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        Ok(Box::new(Named {
            inner: self.inner.create_morselizer(store, config, partition)?,
            name: Arc::clone(&self.names),
        }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.around(self.inner.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, kind: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt_extra(kind, formatter)
    }

    fn supports_repartitioning(&self) -> bool {
        self.inner.supports_repartitioning()
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let pushed = self.inner.try_pushdown_filters(filters, config)?;
        Ok(FilterPushdownPropagation {
            filters: pushed.filters,
            updated_node: pushed.updated_node.map(|inner| self.around(inner)),
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        let pushed = self.inner.try_pushdown_sort(order, properties)?;
        Ok(pushed.map(|inner| self.around(inner)))
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        let pushed = self.inner.try_pushdown_projection(projection)?;
        Ok(pushed.map(|inner| self.around(inner)))
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(visit)
    }
}

/// A step of reading, and what the file or the files that it reads are called.
#[derive(Debug)]
struct Named<Step, Name> {
    inner: Step,
    name: Arc<Name>,
}

impl Morselizer for Named<Box<dyn Morselizer>, Names> {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let name = Arc::new(self.name.of(&file));
        let planned = decoding(|| self.inner.plan_file(file));
        let inner = planned.map_err(|error| naming(&name.name, error))?;
        Ok(Box::new(Named { inner, name }))
    }
}

impl MorselPlanner for Named<Box<dyn MorselPlanner>, ScannedFile> {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Self { inner, name } = *self;
        let plan = decoding(|| inner.plan()).map_err(|error| naming(&name.name, error))?;
        Ok(plan.map(|plan| name_steps(plan, &name)))
    }
}

impl Morsel for Named<Box<dyn Morsel>, ScannedFile> {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let Self { inner, name } = *self;
        let batches = decoded_stream(inner.into_stream());
        let named = batches.then(move |batch| {
            let file = Arc::clone(&name);
            async move { with_name(batch, &file).await }
        });
        named.boxed()
    }
}

async fn with_name<T>(outcome: Result<T>, file: &ScannedFile) -> Result<T> {
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(error) => Err(file.name_column(error).await),
    }
}

fn name_steps(mut plan: MorselPlan, name: &Arc<ScannedFile>) -> MorselPlan {
    let name_planner = |inner, name: &Arc<ScannedFile>| -> Box<dyn MorselPlanner> {
        Box::new(Named {
            inner,
            name: Arc::clone(name),
        })
    };
    let morsels = plan.take_morsels().into_iter().map(|inner| {
        let name = Arc::clone(name);
        Box::new(Named { inner, name }) as Box<dyn Morsel>
    });
    let ready = plan.take_ready_planners().into_iter();
    let ready = ready.map(|inner| name_planner(inner, name));
    let named = MorselPlan::new()
        .with_morsels(morsels.collect())
        .with_planners(ready.collect());
    let Some(pending) = plan.take_pending_planner() else {
        return named;
    };
    let name = Arc::clone(name);
    named.with_pending_planner(async move {
        let planner = with_name(decoded(pending).await, &name).await?;
        Ok(name_planner(planner, &name))
    })
}
