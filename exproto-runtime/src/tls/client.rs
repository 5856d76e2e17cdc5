//! The client's side: whose certificates it takes, and its own.

use std::path::PathBuf;
#[cfg(any(feature = "mqtt", feature = "grpc"))]
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(feature = "emqx")]
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

#[cfg(any(feature = "mqtt", feature = "grpc"))]
use super::TlsError;
#[cfg(feature = "emqx")]
use super::server::read;
#[cfg(any(feature = "mqtt", feature = "grpc"))]
use super::server::{Stamp, certificates, key, stamp};

/// Whose certificates a client takes, and the one that it shows itself.
///
/// All files are PEM. They are read when a connection is made, if one has changed
/// since; if they cannot be used then, what was read before stays in use.
///
/// ```
/// use exproto_runtime::tls::ClientTls;
///
/// let tls = ClientTls::new("tls/ca.crt").identity("tls/handler.crt", "tls/handler.key");
/// # let _ = tls;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// `None`: those that the system trusts.
    authorities: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    name: Option<String>,
}

impl ClientTls {
    /// Takes servers whose certificate one of the authorities in this file has
    /// signed for the host of the address.
    #[must_use]
    pub fn new(authorities: impl Into<PathBuf>) -> Self {
        Self { authorities: Some(authorities.into()), identity: None, name: None }
    }

    /// Takes servers whose certificate was signed by one of the authorities
    /// that this machine trusts, for the host of the address.
    ///
    /// ```
    /// use exproto_runtime::tls::ClientTls;
    ///
    /// let tls = ClientTls::system().name("broker.example");
    /// # let _ = tls;
    /// ```
    #[must_use]
    pub fn system() -> Self {
        Self { authorities: None, identity: None, name: None }
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
    #[cfg(feature = "emqx")]
    pub(crate) fn to_tonic(&self) -> Result<ClientTlsConfig, TlsError> {
        // For what is wrong with them: tonic does not say which file it is.
        let mut config = match &self.authorities {
            Some(path) => {
                certificates(path)?;
                ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?))
            }
            None => ClientTlsConfig::new().with_native_roots(),
        };
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

#[cfg(any(feature = "mqtt", feature = "grpc"))]
impl ClientTls {
    /// Reads the files.
    fn load(&self) -> Result<rustls::ClientConfig, TlsError> {
        let (path, trusted) = match &self.authorities {
            Some(path) => (path.clone(), certificates(path)?),
            None => {
                let found = rustls_native_certs::load_native_certs();
                if found.certs.is_empty() {
                    return Err(TlsError::NoAuthorities {
                        why: found.errors.first().map(ToString::to_string).unwrap_or_default(),
                    });
                }
                (PathBuf::new(), found.certs)
            }
        };
        let mut roots = rustls::RootCertStore::empty();
        for authority in trusted {
            // One that the system trusts and rustls cannot read signs nothing for us.
            if let (Err(source), Some(_)) = (roots.add(authority), &self.authorities) {
                return Err(TlsError::Unusable { path, source });
            }
        }
        let unusable = |source| TlsError::Unusable { path: path.clone(), source };
        let builder =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(unusable)?
                .with_root_certificates(roots);
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, secret)) => builder
                .with_client_auth_cert(certificates(chain)?, key(secret)?)
                .map_err(|source| TlsError::Unusable { path: chain.clone(), source }),
        }
    }

    fn stamp(&self) -> Stamp {
        let (chain, secret) = self.identity.as_ref().map(|(chain, secret)| (chain, secret)).unzip();
        stamp([self.authorities.as_ref(), chain, secret])
    }
}

/// Makes TLS connections; what lies in files is read again when it has changed.
#[cfg(any(feature = "mqtt", feature = "grpc"))]
#[derive(Debug)]
pub(crate) struct ClientConnector {
    settings: ClientTls,
    /// What is spoken inside TLS, if that is to be agreed.
    alpn: &'static [u8],
    current: Mutex<Option<(Stamp, Arc<rustls::ClientConfig>)>>,
}

#[cfg(any(feature = "mqtt", feature = "grpc"))]
impl ClientConnector {
    pub(crate) fn new(settings: ClientTls) -> Self {
        Self { settings, alpn: b"", current: Mutex::new(None) }
    }

    /// Reads the files at once; `alpn` is what is spoken inside TLS.
    #[cfg(feature = "grpc")]
    pub(crate) fn open(settings: ClientTls, alpn: &'static [u8]) -> Result<Self, TlsError> {
        let connector = Self { alpn, ..Self::new(settings) };
        connector.config()?;
        Ok(connector)
    }

    /// Agrees on TLS with the host at the other end of a socket.
    pub(crate) async fn connect(
        &self,
        host: &str,
        socket: tokio::net::TcpStream,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
        let config = self.config()?;
        let name = self.settings.name.as_deref().unwrap_or(host).to_owned();
        let name = rustls::pki_types::ServerName::try_from(name)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidInput, error))?;
        tokio_rustls::TlsConnector::from(config).connect(name, socket).await
    }

    fn config(&self) -> Result<Arc<rustls::ClientConfig>, TlsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = self.settings.stamp();
        if let Some((seen, config)) = &*current
            && *seen == stamp
        {
            return Ok(Arc::clone(config));
        }
        let mut config = match (self.settings.load(), &*current) {
            (Ok(config), _) => config,
            (Err(error), Some((_, before))) => {
                tracing::warn!("{error}; the certificates from before stay in use");
                return Ok(Arc::clone(before));
            }
            (Err(error), None) => return Err(error),
        };
        if !self.alpn.is_empty() {
            config.alpn_protocols = vec![self.alpn.to_vec()];
        }
        let config = Arc::new(config);
        *current = Some((stamp, Arc::clone(&config)));
        Ok(config)
    }
}
