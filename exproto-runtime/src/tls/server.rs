//! The server's side: its certificate, and whose certificates it takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tracing::{info, warn};

use super::TlsError;

/// A certificate is looked at this often; authorities renew them days ahead.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// The certificate of a server, and of which clients it asks one.
///
/// ```
/// use exproto_runtime::tls::ServerTls;
///
/// let tls = ServerTls::new("tls/server.crt", "tls/server.key").require_client("tls/fleet-ca.crt");
/// # let _ = tls;
/// ```
///
/// All files are PEM. They are looked at every ten seconds and read again when
/// one has changed; connections that exist keep what they began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    certificates: PathBuf,
    key: PathBuf,
    clients: Clients,
}

/// Certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Clients {
    NotAsked,
    /// By one of these authorities, if the client has any.
    Asked(PathBuf),
    /// By one of these authorities.
    Required(PathBuf),
}

impl ServerTls {
    /// A server with the chain of certificates in one file, its own first, and
    /// the key of the first in another. Clients need no certificate.
    #[must_use]
    pub fn new(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { certificates: certificates.into(), key: key.into(), clients: Clients::NotAsked }
    }

    /// Refuses clients without a certificate that one of the authorities in
    /// this file has signed ("mutual TLS").
    #[must_use]
    pub fn require_client(mut self, authorities: impl Into<PathBuf>) -> Self {
        self.clients = Clients::Required(authorities.into());
        self
    }

    /// Asks clients for a certificate that one of the authorities in this file
    /// has signed, and takes those too that have none.
    #[must_use]
    pub fn ask_client(mut self, authorities: impl Into<PathBuf>) -> Self {
        self.clients = Clients::Asked(authorities.into());
        self
    }

    /// Reads the files, and says what is wrong with them.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or holds something else; a key that is not that of
    /// the certificate.
    pub fn check(&self) -> Result<(), TlsError> {
        self.load(b"").map(drop)
    }

    /// Reads the files.
    fn load(&self, alpn: &[u8]) -> Result<ServerConfig, TlsError> {
        let unusable = |source| TlsError::Unusable { path: self.certificates.clone(), source };
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let chain = certificates(&self.certificates)?;
        let key = key(&self.key)?;
        let (authorities, required) = match &self.clients {
            Clients::NotAsked => (None, false),
            Clients::Asked(path) => (Some(path), false),
            Clients::Required(path) => (Some(path), true),
        };
        let builder = match authorities {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(path)? {
                    roots
                        .add(authority)
                        .map_err(|source| TlsError::Unusable { path: path.clone(), source })?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let verifier = if required { verifier } else { verifier.allow_unauthenticated() }.build();
                builder.with_client_cert_verifier(verifier.map_err(|error| match error {
                    VerifierBuilderError::NoRootAnchors => no_pem(path, "certificate", &"it is empty"),
                    other => no_pem(path, "certificate", &other),
                })?)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
        if !alpn.is_empty() {
            config.alpn_protocols = vec![alpn.to_vec()];
        }
        Ok(config)
    }

    /// Tells whether a file is another than before.
    fn stamp(&self) -> Stamp {
        let clients = match &self.clients {
            Clients::NotAsked => None,
            Clients::Asked(path) | Clients::Required(path) => Some(path),
        };
        stamp([Some(&self.certificates), Some(&self.key), clients])
    }
}

/// Tells whether one of three files is another than before.
pub(super) type Stamp = [Option<(SystemTime, u64)>; 3];

pub(super) fn stamp(paths: [Option<&PathBuf>; 3]) -> Stamp {
    paths.map(|path| {
        let about = fs::metadata(path?).ok()?;
        Some((about.modified().ok()?, about.len()))
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

fn no_pem(path: &Path, wanted: &'static str, why: &dyn std::fmt::Display) -> TlsError {
    TlsError::Pem { path: path.to_owned(), wanted, why: why.to_string() }
}

pub(super) fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| no_pem(path, "private key", &error))
}

pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let all: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if all.is_empty() => Err(no_pem(path, "certificate", &"there is none in it")),
        Ok(all) => Ok(all),
        Err(error) => Err(no_pem(path, "certificate", &error)),
    }
}

/// The certificates in use.
#[derive(Debug)]
pub(crate) struct Certificates {
    settings: ServerTls,
    alpn: &'static [u8],
    current: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Stamp>,
}

impl Certificates {
    /// Reads the files; `alpn` is what the server speaks inside TLS, if that is
    /// to be agreed.
    pub(crate) fn open(settings: ServerTls, alpn: &'static [u8]) -> Result<Self, TlsError> {
        // Before the files: what changes in between is read once more.
        let seen = Mutex::new(settings.stamp());
        let current = RwLock::new(Arc::new(settings.load(alpn)?));
        Ok(Self { settings, alpn, current, seen })
    }

    /// What the next connection begins with.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the files if one has changed since they could be used; true if
    /// others are in use now.
    pub(crate) fn refresh(&self) -> Result<bool, TlsError> {
        let stamp = self.settings.stamp();
        if stamp == *self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(false);
        }
        let config = Arc::new(self.settings.load(self.alpn)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp;
        Ok(true)
    }

    /// Refreshes every ten seconds; never ends.
    pub(crate) async fn keep_fresh(&self) {
        let mut complaint = String::new();
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            match self.refresh() {
                Ok(false) => {}
                Ok(true) => {
                    info!(certificates = %self.settings.certificates.display(), "the certificates were read again");
                    complaint.clear();
                }
                Err(error) => {
                    let text = error.to_string();
                    if text != complaint {
                        warn!("{text}; the certificates from before stay in use");
                        complaint = text;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tls::made::{Authority, Folder};

    #[test]
    fn what_is_wrong_is_said_with_the_file() {
        let folder = Folder::new("wrong");
        let authority = Authority::new();
        let (pem, secret) = authority.issue("localhost");
        let (_, other) = authority.issue("localhost");
        let at = |what: &str| format!("{}/{what}", folder.path().display());
        let error = |tls: &ServerTls| Certificates::open(tls.clone(), b"").unwrap_err().to_string();

        let tls = ServerTls::new(folder.path().join("a.crt"), folder.write("a.key", &secret));
        assert!(error(&tls).starts_with(&at("a.crt cannot be read: ")));
        folder.write("a.crt", "nothing");
        assert_eq!(error(&tls), at("a.crt holds no certificate in PEM form: there is none in it"));
        folder.write("a.crt", &pem);
        folder.write("a.key", &pem);
        assert!(error(&tls).starts_with(&at("a.key holds no private key in PEM form: ")));
        folder.write("a.key", &other);
        assert_eq!(error(&tls), format!("the first certificate of {} is not that of the key", at("a.crt")));
        folder.write("a.key", &secret);
        Certificates::open(tls.clone(), b"").unwrap();

        assert!(
            error(&tls.clone().require_client(folder.path().join("no")))
                .starts_with(&at("no cannot be read"))
        );
        assert!(error(&tls.clone().ask_client(at("a.key"))).starts_with(&at("a.key holds no certificate")));
        Certificates::open(tls.require_client(folder.write("ca.crt", &authority.pem)), b"").unwrap();
    }

    #[test]
    fn files_are_read_again_when_all_of_them_fit() {
        let folder = Folder::new("again");
        let authority = Authority::new();
        let (pem, secret) = authority.issue("localhost");
        let tls = ServerTls::new(folder.write("a.crt", &pem), folder.write("a.key", &secret));
        let certificates = Certificates::open(tls, b"h2").unwrap();
        let first = certificates.current();
        assert_eq!(first.alpn_protocols, [b"h2".to_vec()]);
        assert!(!certificates.refresh().unwrap());

        let (pem, secret) = authority.issue("localhost");
        // Of another length, as the time of a file may be too coarse to tell.
        folder.write("a.crt", &format!("{pem}\n\n"));
        assert!(certificates.refresh().is_err());
        assert!(Arc::ptr_eq(&first, &certificates.current()));
        folder.write("a.key", &format!("{secret}\n\n"));
        assert!(certificates.refresh().unwrap());
        assert!(!Arc::ptr_eq(&first, &certificates.current()));
        assert!(!certificates.refresh().unwrap());
    }
}
