//! Settings that change while the program runs: on SIGHUP the file is read again.

use std::convert::Infallible;
use std::future::Future;

use tracing::{error, info, warn};

use super::Failure;
use super::config::Config;
use crate::host::Reload;
use crate::session::Gateway;

/// Takes the settings over that `again` reads, each time SIGHUP comes; from the call on the
/// signal does not end the program.
pub(super) fn follow<G: Gateway>(
    host: Reload<G>,
    config: Config,
    room: usize,
    again: &dyn Fn() -> Result<Config, Failure>,
) -> impl Future<Output = Infallible> {
    let hangup = hangup();
    async move {
        let (mut hangup, mut config) = (hangup, config);
        loop {
            next(&mut hangup).await;
            match again() {
                Ok(newer) => {
                    take_over(&host, &config, &newer, room);
                    config = newer;
                }
                Err(Failure { text, .. }) => error!("the settings stay as they are: {text}"),
            }
        }
    }
}

fn take_over<G: Gateway>(host: &Reload<G>, config: &Config, newer: &Config, room: usize) {
    for listener in &newer.listeners {
        // Those that are new are told below.
        if config.listeners.iter().any(|old| old.name == listener.name)
            && let Err(error) = host.listener(listener.listener(room))
        {
            error!("{error}");
        }
    }
    for (what, taken) in config.changes(newer) {
        if taken {
            info!("{what} has changed, for connections that come from now on");
        } else {
            warn!("{what} has changed; it holds when the program is started again");
        }
    }
    info!("the settings were read again");
}

#[cfg(unix)]
type Hangup = Option<tokio::signal::unix::Signal>;
#[cfg(not(unix))]
type Hangup = ();

#[cfg(unix)]
fn hangup() -> Hangup {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::hangup()) {
        Ok(signal) => Some(signal),
        Err(error) => {
            warn!(%error, "SIGHUP cannot be listened for");
            None
        }
    }
}

#[cfg(not(unix))]
fn hangup() {}

/// Waits for the next one; where there is none, for ever.
async fn next(hangup: &mut Hangup) {
    #[cfg(unix)]
    if let Some(signal) = hangup
        && signal.recv().await.is_some()
    {
        return;
    }
    #[cfg(not(unix))]
    let () = hangup;
    std::future::pending().await
}
