//! Flags: one for each setting, and those that say what to do.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::kind::Form;
use super::table::Info;
use super::{Config, PREFIX, Sources};
use crate::app::Failure;
use crate::session::SessionSettings;

/// What the command line says of `serve`.
#[derive(Clone, Debug, Default)]
pub(in crate::app) struct ServeArgs {
    /// The file of settings.
    config: Option<PathBuf>,
    /// Only say whether the settings are good.
    pub(in crate::app) check: bool,
    /// Only print the settings, as a file.
    pub(in crate::app) print_default: bool,
    flags: Vec<(Info, Vec<String>)>,
}

/// What the help is made of: the settings, whose defaults a program may have changed.
fn blank() -> Config {
    Config::new(0, SessionSettings::default())
}

fn arg(info: &Info) -> Arg {
    let arg = Arg::new(info.flag)
        .long(info.flag)
        .value_name(info.value_name)
        .help(info.help)
        .hide_short_help(!info.common)
        .help_heading(info.heading);
    match info.form {
        Form::One if (info.section, info.key) == ("listener", "address") => arg.action(ArgAction::Append),
        Form::One => arg.action(ArgAction::Set),
        Form::Many => arg.action(ArgAction::Append),
        Form::Switch => {
            arg.action(ArgAction::Set).num_args(0..=1).require_equals(true).default_missing_value("true")
        }
    }
}

impl Args for ServeArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("A TOML file of settings; flags and EXPROTO_ variables have precedence");
        let check = Arg::new("check")
            .long("check")
            .action(ArgAction::SetTrue)
            .help("Say whether the settings are good, and do nothing else");
        let print = Arg::new("print-default")
            .long("print-default")
            .action(ArgAction::SetTrue)
            .help("Print a file of settings with the defaults, and do nothing else");
        command.arg(config).arg(check).arg(print).args(blank().infos().iter().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = Self::default();
        args.update_from_arg_matches(matches)?;
        // What is wrong with a flag is said like a mistake of the command line; what
        // depends on others is said when all are known.
        let sources = Sources { flags: &args.flags, ..Sources::default() };
        match blank().read(&sources) {
            Ok(_) => Ok(args),
            Err(mistakes) => {
                Err(clap::Error::raw(ErrorKind::ValueValidation, format!("{}\n", mistakes.join("\n       "))))
            }
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.config = matches.get_one::<PathBuf>("config").cloned();
        self.check = matches.get_flag("check");
        self.print_default = matches.get_flag("print-default");
        for info in blank().infos() {
            if let Some(words) = matches.get_many::<String>(info.flag) {
                self.flags.push((info, words.cloned().collect()));
            }
        }
        Ok(())
    }
}

/// Puts defaults and variables into the help of each flag.
pub(in crate::app) fn describe(mut command: Command, config: &Config) -> Command {
    for info in config.infos() {
        let default = config.target(info.section).and_then(|target| target.show(info.key));
        let default = match (info.otherwise, default) {
            (Some(words), _) => words.to_owned(),
            (None, Some(value)) => value,
            (None, None) => "none".to_owned(),
        };
        let help = format!("{} [default: {default}]", info.help);
        let long = format!("{help} [variable: {}]", info.variable());
        command = command.mut_arg(info.flag, |arg| arg.help(help).long_help(long));
    }
    command
}

impl ServeArgs {
    #[cfg(test)]
    pub(super) fn flags(&self) -> &[(Info, Vec<String>)] {
        &self.flags
    }

    /// All settings, from the file, the environment and the flags; with what is odd
    /// about them.
    pub(in crate::app) fn settings(&self, default: Config) -> Result<(Config, Vec<String>), Failure> {
        let path =
            self.config.clone().or_else(|| std::env::var_os(format!("{PREFIX}CONFIG")).map(PathBuf::from));
        let name = path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
        let text =
            match &path {
                None => None,
                Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                    Failure::usage(format!("the settings cannot be read: {name}: {error}"))
                })?),
            };
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        let file = text.as_deref().map(|text| (name.as_str(), text));
        default
            .read(&Sources { file, variables, flags: &self.flags })
            .map_err(|mistakes| Failure::usage(mistakes.join("\n       ")))
    }
}
