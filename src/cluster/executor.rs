//! An executor: carries out pieces, a few at a time, until its process ends.

use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};

use super::MESSAGE_BYTES;
use super::codec::WorkCodec;
use super::error::ClusterError;
use super::guard::WorkAlone;
use super::work::Worker;

/// Every how many seconds an executor gives a sign of life.
const SIGN_OF_LIFE: u64 = 2;

/// How long an executor waits for its scheduler.
const WAITING_FOR_SCHEDULER: u16 = 60;

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
    /// The port for answers, and the one for pieces.
    pub ports: (u16, u16),
    /// How many pieces it carries out at a time.
    pub pieces: usize,
    /// The folder for answers.
    pub folder: PathBuf,
}

/// Carries out pieces until the process ends, or until the scheduler wants no more, which is when it has not heard of
/// the executor for long.
///
/// # Errors
/// Ports that cannot be listened on, and a scheduler that cannot be reached.
pub(crate) async fn serve(settings: ExecutorSettings, worker: Worker) -> Result<(), ClusterError> {
    let (port, grpc_port) = settings.ports;
    let address = format!("{}:{port}", settings.bind);
    let failed = |reason: String| ClusterError::Serve {
        address: address.clone(),
        reason,
    };
    let made = std::fs::create_dir_all(&settings.folder);
    made.map_err(|error| failed(format!("{}: {error}", settings.folder.display())))?;
    let (scheduler_host, scheduler_port) = settings.scheduler;
    let others = Arc::new(BallistaPhysicalExtensionCodec::default());
    let config = ExecutorProcessConfig {
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
    let served = start_executor_process(Arc::new(config)).await;
    served.map_err(|error| failed(error.to_string()))
}
