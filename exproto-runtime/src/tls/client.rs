//! The client's side: whose certificates it takes, and its own.

use std::path::PathBuf;

use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use super::TlsError;
use super::server::{certificates, key, read};

/// Whose certificates a client takes, and the one that it shows itself.
///
/// All files are PEM, and are read once.
///
/// ```
/// use exproto_runtime::tls::ClientTls;
///
/// let tls = ClientTls::new("tls/ca.crt").identity("tls/handler.crt", "tls/handler.key");
/// # let _ = tls;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    authorities: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
    name: Option<String>,
}

impl ClientTls {
    /// Takes servers whose certificate one of the authorities in this file has
    /// signed for the host of the address.
    #[must_use]
    pub fn new(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: authorities.into(), identity: None, name: None }
    }

    /// Shows a certificate, its chain in the first file and its key in the
    /// second, to servers that ask for one.
    #[must_use]
    pub fn identity(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some((certificates.into(), key.into()));
        self
    }

    /// Expects this name in the server's certificate instead of the host of
    /// the address.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Reads the files.
    pub(crate) fn to_tonic(&self) -> Result<ClientTlsConfig, TlsError> {
        // For what is wrong with them: tonic does not say which file it is.
        certificates(&self.authorities)?;
        let mut config =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(&self.authorities)?));
        if let Some((chain, secret)) = &self.identity {
            certificates(chain)?;
            key(secret)?;
            config = config.identity(Identity::from_pem(read(chain)?, read(secret)?));
        }
        if let Some(name) = &self.name {
            config = config.domain_name(name);
        }
        Ok(config)
    }
}
