//! The files by which the processes of a cluster know each other.

use std::path::PathBuf;

/// PEM files for mutual TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The CA that has issued the certificates of all processes.
    pub ca: PathBuf,
    /// The certificate of this process, and those between it and the CA.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}
