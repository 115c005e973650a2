//! Which certificate a process has on a cluster, by its options and the environment.

use std::path::PathBuf;

use crate::cluster::ClusterError;
use crate::ground::CertificateFiles;

use super::arguments::CertificateArguments;

impl CertificateArguments {
    /// The files, each by its option, or by its variable where that is left out; none where none is named.
    ///
    /// # Errors
    /// [`ClusterError::IncompleteCertificates`].
    pub(super) fn files(&self) -> Result<Option<CertificateFiles>, ClusterError> {
        let named = [
            (&self.tls_ca, "TIERLINE_TLS_CA"),
            (&self.tls_cert, "TIERLINE_TLS_CERT"),
            (&self.tls_key, "TIERLINE_TLS_KEY"),
        ];
        let files = named.map(|(option, variable)| {
            let file = option.clone().or_else(|| of_environment(variable));
            file.ok_or(variable)
        });
        if files.iter().all(Result::is_err) {
            return Ok(None);
        }
        match files {
            [Ok(ca), Ok(certificate), Ok(key)] => Ok(Some(CertificateFiles {
                ca,
                certificate,
                key,
            })),
            files => {
                let missing: Vec<&str> = files.into_iter().filter_map(Result::err).collect();
                Err(ClusterError::IncompleteCertificates {
                    missing: missing.join(" and "),
                })
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where the environment is read"
)]
fn of_environment(variable: &str) -> Option<PathBuf> {
    let path = std::env::var(variable).ok();
    path.filter(|path| !path.is_empty()).map(PathBuf::from)
}
