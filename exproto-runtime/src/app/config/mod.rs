//! The settings of `serve`: defaults, a file, the environment and flags, a later one
//! over an earlier one.
//!
//! | module | what it holds |
//! |---|---|
//! | `definition` | every setting: its key, kind and help |
//! | `kind` | how values are written and read |
//! | `table` | what is known of a setting, and the macro that defines them |
//! | `args` | flags |
//! | `file` | the TOML file |
//! | `print` | `--print-default` and the manual's tables |

mod args;
mod definition;
mod file;
mod kind;
mod print;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;

pub(super) use args::{ServeArgs, describe};
pub(super) use definition::{
    AdminConfig, BrokerConfig, Clients, EmbeddedConfig, HostConfig, ListenerConfig, LogConfig,
};

#[cfg(feature = "grpc")]
pub(super) use definition::ExProtoConfig;

use crate::codec::sentence::{distance, nearest};
use crate::session::SessionSettings;
use kind::Kind as _;
use table::{Given, Info, Target};

/// What the variables of the environment begin with.
const PREFIX: &str = "EXPROTO_";

/// Keys of `[[listener]]` that connections take over which come after a change.
const TAKEN_OVER: &[&str] = &[
    "bytes_per_second",
    "frames_per_second",
    "buffer",
    "chunk",
    "unsent",
    "write_timeout",
    "inbox",
    "drain",
    "linger",
];

/// All settings of `serve`.
#[derive(Clone, Debug)]
pub(super) struct Config {
    pub(super) host: HostConfig,
    pub(super) admin: AdminConfig,
    pub(super) log: LogConfig,
    /// At least one.
    pub(super) listeners: Vec<ListenerConfig>,
    pub(super) session: SessionSettings,
    pub(super) broker: BrokerConfig,
    pub(super) embedded: EmbeddedConfig,
    #[cfg(feature = "grpc")]
    pub(super) exproto: ExProtoConfig,
    /// What was set to something else than before, by its path, and where: a flag, a
    /// variable, a line.
    given: BTreeMap<String, String>,
}

/// Where settings come from.
#[derive(Debug, Default)]
struct Sources<'s> {
    /// The file's name and text.
    file: Option<(&'s str, &'s str)>,
    /// Variables of the environment.
    variables: Vec<(String, String)>,
    /// Flags by the path of their setting.
    flags: &'s [(Info, Vec<String>)],
}

/// What is wrong, sentence by sentence.
type Mistakes = Vec<String>;

impl Config {
    /// What holds if nothing is set, for a protocol with this port.
    pub(super) fn new(port: u16, session: SessionSettings) -> Self {
        Self {
            host: HostConfig::default(),
            admin: AdminConfig::default(),
            log: LogConfig::default(),
            listeners: vec![ListenerConfig::new(port, session.clone())],
            session,
            broker: BrokerConfig::default(),
            embedded: EmbeddedConfig::default(),
            #[cfg(feature = "grpc")]
            exproto: ExProtoConfig::default(),
            given: BTreeMap::new(),
        }
    }

    /// Takes all sources; says all that is wrong with them.
    fn read(mut self, sources: &Sources<'_>) -> Result<(Self, Vec<String>), Mistakes> {
        let mut mistakes = Vec::new();
        if let Some((name, text)) = sources.file {
            file::read(&mut self, name, text, &mut mistakes);
        }
        let mut remarks = Vec::new();
        self.variables(&sources.variables, &mut mistakes, &mut remarks);
        for (info, words) in sources.flags {
            let origin = format!("--{}", info.flag);
            self.give(info, words, &origin, &mut mistakes);
        }
        if mistakes.is_empty() {
            self.name_listeners(&mut mistakes);
        }
        if mistakes.is_empty() { Ok((self, remarks)) } else { Err(mistakes) }
    }

    fn variables(
        &mut self,
        variables: &[(String, String)],
        mistakes: &mut Mistakes,
        remarks: &mut Vec<String>,
    ) {
        let all = self.infos();
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            match all.iter().find(|info| info.variable() == *name) {
                // As a compose file leaves what is not set.
                Some(_) if value.is_empty() => {}
                Some(info) => {
                    let words: Vec<String> = match info.form {
                        kind::Form::Many => value.split(',').map(|word| word.trim().to_owned()).collect(),
                        _ => vec![value.clone()],
                    };
                    self.give(info, &words, name, mistakes);
                }
                // Others have variables with this beginning too, for instance
                // where a service is called so: only a slip is told.
                None => {
                    let near = all.iter().map(Info::variable).find(|known| {
                        known.strip_prefix(PREFIX).is_some_and(|known| distance(known, rest) <= 2)
                    });
                    if let Some(near) = near {
                        remarks.push(format!("the variable `{name}` is no setting; did you mean `{near}`?"));
                    }
                }
            }
        }
    }

    /// Sets what the command line or the environment says, for all listeners.
    fn give(&mut self, info: &Info, words: &[String], origin: &str, mistakes: &mut Mistakes) {
        let given = Given::Words(words);
        let mut failed = None;
        let before = self.shown(info);
        if (info.section, info.key) == ("listener", "address") {
            match words.iter().flat_map(|word| word.split(',')).map(kind::Address::read).collect() {
                Ok(addresses) => self.listen(addresses),
                Err(why) => failed = Some(why),
            }
        } else {
            for target in self.targets(info.section) {
                failed = target.set(info.key, given).err().or(failed);
            }
        }
        match failed {
            Some(why) => mistakes.push(format!("{origin}: {why}")),
            None if self.shown(info) == before => {}
            None => drop(self.given.insert(info.path(), origin.to_owned())),
        }
    }

    /// The value as TOML, of the first listener where it is of listeners.
    fn shown(&self, info: &Info) -> Option<String> {
        self.target(info.section)?.show(info.key)
    }

    /// Listens on these addresses instead.
    fn listen(&mut self, addresses: Vec<SocketAddr>) {
        let Some(first) = self.listeners.first().cloned() else { return };
        self.listeners = addresses
            .into_iter()
            .enumerate()
            .map(|(index, address)| {
                let name = first.name.clone().filter(|_| index == 0);
                ListenerConfig { address, name, ..first.clone() }
            })
            .collect();
    }

    /// Gives listeners without a name one, and has no two be the same.
    fn name_listeners(&mut self, mistakes: &mut Mistakes) {
        let mut names = std::collections::BTreeSet::new();
        let mut addresses = std::collections::BTreeSet::new();
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let kind = if listener.tls.certificate.is_some() { "tls" } else { "tcp" };
            let own = if index == 0 { kind.to_owned() } else { format!("{kind}-{}", index + 1) };
            let name = listener.name.get_or_insert(own);
            if !names.insert(name.clone()) {
                mistakes.push(format!("two listeners are called `{name}`: give each a `name` of its own"));
            }
            let address = listener.address;
            if address.port() != 0 && !addresses.insert(address) {
                mistakes.push(format!("two listeners have the address {address}"));
            }
        }
    }

    /// What holds the settings of a section: of `listener` and `session` several.
    fn targets(&mut self, section: &str) -> Vec<&mut dyn Target> {
        match section {
            "host" => vec![&mut self.host],
            "admin" => vec![&mut self.admin],
            "log" => vec![&mut self.log],
            "listener" => self.listeners.iter_mut().map(|listener| listener as &mut dyn Target).collect(),
            "session" => {
                let own = self.listeners.iter_mut().map(|listener| &mut listener.session as &mut dyn Target);
                std::iter::once(&mut self.session as &mut dyn Target).chain(own).collect()
            }
            "broker" => vec![&mut self.broker],
            "embedded" => vec![&mut self.embedded],
            #[cfg(feature = "grpc")]
            "exproto" => vec![&mut self.exproto],
            _ => Vec::new(),
        }
    }

    /// What holds the first of them, to look at.
    fn target(&self, section: &str) -> Option<&dyn Target> {
        Some(match section {
            "host" => &self.host,
            "admin" => &self.admin,
            "log" => &self.log,
            "listener" => self.listeners.first()?,
            "session" => &self.session,
            "broker" => &self.broker,
            "embedded" => &self.embedded,
            #[cfg(feature = "grpc")]
            "exproto" => &self.exproto,
            _ => return None,
        })
    }

    /// All settings, in the order of the definition.
    fn infos(&self) -> Vec<Info> {
        let sections = definition::SECTIONS.iter().filter_map(|(section, _)| self.target(section));
        sections.flat_map(|target| target.infos().iter().copied()).collect()
    }

    /// Where a setting was given: a flag, a variable or a line; `None` if it was not,
    /// or as its default.
    pub(super) fn given(&self, path: &str) -> Option<&str> {
        self.given.get(path).map(String::as_str)
    }

    /// The first setting of this section that was given, and where; as its default
    /// it counts as not given, so that a file may have all.
    pub(super) fn given_of(&self, section: &str) -> Option<(&str, &str)> {
        let of = |(path, _): &(&String, &String)| {
            path.strip_prefix(section).is_some_and(|key| key.starts_with('.'))
        };
        self.given.iter().find(of).map(|(path, origin)| (path.as_str(), origin.as_str()))
    }

    /// The settings that are other ones in `newer`, and whether connections that come
    /// take them over. A listener stands for itself in both by its name.
    pub(super) fn changes(&self, newer: &Self) -> Vec<(String, bool)> {
        let mut changes = Vec::new();
        let mut compare = |old: &dyn Target, new: &dyn Target, within: &str| {
            for info in old.infos() {
                if old.show(info.key) != new.show(info.key) {
                    let taken = info.section == "session"
                        || (info.section == "listener" && TAKEN_OVER.contains(&info.key));
                    changes.push((format!("{within}{}", info.path()), taken));
                }
            }
        };
        for (section, _) in definition::SECTIONS {
            if *section != "listener"
                && let Some((old, new)) = self.target(section).zip(newer.target(section))
            {
                compare(old, new, "");
            }
        }
        let mut others = Vec::new();
        for new in &newer.listeners {
            let name = new.name.as_deref().unwrap_or("");
            match self.listeners.iter().find(|old| old.name == new.name) {
                Some(old) => {
                    compare(old, new, &format!("{name}: "));
                    compare(&old.session, &new.session, &format!("{name}: "));
                }
                None => others.push((format!("{name}: a new listener"), false)),
            }
        }
        for old in &self.listeners {
            if !newer.listeners.iter().any(|new| new.name == old.name) {
                let name = old.name.as_deref().unwrap_or("");
                others.push((format!("{name}: a listener less"), false));
            }
        }
        changes.append(&mut others);
        changes
    }

    /// The flag of a setting, for what tells the user what to type.
    #[cfg(test)]
    fn flag(&self, path: &str) -> Option<String> {
        self.infos().iter().find(|info| info.path() == path).map(|info| info.flag.to_owned())
    }
}

/// What to write instead of a name that is not known.
fn instead(name: &str, known: &[&'static str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are: {}", known.join(", ")),
    }
}
