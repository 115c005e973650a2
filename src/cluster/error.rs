//! Why a cluster did not do what it was asked.

use std::sync::LazyLock;

use datafusion::error::DataFusionError;
use regex::Regex;

use crate::ground::{Classified, FailureKind};

/// Why a cluster did not do what it was asked.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Not a URL of a scheduler.
    #[error("`{url}` is no scheduler's URL; write it as http://host:50050")]
    Url { url: String },
    /// Nobody answers there.
    #[error(
        "the scheduler {url} cannot be reached: {reason}; start it with `tierline scheduler`, or run without --cluster"
    )]
    Unreachable { url: String, reason: String },
    /// The work was begun and is not done.
    #[error(
        "the cluster {url} did not finish the ranges of users: {reason}; nothing of them is published: run the same command again"
    )]
    Failed { url: String, reason: String },
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

/// What it says where the other end of a connection is gone.
const LOST: [&str; 3] = ["h2 protocol error", "broken pipe", "transport error"];

impl ClusterError {
    /// The error for work that a scheduler has not finished: it may never have heard of it.
    pub(super) fn failed(url: &str, error: &DataFusionError) -> Self {
        let url = url.to_owned();
        let said = error.strip_backtrace();
        tracing::debug!(said, "the cluster failed");
        if said.contains("ConnectError") {
            let reason = "nobody listens there".to_owned();
            return Self::Unreachable { url, reason };
        }
        if LOST.iter().any(|lost| said.contains(lost)) {
            let reason = "the scheduler is lost".to_owned();
            return Self::Failed { url, reason };
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
            Self::Url { .. } => FailureKind::Usage,
            Self::Unreachable { .. }
            | Self::Failed { .. }
            | Self::Answer(_)
            | Self::Serve { .. } => FailureKind::Unexpected,
        }
    }
}
