//! The finished program: `serve`, `decode`, `check`, `simulate`, `watch`, `send`.
//!
//! [`main`] is all that a gateway's program needs; an [`App`] sets what the
//! protocol suggests (a port, simulated devices). This layer alone prints.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

mod admin;
mod broker_args;
mod check;
mod config;
mod decode;
#[cfg(feature = "grpc")]
mod exproto;
mod hint;
mod log;
mod message;
mod reload;
mod serve;
mod service;
mod simulate;
mod simulation;
mod stand_in;

use std::ffi::OsString;
use std::fmt;
use std::marker::PhantomData;
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use crate::codec::{Random, Uniform};
pub use simulate::{Counts, Device, Rate, Sender, SimulateOptions, Totals, simulate};
pub use stand_in::exproto;

use crate::session::{Gateway, SessionSettings};
use config::Config;
use simulation::Simulator;

/// Runs the program of a gateway: its `main`.
///
/// ```no_run
/// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
/// # use toy::Toy;
/// fn main() -> std::process::ExitCode {
///     exproto_runtime::main::<Toy>()
/// }
/// ```
#[must_use]
pub fn main<G: Gateway>() -> ExitCode {
    App::<G>::new().main()
}

/// The program of a gateway, with what its protocol suggests.
///
/// ```no_run
/// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
/// # use toy::Toy;
/// use exproto_runtime::app::App;
///
/// fn main() -> std::process::ExitCode {
///     App::<Toy>::new().port(7700).main()
/// }
/// ```
pub struct App<G> {
    port: u16,
    session: SessionSettings,
    simulator: Option<Simulator>,
    gateway: PhantomData<fn() -> G>,
}

impl<G> fmt::Debug for App<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("port", &self.port)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl<G: Gateway> Default for App<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Gateway> App<G> {
    /// The program with its defaults.
    #[must_use]
    pub fn new() -> Self {
        Self { port: 7611, session: SessionSettings::default(), simulator: None, gateway: PhantomData }
    }

    /// The port that devices of this protocol usually connect to. Default:
    /// 7611.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// How sessions behave.
    #[must_use]
    pub fn session(mut self, settings: SessionSettings) -> Self {
        self.session = settings;
        self
    }

    /// The devices of the command `simulate`.
    #[must_use]
    pub fn simulate<D: Device<G>>(mut self) -> Self {
        self.simulator = Some(simulation::simulator::<G, D>);
        self
    }

    /// Does what the command line says.
    #[must_use]
    pub fn main(self) -> ExitCode {
        self.main_with(std::env::args_os())
    }

    /// Does what these arguments say, the name of the program first: for a
    /// program that takes some of the command line itself, such as which of
    /// several gateways to be.
    ///
    /// ```
    /// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
    /// # use toy::Toy;
    /// use exproto_runtime::app::App;
    ///
    /// let code = App::<Toy>::new().main_with(["toy", "--version"]);
    /// assert_eq!(code, std::process::ExitCode::SUCCESS);
    /// ```
    #[must_use]
    pub fn main_with<T: Into<OsString>>(self, args: impl IntoIterator<Item = T>) -> ExitCode {
        let cli = match self.parse(args.into_iter().map(Into::into)) {
            Ok(cli) => cli,
            // Help and version are no failures, and go to standard output.
            Err(error) => {
                let _ = error.print();
                return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
            }
        };
        match self.run(cli) {
            Ok(code) => code,
            Err(failure) => failure.report(),
        }
    }

    fn parse(&self, args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
        // Defaults and variables belong into the help of the settings.
        let settings = Config::new(self.port, self.session.clone());
        let describe = |command| config::describe(command, &settings);
        let mut command = describe(Cli::command()).mut_subcommand("serve", describe);
        if let Some(name) = hint::program_name() {
            command = command.display_name(name.clone()).bin_name(name);
        }
        // The names of a gateway's profiles belong into the help; without any the
        // option says nothing.
        let profile = |arg: clap::Arg| match G::PROFILES {
            [] => arg.hide(true),
            names => arg.help(format!(
                "The profile whose routes hold instead of those without one: {}",
                names.join(", ")
            )),
        };
        command = command.mut_arg("profile", profile);
        for name in ["serve", "decode"] {
            command = command.mut_subcommand(name, |command| command.mut_arg("profile", profile));
        }
        let mut matches = command.try_get_matches_from_mut(args)?;
        Cli::from_arg_matches_mut(&mut matches)
    }

    fn run(self, cli: Cli) -> Result<ExitCode, Failure> {
        let command = cli.command.unwrap_or(Command::Serve(Box::new(cli.serve)));
        if !matches!(command, Command::Serve(_)) {
            log::start(cli.verbose, log::LogFormat::Text);
        }
        match command {
            // Its settings say how to log.
            Command::Serve(args) => serve::run::<G>(&args, cli.verbose, self.port, self.session),
            Command::Decode(args) => {
                let profile = args.profile.as_deref().map(Into::into);
                let settings = SessionSettings { profile, ..SessionSettings::default() };
                settings.check_profile::<G>().map_err(|error| Failure::new(error.to_string()))?;
                Ok(decode::run::<G>(args))
            }
            Command::Check(args) => check::run::<G>(args),
            Command::Simulate(args) => simulation::run(args, self.port, self.simulator),
            Command::Watch(args) => message::watch(args),
            Command::Send(args) => message::send(args),
        }
    }
}

/// The exit code of a program that was told to stop and could not finish in time.
const CUT_OFF: u8 = 3;

/// Why the program ends in failure, in words for its user.
#[derive(Debug)]
struct Failure {
    text: String,
    /// The program's exit code.
    code: u8,
}

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 1 }
    }

    /// What the user has written cannot be meant.
    fn usage(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: 2 }
    }

    /// Work was cut off before it was done.
    fn cut_off(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: CUT_OFF }
    }

    /// Tells the user; what the program ends with.
    fn report(self) -> ExitCode {
        eprintln!("error: {}", self.text);
        ExitCode::from(self.code)
    }
}

#[derive(Parser, Debug)]
#[command(
    version = env!("CARGO_PKG_VERSION"),
    about = "A gateway from a device protocol to MQTT",
    long_about = None,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    /// Say more; twice: everything. RUST_LOG decides in detail
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    #[command(flatten)]
    serve: config::ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Listen for devices and publish what they send; without a command, too
    Serve(Box<config::ServeArgs>),
    Decode(decode::DecodeArgs),
    Check(check::CheckArgs),
    /// Be many devices
    Simulate(simulation::SimulateArgs),
    /// Print messages of the broker as they arrive
    Watch(message::WatchArgs),
    /// Publish one message
    Send(message::SendArgs),
}

/// A runtime for the commands. The host brings threads of its own.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))
}

/// Ends when the user or the system wants the program to end, from the call
/// on: commands call it before they say that they have begun.
fn told_to_stop() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    };
    async {
        #[cfg(unix)]
        if let (Ok(mut interrupt), Ok(mut terminate)) = terminate {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// `NAME=VALUE`.
fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write NAME=VALUE".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn parameters_have_a_name_and_a_value() {
        assert_eq!(param("site=a=b").unwrap(), ("site".to_owned(), "a=b".to_owned()));
        assert_eq!(param("site=").unwrap().1, "");
        assert!(param("=a").is_err() && param("site").is_err());
    }

    #[test]
    fn serve_is_the_command_if_none_is_given() {
        let address = |args: &config::ServeArgs| {
            let (settings, _) = args.settings(Config::new(1, SessionSettings::default())).unwrap();
            settings.listeners.first().unwrap().address.to_string()
        };
        let cli = Cli::try_parse_from(["gateway", "--listen", "127.0.0.1:9"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(address(&cli.serve), "127.0.0.1:9");
        let cli = Cli::try_parse_from(["gateway", "serve", "--listen", "127.0.0.1:9", "-v"]).unwrap();
        assert_eq!(cli.verbose, 1);
        let Some(Command::Serve(args)) = cli.command else { panic!("another command") };
        assert_eq!(address(&args), "127.0.0.1:9");
    }
}
