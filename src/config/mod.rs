//! What a night is configured with: the job file, the stores behind its URLs, and the engine's
//! session. Text comes in, validated values go out; only `storage` reads the environment.

pub mod job;
pub mod session;
pub mod storage;
