//! What is wrong with certificates and keys.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no TLS with these files.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// The file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What the file holds is no PEM, or not the kind that is needed.
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The system has no list of authorities that it trusts.
    NoAuthorities {
        /// What is wrong with it.
        why: String,
    },
    /// Certificate and key can't be used, or not together.
    Unusable {
        /// The certificates.
        path: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::Pem { path, wanted, why } => {
                write!(f, "{} holds no {wanted} in PEM form: {why}", path.display())
            }
            Self::NoAuthorities { why } => {
                write!(f, "this machine trusts no authority, name a file with those to trust: {why}")
            }
            Self::Unusable { path, source: rustls::Error::InconsistentKeys(_) } => {
                write!(f, "the first certificate of {} is not that of the key", path.display())
            }
            Self::Unusable { path, source } => write!(f, "{} cannot be used: {source}", path.display()),
        }
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { source, .. } => Some(source),
            Self::Unusable { source, .. } => Some(source),
            Self::Pem { .. } | Self::NoAuthorities { .. } => None,
        }
    }
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}
