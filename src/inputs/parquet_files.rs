//! An explicit list of Parquet files as a table: a scan opens these files and no others.
//!
//! A partitioned list carries one value per file. A filter on the partition column alone decides
//! at planning which files are opened at all; other filters prune inside the files.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{FieldRef, Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraint, Constraints, DFSchema, ScalarValue, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr, expressions};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;

/// Files of one store that together are one table.
#[derive(Debug)]
pub struct ParquetFiles {
    store: ObjectStoreUrl,
    files: Vec<(ObjectMeta, Option<ScalarValue>)>,
    table_schema: TableSchema,
    partition: Option<FieldRef>,
    sorted_by: Option<usize>,
    constraints: Option<Constraints>,
}

impl ParquetFiles {
    /// A table of `files`. `file_schema` is what SQL sees of a file: columns that a file has in a
    /// narrower type are widened, columns that it lacks are NULL.
    pub fn new(store: ObjectStoreUrl, files: Vec<ObjectMeta>, file_schema: SchemaRef) -> Self {
        Self {
            store,
            files: files.into_iter().map(|object| (object, None)).collect(),
            table_schema: TableSchema::from(file_schema),
            partition: None,
            sorted_by: None,
            constraints: None,
        }
    }

    /// A table of `files`, each with the value of its `partition` column, which is in no file.
    pub fn partitioned(
        store: ObjectStoreUrl,
        files: Vec<(ObjectMeta, ScalarValue)>,
        file_schema: SchemaRef,
        partition: FieldRef,
    ) -> Self {
        let with_value = |(object, value)| (object, Some(value));
        Self {
            store,
            files: files.into_iter().map(with_value).collect(),
            table_schema: TableSchema::builder(file_schema)
                .with_table_partition_cols(vec![Arc::clone(&partition)])
                .build(),
            partition: Some(partition),
            sorted_by: None,
            constraints: None,
        }
    }

    /// Declares that every file is sorted by its column `index`, ascending, without NULLs. The
    /// engine trusts this: only for files that tierline wrote so.
    #[must_use]
    pub fn sorted_by(mut self, index: usize) -> Self {
        self.sorted_by = Some(index);
        self
    }

    /// Declares that column `index` is the primary key: in every row, and in no two the same. The
    /// engine trusts this.
    #[must_use]
    pub fn with_primary_key(mut self, index: usize) -> Self {
        let key = Constraint::PrimaryKey(vec![index]);
        self.constraints = Some(Constraints::new_unverified(vec![key]));
        self
    }

    fn is_about_partition(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let Some(partition) = &self.partition else {
            return false;
        };
        !columns.is_empty()
            && columns
                .iter()
                .all(|column| column.name == *partition.name())
            && !filter.is_volatile()
    }

    /// The files whose partition value passes every filter that is about it alone.
    fn files_passing(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let about_partition = filters
            .iter()
            .filter(|filter| self.is_about_partition(filter));
        let mut passing: Vec<&(ObjectMeta, Option<ScalarValue>)> = self.files.iter().collect();
        for filter in about_partition {
            if passing.is_empty() {
                break;
            }
            let mask = self.evaluate(state, filter, &passing)?;
            let mut is_kept = mask.into_iter();
            passing.retain(|_| is_kept.next().unwrap_or(true));
        }
        let partitioned = passing.into_iter().map(|(object, value)| {
            PartitionedFile::new_from_meta(object.clone())
                .with_partition_values(value.iter().cloned().collect())
        });
        Ok(partitioned.collect())
    }

    /// One verdict per file: NULL is no.
    fn evaluate(
        &self,
        state: &dyn Session,
        filter: &Expr,
        files: &[&(ObjectMeta, Option<ScalarValue>)],
    ) -> Result<Vec<bool>> {
        let columns: Fields = self.partition.iter().cloned().collect();
        let schema = Arc::new(Schema::new(columns));
        let unqualified = without_qualifiers(filter)?;
        let predicate =
            state.create_physical_expr(unqualified, &DFSchema::try_from(Arc::clone(&schema))?)?;
        let values =
            ScalarValue::iter_to_array(files.iter().filter_map(|(_, value)| value.clone()))?;
        let batch = RecordBatch::try_new(schema, vec![values])?;
        let verdicts = predicate.evaluate(&batch)?.into_array(batch.num_rows())?;
        let verdicts = verdicts.as_boolean();
        Ok((0..verdicts.len())
            .map(|row| verdicts.is_valid(row) && verdicts.value(row))
            .collect())
    }

    /// Files spread over `count` groups of about the same number of bytes; a sorted file is a
    /// group of its own, so that its order is kept.
    fn groups(&self, files: Vec<PartitionedFile>, count: usize) -> Vec<FileGroup> {
        if self.sorted_by.is_some() {
            return files
                .into_iter()
                .map(|file| FileGroup::new(vec![file]))
                .collect();
        }
        let total: u64 = files.iter().map(|file| file.object_meta.size).sum();
        let share = total / count.max(1) as u64 + 1;
        let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new()];
        let mut filled = 0;
        for file in files {
            if filled >= share {
                groups.push(Vec::new());
                filled = 0;
            }
            filled += file.object_meta.size;
            if let Some(group) = groups.last_mut() {
                group.push(file);
            }
        }
        groups.into_iter().map(FileGroup::new).collect()
    }

    fn ordering(&self) -> Vec<LexOrdering> {
        let Some(index) = self.sorted_by else {
            return Vec::new();
        };
        let name = self.table_schema.table_schema().field(index).name();
        let column = Arc::new(expressions::Column::new(name, index));
        let ascending = PhysicalSortExpr::new(column, Default::default());
        LexOrdering::new([ascending]).into_iter().collect()
    }
}

/// The filter with bare column names, as a schema without a table knows them.
fn without_qualifiers(filter: &Expr) -> Result<Expr> {
    use datafusion::common::Column;
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let bare = filter.clone().transform(|expression| {
        Ok(match expression {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(bare.data)
}

#[async_trait]
impl TableProvider for ParquetFiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.table_schema.table_schema())
    }

    fn constraints(&self) -> Option<&Constraints> {
        self.constraints.as_ref()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if self.is_about_partition(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.files_passing(state, filters)?;
        if files.is_empty() {
            // A scan of nothing has no order, and no partitions for one.
            let schema = project_schema(&self.schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let groups = self.groups(files, state.config_options().execution.target_partitions);
        let source = Arc::new(ParquetSource::new(self.table_schema.clone()));
        let config = FileScanConfigBuilder::new(self.store.clone(), source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(self.ordering())
            .build();
        ParquetFormat::default()
            .create_physical_plan(state, config)
            .await
    }
}
