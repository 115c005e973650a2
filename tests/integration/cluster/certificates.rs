//! A cluster whose processes have certificates: it computes what any other does, and nobody reaches it without a
//! certificate of its CA.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tempfile::TempDir;
use tierline::ground::CertificateFiles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::processes::{Cluster, certificate};
use super::{
    A_MINUTE, assert_rows_of_one_machine, lose_cluster, lose_executors, nights_over, users,
};
use crate::naive::fixtures::{days_ago, hand_given_cut_points};
use crate::nights::job::Nights;
use crate::nights::lake::Ids;
use crate::support::command::{Finished, Tierline};

/// What a server of HTTP/2 begins with: the length of its settings.
const SERVED: u8 = 0;

/// What one of TLS begins with whom it refuses.
const ALERT: u8 = 21;

#[tokio::test]
async fn rows_are_those_of_one_machine_and_no_key_is_anywhere() {
    let cluster = Cluster::start_with_certificates(2);
    assert_rows_of_one_machine(&cluster).await;
    let files = cluster.certificates().unwrap();
    let key = fs::read_to_string(files.key).unwrap();
    let line = key.lines().nth(1).unwrap().as_bytes();
    for (path, bytes) in cluster.written() {
        let mut places = bytes.windows(line.len());
        assert!(!places.any(|place| place == line), "{path:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_executor_may_be_killed_stopped_and_started_again_with_certificates() {
    lose_executors(|| Cluster::start_with_certificates(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_cluster_with_certificates_is_told_and_the_next_run_finishes() {
    lose_cluster(Cluster::start_with_certificates(1)).await;
}

#[tokio::test]
async fn ports_are_closed_to_whoever_has_no_certificate_of_the_ca() {
    let cluster = Cluster::start_with_certificates(1);
    let scheduler = cluster.url().rsplit(':').next().unwrap().parse().unwrap();
    for port in [scheduler, cluster.port_of_answers(0)] {
        assert_eq!(first_byte(port, Some("node")).await.unwrap(), SERVED);
        for stranger in [None, Some("other-node")] {
            let told = first_byte(port, stranger).await.unwrap_err().to_string();
            assert!(told.contains("received fatal alert"), "{told}");
        }
        let in_the_clear = first_byte_in_the_clear(port).await;
        assert!(!in_the_clear.is_ok_and(|byte| byte != ALERT), "{port}");
    }
}

/// What a server says first to a client that trusts it, and has this certificate.
async fn first_byte(port: u16, name: Option<&str>) -> io::Result<u8> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let mut roots = RootCertStore::empty();
    let of = |name: &str| certificate("ca", name);
    roots.add(pem(&of("node").ca)).unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match name.map(of) {
        Some(files) => {
            let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
            let chain = vec![pem(&files.certificate)];
            builder.with_client_auth_cert(chain, key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(name, stream).await?.read_u8().await
}

fn pem(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

async fn first_byte_in_the_clear(port: u16) -> io::Result<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    stream.write_all(settings).await?;
    stream.read_u8().await
}

/// The variables that name files.
fn variables(files: &CertificateFiles) -> [(&'static str, String); 3] {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    [
        ("TIERLINE_TLS_CA", text(&files.ca)),
        ("TIERLINE_TLS_CERT", text(&files.certificate)),
        ("TIERLINE_TLS_KEY", text(&files.key)),
    ]
}

fn nights() -> Nights {
    let nights = nights_over(&users(), Ids::Varchar);
    nights.calibrate_by_hand(days_ago(0), &hand_given_cut_points());
    nights
}

/// Runs a night as a process, on the cluster at `url`.
fn run(nights: &Nights, url: &str, variables: &[(&'static str, String)]) -> Finished {
    let (job, date) = (nights.job_file(), days_ago(0).to_string());
    let call = Tierline::new().args(["run", job.to_str().unwrap(), "--date", &date]);
    let call = call.args(["--cluster", url]);
    call.envs(variables.iter().cloned()).run()
}

#[test]
fn ends_that_do_not_trust_each_other_are_told_at_once() {
    let cluster = Cluster::start_with_certificates(1);
    let (url, nights) = (cluster.url(), nights());
    let (not_accepted, unknown) = (
        "it does not accept the certificate of this process (UnknownCA)",
        "its certificate is not accepted here",
    );
    let remedy = "give scheduler, executors and nights certificates of one CA, for the names that they are reached by";
    let begun = Instant::now();
    for (ca, name, reason) in [
        ("ca", "other-node", not_accepted),
        ("other-ca", "other-node", unknown),
    ] {
        let variables = variables(&certificate(ca, name));
        let folder = TempDir::new().unwrap();
        let executor = Tierline::new()
            .args(["executor", "--scheduler", &url])
            .current_dir(folder.path());
        for finished in [
            run(&nights, &url, &variables),
            executor.envs(variables.clone()).run(),
        ] {
            assert_eq!(finished.exit_code, 1, "{finished:?}");
            assert!(finished.stderr.contains(reason), "{finished:?}");
            assert!(finished.stderr.contains(remedy), "{finished:?}");
        }
    }
    // A scheduler whose certificate is for another name, and one without.
    let elsewhere = Some(certificate("ca", "elsewhere"));
    let elsewhere = Cluster::start_with(0, Vec::new(), elsewhere);
    let plain = Cluster::start(0, Vec::new());
    let of_plain = plain.url().replace("http:", "https:");
    let variables = variables(&certificate("ca", "node"));
    for (url, reason) in [
        (elsewhere.url(), "certificate not valid for name"),
        (of_plain, "it has no certificates itself"),
    ] {
        let finished = run(&nights, &url, &variables);
        assert_eq!(finished.exit_code, 1, "{finished:?}");
        assert!(finished.stderr.contains(reason), "{finished:?}");
    }
    assert!(begun.elapsed() < A_MINUTE);
    // What the remedy says.
    let finished = run(&nights, &url, &variables);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}

#[test]
fn certificates_that_do_not_fit_are_told_with_the_remedy() {
    let nights = nights();
    let cluster = Cluster::start_with_certificates(1);
    let encrypted = cluster.url();
    let refused = |url: &str, variables: &[(&'static str, String)], told: &str| {
        let finished = run(&nights, url, variables);
        assert_eq!(finished.exit_code, 2, "{finished:?}");
        assert!(finished.stderr.contains(told), "{told}: {finished:?}");
    };
    let all = variables(&certificate("ca", "node"));
    refused(
        &encrypted,
        &[],
        "wants certificates; give their files as TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY",
    );
    let two = [all[0].clone(), all[2].clone()];
    refused(&encrypted, &two, "certificates lack TIERLINE_TLS_CERT; ");
    refused(
        &encrypted,
        &two,
        "give all three of TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY, or none",
    );
    refused(
        &encrypted.replace("https:", "http:"),
        &all,
        "is not encrypted; write https:// for http://, or unset TIERLINE_TLS_CA, TIERLINE_TLS_CERT and TIERLINE_TLS_KEY",
    );
    let with = |index: usize, file: &str| {
        let mut variables = all.clone();
        variables[index].1 = file.to_owned();
        variables
    };
    let folder = TempDir::new().unwrap();
    let garbage = folder.path().join("garbage.pem");
    fs::write(&garbage, "no certificate\n").unwrap();
    let garbage = garbage.to_str().unwrap();
    let other_key = certificate("ca", "other-node").key;
    for (index, file, reason) in [
        (0, "/nowhere/ca.pem", "No such file or directory"),
        (0, garbage, "it has no certificate in PEM format"),
        (1, garbage, "it has no certificate in PEM format"),
        (2, garbage, "it has no private key in PEM format"),
        (
            2,
            other_key.to_str().unwrap(),
            "it is not the key of the certificate",
        ),
    ] {
        let told = format!("cannot use the file {file}: {reason}");
        refused(&encrypted, &with(index, file), &told);
    }
    refused(
        &encrypted,
        &with(0, garbage),
        "; name a file in PEM format that is",
    );
    let call = [
        "executor",
        "--scheduler",
        &encrypted,
        "--external-host",
        "10.0.0.1",
    ];
    let finished = Tierline::new().args(call).envs(all.clone()).run();
    assert_eq!(finished.exit_code, 2, "{finished:?}");
    let told = "others reach this process as 10.0.0.1: invalid peer certificate";
    assert!(finished.stderr.contains(told), "{finished:?}");
    // What the remedies say.
    let finished = run(&nights, &encrypted, &all);
    assert_eq!(finished.exit_code, 0, "{finished:?}");
    drop(cluster);
    // Without a cluster, nobody asks for certificates.
    let job = nights.job_file();
    let call = [
        "run",
        job.to_str().unwrap(),
        "--date",
        &days_ago(0).to_string(),
    ];
    let finished = Tierline::new().args(call).envs([all[0].clone()]).run();
    assert_eq!(finished.exit_code, 0, "{finished:?}");
}
