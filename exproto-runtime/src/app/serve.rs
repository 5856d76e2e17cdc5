//! The command `serve`.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use tracing::warn;

use super::admin::Admin;
use super::config::{BrokerConfig, Clients, Config, EmbeddedConfig, ServeArgs};
use super::{CUT_OFF, Failure, hint, log, reload, service, told_to_stop};
use crate::broker::{EmbeddedBroker, MqttBroker, MqttUrl};
use crate::host::{Host, HostError, OpenFiles, Stopped};
use crate::metrics::{Counter, Metrics};
use crate::session::{Gateway, SessionSettings};

/// How long the broker may take to acknowledge what is left at the end.
pub(super) const LAST_PUBLISHES: Duration = Duration::from_secs(5);

pub(super) fn run<G: Gateway>(
    args: &ServeArgs,
    verbose: u8,
    port: u16,
    session: SessionSettings,
) -> Result<ExitCode, Failure> {
    let default = Config::new(port, session);
    if args.print_default {
        print!("{}", default.print());
        return Ok(ExitCode::SUCCESS);
    }
    let (config, remarks) = args.settings(default.clone())?;
    log::start(verbose, config.log.format);
    for remark in remarks {
        warn!("{remark}");
    }
    check::<G>(&config)?;
    if args.check {
        println!("the settings are good");
        return Ok(ExitCode::SUCCESS);
    }
    super::runtime()?.block_on(async {
        #[cfg(feature = "grpc")]
        if let Some(address) = config.exproto.address {
            return super::exproto::run::<G>(&config, address).await;
        }
        host::<G>(config, port, &|| {
            let (config, _) = args.settings(default.clone())?;
            check::<G>(&config).map(|()| config)
        })
        .await
    })
}

/// Says what is wrong with the settings as a whole, as far as it can be known before
/// anything is bound.
fn check<G: Gateway>(config: &Config) -> Result<(), Failure> {
    let mut mistakes = Vec::new();
    let sessions = std::iter::once(&config.session).chain(config.listeners.iter().map(|one| &one.session));
    for session in sessions {
        if let Err(error) = session.check_profile::<G>() {
            mistakes.push(error.to_string());
        }
    }
    mistakes.dedup();
    #[cfg(feature = "grpc")]
    super::exproto::check(config, &mut mistakes);
    if !is_handler(config) {
        for listener in &config.listeners {
            mistakes.extend(listener.tls.check().err());
        }
        mistakes.dedup();
        match &config.broker.url {
            None => mistakes.extend(check_embedded(&config.embedded).err()),
            Some(url) => {
                mistakes.extend(config.broker.settings(url.clone()).err());
                let both = config.given("broker.url").zip(config.given("embedded.address"));
                if let Some((broker, embedded)) = both {
                    mistakes.push(format!(
                        "{broker} and {embedded} name two brokers: the embedded one is there only without `broker.url`"
                    ));
                }
            }
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(Failure::usage(mistakes.join("\n       "))) }
}

/// Whether EMQX has the devices.
fn is_handler(config: &Config) -> bool {
    #[cfg(feature = "grpc")]
    if config.exproto.address.is_some() {
        return true;
    }
    let _ = config;
    false
}

async fn host<G: Gateway>(
    config: Config,
    port: u16,
    read_again: &dyn Fn() -> Result<Config, Failure>,
) -> Result<ExitCode, Failure> {
    let files = OpenFiles::raise().or_else(|error| {
        warn!(%error, "the limit of open files cannot be raised");
        OpenFiles::now()
    });
    let room = files.map_or(usize::MAX, OpenFiles::connections) / sockets(&config.broker);

    // Before the broker, because an address in use is the likeliest mistake.
    let mut builder = Host::<G>::builder().drain(config.host.drain);
    let mut connections = 0_usize;
    for listener in &config.listeners {
        let address = listener.address;
        if !address.ip().is_loopback()
            && let Some(warning) = who_can_publish::<G>(&config.broker)
        {
            warn!(%address, "{warning}");
        }
        connections = connections.saturating_add(listener.max_connections.unwrap_or(room));
        builder = builder.listener(listener.listener(room));
    }
    if let Some(workers) = config.host.workers {
        builder = builder.workers(workers);
    }

    let embedded = match &config.broker.url {
        Some(_) => None,
        None => Some(embedded(&config.embedded).await?),
    };
    let (url, kind) = match (&config.broker.url, &embedded) {
        (Some(url), _) => (url.clone(), ""),
        (None, Some(embedded)) => (embedded.url(), " (embedded)"),
        (None, None) => return Err(Failure::new("there is no broker")),
    };
    let broker = MqttBroker::start(config.broker.settings(url.clone()).map_err(Failure::usage)?);
    let host = builder.bind(broker.clone()).map_err(|error| match error {
        HostError::Bind { .. } => Failure::new(format!("{error}: choose another address with --listen")),
        other => Failure::new(other.to_string()),
    })?;
    let metrics = host.metrics();
    let admin = {
        let (metrics, ready, counted) = (host.metrics(), broker.clone(), broker.clone());
        Admin::new(
            move || match ready.is_connected() {
                true => Ok(()),
                false => Err("the broker is not connected".into()),
            },
            move |out| {
                metrics.write_open_metrics(out);
                counted.counters().write_open_metrics(out, G::NAME);
            },
        )
    };

    let stop = told_to_stop();
    println!("{} gateway", G::NAME);
    for (name, address) in host.addresses() {
        println!("  devices  {address} ({name})");
    }
    println!("  broker   {url}{kind}");
    println!("  room     for {} connections", connections.min(room));
    admin.start(config.admin.address).await?;
    let again = hint::start_again();
    let elsewhere = if config.broker.url.is_some() || url.port() != 1883 {
        format!(" --broker '{url}'")
    } else {
        String::new()
    };
    println!("\nNext, each in a terminal of its own:");
    println!("  {again} watch '#'{elsewhere}");
    let connect = match host.addresses().next() {
        Some((_, bound)) if bound.port() != port => format!(" --connect {bound}"),
        _ => String::new(),
    };
    // Simulated devices speak no TLS.
    if !config.listeners.first().is_some_and(|listener| matches!(listener.tls.files(), Ok(Some(_)))) {
        println!("  {again} simulate --devices 100 --rate 1/s{connect}");
    }
    println!();
    tokio::spawn(report_unreachable(broker.clone(), url));

    let reload = reload::follow(host.reload(), config.clone(), room, read_again);
    service::watch();
    service::notify("READY=1");
    let stop = async {
        stop.await;
        admin.drain();
        service::notify("STOPPING=1");
    };

    let before = broker.counters();
    let serving = impatiently(async {
        let stopped = host.run(stop).await;
        broker.close(LAST_PUBLISHES).await;
        stopped
    });
    let stopped = tokio::select! {
        stopped = serving => stopped?,
        never = reload => match never {},
    };
    let lost = broker.counters().failed.saturating_sub(before.failed);
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    println!("{}", summary(&metrics, stopped));
    Ok(if stopped.cut_off > 0 || lost > 0 { ExitCode::from(CUT_OFF) } else { ExitCode::SUCCESS })
}

/// How many sockets a device takes.
fn sockets(broker: &BrokerConfig) -> usize {
    match (broker.mode, &broker.url) {
        (Clients::Shared, _) => 1,
        // Its own, its connection to the broker, and that one's other end.
        (Clients::PerDevice, Some(_)) => 2,
        (Clients::PerDevice, None) => 3,
    }
}

/// Starts the embedded broker.
pub(super) async fn embedded(config: &EmbeddedConfig) -> Result<EmbeddedBroker, Failure> {
    check_embedded(config).map_err(Failure::usage)?;
    let address = config.settings.bind;
    EmbeddedBroker::start(config.settings.clone()).await.map_err(|error| {
        Failure::new(format!(
            "the embedded MQTT broker cannot listen on {address}: {error}: choose another address with --mqtt, \
             or use the broker that is there with --broker mqtt://{address}"
        ))
    })
}

/// The embedded broker is open to the network only if somebody says so.
fn check_embedded(config: &EmbeddedConfig) -> Result<(), String> {
    let address = config.settings.bind;
    if config.open || address.ip().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "the embedded broker asks for no password, so {address} would let everybody read and publish: \
         keep --mqtt on loopback, use a broker of your own with --broker, or say --open-mqtt"
    ))
}

/// Who can publish that reaches a listener, if that is not for a broker to say. This
/// program asks nobody about logins itself, and the broker sees none where devices share
/// connections to it.
fn who_can_publish<G: Gateway>(broker: &BrokerConfig) -> Option<&'static str> {
    if G::ANONYMOUS {
        Some("everybody who reaches this address can publish: the gateway is anonymous")
    } else if broker.url.is_some() && broker.mode == Clients::PerDevice {
        None
    } else {
        Some(
            "every login on this address is accepted: let only those reach it who may, with --allow or a firewall",
        )
    }
}

/// Tells the user when a broker of theirs does not answer; connecting goes on.
pub(super) async fn report_unreachable(broker: MqttBroker, url: MqttUrl) {
    if tokio::time::timeout(Duration::from_secs(3), broker.connected()).await.is_err() {
        warn!(broker = %url, "the broker does not answer; devices wait until it does (another one: --broker)");
    }
}

/// Runs to the end, or until the user asks a second time.
pub(super) async fn impatiently<T, E: std::fmt::Display>(
    host: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let mut host = std::pin::pin!(host);
    let twice = async {
        told_to_stop().await;
        told_to_stop().await;
    };
    tokio::select! {
        stopped = &mut host => stopped.map_err(|error| Failure::new(error.to_string())),
        () = twice => Err(Failure::cut_off("stopped at once; what was in flight is not acknowledged")),
    }
}

fn summary(metrics: &Metrics, stopped: Stopped) -> String {
    let count = |counter| metrics.get(counter);
    format!(
        "stopped: {} connections served, {} frames, {} bad, {} published, {} acknowledged, {} replies, {} downlinks, {} open at the end, {} cut off",
        count(Counter::Accepted),
        count(Counter::Frames),
        count(Counter::BadFrames),
        count(Counter::Publishes),
        count(Counter::Acknowledged),
        count(Counter::Replies),
        count(Counter::Downlinks),
        stopped.open,
        stopped.cut_off
    )
}
