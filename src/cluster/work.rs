//! The plan of a task: its pieces as the partitions of a table with their numbers, a [`WorkExec`] above that
//! answers each, and a merge of the answers.
//!
//! ```text
//! SortPreservingMergeExec: [piece ASC]     all answers, in their order
//!   WorkExec                               (piece, answer) for each piece
//!     DataSourceExec: memory               (piece, said), one in each partition
//! ```
//!
//! The pieces are a table, since that is what a scheduler can restrict to the piece of one executor: of what is
//! said of other pieces, none hears.

use std::fmt;
use std::io;
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

use crate::ground::{of_hex, to_hex};

/// The column with the number of a piece.
const PIECE: &str = "piece";

/// The column with what is said of it alone.
const SAID: &str = "said";

/// The column with what came of it.
const ANSWER: &str = "answer";

/// A piece of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its place among the pieces, from 0.
    pub number: usize,
    /// What is said of it alone.
    pub said: Vec<u8>,
}

/// Carries out a piece of a task.
pub type Worker =
    Arc<dyn Fn(Arc<[u8]>, Piece) -> BoxFuture<'static, Result<Vec<u8>, Undone>> + Send + Sync>;

/// Why a piece is not done.
#[derive(Debug)]
pub enum Undone {
    /// Another try may succeed, here or elsewhere.
    TryAgain(io::Error),
    /// No try would: the whole task ends. What its owner is told, as bytes.
    Refused(Vec<u8>),
}

/// What the error begins with that ends a task.
const REFUSED: &str = "refused by a worker: ";

impl From<Undone> for DataFusionError {
    fn from(undone: Undone) -> Self {
        match undone {
            // The one kind of failure that is tried again.
            Undone::TryAgain(error) => Self::IoError(error),
            Undone::Refused(told) => Self::Execution(format!("{REFUSED}{}", to_hex(&told))),
        }
    }
}

/// What the owner of a task is told by an error that has ended it; none by another error.
pub(super) fn refused_in(said: &str) -> Option<Vec<u8>> {
    let (_, digits) = said.split_once(REFUSED)?;
    let end = digits.find(|digit: char| !digit.is_ascii_hexdigit());
    of_hex(&digits[..end.unwrap_or(digits.len())])
}

/// The plan of a task, of whose pieces this is said.
pub(super) fn plan_of(task: Vec<u8>, pieces: &[Vec<u8>]) -> Result<Arc<dyn ExecutionPlan>> {
    let said = Field::new(SAID, DataType::Binary, false);
    let schema = Arc::new(Schema::new(vec![piece_field(), said]));
    let partitions = (0..).zip(pieces).map(|(number, said)| {
        let number: ArrayRef = Arc::new(Int64Array::from(vec![number]));
        let said: ArrayRef = Arc::new(BinaryArray::from_iter_values([said]));
        Ok(vec![RecordBatch::try_new(
            Arc::clone(&schema),
            vec![number, said],
        )?])
    });
    let partitions = partitions.collect::<Result<Vec<_>>>()?;
    let pieces = MemorySourceConfig::try_new_exec(&partitions, schema, None)?;
    let work = WorkExec::new(task.into(), pieces, None);
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
    pieces: Arc<dyn ExecutionPlan>,
    /// Who carries pieces out; none where the plan is only passed on.
    worker: Option<Worker>,
    properties: Arc<PlanProperties>,
}

impl WorkExec {
    pub(super) fn new(
        task: Arc<[u8]>,
        pieces: Arc<dyn ExecutionPlan>,
        worker: Option<Worker>,
    ) -> Self {
        let answer = Field::new(ANSWER, DataType::Binary, false);
        let schema = Arc::new(Schema::new(vec![piece_field(), answer]));
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, [by_piece()]),
            pieces.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            task,
            pieces,
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
        vec![&self.pieces]
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
        let pieces = children.swap_remove(0);
        let (task, worker) = (Arc::clone(&self.task), self.worker.clone());
        Ok(Arc::new(Self::new(task, pieces, worker)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(worker) = self.worker.clone() else {
            return Err(DataFusionError::Internal("nobody works here".to_owned()));
        };
        let pieces = self.pieces.execute(partition, context)?;
        let (task, schema) = (Arc::clone(&self.task), self.schema());
        let answers = {
            let schema = Arc::clone(&schema);
            pieces.and_then(move |pieces| {
                answer(
                    pieces,
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
    pieces: RecordBatch,
    task: Arc<[u8]>,
    worker: Worker,
    schema: SchemaRef,
) -> Result<RecordBatch> {
    let not_pieces = || DataFusionError::Internal("not pieces of work".to_owned());
    let numbers = Arc::clone(pieces.column(0));
    let said = pieces.column_by_name(SAID).ok_or_else(not_pieces)?;
    let said = said.as_binary_opt::<i32>().ok_or_else(not_pieces)?;
    let values = numbers.as_primitive_opt::<Int64Type>();
    let values = values.ok_or_else(not_pieces)?.values();
    let pieces = values.iter().zip(said).map(|(number, said)| Piece {
        number: *number as usize,
        said: said.unwrap_or_default().to_vec(),
    });
    let pieces: Vec<Piece> = pieces.collect();
    let answers = stream::iter(pieces.into_iter().map(Ok)).and_then(|piece| {
        let answer = worker(Arc::clone(&task), piece);
        async move { Ok::<_, DataFusionError>(answer.await?) }
    });
    let answers: Vec<Vec<u8>> = answers.try_collect().await?;
    let answers: ArrayRef = Arc::new(BinaryArray::from_iter_values(answers));
    Ok(RecordBatch::try_new(schema, vec![numbers, answers])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_told_among_the_words_of_others() {
        let told = "no number: 'user-1'\nin line 7".as_bytes();
        let error = DataFusionError::from(Undone::Refused(told.to_vec()));
        let said = format!("Job x failed: Job failed due to stage 1 failed: {error:?}");
        assert_eq!(refused_in(&said).as_deref(), Some(told));
        let again = DataFusionError::from(Undone::TryAgain(io::Error::other("503")));
        assert!(matches!(again, DataFusionError::IoError(_)));
        assert_eq!(refused_in(&again.to_string()), None);
    }
}
