//! The scheduler: hands pieces to executors, and again where one is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use ballista_core::serde::protobuf::scheduler_grpc_server::SchedulerGrpcServer;
use ballista_core::utils::default_session_builder;
use ballista_scheduler::cluster::{BallistaCluster, ClusterState};
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_server};
use datafusion::execution::SessionStateBuilder;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::time::sleep;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Status};

use crate::ground::CertificateFiles;

use super::MESSAGE_BYTES;
use super::codec::WorkCodec;
use super::error::ClusterError;
use super::guard::NoQueries;
use super::slots::CountedSlots;
use super::tls::Tls;

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
    /// Its certificates; traffic is not encrypted when none.
    pub certificates: Option<CertificateFiles>,
}

/// Schedules until the process ends.
///
/// # Errors
/// A port that cannot be listened on, and certificates that cannot be used.
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
    let tls = settings.certificates.as_ref().map(Tls::load).transpose()?;
    let has_executors = Arc::new(AtomicBool::new(false));
    let config = config_of(settings, tls.as_ref(), Arc::clone(&has_executors));
    let cluster = BallistaCluster::new_from_config(&config).await;
    let cluster = cluster.map_err(|error| failed(error.to_string()))?;
    let state: Arc<dyn ClusterState> = Arc::new(CountedSlots::new(cluster.cluster_state()));
    let cluster = BallistaCluster::new(Arc::clone(&state), cluster.job_state());
    let served = async {
        match tls {
            Some(tls) => serve_encrypted(cluster, listening, config, &tls).await,
            None => start_server(cluster, listening, Arc::new(config)).await,
        }
    };
    tokio::select! {
        served = served => served.map_err(|error| failed(error.to_string())),
        () = look_for_executors(state, &has_executors) => Ok(()),
    }
}

/// How Ballista schedules; executors ask for pieces where traffic is encrypted.
fn config_of(
    settings: &SchedulerSettings,
    tls: Option<&Tls>,
    has_executors: Arc<AtomicBool>,
) -> SchedulerConfig {
    let others = Arc::new(BallistaPhysicalExtensionCodec::default());
    let codec = WorkCodec::new(None, others).only_while(has_executors);
    SchedulerConfig {
        bind_host: settings.bind.clone(),
        bind_port: settings.port,
        scheduling_policy: match tls {
            Some(_) => TaskSchedulingPolicy::PullStaged,
            None => TaskSchedulingPolicy::PushStaged,
        },
        override_create_grpc_client_endpoint: tls.map(Tls::endpoints),
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
    }
}

/// The same as [`start_server`] does in the clear.
async fn serve_encrypted(
    cluster: BallistaCluster,
    listening: SocketAddr,
    config: SchedulerConfig,
    tls: &Tls,
) -> Result<(), BallistaError> {
    let incoming = TcpIncoming::bind(listening)?.with_nodelay(Some(true));
    let scheduler =
        create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await?;
    let scheduler = SchedulerGrpcServer::new(scheduler)
        .max_decoding_message_size(MESSAGE_BYTES as usize)
        .max_encoding_message_size(MESSAGE_BYTES as usize);
    let scheduler = InterceptedService::new(scheduler, with_address);
    let mut server = tls.server()?;
    let served = server.add_service(scheduler).serve_with_incoming(incoming);
    Ok(served.await?)
}

/// Notes the address of an executor where Ballista looks for it.
fn with_address(mut request: Request<()>) -> Result<Request<()>, Status> {
    if let Some(address) = request.remote_addr() {
        request.extensions_mut().insert(ConnectInfo(address));
    }
    Ok(request)
}

/// Keeps track of whether there are executors: without one, work that is handed in would wait for ever.
async fn look_for_executors(state: Arc<dyn ClusterState>, has_executors: &AtomicBool) {
    loop {
        let executors = state.registered_executor_metadata().await;
        has_executors.store(!executors.is_empty(), Ordering::Relaxed);
        sleep(LOOKING_FOR_EXECUTORS).await;
    }
}
