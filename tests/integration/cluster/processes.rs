//! A scheduler and executors as processes of the real binary on this machine, each of which a test may kill,
//! stop and start again.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tierline::ground::CertificateFiles;

/// Seconds after which a scheduler takes a silent executor for lost.
const TIMEOUT: &str = "10";

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(90);

/// Ports that no client of this machine is given by chance.
static NEXT_PORT: AtomicU16 = AtomicU16::new(20_000);

/// The variables of a process.
type Environment = Vec<(&'static str, String)>;

/// A cluster; its processes end with it.
pub(super) struct Cluster {
    folder: TempDir,
    port: u16,
    environment: Environment,
    certificates: Option<CertificateFiles>,
    scheduler: Option<Child>,
    executors: Vec<Executor>,
}

/// An executor, which computes one range at a time.
struct Executor {
    port: u16,
    log: PathBuf,
    folder: PathBuf,
    child: Option<Child>,
}

impl Cluster {
    /// A scheduler and so many executors, which have these variables.
    pub(super) fn start(executors: usize, environment: Environment) -> Self {
        Self::start_with(executors, environment, None)
    }

    /// The same, all of whose processes have certificates.
    pub(super) fn start_with_certificates(executors: usize) -> Self {
        Self::start_with(executors, Vec::new(), Some(certificate("ca", "node")))
    }

    /// The same, with certificates or without.
    pub(super) fn start_with(
        executors: usize,
        environment: Environment,
        certificates: Option<CertificateFiles>,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let executors = (0..executors).map(|number| Executor {
            port: free_port(),
            log: folder.path().join(format!("executor-{number}.log")),
            folder: folder.path().join(format!("executor-{number}")),
            child: None,
        });
        let mut cluster = Self {
            executors: executors.collect(),
            port: free_port(),
            folder,
            environment,
            certificates,
            scheduler: None,
        };
        cluster.start_scheduler();
        for number in 0..cluster.executors.len() {
            cluster.start_executor(number);
        }
        cluster
    }

    /// Where work is handed in.
    pub(super) fn url(&self) -> String {
        let scheme = self.certificates.as_ref().map_or("http", |_| "https");
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// What its processes and its nights have.
    pub(super) fn certificates(&self) -> Option<CertificateFiles> {
        self.certificates.clone()
    }

    /// Where an executor hands answers out.
    pub(super) fn port_of_answers(&self, executor: usize) -> u16 {
        self.executors[executor].port
    }

    pub(super) fn start_scheduler(&mut self) {
        let port = self.port.to_string();
        let arguments = ["scheduler", "--port", &port, "--executor-timeout", TIMEOUT];
        let options = self.certificate_options();
        let options = options.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.into_iter().chain(options).collect();
        let log = self.folder.path().join("scheduler.log");
        // It needs to know of no store.
        self.scheduler = Some(start(&arguments, &log, &[], self.folder.path()));
        wait_until("the scheduler listens", || listens(self.port));
    }

    /// Starts an executor, again on the same port and in the same folder where it has run before.
    pub(super) fn start_executor(&mut self, number: usize) {
        let (url, options) = (self.url(), self.certificate_options());
        let executor = &mut self.executors[number];
        let port = executor.port.to_string();
        let folder = executor.folder.to_str().unwrap();
        let arguments = [
            "executor",
            "--scheduler",
            &url,
            "--port",
            &port,
            "--folder",
            folder,
            "--ranges",
            "1",
            "--memory-limit-mib",
            "512",
            "--log-level",
            "info",
        ];
        let options = options.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.into_iter().chain(options).collect();
        let home = self.folder.path();
        executor.child = Some(start(&arguments, &executor.log, &self.environment, home));
        let port = executor.port;
        wait_until("an executor listens", || listens(port));
    }

    fn certificate_options(&self) -> Vec<String> {
        let files = self.certificates.iter();
        let options = files.flat_map(|files| {
            [
                ("--tls-ca", &files.ca),
                ("--tls-cert", &files.certificate),
                ("--tls-key", &files.key),
            ]
        });
        let options =
            options.flat_map(|(option, file)| [option.into(), file.display().to_string()]);
        options.collect()
    }

    /// How many ranges of users its executors have written so far.
    pub(super) fn ranges_done(&self) -> usize {
        self.done("range{")
    }

    /// How many ranges one of its executors has written so far.
    pub(super) fn ranges_done_by(&self, executor: usize) -> usize {
        done_in(&self.executors[executor].log, "range{")
    }

    /// How many runs of tiles they have made so far.
    pub(super) fn tiles_done(&self) -> usize {
        self.done("tiles{")
    }

    /// Of how many runs of days they have counted the rejected rows so far.
    pub(super) fn rejects_done(&self) -> usize {
        self.done("rejects{")
    }

    fn done(&self, span: &str) -> usize {
        let logs = self.executors.iter().map(|executor| &executor.log);
        logs.map(|log| done_in(log, span)).sum()
    }

    /// How often they have left a piece to be tried again.
    pub(super) fn failures(&self) -> usize {
        self.logged("is to be tried again")
    }

    /// Whether one of them was taken for lost and serves again.
    pub(super) fn has_begun_anew(&self) -> bool {
        self.logged("it begins anew") > 0
    }

    fn logged(&self, what: &str) -> usize {
        let logs = self.executors.iter();
        let logs = logs.map(|executor| fs::read_to_string(&executor.log).unwrap_or_default());
        logs.map(|log| log.matches(what).count()).sum()
    }

    pub(super) fn signal(&self, executor: usize, signal: &str) {
        let child = self.executors[executor].child.as_ref();
        let id = child.unwrap().id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    pub(super) fn kill_executor(&mut self, number: usize) {
        end(&mut self.executors[number].child);
    }

    pub(super) fn kill_scheduler(&mut self) {
        end(&mut self.scheduler);
    }

    /// Everything that its processes have written, but for what they were killed in the midst of.
    pub(super) fn written(&self) -> Vec<(PathBuf, Vec<u8>)> {
        files_below(self.folder.path())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for executor in &mut self.executors {
            end(&mut executor.child);
        }
        end(&mut self.scheduler);
    }
}

/// How many pieces of a kind an executor has logged as done.
fn done_in(log: &Path, span: &str) -> usize {
    let log = fs::read_to_string(log).unwrap_or_default();
    let lines = log.lines().filter(|line| line.contains(span));
    lines
        .filter(|line| line.contains("a piece of work is done"))
        .count()
}

/// A CA and a certificate of `tests/fixtures/certificates/`, whose `make.sh` says what they are.
pub(super) fn certificate(ca: &str, name: &str) -> CertificateFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/certificates");
    CertificateFiles {
        ca: folder.join(format!("{ca}.pem")),
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        drop(child.kill());
        child.wait().unwrap();
    }
}

fn start(arguments: &[&str], log: &Path, environment: &[(&str, String)], home: &Path) -> Child {
    let log = File::options().create(true).append(true).open(log).unwrap();
    let started = Command::new(env!("CARGO_BIN_EXE_tierline"))
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", home)
        .env("TMPDIR", home)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    started.unwrap()
}

/// A port that is free, as is the one behind it.
fn free_port() -> u16 {
    loop {
        let port = NEXT_PORT.fetch_add(2, Ordering::Relaxed);
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + 1) {
            return port;
        }
    }
}

fn listens(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until something is so.
pub(super) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        sleep(Duration::from_millis(20));
    }
}

fn files_below(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files.extend(files_below(&path)),
            false => files.extend(fs::read(&path).map(|bytes| (path, bytes))),
        }
    }
    files
}
