//! The limit of open files, which bounds the number of connections.

use std::io;

/// Descriptors left for everything that is no device: listeners, the broker,
/// log files, the runtime's own.
const RESERVE: u64 = 64;

/// How many files this process may have open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    /// The limit in force.
    pub soft: u64,
    /// How far it can be raised without privileges.
    pub hard: u64,
}

impl OpenFiles {
    /// The limit in force now.
    ///
    /// # Errors
    ///
    /// A system that does not tell.
    pub fn now() -> io::Result<Self> {
        #[cfg(unix)]
        {
            let (soft, hard) = rlimit::Resource::NOFILE.get()?;
            Ok(Self { soft, hard })
        }
        #[cfg(not(unix))]
        {
            Ok(Self { soft: u64::MAX, hard: u64::MAX })
        }
    }

    /// Raises the limit in force as far as it goes without privileges. It
    /// holds for the whole process, so a library should leave this to the
    /// program.
    ///
    /// # Errors
    ///
    /// A system that refuses.
    pub fn raise() -> io::Result<Self> {
        #[cfg(unix)]
        rlimit::increase_nofile_limit(u64::MAX)?;
        Self::now()
    }

    /// How many connections the limit leaves room for.
    #[must_use]
    pub fn connections(self) -> usize {
        usize::try_from(self.soft.saturating_sub(RESERVE)).unwrap_or(usize::MAX)
    }
}
