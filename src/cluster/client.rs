//! A cluster as those see it who have work for it.

use std::sync::Arc;

use ballista_core::execution_plans::execute_physical_plan;
use ballista_core::extension::SessionConfigExt;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::PhysicalPlanNode;
use futures::TryStreamExt;
use url::Url;
use uuid::Uuid;

use super::codec::WorkCodec;
use super::error::ClusterError;
use super::work::{answers_of, plan_of};

/// A task carries one piece, so that what is lost with an executor is little.
const PIECES_OF_A_TASK: &str = "ballista.scheduler.max_partitions_per_task";

/// How often a task is handed in again whose answers were lost before they could be fetched.
const TRIES: usize = 2;

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

    /// Has a task of so many pieces worked off, and returns the answers in the order of the pieces.
    ///
    /// # Errors
    /// A scheduler that cannot be reached or is lost, executors that are all lost, and pieces that fail
    /// whoever tries.
    pub async fn work_off(
        &self,
        task: Vec<u8>,
        pieces: usize,
    ) -> Result<Vec<Vec<u8>>, ClusterError> {
        self.check_url()?;
        let failed = |error: DataFusionError| ClusterError::failed(&self.url, &error);
        let mut tries = 1..=TRIES;
        let answers = loop {
            let plan = plan_of(task.clone(), pieces).map_err(failed)?;
            let answers = self.submit(plan, pieces).await.map_err(failed)?;
            let answers: Result<Vec<RecordBatch>, _> = answers.try_collect().await;
            match (answers, tries.next()) {
                (Ok(answers), _) => break answers,
                (Err(error), Some(_)) => {
                    let error = error.strip_backtrace();
                    tracing::warn!(
                        error,
                        "answers are lost with an executor: all pieces are worked off anew"
                    );
                }
                (Err(error), None) => return Err(failed(error)),
            }
        };
        let mut answers = answers_of(&answers).map_err(failed)?;
        answers.sort_by_key(|(piece, _)| *piece);
        let numbers = answers.iter().map(|(piece, _)| *piece);
        if !numbers.eq(0..pieces as i64) {
            let reason = format!("{} answers to {pieces} pieces", answers.len());
            let url = self.url.clone();
            return Err(ClusterError::Failed { url, reason });
        }
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
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
            .set_str(PIECES_OF_A_TASK, "1");
        let (settings, codec) = (config.ballista_config(), WorkCodec::new(None, others));
        let session = Uuid::new_v4().to_string();
        let url = self.url.clone();
        execute_physical_plan::<PhysicalPlanNode>(url, &settings, plan, &codec, session, config)
            .await
    }

    fn check_url(&self) -> Result<(), ClusterError> {
        let url = Url::parse(&self.url).ok();
        let fits = url.is_some_and(|url| {
            let scheme = matches!(url.scheme(), "http" | "https");
            scheme && url.host().is_some() && url.port().is_some()
        });
        match fits {
            true => Ok(()),
            false => Err(ClusterError::Url {
                url: self.url.clone(),
            }),
        }
    }
}
