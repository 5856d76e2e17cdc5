//! Opening the socket to a broker: which address, which login, TLS.
//!
//! What lies in files (passwords, certificates) is looked at for every new
//! connection, so a reconnect takes what is there by then.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{MqttSettings, MqttUrl};

/// Whatever the bytes go through.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// User name and password of a CONNECT.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Vec<u8>>,
}

/// Opens sockets to a broker, or to the next where one is out of reach.
#[derive(Debug)]
pub(crate) struct Dialer {
    urls: Box<[MqttUrl]>,
    at: AtomicUsize,
    password_file: Option<PathBuf>,
    #[cfg(feature = "tls")]
    tls: crate::tls::ClientConnector,
}

impl Dialer {
    pub(crate) fn new(settings: &MqttSettings) -> Self {
        Self {
            urls: std::iter::once(&settings.url).chain(&settings.fallbacks).cloned().collect(),
            at: AtomicUsize::new(0),
            password_file: settings.password_file.clone(),
            #[cfg(feature = "tls")]
            tls: crate::tls::ClientConnector::new(settings.tls.clone()),
        }
    }

    /// The broker that the next connection goes to.
    pub(crate) fn url(&self) -> &MqttUrl {
        // There is a first one, and `at` is below their number.
        let at = self.at().min(self.urls.len() - 1);
        &self.urls[at]
    }

    /// The number of that broker.
    pub(crate) fn at(&self) -> usize {
        self.at.load(Ordering::Relaxed)
    }

    /// The broker with this number is out of reach: the next one's turn, unless
    /// somebody else has found out before.
    pub(crate) fn pass_over(&self, at: usize) {
        let next = (at + 1) % self.urls.len();
        let _ = self.at.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// As whom to log in there.
    pub(crate) fn login(&self) -> io::Result<Login> {
        let password = match &self.password_file {
            None => self.url().password().map(|password| password.as_bytes().to_vec()),
            Some(path) => {
                let text = fs::read(path).map_err(|error| {
                    let what = format!("the password file {} cannot be read: {error}", path.display());
                    io::Error::new(error.kind(), what)
                })?;
                let line = text.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
                Some(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
            }
        };
        Ok(Login { username: self.url().username().map(Into::into), password })
    }

    /// Opens a socket.
    pub(crate) async fn connect(self: Arc<Self>) -> io::Result<Box<dyn Stream>> {
        let url = self.url();
        let socket = TcpStream::connect((url.host(), url.port())).await?;
        socket.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if url.is_tls() {
            return Ok(Box::new(self.tls.connect(url.host(), socket).await?));
        }
        Ok(Box::new(socket))
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}
