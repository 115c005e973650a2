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

use crate::ground::CertificateFiles;

use super::MESSAGE_BYTES;
use super::codec::{NO_EXECUTOR, WorkCodec};
use super::error::ClusterError;
use super::tls::Tls;
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
    certificates: Option<CertificateFiles>,
}

impl Cluster {
    /// The cluster whose scheduler has a URL, and who this process is there.
    pub fn at(url: &str, certificates: Option<&CertificateFiles>) -> Self {
        Self {
            url: url.to_owned(),
            certificates: certificates.cloned(),
        }
    }

    /// Whether work can be handed over, as far as this machine knows.
    ///
    /// # Errors
    /// A URL that is none of a scheduler, or does not go with the certificates; and files that are none.
    pub fn check(&self) -> Result<(), ClusterError> {
        scheduler_at(&self.url, self.certificates.as_ref())?;
        self.tls().map(drop)
    }

    fn tls(&self) -> Result<Option<Tls>, ClusterError> {
        self.certificates.as_ref().map(Tls::load).transpose()
    }

    /// Has the pieces of a task worked off, and returns the answers in the order of the pieces. `task` is what all
    /// are told, `pieces` what each is told besides.
    ///
    /// # Errors
    /// A scheduler that cannot be reached, is not trusted or is lost, executors that are all lost, and pieces that
    /// fail whoever tries.
    pub async fn work_off(
        &self,
        task: Vec<u8>,
        pieces: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>, ClusterError> {
        let place = scheduler_at(&self.url, self.certificates.as_ref())?;
        self.check_size(task.len(), pieces)?;
        let tls = self.tls()?;
        if let Some(tls) = &tls {
            tls.reaches(&place).await?;
        }
        let failed = |error: DataFusionError| ClusterError::failed(&self.url, &error);
        let mut again = 0..HANDED_IN_AGAIN;
        let answers = loop {
            let plan = plan_of(task.clone(), pieces).map_err(failed)?;
            let answers = self
                .submit_to_executors(plan, pieces.len(), tls.as_ref())
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
        tls: Option<&Tls>,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let begun = Instant::now();
        loop {
            let submitted = self.submit(Arc::clone(&plan), pieces, tls).await;
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
        tls: Option<&Tls>,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let others = Arc::new(BallistaPhysicalExtensionCodec::default());
        // With other partitions than the plan has, the scheduler would deal pieces out anew.
        let config = session_config(tls)
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

/// What clients of executors are configured by. It is sent along with work, but for what encrypts.
pub(super) fn session_config(tls: Option<&Tls>) -> SessionConfig {
    let config = SessionConfig::new_with_ballista();
    match tls {
        Some(tls) => config
            .with_ballista_use_tls(true)
            .with_ballista_override_create_grpc_client_endpoint(tls.endpoints()),
        None => config,
    }
}

/// The host and the port of a scheduler's URL, which has the scheme `https` where this process has certificates.
///
/// # Errors
/// [`ClusterError::Url`], and what goes with another scheme.
pub fn scheduler_at(
    url: &str,
    certificates: Option<&CertificateFiles>,
) -> Result<(String, u16), ClusterError> {
    let parsed = Url::parse(url).ok();
    let parsed = parsed.filter(|url| url.path() == "/");
    let place = parsed.and_then(|url| {
        let place = (url.host_str()?.to_owned(), url.port()?);
        Some((url.scheme().to_owned(), place))
    });
    let url = url.to_owned();
    match place {
        Some((scheme, place)) => match (scheme.as_str(), certificates) {
            ("http", None) | ("https", Some(_)) => Ok(place),
            ("http", Some(_)) => Err(ClusterError::NotEncrypted { url }),
            ("https", None) => Err(ClusterError::WithoutCertificates { url }),
            _ => Err(ClusterError::Url { url }),
        },
        None => Err(ClusterError::Url { url }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_would_never_be_begun_is_refused() {
        let cluster = Cluster::at("http://127.0.0.1:50050", None);
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
