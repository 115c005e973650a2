//! Stores: from a URL of the job file to an object store that counts its traffic and heeds
//! signals.
//!
//! | URL | store | credentials |
//! |---|---|---|
//! | `file:///data/out`, or a plain path, relative to the job file | the local disk, each write [synced](durable) | |
//! | `s3://bucket/path` | Amazon S3 and what speaks like it | the `AWS_*` variables |
//! | `gs://`, `az://`, `memory://` and the rest of object_store's | as object_store opens them | their own variables |
//!
//! Locations in one bucket share one client. Of the environment, only this module reads what
//! stores go by.

mod conditional_put;
mod counting;
mod durable;
mod error_text;
mod full;
mod interruptible;
mod left_aside;
mod listed;
mod output_record;
mod disk_listing;
mod invalid_keys;
mod invalid_names;
mod scratch_folder;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};
use url::Url;

use crate::ground::{Classified, FailureKind, has_secret, without_secrets};

use durable::DurableDisk;
pub use durable::write_whole;
use interruptible::InterruptibleStore;
use invalid_keys::InvalidKeys;

pub use conditional_put::create_twice;
pub use counting::{CountingStore, Traffic, TrafficTotals};
pub use disk_listing::UselessLink;
pub use error_text::shortened_error;
pub use full::is_full;
pub use invalid_names::{UnreadableReason, unreadable_reason, without_mark};
pub use left_aside::FileAside;
pub use listed::{BeyondEnd, ListedObject};
pub use output_record::{check_output, claim_output};
pub use scratch_folder::{LeftFolder, ScratchFolder};

/// How long requests to a store are retried, and how long one may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How long a failing request is retried.
    pub retry: Duration,
    /// How long one request may take.
    pub request: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retry: Duration::from_secs(180),
            request: Duration::from_secs(120),
        }
    }
}

/// A URL that cannot be opened, or a store that failed.
#[expect(missing_docs, reason = "messages say what the fields are")]
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Not a URL or path that any store understands.
    #[error(
        "cannot open `{url}`; use file:///path, s3://bucket/path or a path relative to the job file"
    )]
    Url {
        /// The URL as given.
        url: String,
        /// What the store said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A variable of the environment that would be seen in messages.
    #[error(
        "the variable `{variable}` has a user name, a password or a signature in its URL; take them out of it: credentials have variables of their own, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    SecretInEndpoint { variable: String },
    /// A store that lets a second writer create what is there.
    #[error(
        "the store {store} of `output` creates an object that is there already, or knows no conditional writes (If-None-Match: *), so that of two runs at once one would undo the other's commits without a word; let `output` be in a store that has them, such as Amazon S3 or a local disk, or switch them on in yours"
    )]
    NoConditionalPut { store: String },
    /// An output that another job publishes to.
    #[error(
        "the output is that of job `{owner}`, as {record} says, and this is job `{job}`: give this job an output of its own; if it is the same job by another name, write name = \"{owner}\" in its file, or remove that record"
    )]
    OtherJob {
        job: String,
        owner: String,
        record: String,
    },
    /// A record of an output that was changed by other hands or written by another version.
    #[error(
        "the record of the output `{record}` cannot be read: {reason}; restore it from a copy, or remove it, and the next run makes it again"
    )]
    OutputRecord { record: String, reason: String },
    /// A store did not do what was asked.
    #[error("cannot {action} `{path}`; check {}", what_to_check(path))]
    Request {
        /// What was tried: `list`, `read`, `write`.
        action: &'static str,
        path: String,
        /// What the store said.
        source: object_store::Error,
    },
    /// A disk has no space left.
    #[error("cannot {action} `{path}`: the disk is full; free some space and run it again")]
    Full {
        action: &'static str,
        path: String,
        /// What the disk said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// What may be the reason for a failure of the store that a URL is of.
pub fn what_to_check(url: &str) -> &'static str {
    match url.starts_with("file:") {
        true => "the disk and the permissions",
        false => "the endpoint, the credentials and the permissions",
    }
}

impl Classified for StorageError {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Url { .. }
            | Self::SecretInEndpoint { .. }
            | Self::NoConditionalPut { .. }
            | Self::OtherJob { .. } => FailureKind::Usage,
            Self::OutputRecord { .. } => FailureKind::Blocked,
            Self::Request { .. } | Self::Full { .. } => FailureKind::Unexpected,
        }
    }
}

/// A place in a store: the client, and the path below which everything happens.
#[derive(Clone)]
pub struct Location {
    /// The client of the whole bucket or disk; counts its traffic.
    pub store: Arc<dyn ObjectStore>,
    /// The store's root, `s3://bucket/`, as the engine registers it.
    pub root: ObjectStoreUrl,
    /// The path below the root.
    pub path: Path,
    /// Requests and bytes so far, shared by all locations of one store.
    pub traffic: Arc<Traffic>,
}

impl Location {
    /// `path`, a path of this store, as a full URL for messages.
    pub fn url_of(&self, path: &Path) -> String {
        format!("{}{path}", self.root.as_str())
    }

    /// Wraps a failed request with what was tried and where.
    pub fn failure(
        &self,
        action: &'static str,
        path: &Path,
        source: object_store::Error,
    ) -> StorageError {
        let path = self.url_of(path);
        match is_full(&source) {
            true => StorageError::Full {
                action,
                path,
                source: source.into(),
            },
            false => StorageError::Request {
                action,
                path,
                source,
            },
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url_of(&self.path))
    }
}

/// Opens URLs, one client per bucket.
#[derive(Debug, Default)]
pub struct Stores {
    retry_policy: RetryPolicy,
    opened: BTreeMap<String, (Arc<dyn ObjectStore>, Arc<Traffic>)>,
}

impl Stores {
    /// No store opened yet.
    pub fn new(retry_policy: RetryPolicy) -> Self {
        Self {
            retry_policy,
            opened: BTreeMap::new(),
        }
    }

    /// Opens `url`, or reuses the client of its bucket. A plain path is taken relative to
    /// `base`, the job file's folder.
    ///
    /// # Errors
    /// [`StorageError::Url`] when no store understands the URL, and
    /// [`StorageError::SecretInEndpoint`].
    pub fn open(&mut self, url: &str, base: &FilePath) -> Result<Location, StorageError> {
        let refused = |source| StorageError::Url {
            url: without_secrets(url),
            source,
        };
        let full_url = absolute_url(url, base).map_err(refused)?;
        let root = ObjectStoreUrl::parse(&full_url[..url::Position::BeforePath])
            .map_err(|error| refused(Box::new(error)))?;
        let path =
            Path::from_url_path(full_url.path()).map_err(|error| refused(Box::new(error)))?;
        if has_escape(path.as_ref()) {
            let reason = "a name in it has a percent sign before two hexadecimal digits, which readers of Delta tables take for another character; rename the folder";
            return Err(refused(reason.into()));
        }
        let key = root.as_str().to_owned();
        if !self.opened.contains_key(&key) {
            if full_url.scheme() != "file" {
                refuse_secret_in_endpoint()?;
            }
            let store =
                client(&full_url, self.retry_policy).map_err(|error| refused(Box::new(error)))?;
            let traffic = Arc::new(Traffic::default());
            let store = Arc::new(InterruptibleStore::new(store));
            let counting = CountingStore::new(store, Arc::clone(&traffic));
            self.opened
                .insert(key.clone(), (Arc::new(counting), traffic));
        }
        let (store, traffic) = &self.opened[&key];
        Ok(Location {
            store: Arc::clone(store),
            root,
            path,
            traffic: Arc::clone(traffic),
        })
    }

    /// This machine's disk, for files that need not outlive the run: they are not synced. Their
    /// traffic counts with that of the disk.
    ///
    /// # Errors
    /// [`StorageError::Url`], on no system that has a root.
    pub fn open_scratch(&mut self) -> Result<Location, StorageError> {
        let disk = self.open("file:///", FilePath::new("/"))?;
        let store = CountingStore::new(durable::scratch_disk(), Arc::clone(&disk.traffic));
        Ok(Location {
            store: Arc::new(store),
            ..disk
        })
    }
}

/// A URL as it is, or a plain path made absolute and turned into a `file://` URL.
fn absolute_url(
    url: &str,
    base: &FilePath,
) -> Result<Url, Box<dyn std::error::Error + Send + Sync>> {
    if url.contains("://") {
        return Ok(Url::parse(url)?);
    }
    let scheme = url.split_once(":/").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| scheme.len() > 1 && scheme.chars().all(char::is_alphanumeric)) {
        return Err(
            "a URL has two slashes after the colon, as in file:///data or s3://bucket/path".into(),
        );
    }
    let path = without_dots(&std::path::absolute(base.join(url))?);
    Url::from_file_path(&path).map_err(|()| format!("`{}` is not absolute", path.display()).into())
}

/// Whether a path has what looks like a character in the encoding of URLs: a table in `a%20b` would be
/// looked for in `a b`.
fn has_escape(path: &str) -> bool {
    let is_digit = |digit: &u8| digit.is_ascii_hexdigit();
    let mut found = path.as_bytes().windows(3);
    found.any(|bytes| matches!(bytes, [b'%', high, low] if is_digit(high) && is_digit(low)))
}

/// The path with every `..` taken together with the folder before it, where there is one.
pub fn without_dots(path: &FilePath) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        let steps_back = component == Component::ParentDir && plain.file_name().is_some();
        if !steps_back || !plain.pop() {
            plain.push(component);
        }
    }
    plain
}

fn client(url: &Url, retry_policy: RetryPolicy) -> object_store::Result<Arc<dyn ObjectStore>> {
    match url.scheme() {
        "file" => Ok(Arc::new(DurableDisk::new())),
        "s3" | "s3a" => Ok(Arc::new(s3_builder(url, retry_policy).build()?)),
        _ => {
            let (store, _path) = object_store::parse_url_opts(url, environment())?;
            Ok(Arc::from(store))
        }
    }
}

/// An endpoint is shown wherever a request fails.
fn refuse_secret_in_endpoint() -> Result<(), StorageError> {
    let mut endpoints = environment().filter(|(name, _)| name.contains("ENDPOINT"));
    match endpoints.find(|(_, url)| has_secret(url)) {
        Some((variable, _)) => Err(StorageError::SecretInEndpoint { variable }),
        None => Ok(()),
    }
}

/// Everything the `AWS_*` variables say; only what they leave open is filled in.
fn s3_builder(url: &Url, retry_policy: RetryPolicy) -> AmazonS3Builder {
    let retry = RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 10,
        retry_timeout: retry_policy.retry,
    };
    let builder = AmazonS3Builder::from_env()
        .with_url(url.as_str())
        .with_http_connector(InvalidKeys::default())
        .with_retry(retry);
    if environment().any(|(name, _)| name.eq_ignore_ascii_case("AWS_TIMEOUT")) {
        return builder;
    }
    let timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
    builder.with_config(
        timeout,
        format!("{} seconds", retry_policy.request.as_secs()),
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "credentials and endpoints come from the environment, here and nowhere else"
)]
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_a_path_leaves_again_are_dropped() {
        let plain = |path: &str| without_dots(FilePath::new(path)).display().to_string();
        assert_eq!(plain("/srv/jobs/../sql"), "/srv/sql");
        assert_eq!(plain("jobs/../sql"), "sql");
        assert_eq!(plain("../sql"), "../sql");
        assert_eq!(plain("../../sql"), "../../sql");
    }

    /// The tables of `pct%20x` were looked for in its neighbour `pct x`.
    #[test]
    fn a_folder_whose_name_has_an_escape_is_refused() {
        let mut stores = Stores::new(RetryPolicy::default());
        let mut open = |url| stores.open(url, FilePath::new("/srv"));
        let refused = open("pct%20x/out").unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Usage);
        let StorageError::Url { source, .. } = refused else {
            panic!("{refused}")
        };
        let told = "which readers of Delta tables take for another character; rename the folder";
        assert!(source.to_string().ends_with(told), "{source}");
        for url in ["pct x/out", "100%/out", "file:///srv/pct%20x/out"] {
            open(url).unwrap();
        }
    }
}
