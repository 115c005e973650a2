//! Today's users joined with those of the previous snapshot: one pass over two streams that are
//! both sorted by user.
//!
//! | today | previous | result |
//! |---|---|---|
//! | a | a | a with its previous row |
//! | b | | b with a previous row of NULL |
//! | | c | c among those who are gone |

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringViewArray, UInt64Array, new_null_array,
};
use datafusion::arrow::compute::{cast, interleave, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::TryStreamExt;

use crate::tiles::USER_ID;

/// The rows of the previous snapshot that belong to a batch of today's users.
pub(super) struct PreviousRows {
    /// A row for each of today's users; NULL for users absent from the previous snapshot.
    pub previous: RecordBatch,
    /// Rows of the previous snapshot whose users are not there today, and come before the last
    /// of today's.
    pub gone: Vec<RecordBatch>,
}

/// The previous snapshot, read along with today's users.
pub(super) struct PreviousJoin {
    stream: SendableRecordBatchStream,
    /// Batches that may have rows of today's current batch; the one being read is the last.
    batches: Vec<RecordBatch>,
    users: Users,
    row: usize,
    /// Rows of the batch being read whose users are gone.
    gone: Vec<u64>,
    is_done: bool,
}

impl PreviousJoin {
    /// Starts to read a stream that is sorted by user.
    pub(super) fn open(stream: SendableRecordBatchStream) -> Self {
        Self {
            stream,
            batches: Vec::new(),
            users: Users::none(),
            row: 0,
            gone: Vec::new(),
            is_done: false,
        }
    }

    /// The rows of the next batch of today's users.
    pub(super) async fn join(&mut self, today: &RecordBatch) -> Result<PreviousRows> {
        let users = Users::of(today)?;
        let mut gone = Vec::new();
        // Only the batch being read can have rows for users to come.
        let read = self.batches.len().saturating_sub(1);
        self.batches.drain(..read);
        let mut places = Vec::with_capacity(today.num_rows());
        for row in 0..today.num_rows() {
            let place = loop {
                if self.row == self.users.len() && !self.read_on(&mut gone).await? {
                    break None;
                }
                match self.users.order(self.row, &users, row)? {
                    Ordering::Less => {
                        self.gone.push(self.row as u64);
                        self.row += 1;
                    }
                    Ordering::Equal => {
                        self.row += 1;
                        break Some((self.batches.len(), self.row - 1));
                    }
                    Ordering::Greater => break None,
                }
            };
            // The first array of each column is one NULL.
            places.push(place.unwrap_or((0, 0)));
        }
        gone.extend(self.take_gone()?);
        let previous = self.rows_at(&places)?;
        Ok(PreviousRows { previous, gone })
    }

    /// Everybody who comes after today's last user.
    pub(super) async fn rest(&mut self) -> Result<Option<RecordBatch>> {
        let mut gone = Vec::new();
        while gone.is_empty() {
            self.gone.extend(self.row as u64..self.users.len() as u64);
            self.row = self.users.len();
            if !self.read_on(&mut gone).await? {
                break;
            }
        }
        Ok(gone.pop())
    }

    /// Turns to the next batch; those who are gone from the last go to `gone`.
    async fn read_on(&mut self, gone: &mut Vec<RecordBatch>) -> Result<bool> {
        gone.extend(self.take_gone()?);
        if self.is_done {
            return Ok(false);
        }
        while let Some(batch) = self.stream.try_next().await? {
            if batch.num_rows() > 0 {
                self.users = Users::of(&batch)?;
                self.row = 0;
                self.batches.push(batch);
                return Ok(true);
            }
        }
        self.is_done = true;
        Ok(false)
    }

    fn take_gone(&mut self) -> Result<Option<RecordBatch>> {
        if self.gone.is_empty() {
            return Ok(None);
        }
        let rows = UInt64Array::from(std::mem::take(&mut self.gone));
        let batch = self.batches.last();
        let taken = batch.map(|batch| take_record_batch(batch, &rows));
        Ok(taken.transpose()?)
    }

    /// The rows at these places; place (0, 0) is a row of NULL.
    fn rows_at(&self, places: &[(usize, usize)]) -> Result<RecordBatch> {
        let schema = self.stream.schema();
        let mut columns = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            let nothing = new_null_array(field.data_type(), 1);
            let arrays = std::iter::once(&nothing);
            let arrays = arrays.chain(self.batches.iter().map(|batch| batch.column(index)));
            let arrays: Vec<&dyn Array> = arrays.map(|array| array.as_ref()).collect();
            columns.push(interleave(&arrays, places)?);
        }
        let fields = schema.fields().iter();
        let fields = fields.map(|field| Field::clone(field).with_nullable(true));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }
}

/// The users of a batch.
enum Users {
    Numbers(Int64Array),
    Texts(StringViewArray),
}

impl Users {
    fn none() -> Self {
        Self::Numbers(Int64Array::from(Vec::<i64>::new()))
    }

    fn of(batch: &RecordBatch) -> Result<Self> {
        let users: &ArrayRef = batch.column(batch.schema_ref().index_of(USER_ID)?);
        Ok(match users.data_type() {
            DataType::Int64 => Self::Numbers(users.as_primitive::<Int64Type>().clone()),
            _ => Self::Texts(cast(users, &DataType::Utf8View)?.as_string_view().clone()),
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    /// How a user here compares to one there.
    fn order(&self, row: usize, others: &Self, other: usize) -> Result<Ordering> {
        match (self, others) {
            (Self::Numbers(here), Self::Numbers(there)) => {
                let number =
                    |users: &Int64Array, row| users.is_valid(row).then(|| users.value(row));
                Ok(number(here, row).cmp(&number(there, other)))
            }
            (Self::Texts(here), Self::Texts(there)) => {
                let here = here.is_valid(row).then(|| here.value(row));
                Ok(here.cmp(&there.is_valid(other).then(|| there.value(other))))
            }
            _ => Err(DataFusionError::Execution(
                "user_id has another type than in the previous snapshot; publish to a new output"
                    .to_owned(),
            )),
        }
    }
}
