//! The scheduler: hands pieces to executors, and again where one is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use ballista_core::utils::default_session_builder;
use ballista_scheduler::cluster::{BallistaCluster, ClusterState};
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::start_server;
use datafusion::execution::SessionStateBuilder;
use tokio::time::sleep;

use super::MESSAGE_BYTES;
use super::codec::WorkCodec;
use super::error::ClusterError;
use super::guard::NoQueries;
use super::slots::CountedSlots;

/// Every how many seconds lost executors are looked for.
const LOOKING_FOR_LOST: u64 = 2;

/// How often executors are counted.
const LOOKING_FOR_EXECUTORS: Duration = Duration::from_millis(500);

/// Where a scheduler listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerSettings {
    /// The address of this machine to listen on.
    pub bind: String,
    /// The port.
    pub port: u16,
    /// Seconds without a sign of life after which an executor counts as lost.
    pub executor_timeout: u64,
}

/// Schedules until the process ends.
///
/// # Errors
/// A port that cannot be listened on.
pub(crate) async fn serve(settings: &SchedulerSettings) -> Result<(), ClusterError> {
    let address = format!("{}:{}", settings.bind, settings.port);
    let failed = |reason: String| ClusterError::Serve {
        address: address.clone(),
        reason,
    };
    let listening = tokio::net::lookup_host(&address).await;
    let mut listening = listening.map_err(|error| failed(error.to_string()))?;
    let listening = listening.next();
    let listening = listening.ok_or_else(|| failed("there is no such address".to_owned()))?;
    let others = Arc::new(BallistaPhysicalExtensionCodec::default());
    let has_executors = Arc::new(AtomicBool::new(false));
    let codec = WorkCodec::new(None, others).only_while(Arc::clone(&has_executors));
    let config = SchedulerConfig {
        bind_host: settings.bind.clone(),
        bind_port: settings.port,
        executor_timeout_seconds: settings.executor_timeout,
        expire_dead_executor_interval_seconds: LOOKING_FOR_LOST,
        no_executors_grace_period_seconds: settings.executor_timeout,
        // The other policy fills one executor before it gives anything to the next.
        task_distribution: TaskDistributionPolicy::RoundRobin,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES,
        grpc_client_max_message_size: MESSAGE_BYTES,
        override_physical_codec: Some(Arc::new(codec)),
        override_session_builder: Some(Arc::new(|config| {
            let state = SessionStateBuilder::new_from_existing(default_session_builder(config)?);
            Ok(state.with_query_planner(Arc::new(NoQueries)).build())
        })),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await;
    let cluster = cluster.map_err(|error| failed(error.to_string()))?;
    let state: Arc<dyn ClusterState> = Arc::new(CountedSlots::new(cluster.cluster_state()));
    let cluster = BallistaCluster::new(Arc::clone(&state), cluster.job_state());
    let served = start_server(cluster, listening, Arc::new(config));
    tokio::select! {
        served = served => served.map_err(|error| failed(error.to_string())),
        () = look_for_executors(state, &has_executors) => Ok(()),
    }
}

/// Keeps track of whether there are executors: without one, work that is handed in would wait for ever.
async fn look_for_executors(state: Arc<dyn ClusterState>, has_executors: &AtomicBool) {
    loop {
        let executors = state.registered_executor_metadata().await;
        has_executors.store(!executors.is_empty(), Ordering::Relaxed);
        sleep(LOOKING_FOR_EXECUTORS).await;
    }
}
