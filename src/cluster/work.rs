//! The plan of a task: its pieces as the partitions of a table with their numbers, a [`WorkExec`] above that
//! answers each, and a merge of the answers.
//!
//! ```text
//! SortPreservingMergeExec: [piece ASC]     all answers, in their order
//!   WorkExec                               (piece, answer) for each piece
//!     DataSourceExec: memory               (piece), one in each partition
//! ```
//!
//! The pieces are a table, since that is what a scheduler can restrict to the piece of one executor.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryArray, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties, SendableRecordBatchStream,
};
use futures::future::BoxFuture;
use futures::{TryStreamExt, stream};

/// The column with the number of a piece.
const PIECE: &str = "piece";

/// The column with what came of it.
const ANSWER: &str = "answer";

/// Carries out a piece of a task: the task, and the number of the piece. It fails where another try may
/// succeed.
pub type Worker =
    Arc<dyn Fn(Arc<[u8]>, usize) -> BoxFuture<'static, std::io::Result<Vec<u8>>> + Send + Sync>;

/// The plan of a task.
pub(super) fn plan_of(task: Vec<u8>, pieces: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![piece_field()]));
    let partitions = (0..pieces as i64).map(|piece| {
        let number: ArrayRef = Arc::new(Int64Array::from(vec![piece]));
        Ok(vec![RecordBatch::try_new(
            Arc::clone(&schema),
            vec![number],
        )?])
    });
    let partitions = partitions.collect::<Result<Vec<_>>>()?;
    let numbers = MemorySourceConfig::try_new_exec(&partitions, schema, None)?;
    let work = WorkExec::new(task.into(), numbers, None);
    Ok(Arc::new(SortPreservingMergeExec::new(
        by_piece(),
        Arc::new(work),
    )))
}

fn piece_field() -> Field {
    Field::new(PIECE, DataType::Int64, false)
}

fn by_piece() -> LexOrdering {
    let piece = Arc::new(Column::new(PIECE, 0));
    LexOrdering::from([PhysicalSortExpr::new(piece, Default::default())])
}

/// The answers, by the number of the piece.
pub(super) fn answers_of(rows: &[RecordBatch]) -> Result<Vec<(i64, Vec<u8>)>> {
    let mut answers = Vec::new();
    for rows in rows {
        let (pieces, texts) = (rows.column(0), rows.column(1));
        let pieces = pieces.as_primitive_opt::<Int64Type>();
        let texts = texts.as_binary_opt::<i32>();
        let (Some(pieces), Some(texts)) = (pieces, texts) else {
            return Err(DataFusionError::Internal("not an answer".to_owned()));
        };
        let answer = |row| (pieces.value(row), texts.value(row).to_vec());
        answers.extend((0..rows.num_rows()).map(answer));
    }
    Ok(answers)
}

/// Answers the pieces of its input.
pub(super) struct WorkExec {
    task: Arc<[u8]>,
    numbers: Arc<dyn ExecutionPlan>,
    /// Who carries pieces out; none where the plan is only passed on.
    worker: Option<Worker>,
    properties: Arc<PlanProperties>,
}

impl WorkExec {
    pub(super) fn new(
        task: Arc<[u8]>,
        numbers: Arc<dyn ExecutionPlan>,
        worker: Option<Worker>,
    ) -> Self {
        let answer = Field::new(ANSWER, DataType::Binary, false);
        let schema = Arc::new(Schema::new(vec![piece_field(), answer]));
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, [by_piece()]),
            numbers.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            task,
            numbers,
            worker,
            properties: Arc::new(properties),
        }
    }

    /// What it carries out.
    pub(super) fn task(&self) -> &[u8] {
        &self.task
    }
}

/// What the task says may be a secret of whoever hands it in.
impl fmt::Debug for WorkExec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WorkExec of {} bytes", self.task.len())
    }
}

impl DisplayAs for WorkExec {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WorkExec: {} bytes", self.task.len())
    }
}

impl ExecutionPlan for WorkExec {
    fn name(&self) -> &str {
        "WorkExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.numbers]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let numbers = children.swap_remove(0);
        let (task, worker) = (Arc::clone(&self.task), self.worker.clone());
        Ok(Arc::new(Self::new(task, numbers, worker)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(worker) = self.worker.clone() else {
            return Err(DataFusionError::Internal("nobody works here".to_owned()));
        };
        let numbers = self.numbers.execute(partition, context)?;
        let (task, schema) = (Arc::clone(&self.task), self.schema());
        let answers = {
            let schema = Arc::clone(&schema);
            numbers.and_then(move |numbers| {
                answer(
                    numbers,
                    Arc::clone(&task),
                    Arc::clone(&worker),
                    Arc::clone(&schema),
                )
            })
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, answers)))
    }
}

/// The answers to the pieces of a batch.
async fn answer(
    numbers: RecordBatch,
    task: Arc<[u8]>,
    worker: Worker,
    schema: SchemaRef,
) -> Result<RecordBatch> {
    let pieces = numbers
        .column(0)
        .as_primitive::<Int64Type>()
        .values()
        .to_vec();
    let answers = stream::iter(pieces.into_iter().map(Ok)).and_then(|piece| {
        let answer = worker(Arc::clone(&task), piece as usize);
        // The one kind of failure that is tried again.
        async move { answer.await.map_err(DataFusionError::IoError) }
    });
    let answers: Vec<Vec<u8>> = answers.try_collect().await?;
    let answers: ArrayRef = Arc::new(BinaryArray::from_iter_values(answers));
    let columns = vec![Arc::clone(numbers.column(0)), answers];
    Ok(RecordBatch::try_new(schema, columns)?)
}
