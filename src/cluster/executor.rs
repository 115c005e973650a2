//! An executor: carries out pieces, a few at a time, until its process ends.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arrow_flight::flight_service_server::FlightServiceServer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::serde::BallistaPhysicalExtensionCodec;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_executor::flight_service::BallistaFlightService;
use ballista_executor::shutdown::Shutdown;
use tokio::time::sleep;
use tonic::transport::server::TcpIncoming;

use crate::ground::CertificateFiles;

use super::MESSAGE_BYTES;
use super::client::session_config;
use super::codec::WorkCodec;
use super::error::ClusterError;
use super::guard::WorkAlone;
use super::tls::Tls;
use super::work::Worker;

/// Every how many seconds an executor gives a sign of life.
const SIGN_OF_LIFE: u64 = 2;

/// How long an executor waits for its scheduler.
const WAITING_FOR_SCHEDULER: u16 = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Seconds that answers are kept after their work is done, and between two looks at them.
const ANSWERS_KEPT: u64 = 24 * 60 * 60;
const LOOKING_AT_ANSWERS: u64 = 60 * 60;

/// Where an executor listens, and whom it works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorSettings {
    /// The host and the port of the scheduler.
    pub scheduler: (String, u16),
    /// The address of this machine to listen on.
    pub bind: String,
    /// What others reach it by; the address itself when none.
    pub external_host: Option<String>,
    /// The port for answers, and the one for pieces; with certificates there is only the first.
    pub ports: (u16, u16),
    /// How many pieces it carries out at a time.
    pub pieces: usize,
    /// The folder for answers.
    pub folder: PathBuf,
    /// Its certificates; traffic is not encrypted when none.
    pub certificates: Option<CertificateFiles>,
}

/// Carries out pieces until the process ends, or until the scheduler wants no more, which is when it has not heard of
/// the executor for long.
///
/// # Errors
/// Ports that cannot be listened on, certificates that cannot be used, and a scheduler that cannot be reached or is
/// not trusted.
pub(crate) async fn serve(settings: ExecutorSettings, worker: Worker) -> Result<(), ClusterError> {
    let (port, grpc_port) = settings.ports;
    let address = format!("{}:{port}", settings.bind);
    let failed = |reason: String| ClusterError::Serve {
        address: address.clone(),
        reason,
    };
    let made = std::fs::create_dir_all(&settings.folder);
    made.map_err(|error| failed(format!("{}: {error}", settings.folder.display())))?;
    let tls = settings.certificates.as_ref().map(Tls::load).transpose()?;
    if let Some(tls) = &tls {
        // Where none is given, the scheduler knows the address alone.
        if let Some(host) = &settings.external_host {
            tls.check_name(host)?;
        }
        wait_for(&settings.scheduler, tls).await?;
    }
    let (scheduler_host, scheduler_port) = settings.scheduler;
    let others = Arc::new(BallistaPhysicalExtensionCodec::default());
    let mut config = ExecutorProcessConfig {
        bind_host: settings.bind,
        external_host: settings.external_host,
        port,
        grpc_port,
        scheduler_host,
        scheduler_port,
        scheduler_connect_timeout_seconds: WAITING_FOR_SCHEDULER,
        vcores: settings.pieces,
        work_dir: Some(settings.folder.display().to_string()),
        job_data_ttl_seconds: ANSWERS_KEPT,
        job_data_clean_up_interval_seconds: LOOKING_AT_ANSWERS,
        executor_heartbeat_interval_seconds: SIGN_OF_LIFE,
        grpc_max_decoding_message_size: MESSAGE_BYTES,
        grpc_max_encoding_message_size: MESSAGE_BYTES,
        // A worker counts its own memory.
        memory_pool_size: Some(0),
        override_execution_engine: Some(Arc::new(WorkAlone::default())),
        override_physical_codec: Some(Arc::new(WorkCodec::new(Some(worker), others))),
        ..ExecutorProcessConfig::default()
    };
    if let Some(tls) = tls {
        let listening = address.parse::<SocketAddr>();
        let listening = listening.map_err(|error| failed(error.to_string()))?;
        let incoming = TcpIncoming::bind(listening);
        let incoming = incoming.map_err(|error| failed(error.to_string()))?;
        encrypt(&mut config, &tls, incoming.with_nodelay(Some(true)));
    }
    let served = start_executor_process(Arc::new(config)).await;
    served.map_err(|error| failed(error.to_string()))
}

/// Waits for a scheduler; what is still not there then, Ballista tells.
async fn wait_for(scheduler: &(String, u16), tls: &Tls) -> Result<(), ClusterError> {
    let begun = Instant::now();
    let patience = Duration::from_secs(WAITING_FOR_SCHEDULER.into());
    while !tls.reaches(scheduler).await? && begun.elapsed() < patience {
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(())
}

/// Has an executor ask for pieces and hand answers out by mutual TLS. No port is served that pieces are pushed to.
fn encrypt(config: &mut ExecutorProcessConfig, tls: &Tls, incoming: TcpIncoming) {
    config.task_scheduling_policy = TaskSchedulingPolicy::PullStaged;
    config.grpc_port = 0;
    config.override_create_grpc_client_endpoint = Some(tls.endpoints());
    let of_others = tls.clone();
    config.override_config_producer = Some(Arc::new(move || session_config(Some(&of_others))));
    let (tls, incoming) = (tls.clone(), Mutex::new(Some(incoming)));
    config.override_arrow_flight_service = Some(Arc::new(move |folder, _, shutdown, _| {
        let incoming = incoming
            .lock()
            .ok()
            .and_then(|mut incoming| incoming.take());
        let served = serve_answers(folder, incoming, tls.clone(), shutdown);
        #[expect(
            clippy::disallowed_methods,
            reason = "Ballista waits for it, and ends it"
        )]
        tokio::spawn(served)
    }));
}

/// Hands the answers in a folder out until the executor shuts down.
async fn serve_answers(
    folder: String,
    incoming: Option<TcpIncoming>,
    tls: Tls,
    mut shutdown: Shutdown,
) -> Result<(), BallistaError> {
    let incoming =
        incoming.ok_or_else(|| BallistaError::Internal("answers are served already".to_owned()))?;
    let answers = FlightServiceServer::new(BallistaFlightService::new(folder))
        .max_decoding_message_size(MESSAGE_BYTES as usize)
        .max_encoding_message_size(MESSAGE_BYTES as usize);
    let mut server = tls.server()?;
    let served = server
        .add_service(answers)
        .serve_with_incoming_shutdown(incoming, shutdown.recv());
    Ok(served.await?)
}
