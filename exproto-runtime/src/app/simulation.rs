//! The command `simulate`.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::simulate::{Counts, Device, Rate, SimulateOptions, Totals, simulate};
use super::{Failure, told_to_stop};
use crate::host::OpenFiles;
use crate::session::Gateway;

/// [`simulate`] for a certain gateway and device.
pub(super) type Simulator =
    fn(SimulateOptions, Arc<Counts>, watch::Receiver<bool>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn simulator<G: Gateway, D: Device<G>>(
    options: SimulateOptions,
    counts: Arc<Counts>,
    stop: watch::Receiver<bool>,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(simulate::<G, D>(options, counts, stop))
}

#[derive(Args, Debug)]
pub(super) struct SimulateArgs {
    /// How many devices
    #[arg(long, default_value_t = 1, value_name = "N")]
    devices: u32,
    /// How often each of them reports: 1/s, 6/m, 0.5/h
    #[arg(long, default_value = "1/s")]
    rate: Rate,
    /// Where the gateway listens [default: its usual port on this machine]
    #[arg(long, value_name = "ADDR")]
    connect: Option<SocketAddr>,
    /// How long, like 10s or 5m [default: until Ctrl-C]
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// How many devices begin to connect in a second
    #[arg(long, default_value_t = 500, value_name = "N")]
    ramp: u32,
    /// Decides about all random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(super) fn run(args: SimulateArgs, port: u16, simulator: Option<Simulator>) -> Result<ExitCode, Failure> {
    let Some(simulator) = simulator else {
        return Err(Failure::new(
            "this program has no simulated devices: implement `app::Device` and name it with `App::simulate`",
        ));
    };
    let files = OpenFiles::raise()
        .map_err(|error| Failure::new(format!("the limit of open files cannot be raised: {error}")))?;
    if args.devices as usize > files.connections() {
        return Err(Failure::new(format!(
            "{} devices need more open files than the {} that this process may have: raise the limit with `ulimit -n` or take fewer",
            args.devices, files.soft
        )));
    }
    let connect = args.connect.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into());
    let mut options = SimulateOptions::new(connect);
    options.devices = args.devices;
    options.rate = args.rate;
    options.ramp = args.ramp;
    options.seed = args.seed;
    super::runtime()?.block_on(async {
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = watch::channel(false);
        let told = told_to_stop();
        println!("{} devices connect to {connect}", args.devices);
        let devices = tokio::spawn(simulator(options, Arc::clone(&counts), stopped));
        let before = tokio::select! {
            totals = progress(&counts) => totals,
            () = until(args.duration) => counts.totals(),
            () = told => counts.totals(),
        };
        stop.send_replace(true);
        let ended = devices.await;
        Ok(report(before, counts.totals(), args.devices, ended.is_err()))
    })
}

/// A line each second, for ever.
async fn progress(counts: &Counts) -> Totals {
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    second.tick().await;
    let mut last = counts.totals();
    loop {
        second.tick().await;
        let now = counts.totals();
        println!(
            "{} connected, {} ready, {} frames sent (+{}), {} received (+{}), {} errors",
            now.connected,
            now.ready,
            now.sent,
            now.sent - last.sent,
            now.received,
            now.received - last.received,
            now.errors
        );
        last = now;
    }
}

async fn until(duration: Option<Duration>) {
    match duration {
        Some(duration) => sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// The last line; failure if anything went wrong.
fn report(before: Totals, end: Totals, devices: u32, panicked: bool) -> ExitCode {
    println!(
        "{} of {devices} devices were ready, {} frames sent, {} received, {} reconnects, {} errors",
        before.ready, end.sent, end.received, end.reconnects, end.errors
    );
    if end.errors > 0 || panicked || (devices > 0 && end.sent == 0) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// A time like `10s`, `500ms`, `5m`, `1h`; a bare number is seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is no unit of time: use `ms`, `s`, `m` or `h`")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` is no time: use something like `10s`"))?;
    Duration::try_from_secs_f64(number * unit).map_err(|_| format!("`{text}` is too long"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("10s").unwrap(), Duration::from_secs(10));
        assert_eq!(duration("1.5m").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(duration("2").unwrap(), Duration::from_secs(2));
        for bad in ["", "s", "1d", "-1s", "1.2.3s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
