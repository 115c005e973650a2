//! Merged tiles as a table: one row per user, sorted by user, who is the primary key.
//!
//! The table of one rollup has the columns `user_id` and those asked for. Of several rollups,
//! joined by user, it has the user, and for each rollup its columns under its name, all of them
//! NULL where it has no row of the user, and whether it has one.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Constraint, Constraints};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{LexOrdering, Partitioning, PhysicalSortExpr, expressions};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};

use super::keys::USER_ID;
use super::merge::{OutputColumn, TileMerge};
use super::merge_inputs::MergedRollup;
use super::ranges::{UserRange, UserRanges};

/// Of several rollups: whether one has a row of the user. Columns of windows end in the window's
/// name, so none of them is called that.
pub(super) const IS_PRESENT: &str = "is_present";

/// Batches that are made ahead of whoever reads them.
const BATCHES_AHEAD: usize = 4;

/// The table.
pub struct MergedTiles {
    rollups: Arc<Vec<MergedRollup>>,
    user_id_type: DataType,
    ranges: Arc<UserRanges>,
    schema: SchemaRef,
    output_columns: Vec<OutputColumn>,
    constraints: Constraints,
}

impl MergedTiles {
    /// The table of one rollup, or of several joined by user.
    pub fn new(rollups: Vec<MergedRollup>, user_id_type: DataType) -> Self {
        let mut fields = vec![Field::new(USER_ID, user_id_type.clone(), true)];
        let mut output_columns = vec![OutputColumn::UserId];
        let is_joined = rollups.len() > 1;
        for (index, rollup) in rollups.iter().enumerate() {
            if is_joined {
                let name = joined_name(&rollup.name, USER_ID);
                fields.push(Field::new(name, user_id_type.clone(), true));
                output_columns.push(OutputColumn::UserIdIn(index));
                let name = joined_name(&rollup.name, IS_PRESENT);
                fields.push(Field::new(name, DataType::Boolean, false));
                output_columns.push(OutputColumn::IsIn(index));
            }
            for column in &rollup.columns {
                let name = match is_joined {
                    true => joined_name(&rollup.name, &column.name),
                    false => column.name.clone(),
                };
                fields.push(Field::new(name, column.data_type.clone(), true));
                output_columns.push(OutputColumn::Column(index, column.clone()));
            }
        }
        Self {
            rollups: Arc::new(rollups),
            user_id_type,
            ranges: Arc::default(),
            schema: Arc::new(Schema::new(fields)),
            output_columns,
            constraints: Constraints::new_unverified(vec![Constraint::PrimaryKey(vec![0])]),
        }
    }

    /// The same, with a partition for each of some ranges of users.
    #[must_use]
    pub fn in_ranges(self, ranges: Arc<UserRanges>) -> Self {
        Self { ranges, ..self }
    }

    /// The rollups.
    pub fn rollups(&self) -> &[MergedRollup] {
        &self.rollups
    }

    /// The type of user ids.
    pub fn user_id_type(&self) -> &DataType {
        &self.user_id_type
    }

    /// The ranges of users that are merged side by side.
    pub fn ranges(&self) -> &Arc<UserRanges> {
        &self.ranges
    }
}

/// What a rollup's column is called in a table of several rollups.
pub(super) fn joined_name(rollup: &str, column: &str) -> String {
    format!("{rollup}.{column}")
}

impl fmt::Debug for MergedTiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rollups.iter().map(|rollup| &rollup.name);
        formatter.debug_list().entries(names).finish()
    }
}

#[async_trait]
impl TableProvider for MergedTiles {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn constraints(&self) -> Option<&Constraints> {
        Some(&self.constraints)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.output_columns.len()).collect();
        let projection = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(projection)?);
        let columns = projection.iter().map(|index| &self.output_columns[*index]);
        let merges = self.ranges.iter().map(|range| {
            let merge = MergeStream {
                rollups: Arc::clone(&self.rollups),
                output_columns: columns.clone().cloned().collect(),
                schema: Arc::clone(&schema),
                user_id_type: self.user_id_type.clone(),
                range,
            };
            Arc::new(merge) as Arc<dyn PartitionStream>
        });
        let user_id = projection.iter().position(|index| *index == 0);
        let ordering = user_id.and_then(|index| {
            let column = Arc::new(expressions::Column::new(USER_ID, index));
            LexOrdering::new([PhysicalSortExpr::new(column, Default::default())])
        });
        let merges = merges.collect();
        let scan = StreamingTableExec::try_new(schema, merges, None, ordering, false, limit)?;
        Ok(Arc::new(match user_id {
            Some(user_id) if self.ranges.count() > 1 => {
                let ranges = self.ranges.partitioning(user_id, &self.user_id_type)?;
                scan.with_output_partitioning(Partitioning::Range(ranges))?
            }
            _ => scan,
        }))
    }
}

/// The merge of a range of users, on a thread of its own.
#[derive(Debug)]
struct MergeStream {
    rollups: Arc<Vec<MergedRollup>>,
    output_columns: Vec<OutputColumn>,
    schema: SchemaRef,
    user_id_type: DataType,
    range: UserRange,
}

impl PartitionStream for MergeStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&schema), BATCHES_AHEAD);
        let sender = builder.tx();
        let (rollups, output_columns) = (Arc::clone(&self.rollups), self.output_columns.clone());
        let (user_id_type, range) = (self.user_id_type.clone(), self.range.clone());
        builder.spawn_blocking(move || {
            let mut merge =
                TileMerge::open(&rollups, output_columns, schema, &user_id_type, &range)?;
            while let Some(batch) = merge.next_chunk()? {
                // Nobody reads on: the query was given up.
                if sender.blocking_send(Ok(batch)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        builder.build()
    }
}
