//! The commands `watch` and `send`: an MQTT client for the first minute.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tracing::warn;

use super::broker_args::BrokerArgs;
use super::{Failure, told_to_stop};
use crate::broker::{MqttClient, MqttSettings, Received};

/// The wait before a broker that went away is tried again.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Args, Debug)]
pub(super) struct WatchArgs {
    /// Which topics: `#` for all, `+` for any one level
    filter: String,
    #[command(flatten)]
    broker: BrokerArgs,
}

#[derive(Args, Debug)]
pub(super) struct SendArgs {
    /// Where to publish
    topic: String,
    /// What to publish
    payload: String,
    #[command(flatten)]
    broker: BrokerArgs,
    /// 0: sent; 1 or 2: acknowledged
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// The broker keeps it for later subscribers
    #[arg(long)]
    retain: bool,
}

pub(super) fn watch(args: WatchArgs) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(async {
        tokio::select! {
            watched = follow(&args) => watched,
            () = told_to_stop() => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Prints messages until nobody reads them.
async fn follow(args: &WatchArgs) -> Result<ExitCode, Failure> {
    // A broker that is not there at the beginning is a mistake; one that goes
    // away comes back.
    let settings = args.broker.settings();
    let mut client = subscribed(args, &settings).await.map_err(failure)?;
    loop {
        match client.next().await {
            Ok(message) => match writeln!(io::stdout().lock(), "{}", Line(&message)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
                Err(error) => return Err(Failure::new(format!("cannot print: {error}"))),
            },
            Err(error) => {
                warn!("{error}; trying again");
                client = loop {
                    tokio::time::sleep(AGAIN).await;
                    if let Ok(client) = subscribed(args, &settings).await {
                        break client;
                    }
                };
                warn!("connected again");
            }
        }
    }
}

async fn subscribed(args: &WatchArgs, settings: &MqttSettings) -> io::Result<MqttClient> {
    let mut client = MqttClient::connect_with(settings.clone()).await?;
    client.subscribe(&args.filter, 1).await?;
    Ok(client)
}

pub(super) fn send(args: SendArgs) -> Result<ExitCode, Failure> {
    super::runtime()?.block_on(async {
        let mut client = MqttClient::connect_with(args.broker.settings()).await.map_err(failure)?;
        client.publish(&args.topic, args.payload, args.qos, args.retain).await.map_err(failure)?;
        Ok(ExitCode::SUCCESS)
    })
}

fn failure(error: io::Error) -> Failure {
    Failure::new(format!("{error} (another broker: --broker)"))
}

/// A message as one line: text as it is but for what would break the line,
/// other bytes in hex.
struct Line<'m>(&'m Received);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.0.topic).fmt(f)?;
        f.write_str(" ")?;
        match std::str::from_utf8(&self.0.payload) {
            Ok(text) => Printable(text).fmt(f),
            Err(_) => {
                f.write_str("hex:")?;
                self.0.payload.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
            }
        }
    }
}

struct Printable<'t>(&'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            match part.chars().next_back() {
                // A device must not write to the terminal of who watches it.
                Some(last) if last.is_control() => {
                    f.write_str(part.strip_suffix(last).unwrap_or(part))?;
                    write!(f, "{}", last.escape_debug())?;
                }
                _ => f.write_str(part)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Printable;

    #[test]
    fn nothing_a_device_sends_breaks_the_line() {
        assert_eq!(Printable("{\"a\":\"ü\"}").to_string(), "{\"a\":\"ü\"}");
        assert_eq!(Printable("a\nb\x1b[2J\r").to_string(), "a\\nb\\u{1b}[2J\\r");
        assert_eq!(Printable("").to_string(), "");
    }
}
