//! An explicit list of Parquet files as a table: a scan opens these files and no others.
//!
//! A partitioned list carries one value per file. A filter on the partition column alone decides
//! at planning which files are opened at all; filters on the column that files are sorted by decide which
//! pages of them are read.
//!
//! Files of a source ([`ParquetFiles::of_source`]) are other people's: they are read as they were
//! listed or not at all, and their columns may be spelt in another case and be of other types.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::NaiveDate;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraint, Constraints, DFSchema, ScalarValue, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::{
    LexOrdering, Partitioning, PhysicalSortExpr, RangePartitioning, expressions,
};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::PathValues;
use super::file_columns::FileColumns;
use super::file_reader::FileReaders;
use super::int96::reading_int96;
use super::named_files::{NamedFiles, Names};

/// The column that holds the day of a partition.
const DAY: &str = "day";

/// Files of one store that together are one table.
#[derive(Debug)]
pub struct ParquetFiles {
    store: ObjectStoreUrl,
    files: Vec<(ObjectMeta, Option<ScalarValue>)>,
    table_schema: TableSchema,
    partition: Option<FieldRef>,
    sorted_by: Option<usize>,
    ranges: Option<RangePartitioning>,
    constraints: Option<Constraints>,
    source: Option<String>,
    values: HashMap<Path, PathValues>,
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
            ranges: None,
            constraints: None,
            source: None,
            values: HashMap::new(),
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
            ranges: None,
            constraints: None,
            source: None,
            values: HashMap::new(),
        }
    }

    /// The same files as those that were delivered to a source and listed a while ago.
    #[must_use]
    pub fn of_source(mut self, source: &str) -> Self {
        self.source = Some(source.to_owned());
        self
    }

    /// Gives files columns that their paths have.
    #[must_use]
    pub fn with_values(mut self, values: HashMap<Path, PathValues>) -> Self {
        self.values = values;
        self
    }

    /// Declares that every file is sorted by its column `index`, ascending, without NULLs. The
    /// engine trusts this: only for files that tierline wrote so.
    #[must_use]
    pub fn sorted_by(mut self, index: usize) -> Self {
        self.sorted_by = Some(index);
        self
    }

    /// Declares that each file has the rows of one range, in the order of the ranges. The engine trusts this.
    #[must_use]
    pub fn in_ranges(mut self, ranges: RangePartitioning) -> Self {
        self.ranges = Some(ranges);
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
            let file = PartitionedFile::new_from_meta(object.clone())
                .with_partition_values(value.iter().cloned().collect());
            match self.values.get(&object.location) {
                Some(values) => file.with_extension(values.clone()),
                None => file,
            }
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

    /// What holds of the column that the files are sorted by: pages without such rows are not read.
    fn pruning(
        &self,
        state: &dyn Session,
        filters: &[Expr],
    ) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(sorted_by) = self.sorted_by else {
            return Ok(None);
        };
        let schema = self.table_schema.table_schema();
        let name = schema.field(sorted_by).name();
        let is_about_it = |filter: &&Expr| {
            let columns = filter.column_refs();
            !columns.is_empty() && columns.iter().all(|column| column.name == *name)
        };
        let about_it = filters.iter().filter(is_about_it).map(without_qualifiers);
        let Some(filter) = conjunction(about_it.collect::<Result<Vec<_>>>()?) else {
            return Ok(None);
        };
        let schema = DFSchema::try_from(Arc::clone(schema))?;
        state.create_physical_expr(filter, &schema).map(Some)
    }

    /// How the files are read.
    fn reading(&self, state: &dyn Session, filters: &[Expr]) -> Result<Arc<dyn FileSource>> {
        let runtime = state.runtime_env();
        let store = runtime.object_store(&self.store)?;
        let names = Names {
            root: self.store.clone(),
            source: self.source.clone(),
            store: Arc::clone(&store),
        };
        let readers = FileReaders::new(self.store.clone(), store, runtime, self.source.is_some());
        let options = reading_int96();
        let mut source = ParquetSource::new(self.table_schema.clone());
        if let Some(bytes) = options.global.metadata_size_hint {
            source = source.with_metadata_size_hint(bytes);
        }
        if let Some(filter) = self.pruning(state, filters)? {
            source = source.with_predicate(filter);
        }
        let source = source
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(readers));
        Ok(Arc::new(NamedFiles::new(Arc::new(source), names)))
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

/// Which of some days pass the filters that are about the day alone: the files of the others would
/// not be opened.
///
/// # Errors
/// The engine's.
pub fn days_passing(
    state: &dyn Session,
    filters: &[Expr],
    days: &BTreeSet<NaiveDate>,
) -> Result<BTreeSet<NaiveDate>> {
    let files = days.iter().map(|day| {
        let nowhere = ObjectMeta {
            location: day.to_string().into(),
            last_modified: chrono::DateTime::UNIX_EPOCH,
            size: 0,
            e_tag: None,
            version: None,
        };
        (nowhere, ScalarValue::Date32(Some(day.to_epoch_days())))
    });
    let partition = Arc::new(Field::new(DAY, DataType::Date32, false));
    let files = ParquetFiles::partitioned(
        ObjectStoreUrl::local_filesystem(),
        files.collect(),
        Arc::new(Schema::empty()),
        partition,
    );
    let passing = files.files_passing(state, filters)?;
    let values = passing.iter().flat_map(|file| &file.partition_values);
    let days = values.filter_map(|value| match value {
        ScalarValue::Date32(Some(day)) => NaiveDate::from_epoch_days(*day),
        _ => None,
    });
    Ok(days.collect())
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
        let mut config =
            FileScanConfigBuilder::new(self.store.clone(), self.reading(state, filters)?);
        if self.source.is_some() {
            config = config.with_expr_adapter(Some(Arc::new(FileColumns)));
        }
        let config = config
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .with_output_ordering(self.ordering())
            .with_output_partitioning(self.ranges.clone().map(Partitioning::Range))
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as FilePath;

    use datafusion::arrow::array::{
        ArrayRef, DictionaryArray, Int32Array, Int64Array, StringArray, TimestampMillisecondArray,
    };
    use datafusion::arrow::datatypes::{DataType, Field, Int32Type, TimeUnit};
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::{col, lit};
    use object_store::ObjectStoreExt;
    use object_store::local::LocalFileSystem;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::*;
    use crate::engine::{EngineLimits, Session};

    fn session() -> Session {
        let limits = EngineLimits::default();
        Session::open(&limits, [], []).unwrap()
    }

    /// A file of row groups of one row and pages with statistics.
    async fn write(folder: &FilePath, name: &str, columns: Vec<(&str, ArrayRef)>) -> ObjectMeta {
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let path = folder.join(name);
        let file = std::fs::File::create(&path).unwrap();
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(1))
            .build();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        let path = Path::from_absolute_path(&path).unwrap();
        LocalFileSystem::new().head(&path).await.unwrap()
    }

    /// As three writers deliver the same columns.
    async fn table(folder: &FilePath) -> ParquetFiles {
        let cents = || Arc::new(Int32Array::from(vec![1, 7])) as ArrayRef;
        let channel: DictionaryArray<Int32Type> = vec!["web", "app"].into_iter().collect();
        let noon: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![1, 2]));
        let spelt = vec![
            ("CHANNEL", Arc::new(channel) as ArrayRef),
            ("Discount", cents()),
            ("At", noon),
        ];
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![9, 3]));
        let text: ArrayRef = Arc::new(StringArray::from(vec!["shop", "web"]));
        let usual = vec![("discount", wide), ("channel", text)];
        let files = vec![
            write(folder, "spelt.parquet", spelt).await,
            write(folder, "usual.parquet", usual).await,
            write(folder, "older.parquet", vec![("discount", cents())]).await,
        ];
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let declared = Schema::new(vec![
            Field::new("discount", DataType::Int64, true),
            Field::new("channel", DataType::Utf8View, true),
            Field::new("at", utc, true),
        ]);
        let store = ObjectStoreUrl::local_filesystem();
        ParquetFiles::new(store, files, Arc::new(declared)).of_source("orders")
    }

    async fn select(filter: Option<Expr>) -> String {
        let folder = tempfile::TempDir::new().unwrap();
        let table = table(folder.path()).await;
        let mut rows = session().read(Arc::new(table)).unwrap();
        if let Some(filter) = filter {
            rows = rows.filter(filter).unwrap();
        }
        let rows = rows
            .select(vec![col("at"), col("channel"), col("discount")])
            .unwrap();
        let rows = rows.collect().await.unwrap();
        pretty_format_batches(&rows).unwrap().to_string()
    }

    #[tokio::test]
    async fn columns_are_found_by_their_names_in_any_case_order_and_type() {
        insta::assert_snapshot!(select(None).await, @"
        +--------------------------+---------+----------+
        | at                       | channel | discount |
        +--------------------------+---------+----------+
        | 1970-01-01T00:00:00.001Z | web     | 1        |
        | 1970-01-01T00:00:00.002Z | app     | 7        |
        |                          | shop    | 9        |
        |                          | web     | 3        |
        |                          |         | 1        |
        |                          |         | 7        |
        +--------------------------+---------+----------+
        ");
    }

    /// Filters prune by the statistics of the file's own column.
    #[tokio::test]
    async fn filters_keep_the_rows_that_pass_whatever_a_column_is_called() {
        insta::assert_snapshot!(select(Some(col("discount").gt(lit(5_i64)))).await, @"
        +--------------------------+---------+----------+
        | at                       | channel | discount |
        +--------------------------+---------+----------+
        | 1970-01-01T00:00:00.002Z | app     | 7        |
        |                          | shop    | 9        |
        |                          |         | 7        |
        +--------------------------+---------+----------+
        ");
        insta::assert_snapshot!(select(Some(col("channel").eq(lit("web")))).await, @"
        +--------------------------+---------+----------+
        | at                       | channel | discount |
        +--------------------------+---------+----------+
        | 1970-01-01T00:00:00.001Z | web     | 1        |
        |                          | web     | 3        |
        +--------------------------+---------+----------+
        ");
        insta::assert_snapshot!(select(Some(col("at").is_not_null())).await, @"
        +--------------------------+---------+----------+
        | at                       | channel | discount |
        +--------------------------+---------+----------+
        | 1970-01-01T00:00:00.001Z | web     | 1        |
        | 1970-01-01T00:00:00.002Z | app     | 7        |
        +--------------------------+---------+----------+
        ");
    }

    #[tokio::test]
    async fn file_that_changed_since_it_was_listed_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let table = table(folder.path()).await;
        let other: ArrayRef = Arc::new(Int64Array::from(vec![9]));
        write(folder.path(), "usual.parquet", vec![("discount", other)]).await;
        let rows = session().read(Arc::new(table)).unwrap();
        let error = rows.collect().await.unwrap_err();
        let error = crate::engine::FileError::within(&error).unwrap();
        assert!(
            error.to_string().ends_with(
                "usual.parquet` of source `orders` changed while it was read; run again"
            ),
            "{error}"
        );
    }
}
