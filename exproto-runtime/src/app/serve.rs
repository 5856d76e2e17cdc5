//! The command `serve`.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tracing::warn;

use super::{Failure, hint, told_to_stop};
use crate::broker::{EmbeddedBroker, EmbeddedSettings, MqttBroker, MqttSettings, MqttUrl};
use crate::host::{Host, HostError, Listener, OpenFiles, Stopped};
use crate::metrics::{Counter, Metrics};
use crate::session::{Gateway, SessionSettings};

/// How long the broker may take to acknowledge what is left at the end.
pub(super) const LAST_PUBLISHES: Duration = Duration::from_secs(5);

#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Where devices connect [default: the protocol's usual port on this machine]
    #[arg(long, value_name = "ADDR")]
    pub(super) listen: Option<SocketAddr>,
    /// An MQTT broker of your own instead of the embedded one:
    /// mqtt://[USER[:PASSWORD]@]HOST[:PORT]
    #[arg(long, value_name = "URL", conflicts_with = "mqtt")]
    broker: Option<MqttUrl>,
    /// Where the embedded MQTT broker listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1883")]
    mqtt: SocketAddr,
    /// Let everybody who reaches it use the embedded broker, which asks for no
    /// password, on an address that others can reach
    #[arg(long, requires = "mqtt")]
    open_mqtt: bool,
    #[cfg(feature = "grpc")]
    #[command(flatten)]
    exproto: super::exproto::ExProtoArgs,
    /// Accept frames with a wrong checksum or length, and count them, instead
    /// of refusing them
    #[arg(long)]
    accept_bad: bool,
    /// A parameter that the protocol's functions and topics ask for, as often
    /// as needed
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = super::param)]
    params: Vec<(String, String)>,
    /// The profile whose routes hold instead of those without one
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// How many devices may be connected [default: what the limit of open
    /// files leaves room for]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Threads that devices are served on [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

pub(super) fn run<G: Gateway>(
    args: ServeArgs,
    port: u16,
    mut session: SessionSettings,
) -> Result<ExitCode, Failure> {
    session.accept_bad |= args.accept_bad;
    session.params.extend(args.params.iter().cloned());
    session.profile = args.profile.as_deref().map(Into::into).or(session.profile);
    session.check_profile::<G>().map_err(|error| Failure::new(error.to_string()))?;
    super::runtime()?.block_on(async {
        #[cfg(feature = "grpc")]
        if args.exproto.is_wanted() {
            return args.exproto.run::<G>(session).await;
        }
        host::<G>(args, port, session).await
    })
}

async fn host<G: Gateway>(args: ServeArgs, port: u16, session: SessionSettings) -> Result<ExitCode, Failure> {
    let files = OpenFiles::raise().or_else(|error| {
        warn!(%error, "the limit of open files cannot be raised");
        OpenFiles::now()
    });
    let room = files.map_or(usize::MAX, OpenFiles::connections);
    let address = args.listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, port).into());
    if G::ANONYMOUS && !address.ip().is_loopback() {
        warn!(%address, "everybody who reaches this address can publish: the gateway is anonymous");
    }

    // Before the broker, because an address in use is the likeliest mistake.
    let connections = args.max_connections.unwrap_or(room);
    let listener = Listener::tcp(address).max_connections(connections).session(session);
    let mut builder = Host::<G>::builder().listener(listener);
    if let Some(workers) = args.workers {
        builder = builder.workers(workers.max(1));
    }

    let embedded = match &args.broker {
        Some(_) => None,
        None => Some(embedded(args.mqtt, args.open_mqtt).await?),
    };
    let (url, kind) = match (&args.broker, &embedded) {
        (Some(url), _) => (url.clone(), ""),
        (None, Some(embedded)) => (embedded.url(), " (embedded)"),
        (None, None) => return Err(Failure::new("there is no broker")),
    };
    let broker = MqttBroker::start(MqttSettings::new(url.clone()));
    let host = builder.bind(broker.clone()).map_err(|error| match error {
        HostError::Bind { .. } => Failure::new(format!("{error}: choose another address with --listen")),
        other => Failure::new(other.to_string()),
    })?;
    let metrics = host.metrics();

    let stop = told_to_stop();
    println!("{} gateway", G::NAME);
    for (name, address) in host.addresses() {
        println!("  devices  {address} ({name})");
    }
    println!("  broker   {url}{kind}");
    println!("  room     for {} connections", connections.min(room));
    let again = hint::start_again();
    let elsewhere = if args.broker.is_some() || url.port() != 1883 {
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
    println!("  {again} simulate --devices 100 --rate 1/s{connect}\n");
    tokio::spawn(report_unreachable(broker.clone(), url));

    let stopped = impatiently(host.run(stop)).await?;
    broker.close(LAST_PUBLISHES).await;
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    println!("{}", summary(&metrics, stopped));
    Ok(ExitCode::SUCCESS)
}

/// Starts the embedded broker.
pub(super) async fn embedded(address: SocketAddr, open: bool) -> Result<EmbeddedBroker, Failure> {
    if !open && !address.ip().is_loopback() {
        return Err(Failure::new(format!(
            "the embedded broker asks for no password, so {address} would let everybody read and publish: \
             keep --mqtt on loopback, use a broker of your own with --broker, or say --open-mqtt"
        )));
    }
    let settings = EmbeddedSettings { bind: address, ..EmbeddedSettings::default() };
    EmbeddedBroker::start(settings).await.map_err(|error| {
        Failure::new(format!(
            "the embedded MQTT broker cannot listen on {address}: {error}: choose another address with --mqtt, \
             or use the broker that is there with --broker mqtt://{address}"
        ))
    })
}

/// Tells the user when a broker of theirs does not answer; connecting goes on.
pub(super) async fn report_unreachable(broker: MqttBroker, url: MqttUrl) {
    if tokio::time::timeout(Duration::from_secs(3), broker.connected()).await.is_err() {
        warn!(broker = %url, "the broker does not answer; devices wait until it does (another one: --broker)");
    }
}

/// Runs to the end, or until the user asks a second time.
pub(super) async fn impatiently<E: std::fmt::Display>(
    host: impl Future<Output = Result<Stopped, E>>,
) -> Result<Stopped, Failure> {
    let mut host = std::pin::pin!(host);
    let twice = async {
        told_to_stop().await;
        told_to_stop().await;
    };
    tokio::select! {
        stopped = &mut host => stopped.map_err(|error| Failure::new(error.to_string())),
        () = twice => Err(Failure::new("stopped at once; what was in flight is not acknowledged")),
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
