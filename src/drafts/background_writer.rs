//! A draft written in a task of its own, so that rows are encoded while the next are computed.

use arrow::array::RecordBatch;
use datafusion::common::runtime::SpawnedTask;
use tokio::sync::mpsc::{Sender, channel};

use super::{Draft, DraftError, DraftWriter};

/// Batches that wait to be written.
const BATCHES_WAITING: usize = 4;

/// Hands batches to a writer in another task.
pub(crate) struct BackgroundWriter {
    batches: Sender<RecordBatch>,
    task: SpawnedTask<(DraftWriter, Result<(), DraftError>)>,
}

impl BackgroundWriter {
    /// Gives a writer a task of its own.
    pub(crate) fn start(mut writer: DraftWriter) -> Self {
        let (batches, mut waiting) = channel::<RecordBatch>(BATCHES_WAITING);
        let task = SpawnedTask::spawn(async move {
            while let Some(batch) = waiting.recv().await {
                if let Err(error) = writer.write(&batch).await {
                    return (writer, Err(error));
                }
            }
            (writer, Ok(()))
        });
        Self { batches, task }
    }

    /// Adds the rows of a batch. Whether they can be written shows at the end, at the latest;
    /// false says that it has shown.
    pub(crate) async fn write(&self, batch: RecordBatch) -> bool {
        self.batches.send(batch).await.is_ok()
    }

    /// Completes the draft.
    ///
    /// # Errors
    /// As [`DraftWriter::write`] and [`DraftWriter::finish`]; nothing is left behind.
    pub(crate) async fn finish(self) -> Result<Draft, DraftError> {
        let (writer, written) = self.join().await?;
        match written {
            Ok(()) => writer.finish().await,
            Err(failure) => {
                writer.abandon().await;
                Err(failure)
            }
        }
    }

    /// Removes whatever was written.
    pub(crate) async fn abandon(self) {
        match self.join().await {
            Ok((writer, _)) => writer.abandon().await,
            Err(error) => {
                tracing::warn!(%error, "could not delete the files of an abandoned draft")
            }
        }
    }

    async fn join(self) -> Result<(DraftWriter, Result<(), DraftError>), DraftError> {
        drop(self.batches);
        let joined = self.task.join().await;
        joined.map_err(|error| DraftError::Task {
            source: error.into(),
        })
    }
}
