//! What a service manager is told: that the program is ready, still alive, about to
//! end.
//!
//! systemd names a socket in `NOTIFY_SOCKET` and, if it watches, the time within which
//! it wants to hear something in `WATCHDOG_USEC`. Elsewhere nothing happens.

/// Tells the service manager this state, `READY=1` for instance. A manager that cannot
/// be reached does no harm.
pub(super) fn notify(state: &str) {
    #[cfg(unix)]
    if let Some(socket) = std::env::var_os("NOTIFY_SOCKET")
        && let Err(error) = unix::send(&socket, state)
    {
        tracing::debug!(%error, state, "the service manager cannot be told");
    }
    #[cfg(not(unix))]
    let _ = state;
}

/// Tells it from time to time that the program lives, if it wants to know, for as long
/// as the runtime of the caller works.
pub(super) fn watch() {
    #[cfg(unix)]
    {
        let of = |name| std::env::var(name).ok();
        if let Some(every) =
            unix::interval(of("WATCHDOG_USEC").as_deref(), of("WATCHDOG_PID").as_deref(), std::process::id())
        {
            tokio::spawn(async move {
                loop {
                    notify("WATCHDOG=1");
                    tokio::time::sleep(every).await;
                }
            });
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::io;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    /// Sends a state to a socket: a path or, with `@` before it, an abstract name.
    pub(super) fn send(socket: &OsStr, state: &str) -> io::Result<()> {
        let datagram = UnixDatagram::unbound()?;
        #[cfg(target_os = "linux")]
        if let Some(name) = socket.as_bytes().strip_prefix(b"@") {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            return datagram.send_to_addr(state.as_bytes(), &address).map(drop);
        }
        datagram.send_to(state.as_bytes(), socket).map(drop)
    }

    /// How often to say that this process lives: twice in the time that is given.
    pub(super) fn interval(micros: Option<&str>, watched: Option<&str>, own: u32) -> Option<Duration> {
        if watched.is_some_and(|pid| pid.parse() != Ok(own)) {
            return None;
        }
        let micros: u64 = micros?.parse().ok()?;
        (micros > 0).then(|| Duration::from_micros(micros / 2).max(Duration::from_millis(1)))
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]

        use super::*;

        #[test]
        fn the_manager_is_told_by_path_and_by_name() {
            let path = std::env::temp_dir().join(format!("exproto-notify-{}", std::process::id()));
            let socket = UnixDatagram::bind(&path).unwrap();
            send(path.as_os_str(), "READY=1").unwrap();
            let mut told = [0; 64];
            let length = socket.recv(&mut told).unwrap();
            assert_eq!(&told[..length], b"READY=1");
            std::fs::remove_file(&path).unwrap();
            assert!(send(path.as_os_str(), "READY=1").is_err());

            #[cfg(target_os = "linux")]
            {
                use std::os::linux::net::SocketAddrExt;
                let name = format!("exproto-notify-{}", std::process::id());
                let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
                let socket = UnixDatagram::bind_addr(&address).unwrap();
                send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
                let length = socket.recv(&mut told).unwrap();
                assert_eq!(&told[..length], b"STOPPING=1");
            }
        }

        #[test]
        fn it_hears_twice_in_its_time_if_it_means_us() {
            let of = |micros, pid| interval(micros, pid, 7).map(|time| time.as_millis());
            assert_eq!(of(Some("30000000"), None), Some(15_000));
            assert_eq!(of(Some("30000000"), Some("7")), Some(15_000));
            assert_eq!(of(Some("30000000"), Some("8")), None);
            assert_eq!(
                (of(None, Some("7")), of(Some("soon"), None), of(Some("0"), None)),
                (None, None, None)
            );
        }
    }
}
