//! A cluster as those see it who have work for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ballista_core::execution_plans::execute_physical_plan;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::TryStreamExt;
use tokio::time::sleep;
use url::Url;
use uuid::Uuid;

use super::MESSAGE_BYTES;
use super::codec::{NO_EXECUTOR, WorkCodec};
use super::error::ClusterError;
use super::work::{answers_of, plan_of};

/// A task carries one piece, so that what is lost with an executor is little.
const PIECES_OF_A_TASK: &str = "ballista.scheduler.max_partitions_per_task";

/// A scheduler that hangs is lost as well: it must answer pings.
const SECONDS_BETWEEN_PINGS: &str = "ballista.client.grpc_http2_keepalive_interval_seconds";

/// How often a task is handed in again whose answers were lost before they could be fetched.
const HANDED_IN_AGAIN: usize = 1;

/// How long work waits for a first executor, and how long between two looks for one.
const WAITING_FOR_EXECUTORS: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// A cluster, by the URL of its scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    url: String,
}

impl Cluster {
    /// The cluster whose scheduler has a URL.
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
        }
    }

    /// Has the pieces of a task worked off, and returns the answers in the order of the pieces. `task` is what all
    /// are told, `pieces` what each is told besides.
    ///
    /// # Errors
    /// A scheduler that cannot be reached or is lost, executors that are all lost, and pieces that fail
    /// whoever tries.
    pub async fn work_off(
        &self,
        task: Vec<u8>,
        pieces: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>, ClusterError> {
        scheduler_at(&self.url)?;
        self.check_size(task.len(), pieces)?;
        let failed = |error: DataFusionError| ClusterError::failed(&self.url, &error);
        let mut again = 0..HANDED_IN_AGAIN;
        let answers = loop {
            let plan = plan_of(task.clone(), pieces).map_err(failed)?;
            let answers = self
                .submit_to_executors(plan, pieces.len())
                .await
                .map_err(failed)?;
            let answers: Result<Vec<RecordBatch>, _> = answers.try_collect().await;
            match (answers, again.next()) {
                (Ok(answers), _) => break answers,
                (Err(error), Some(_)) => {
                    let error = error.strip_backtrace();
                    tracing::warn!(
                        error,
                        "answers are lost with an executor: all pieces are worked off anew"
                    );
                }
                (Err(error), None) => return Err(ClusterError::lost(&self.url, &error)),
            }
        };
        let mut answers = answers_of(&answers).map_err(failed)?;
        answers.sort_by_key(|(piece, _)| *piece);
        let numbers = answers.iter().map(|(piece, _)| *piece);
        if !numbers.eq(0..pieces.len() as i64) {
            let reason = format!("{} answers to {} pieces", answers.len(), pieces.len());
            let url = self.url.clone();
            return Err(ClusterError::Failed { url, reason });
        }
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// The same, once there is an executor.
    async fn submit_to_executors(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        pieces: usize,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let begun = Instant::now();
        loop {
            let submitted = self.submit(Arc::clone(&plan), pieces).await;
            let waits = matches!(&submitted, Err(error) if error.to_string().contains(NO_EXECUTOR));
            if !waits || begun.elapsed() > WAITING_FOR_EXECUTORS {
                return submitted;
            }
            sleep(BETWEEN_LOOKS).await;
        }
    }

    /// A task that does not fit would never be begun.
    fn check_size(&self, task: usize, pieces: &[Vec<u8>]) -> Result<(), ClusterError> {
        let said: usize = pieces.iter().map(Vec::len).sum();
        let bytes = task.saturating_mul(pieces.len()).saturating_add(said);
        match bytes < MESSAGE_BYTES as usize / 2 {
            true => Ok(()),
            false => Err(ClusterError::TooLarge {
                bytes,
                pieces: pieces.len(),
            }),
        }
    }

    /// Waits until all pieces are worked off; the answers lie with an executor then.
    async fn submit(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        pieces: usize,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let others = Arc::new(BallistaPhysicalExtensionCodec::default());
        // With other partitions than the plan has, the scheduler would deal pieces out anew.
        let config = SessionConfig::new_with_ballista()
            .with_target_partitions(pieces)
            .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES as usize)
            .set_str(PIECES_OF_A_TASK, "1")
            .set_str(SECONDS_BETWEEN_PINGS, "10");
        let (settings, codec) = (config.ballista_config(), WorkCodec::new(None, others));
        let session = Uuid::new_v4().to_string();
        let url = self.url.clone();
        execute_physical_plan::<PhysicalPlanNode>(url, &settings, plan, &codec, session, config)
            .await
    }
}

/// The host and the port of a scheduler's URL.
///
/// # Errors
/// [`ClusterError::Url`]. Traffic is not encrypted, and is not to be taken for that: `https` is refused.
pub fn scheduler_at(url: &str) -> Result<(String, u16), ClusterError> {
    let parsed = Url::parse(url).ok();
    let parsed = parsed.filter(|url| url.scheme() == "http" && url.path() == "/");
    let place = parsed.and_then(|url| Some((url.host_str()?.to_owned(), url.port()?)));
    place.ok_or_else(|| ClusterError::Url {
        url: url.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_would_never_be_begun_is_refused() {
        let cluster = Cluster::at("http://127.0.0.1:50050");
        let pieces = vec![Vec::new(); 128];
        cluster.check_size(1 << 20, &pieces[..64]).unwrap();
        let told = cluster
            .check_size(1 << 20, &pieces)
            .unwrap_err()
            .to_string();
        let help = "lower `ranges` under [engine], or make reference files smaller";
        assert!(told.ends_with(help), "{told}");
    }
}
