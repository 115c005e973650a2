//! Mutual TLS: both ends of a connection show a certificate of one CA, and a server's has to be for the name that
//! the client knows it by.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::extension::EndpointOverrideFn;
use ballista_core::utils::{GrpcClientConfig, create_grpc_client_endpoint};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tonic::transport::{
    Certificate, ClientTlsConfig, Endpoint, Error, Identity, Server, ServerTlsConfig,
};

use crate::ground::CertificateFiles;

use super::error::ClusterError;

/// How long the other end may take to agree on a connection.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What the other end has to speak.
const HTTP_2: &[u8] = b"h2";

/// The certificates of a process, loaded.
#[derive(Clone)]
pub(super) struct Tls {
    client: ClientTlsConfig,
    server: ServerTlsConfig,
    connector: TlsConnector,
    verifier: Arc<WebPkiServerVerifier>,
    chain: Vec<CertificateDer<'static>>,
    /// Where the chain is from.
    path: PathBuf,
}

/// Nothing of the private key is for logs.
impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`ClusterError::CertificateFile`]: files that cannot be read, are not PEM, or do not belong together.
    pub(super) fn load(files: &CertificateFiles) -> Result<Self, ClusterError> {
        let provider = default_provider();
        // Tonic's server asks for it. Where another was installed, that one does as well.
        drop(provider.clone().install_default());
        let [ca, certificate, key] =
            [&files.ca, &files.certificate, &files.key].map(|path| read(path));
        let (ca, certificate, key) = (ca?, certificate?, key?);
        let mut roots = RootCertStore::empty();
        for root in certificates(&files.ca, &ca)? {
            let added = roots.add(root);
            added.map_err(|error| unusable(&files.ca, &error))?;
        }
        let chain = certificates(&files.certificate, &certificate)?;
        let private = PrivateKeyDer::from_pem_slice(&key);
        let private = private.map_err(|error| not_pem(&files.key, "private key", &error))?;
        let (provider, roots) = (Arc::new(provider), Arc::new(roots));
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let verifier = verifier.build();
        let verifier = verifier.map_err(|error| unusable(&files.ca, &error))?;
        let builder = ClientConfig::builder_with_provider(provider);
        let config = builder
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                builder
                    .with_root_certificates(roots)
                    .with_client_auth_cert(chain.clone(), private)
            });
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                unusable(&files.key, &"it is not the key of the certificate")
            }
            error => unusable(&files.key, &error),
        })?;
        config.alpn_protocols = vec![HTTP_2.to_vec()];
        let (ca, identity) = (
            Certificate::from_pem(ca),
            Identity::from_pem(certificate, key),
        );
        Ok(Self {
            client: ClientTlsConfig::new()
                .ca_certificate(ca.clone())
                .identity(identity.clone())
                .timeout(HANDSHAKE),
            server: ServerTlsConfig::new()
                .client_ca_root(ca)
                .identity(identity)
                .timeout(HANDSHAKE),
            connector: TlsConnector::from(Arc::new(config)),
            verifier,
            chain,
            path: files.certificate.clone(),
        })
    }

    /// Whether others will take this process for the one of a name.
    ///
    /// # Errors
    /// [`ClusterError::CertificateFile`]: a certificate of another CA, for other names, or of another time.
    pub(super) fn check_name(&self, host: &str) -> Result<(), ClusterError> {
        let wrong = |reason: &dyn fmt::Display| {
            let reason = format!("others reach this process as {host}: {reason}");
            unusable(&self.path, &reason)
        };
        let name = ServerName::try_from(host).map_err(|error| wrong(&error))?;
        let Some((own, between)) = self.chain.split_first() else {
            return Ok(());
        };
        let now = UnixTime::now();
        let verified = self
            .verifier
            .verify_server_cert(own, between, &name, &[], now);
        verified.map(drop).map_err(|error| wrong(&error))
    }

    /// What makes Ballista's clients encrypt.
    pub(super) fn endpoints(&self) -> EndpointOverrideFn {
        let tls = self.client.clone();
        Arc::new(move |endpoint| Ok(encrypted(endpoint)?.tls_config(tls.clone())?))
    }

    /// A server that refuses whoever has no certificate of the CA.
    ///
    /// # Errors
    /// Certificates that no server can have.
    pub(super) fn server(&self) -> Result<Server, Error> {
        Server::builder().tls_config(self.server.clone())
    }

    /// Whether a scheduler listens there; one that does has to agree on a connection. Ballista's clients would tell of
    /// a refusal as of a lost connection, or try again.
    ///
    /// # Errors
    /// [`ClusterError::NoTrust`].
    pub(super) async fn reaches(&self, (host, port): &(String, u16)) -> Result<bool, ClusterError> {
        let no_trust = |reason: String| ClusterError::NoTrust {
            url: format!("https://{host}:{port}"),
            reason,
        };
        let Ok(Ok(stream)) = timeout(HANDSHAKE, TcpStream::connect((host.as_str(), *port))).await
        else {
            return Ok(false);
        };
        let name = ServerName::try_from(host.clone());
        let name = name.map_err(|error| no_trust(error.to_string()))?;
        let agreed = async {
            let mut stream = self.connector.connect(name, stream).await?;
            // With TLS 1.3, a client learns here what became of its own certificate: a server of HTTP/2 speaks first.
            stream.read_u8().await
        };
        match timeout(HANDSHAKE, agreed).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) => Err(no_trust(reason_of(&error))),
            Err(_) => Err(no_trust("it does not answer".to_owned())),
        }
    }
}

/// The endpoint by `https`: Ballista has executors reach their scheduler by `http`, where tonic encrypts nothing.
fn encrypted(endpoint: Endpoint) -> Result<Endpoint, Error> {
    let uri = endpoint.uri();
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) => {
            let url = format!("https://{authority}");
            create_grpc_client_endpoint(url, Some(&GrpcClientConfig::default()))
        }
        _ => Ok(endpoint),
    }
}

/// Why two ends did not agree.
fn reason_of(error: &io::Error) -> String {
    let tls = error.get_ref();
    match tls.and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => {
            format!("it does not accept the certificate of this process ({alert:?})")
        }
        Some(rustls::Error::InvalidCertificate(error)) => {
            format!("its certificate is not accepted here ({error})")
        }
        Some(rustls::Error::InvalidMessage(_)) => "it has no certificates itself".to_owned(),
        _ => error.to_string(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, ClusterError> {
    std::fs::read(path).map_err(|error| unusable(path, &error))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ClusterError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.and_then(|found| match found.is_empty() {
        true => Err(pem::Error::NoItemsFound),
        false => Ok(found),
    });
    found.map_err(|error| not_pem(path, "certificate", &error))
}

/// Of a file that is not PEM, no line is repeated: it may be a key.
fn not_pem(path: &Path, what: &str, error: &pem::Error) -> ClusterError {
    match error {
        pem::Error::NoItemsFound => unusable(path, &format!("it has no {what} in PEM format")),
        _ => unusable(path, &"it is not in PEM format"),
    }
}

fn unusable(path: &Path, reason: &dyn fmt::Display) -> ClusterError {
    ClusterError::CertificateFile {
        path: path.display().to_string(),
        reason: reason.to_string(),
    }
}
