//! The program `exproto`, which declares no protocol: `host`, `watch`, `send`.

use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use tracing::warn;

use super::admin::Admin;
use super::broker_args::AccessArgs;
use super::config::EmbeddedConfig;
use super::serve::{LAST_PUBLISHES, embedded, impatiently, report_unreachable};
use super::{CUT_OFF, Failure, message, service, told_to_stop};
use crate::broker::{EmbeddedSettings, MqttBroker, MqttUrl};
use crate::emqx::{Codes, Service, StandIn, StandInBuilder, StandInError, StandInSettings};
use crate::host::{Listener, OpenFiles};
use crate::metrics::Counter;

/// Runs the program `exproto`: EMQX's side of ExProto for a handler in any
/// language, without a declared protocol.
#[must_use]
pub fn exproto() -> ExitCode {
    let cli = Cli::parse();
    super::log::start(cli.verbose, super::log::LogFormat::Text);
    let done = match cli.command {
        Command::Host(args) => super::runtime().and_then(|runtime| runtime.block_on(host(*args))),
        Command::Watch(args) => message::watch(args),
        Command::Send(args) => message::send(args),
    };
    match done {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

#[derive(Parser, Debug)]
#[command(
    name = "exproto",
    version = env!("CARGO_PKG_VERSION"),
    about = "EMQX's side of ExProto, for handlers in any language",
    long_about = None
)]
struct Cli {
    /// Say more; twice: everything. RUST_LOG decides in detail
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Listen for devices and let an ExProto handler work for them
    Host(Box<HostArgs>),
    /// Print messages of the broker as they arrive
    Watch(message::WatchArgs),
    /// Publish one message
    Send(message::SendArgs),
}

#[derive(Args, Debug)]
struct HostArgs {
    /// Where the handler serves: http://HOST:PORT
    #[arg(long, value_name = "URL")]
    handler: String,
    /// The service that the handler has
    #[arg(long, value_name = "NAME", default_value = "ConnectionUnaryHandler")]
    service: ServiceName,
    /// Where devices connect
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7993")]
    listen: Vec<SocketAddr>,
    /// Where the handler calls. Whoever reaches it can act for every device
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    adapter: SocketAddr,
    /// An MQTT broker of your own instead of the embedded one:
    /// mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][?version=3.1.1]
    #[arg(long, value_name = "URL", conflicts_with = "mqtt")]
    broker: Option<MqttUrl>,
    #[command(flatten)]
    access: AccessArgs,
    /// Where the embedded MQTT broker listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1883")]
    mqtt: SocketAddr,
    /// Let everybody who reaches it use the embedded broker, which asks for no
    /// password, on an address that others can reach
    #[arg(long, requires = "mqtt")]
    open_mqtt: bool,
    /// Where /metrics, /healthz and /readyz are served [default: nowhere]
    #[arg(long, value_name = "ADDR")]
    admin: Option<SocketAddr>,
    /// A prefix of all topics of a device, with ${clientid}, ${username} and
    /// ${peerhost}
    #[arg(long, value_name = "TEMPLATE", default_value = "")]
    mountpoint: String,
    /// Which result codes calls of the handler get
    #[arg(long, value_name = "WHICH", default_value = "documented")]
    codes: CodesName,
    /// The name of the node that stands in connections' names and messages
    #[arg(long, value_name = "NAME", default_value = "exproto@127.0.0.1")]
    node: String,
    /// Seconds to the first byte of a device; 0: for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    idle: u64,
    /// Seconds that the handler has for an answer
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    event_timeout: u64,
    /// Seconds that devices wait for a handler that cannot be reached
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    patience: u64,
    /// How many devices may be connected [default: what the limit of open
    /// files leaves room for]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// Threads that devices are served on [default: one for each processor]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// The authority that has signed the certificate of a handler with an
    /// https address, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE")]
    handler_ca: Option<PathBuf>,
    /// Our certificate for the handler, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires_all = ["handler_ca", "handler_key"])]
    handler_cert: Option<PathBuf>,
    /// The key of our certificate for the handler, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "handler_cert")]
    handler_key: Option<PathBuf>,
    /// Serve the adapter with TLS: the certificate and its chain, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "adapter_key")]
    adapter_cert: Option<PathBuf>,
    /// The key of the adapter's certificate, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "adapter_cert")]
    adapter_key: Option<PathBuf>,
    /// Let only handlers call that have a certificate of this authority, PEM
    #[cfg(feature = "tls")]
    #[arg(long, value_name = "FILE", requires = "adapter_cert")]
    adapter_client_ca: Option<PathBuf>,
}

/// The names of the services, as in EMQX's configuration.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ServiceName {
    #[value(name = "ConnectionUnaryHandler")]
    Unary,
    #[value(name = "ConnectionHandler")]
    Streaming,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CodesName {
    /// Those that the protocol documents
    Documented,
    /// Those that EMQX 5 gives
    #[value(name = "emqx-5")]
    Emqx5,
}

impl HostArgs {
    fn settings(&self) -> StandInSettings {
        let mut settings = StandInSettings::new(&*self.handler);
        settings.service = match self.service {
            ServiceName::Unary => Service::Unary,
            ServiceName::Streaming => Service::Streaming,
        };
        settings.codes = match self.codes {
            CodesName::Documented => Codes::Documented,
            CodesName::Emqx5 => Codes::Emqx5,
        };
        settings.mountpoint.clone_from(&self.mountpoint);
        settings.node.clone_from(&self.node);
        settings.idle_timeout = Duration::from_secs(self.idle);
        settings.event_timeout = Duration::from_secs(self.event_timeout);
        settings.patience = Duration::from_secs(self.patience);
        #[cfg(feature = "tls")]
        if let Some(ca) = &self.handler_ca {
            let mut tls = crate::tls::ClientTls::new(ca);
            if let (Some(cert), Some(key)) = (&self.handler_cert, &self.handler_key) {
                tls = tls.identity(cert, key);
            }
            settings.handler_tls = Some(tls);
        }
        settings
    }

    #[cfg(feature = "tls")]
    fn secure(&self, builder: StandInBuilder) -> StandInBuilder {
        let (Some(cert), Some(key)) = (&self.adapter_cert, &self.adapter_key) else { return builder };
        let tls = crate::tls::ServerTls::new(cert, key);
        builder.adapter_tls(match &self.adapter_client_ca {
            Some(ca) => tls.require_client(ca),
            None => tls,
        })
    }

    #[cfg(not(feature = "tls"))]
    fn secure(&self, builder: StandInBuilder) -> StandInBuilder {
        builder
    }
}

async fn host(args: HostArgs) -> Result<ExitCode, Failure> {
    let files = OpenFiles::raise().or_else(|error| {
        warn!(%error, "the limit of open files cannot be raised");
        OpenFiles::now()
    });
    let room = files.map_or(usize::MAX, OpenFiles::connections);
    let mut builder = args.secure(StandIn::builder(args.settings()).adapter(args.adapter));
    for address in &args.listen {
        builder =
            builder.listener(Listener::tcp(*address).max_connections(args.max_connections.unwrap_or(room)));
    }
    if let Some(workers) = args.workers {
        builder = builder.workers(workers.max(1));
    }
    let settings = EmbeddedSettings { bind: args.mqtt, ..EmbeddedSettings::default() };
    let embedded = match &args.broker {
        Some(_) => None,
        None => Some(embedded(&EmbeddedConfig { open: args.open_mqtt, settings }).await?),
    };
    let (url, kind) = match (&args.broker, &embedded) {
        (Some(url), _) => (url.clone(), ""),
        (None, Some(embedded)) => (embedded.url(), " (embedded)"),
        (None, None) => return Err(Failure::new("there is no broker")),
    };
    let broker = MqttBroker::start(args.access.settings(url.clone()));
    let stand_in = builder.bind(broker.clone()).await.map_err(|error| match error {
        StandInError::Adapter { .. } => {
            Failure::new(format!("{error}: choose another address with --adapter"))
        }
        StandInError::Host(_) => Failure::new(format!("{error}: choose another address with --listen")),
        other => Failure::new(other.to_string()),
    })?;
    let metrics = stand_in.metrics();
    let admin = {
        let (metrics, counters) = (stand_in.metrics(), stand_in.counters());
        let (ready, reachable, counted) = (broker.clone(), stand_in.counters(), broker.clone());
        Admin::new(
            move || match (ready.is_connected(), reachable.is_handler_reachable()) {
                (true, true) => Ok(()),
                (false, _) => Err("the broker is not connected".into()),
                (true, false) => Err("the handler cannot be reached".into()),
            },
            move |out| {
                metrics.write_open_metrics(out);
                counters.write_open_metrics(out);
                counted.counters().write_open_metrics(out, "stand-in");
            },
        )
    };

    let stop = told_to_stop();
    println!("ExProto host");
    for (name, address) in stand_in.addresses() {
        println!("  devices  {address} ({name})");
    }
    println!("  handler  {}", args.handler);
    if let Ok(address) = stand_in.adapter() {
        println!("  adapter  {address}");
    }
    println!("  broker   {url}{kind}");
    admin.start(args.admin).await?;
    tokio::spawn(report_unreachable(broker.clone(), url));

    service::watch();
    service::notify("READY=1");
    let stop = async {
        stop.await;
        admin.drain();
        service::notify("STOPPING=1");
    };
    let before = broker.counters();
    let stopped = impatiently(async {
        let stopped = stand_in.run(stop).await;
        broker.close(LAST_PUBLISHES).await;
        stopped
    })
    .await?;
    let lost = broker.counters().failed.saturating_sub(before.failed);
    if let Some(embedded) = embedded {
        embedded.stop().await;
    }
    println!(
        "stopped: {} connections served, {} bytes received, {} sent, {} open at the end, {} cut off",
        metrics.get(Counter::Accepted),
        metrics.get(Counter::BytesIn),
        metrics.get(Counter::BytesOut),
        stopped.open,
        stopped.cut_off
    );
    Ok(if stopped.cut_off > 0 || lost > 0 { ExitCode::from(CUT_OFF) } else { ExitCode::SUCCESS })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_command_line_makes_settings() {
        let cli = Cli::try_parse_from([
            "exproto",
            "host",
            "--handler",
            "http://127.0.0.1:9001",
            "--service",
            "ConnectionHandler",
            "--codes",
            "emqx-5",
            "--listen",
            "0.0.0.0:7993",
            "--listen",
            "0.0.0.0:7994",
            "--mountpoint",
            "site/${clientid}/",
        ])
        .unwrap();
        let Command::Host(args) = cli.command else { panic!("{cli:?}") };
        let settings = args.settings();
        assert_eq!((settings.service, settings.codes), (Service::Streaming, Codes::Emqx5));
        assert_eq!(settings.mountpoint, "site/${clientid}/");
        assert_eq!(args.listen.len(), 2);
        assert!(Cli::try_parse_from(["exproto", "host"]).is_err(), "a handler is needed");
    }
}
