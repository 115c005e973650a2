//! Why a cluster did not do what it was asked.

use std::sync::LazyLock;

use datafusion::error::DataFusionError;
use regex::Regex;

use crate::ground::{Classified, FailureKind};

use super::codec::NO_EXECUTOR;
use super::work::refused_in;

/// Why a cluster did not do what it was asked.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Not a URL of a scheduler.
    #[error(
        "`{url}` is no scheduler's URL; write it as http://host:50050, or https://host:50050 with certificates"
    )]
    Url { url: String },
    /// A URL of a scheduler with certificates, and none here.
    #[error(
        "the scheduler {url} wants certificates; give their files as TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY"
    )]
    WithoutCertificates { url: String },
    /// Certificates here, and a URL of a scheduler without.
    #[error(
        "there are certificates, and {url} is not encrypted; write https:// for http://, or unset TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY"
    )]
    NotEncrypted { url: String },
    /// Certificates in part.
    #[error(
        "certificates lack {missing}; give all three of TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY, or none"
    )]
    IncompleteCertificates { missing: String },
    /// A file that is not what it is named as.
    #[error("cannot use the file {path}: {reason}; name a file in PEM format that is")]
    CertificateFile { path: String, reason: String },
    /// Two ends that did not agree on a connection.
    #[error(
        "the scheduler {url} cannot be trusted, or does not trust this process: {reason}; give scheduler, executors and nights certificates of one CA, for the names that they are reached by"
    )]
    NoTrust { url: String, reason: String },
    /// Nobody answers there.
    #[error(
        "the scheduler {url} cannot be reached: {reason}; start it with `tierline scheduler`, or run without --cluster"
    )]
    Unreachable { url: String, reason: String },
    /// A scheduler alone.
    #[error(
        "the scheduler {url} has no executor; start one with `tierline executor --scheduler {url}`, or run without --cluster"
    )]
    NoExecutor { url: String },
    /// More than fits into the messages of a cluster.
    #[error(
        "{pieces} pieces of work with {bytes} bytes of SQL, reference files and names of files are too much for a cluster; lower `ranges` under [engine], or make reference files smaller"
    )]
    TooLarge { bytes: usize, pieces: usize },
    /// The work was begun and is not done.
    #[error(
        "the cluster {url} did not finish its work: {reason}; nothing of it is published: run the same command again"
    )]
    Failed { url: String, reason: String },
    /// A piece of the work that no try would do: what its owner is told.
    #[error("the cluster refused a piece of the work")]
    Refused(Vec<u8>),
    /// An answer that nobody here understands.
    #[error(
        "an executor gave an answer that cannot be read: {0}; let scheduler, executors and nights be of one version"
    )]
    Answer(String),
    /// A scheduler or executor cannot serve.
    #[error("cannot serve on {address}: {reason}")]
    Serve { address: String, reason: String },
}

/// What Ballista begins its own words with.
static NOISE: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let patterns = [
        r"^(Execution error: |External error: )+",
        r"^Job \w+ failed: ",
        r"^Job failed due to stage \d+ failed: ",
    ];
    let patterns = patterns.into_iter().map(Regex::new);
    patterns.filter_map(Result::ok).collect()
});

/// How it tells of work that it has begun.
static IS_OF_WORK: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(Execution error: |External error: )*Job \w+ failed: ").ok());

/// What it says where there is no scheduler, and what that means.
const UNREACHABLE: [(&str, &str); 3] = [
    ("dns error", "nobody knows its name"),
    ("ConnectError", "nobody listens there"),
    ("Unimplemented", "whoever listens there is no scheduler"),
];

/// What it says where the other end of a connection is gone.
const LOST: [&str; 4] = [
    "h2 protocol error",
    "broken pipe",
    "transport error",
    "alive timed out",
];

impl ClusterError {
    /// The error for answers that could not be fetched.
    pub(super) fn lost(url: &str, error: &DataFusionError) -> Self {
        let said = error.strip_backtrace();
        tracing::debug!(said, "answers are lost");
        Self::Failed {
            url: url.to_owned(),
            reason: "the executor with the answers is lost".to_owned(),
        }
    }

    /// The error for work that a scheduler has not finished: it may never have heard of it.
    pub(super) fn failed(url: &str, error: &DataFusionError) -> Self {
        let url = url.to_owned();
        let said = error.strip_backtrace();
        tracing::debug!(said, "the cluster failed");
        if let Some(told) = refused_in(&said) {
            return Self::Refused(told);
        }
        // What else a scheduler says of work that failed are words of executors.
        if !IS_OF_WORK.iter().any(|pattern| pattern.is_match(&said)) {
            if said.contains(NO_EXECUTOR) {
                return Self::NoExecutor { url };
            }
            let unreachable = UNREACHABLE.iter().find(|(word, _)| said.contains(word));
            if let Some((_, reason)) = unreachable {
                let reason = (*reason).to_owned();
                return Self::Unreachable { url, reason };
            }
            if LOST.iter().any(|lost| said.contains(lost)) {
                let reason = "the scheduler is lost".to_owned();
                return Self::Failed { url, reason };
            }
        }
        let mut reason = said.as_str();
        for noise in NOISE.iter() {
            let found = noise.find(reason);
            reason = found.map_or(reason, |found| &reason[found.end()..]);
        }
        Self::Failed {
            url,
            reason: reason.to_owned(),
        }
    }
}

impl Classified for ClusterError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Url { .. }
            | Self::WithoutCertificates { .. }
            | Self::NotEncrypted { .. }
            | Self::IncompleteCertificates { .. }
            | Self::CertificateFile { .. }
            | Self::TooLarge { .. } => FailureKind::Usage,
            Self::Unreachable { .. }
            | Self::NoTrust { .. }
            | Self::NoExecutor { .. }
            | Self::Failed { .. }
            | Self::Refused(_)
            | Self::Answer(_)
            | Self::Serve { .. } => FailureKind::Unexpected,
        }
    }
}
