//! The file: TOML, with the line of each mistake.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::definition::SECTIONS;
use super::kind::found;
use super::table::{Given, Target};
use super::{Config, Mistakes, instead};

/// What is read of a file.
struct Source<'s> {
    name: &'s str,
    text: &'s str,
}

impl Source<'_> {
    /// `NAME:LINE`.
    fn at(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        format!("{}:{}", self.name, before.matches('\n').count() + 1)
    }
}

/// Sets what the file says.
pub(super) fn read(config: &mut Config, name: &str, text: &str, mistakes: &mut Mistakes) {
    let source = Source { name, text };
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        // Without the line's text, which may hold a password.
        mistakes.extend(errors.iter().map(|error| {
            let at = source.at(error.span().map_or(0, |span| span.start));
            format!("{at}: {}", error.message())
        }));
        return;
    }
    let mut listeners = None;
    for (key, value) in document.get_ref() {
        let section = key.get_ref().as_ref();
        let at = source.at(key.span().start);
        if section == "listener" {
            // Over `[session]`, wherever that stands.
            listeners = Some(value);
            continue;
        }
        let names: Vec<&'static str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        if !names.contains(&section) {
            mistakes.push(format!("{at}: there is no table `{section}`; {}", instead(section, &names)));
            continue;
        }
        let DeValue::Table(table) = value.get_ref() else {
            mistakes.push(format!(
                "{at}: `{section}` is a table, written as [{section}], not {}",
                found(value.get_ref())
            ));
            continue;
        };
        // Of `session` the first is that of all listeners.
        if let Some(target) = config.targets(section).into_iter().next() {
            let given = keys(target, table, section, &[], &source, mistakes);
            config.given.extend(given);
        }
    }
    for listener in &mut config.listeners {
        listener.session = config.session.clone();
    }
    if let Some(value) = listeners {
        read_listeners(config, value, &source, mistakes);
    }
}

/// `[[listener]]`, or `[listener]` if there is one.
fn read_listeners(
    config: &mut Config,
    value: &Spanned<DeValue<'_>>,
    source: &Source<'_>,
    mistakes: &mut Mistakes,
) {
    let tables: Vec<(&DeTable<'_>, usize)> = match value.get_ref() {
        DeValue::Table(table) => vec![(table, value.span().start)],
        DeValue::Array(items) => {
            let table = |item: &'_ Spanned<DeValue<'_>>| matches!(item.get_ref(), DeValue::Table(_));
            if !items.iter().all(table) || items.is_empty() {
                let at = source.at(value.span().start);
                mistakes.push(format!("{at}: `listener` is a list of tables, written as [[listener]]"));
                return;
            }
            items
                .iter()
                .filter_map(|item| match item.get_ref() {
                    DeValue::Table(table) => Some((table, item.span().start)),
                    _ => None,
                })
                .collect()
        }
        other => {
            let at = source.at(value.span().start);
            mistakes
                .push(format!("{at}: `listener` is a table, written as [[listener]], not {}", found(other)));
            return;
        }
    };
    let Some(default) = config.listeners.first().cloned() else { return };
    let several = tables.len() > 1;
    config.listeners.clear();
    for (table, offset) in tables {
        let mut listener = default.clone();
        let given = keys(&mut listener, table, "listener", &["session"], source, mistakes);
        config.given.extend(given);
        match table.get("session").map(Spanned::get_ref) {
            None => {}
            Some(DeValue::Table(session)) => {
                keys(&mut listener.session, session, "listener.session", &[], source, mistakes);
            }
            Some(other) => {
                let at = source.at(offset);
                mistakes.push(format!(
                    "{at}: `listener.session` is a table, written as [listener.session], not {}",
                    found(other)
                ));
            }
        }
        if several && !table.contains_key("address") {
            mistakes.push(format!("{}: one of several listeners has no `address`", source.at(offset)));
        }
        config.listeners.push(listener);
    }
}

/// Sets the keys of a table; what was set, and where.
fn keys(
    target: &mut dyn Target,
    table: &DeTable<'_>,
    section: &str,
    others: &[&'static str],
    source: &Source<'_>,
    mistakes: &mut Mistakes,
) -> Vec<(String, String)> {
    let mut known: Vec<&'static str> = target.infos().iter().map(|info| info.key).collect();
    known.extend(others);
    let mut given = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let at = source.at(key.span().start);
        if others.contains(&name) {
            continue;
        }
        let before = target.show(name);
        if !known.contains(&name) {
            mistakes.push(format!("{at}: [{section}] has no key `{name}`; {}", instead(name, &known)));
        } else if let Err(why) = target.set(name, Given::Toml(value.get_ref())) {
            mistakes.push(format!("{at}: `{section}.{name}`: {why}"));
        } else if target.show(name) != before {
            given.push((format!("{section}.{name}"), at));
        }
    }
    given
}
