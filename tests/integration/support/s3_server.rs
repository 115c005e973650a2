//! An S3 server inside the test process: real HTTP, real signatures, real conditional writes.
//!
//! It listens on a free port of 127.0.0.1, on a thread and a runtime of its own, so the program
//! under test may be a child process or live in another runtime. Dropping it ends the thread, its
//! connections and its files. A PUT makes three files in the temporary folder, so a TMPDIR in memory
//! makes it several times faster.
//!
//! - `backend`: s3s-fs over a temporary folder, made to keep the promises S3 makes
//! - `faults`: requests of any kind that go wrong by chance
//! - `requests`: what was asked of the server
//! - `trouble`: what goes wrong with it

mod backend;
mod faults;
mod requests;
mod trouble;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder as Connection;
use object_store::aws::AmazonS3Builder;
use object_store::{BackoffConfig, ObjectStore, RetryConfig};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use backend::{Backend, InvalidKeys};
use faults::Faults;
use requests::RequestLog;
pub(crate) use requests::{RequestCounts, RequestKind};
pub(crate) use trouble::Trouble;
use trouble::Troubles;

/// The one bucket, there from the start.
pub(crate) const BUCKET: &str = "tierline";
/// The one user, who may do everything.
pub(crate) const ACCESS_KEY_ID: &str = "tierline-test";
/// That user's secret; any other is refused with `SignatureDoesNotMatch`.
pub(crate) const SECRET_ACCESS_KEY: &str = "tierline-test-secret";
const REGION: &str = "us-east-1";

/// A running server; it stops when dropped.
pub(crate) struct S3Server {
    address: SocketAddr,
    requests: Arc<RequestLog>,
    troubles: Arc<Troubles>,
    faults: Arc<Faults>,
    invalid_keys: InvalidKeys,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _files: TempDir,
}

impl S3Server {
    /// Starts a server with the empty bucket [`BUCKET`].
    pub(crate) fn start() -> Self {
        let files = TempDir::new().unwrap();
        std::fs::create_dir(files.path().join(BUCKET)).unwrap();
        let requests = Arc::new(RequestLog::default());
        let troubles = Arc::new(Troubles::default());
        let faults = Arc::new(Faults::default());
        let invalid_keys = InvalidKeys::default();
        let backend = Backend::new(
            files.path(),
            Arc::clone(&requests),
            (Arc::clone(&troubles), Arc::clone(&faults)),
            Arc::clone(&invalid_keys),
        );
        let service = service(backend);
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let answering = (service, Arc::clone(&faults));
        let thread = thread::spawn(move || run(listener, answering, stopped));
        Self {
            address,
            requests,
            troubles,
            faults,
            invalid_keys,
            stop: Some(stop),
            thread: Some(thread),
            _files: files,
        }
    }

    /// `http://127.0.0.1:<port>`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The variables that lead a program to this server.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    /// A client of the bucket.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(self.client().build().unwrap())
    }

    /// The same client before it is built, for tests that want another bucket or secret. It gives
    /// up soon: against this server a retry only hides a failure.
    pub(crate) fn client(&self) -> AmazonS3Builder {
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(10),
                max_backoff: Duration::from_millis(100),
                base: 2.0,
            },
            max_retries: 2,
            retry_timeout: Duration::from_secs(5),
        };
        AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_region(REGION)
            .with_bucket_name(BUCKET)
            .with_access_key_id(ACCESS_KEY_ID)
            .with_secret_access_key(SECRET_ACCESS_KEY)
            .with_retry(retry)
    }

    /// Lists an object of this key from now on, which may be one that no folder can hold.
    pub(crate) fn list_besides(&self, key: &str) {
        self.invalid_keys.lock().unwrap().push(key.to_owned());
    }

    /// How many requests of each kind were made since the start or the last reset. Requests with
    /// a wrong signature are refused before they count.
    pub(crate) fn requests(&self) -> RequestCounts {
        self.requests.counts()
    }

    /// Which keys the requests of one kind named, in the order they came; a LIST names its prefix.
    pub(crate) fn keys(&self, kind: RequestKind) -> Vec<String> {
        self.requests.keys(kind)
    }

    /// The keys of GETs that would have taken any version of an object, in the order they came.
    pub(crate) fn unpinned_keys(&self) -> Vec<String> {
        self.requests.unpinned_keys()
    }

    /// Makes trouble, from the GET number `nth` of keys that contain `keys` on.
    pub(crate) fn make_trouble(&self, keys: &str, nth: usize, trouble: Trouble) {
        self.troubles.plan(keys, nth, trouble);
    }

    /// Passes over `If-None-Match` of writes from here on.
    pub(crate) fn ignore_conditions(&self) {
        self.troubles.ignore_conditions();
    }

    /// Gives no e_tags to those who list and read from here on, as some gateways do.
    pub(crate) fn hide_e_tags(&self) {
        self.troubles.hide_e_tags();
    }

    /// One request in so many, of any kind, goes wrong from here on, drawn from a seed.
    pub(crate) fn begin_faults(&self, seed: u64, one_in: u32) {
        self.faults.begin(seed, one_in);
    }

    /// No listing of a bad day leaves out what was written so far.
    pub(crate) fn all_seen(&self) {
        self.faults.all_seen();
    }

    /// Ends all trouble.
    pub(crate) fn end_trouble(&self) {
        self.troubles.end();
        self.faults.end();
    }

    /// Every request for a single key, in the order they came.
    pub(crate) fn sequence(&self) -> Vec<(RequestKind, String)> {
        self.requests.sequence()
    }

    /// Forgets the requests so far.
    pub(crate) fn reset_requests(&self) {
        self.requests.reset();
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let outcome = self.thread.take().map(JoinHandle::join);
        // A second panic would abort the process and hide the first.
        if !thread::panicking() {
            assert!(matches!(outcome, Some(Ok(()))), "the S3 server panicked");
        }
    }
}

/// What answers requests, and what happens to them by chance.
type Answering = (S3Service, Arc<Faults>);

fn service(backend: Backend) -> S3Service {
    let mut builder = S3ServiceBuilder::new(backend);
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY_ID, SECRET_ACCESS_KEY));
    builder.build()
}

/// Serves until the other end of `stopped` is dropped.
fn run(listener: std::net::TcpListener, answering: Answering, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::select! {
            () = serve(listener, answering) => {}
            _ = stopped => {}
        }
    });
}

async fn serve(listener: std::net::TcpListener, answering: Answering) {
    let listener = TcpListener::from_std(listener).unwrap();
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        while connections.try_join_next().is_some() {}
        connections.spawn(answer(socket, answering.clone()));
    }
}

async fn answer(socket: TcpStream, (service, faults): Answering) {
    socket.set_nodelay(true).unwrap();
    let connection = Connection::new(TokioExecutor::new());
    let service = service_fn(move |request| {
        let (service, faults) = (service.clone(), Arc::clone(&faults));
        async move { faults.answer(request, &service).await }
    });
    if let Err(error) = connection
        .serve_connection(TokioIo::new(socket), service)
        .await
    {
        tracing::debug!(%error, "a client went away");
    }
}
