//! How values are written: in a file, in a variable, on the command line.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::de::DeValue;

use crate::broker::MqttUrl;
use crate::host::{Network, NetworkError};

/// How often a value may stand on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Once, with a value.
    One,
    /// Once; without a value it means `true`.
    Switch,
    /// As often as needed; a variable separates by commas.
    Many,
}

/// One way to write values of a type.
pub(super) trait Kind {
    type Value;
    /// What stands for a value in the help.
    const NAME: &'static str;
    /// What is wanted, to stand behind "is not".
    const WANTED: &'static str;
    /// A value, as TOML, for the settings that have none by default.
    const EXAMPLE: &'static str;
    const FORM: Form = Form::One;

    /// Reads a word of the command line, a variable or a string of the file. The
    /// error is a sentence.
    fn read(text: &str) -> Result<Self::Value, String>;

    fn read_all(texts: &[String]) -> Result<Self::Value, String> {
        Self::read(texts.last().map_or("", String::as_str))
    }

    fn read_toml(value: &DeValue<'_>) -> Result<Self::Value, String> {
        match value {
            DeValue::String(text) => Self::read(text),
            other => Err(Self::is_not(&found(other))),
        }
    }

    /// The value as TOML; `None` if there is none.
    fn show(value: &Self::Value) -> Option<String>;

    /// Puts a value in the place of that of a weaker source.
    fn put(place: &mut Self::Value, value: Self::Value) {
        *place = value;
    }

    fn is_not(found: &str) -> String {
        format!("{found} is not {}", Self::WANTED)
    }
}

/// A value of a file, in words.
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "a string".into(),
        DeValue::Integer(number) => format!("the integer {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(_) => "a date".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

/// A text as TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

/// Yes or no.
pub(super) struct Switch;

impl Kind for Switch {
    type Value = bool;
    const NAME: &'static str = "true|false";
    const WANTED: &'static str = "`true` or `false`";
    const EXAMPLE: &'static str = "true";
    const FORM: Form = Form::Switch;

    fn read(text: &str) -> Result<bool, String> {
        text.parse().map_err(|_| Self::is_not(&format!("`{text}`")))
    }

    fn read_toml(value: &DeValue<'_>) -> Result<bool, String> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            // Where it would be a word, the mend is the quotes.
            DeValue::String(text) => Err(Self::is_not(&format!("the string {}", quoted(text)))),
            other => Err(Self::is_not(&found(other))),
        }
    }

    fn show(value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A whole number, at least `MIN`.
pub(super) struct Count<T, const MIN: u64 = 0>(PhantomData<T>);

impl<T: FromStr + Display + Copy + TryInto<u64>, const MIN: u64> Kind for Count<T, MIN> {
    type Value = T;
    const NAME: &'static str = "N";
    const WANTED: &'static str =
        if MIN == 0 { "a whole number within the bounds" } else { "a whole number of at least 1" };
    const EXAMPLE: &'static str = "1000";

    fn read(text: &str) -> Result<T, String> {
        let number: T = text.parse().map_err(|_| Self::is_not(&format!("`{text}`")))?;
        match number.try_into() {
            Ok(counted) if counted < MIN => Err(Self::is_not(&format!("`{text}`"))),
            _ => Ok(number),
        }
    }

    fn read_toml(value: &DeValue<'_>) -> Result<T, String> {
        match value {
            DeValue::Integer(number) if number.radix() == 10 => Self::read(number.as_str()),
            DeValue::String(text) => Err(Self::is_not(&format!("the string {}", quoted(text)))),
            other => Err(Self::is_not(&found(other))),
        }
    }

    fn show(value: &T) -> Option<String> {
        Some(value.to_string())
    }
}

/// Bytes, with or without a unit.
pub(super) struct Size<T>(PhantomData<T>);

const UNITS: [(&str, u64); 5] =
    [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("kB", 1000), ("B", 1)];

impl<T: TryFrom<u64> + Copy> Kind for Size<T>
where
    u64: TryFromOrMax<T>,
{
    type Value = T;
    const NAME: &'static str = "SIZE";
    const WANTED: &'static str = "a size such as \"16 KiB\", \"1 MiB\" or a number of bytes";
    const EXAMPLE: &'static str = "\"16 KiB\"";

    fn read(text: &str) -> Result<T, String> {
        let wrong = || Self::is_not(&format!("`{text}`"));
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, unit) = text.split_at(digits);
        let count: u64 = count.parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        let factor = match unit {
            "" => 1,
            _ => UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
        };
        count.checked_mul(factor).and_then(|bytes| T::try_from(bytes).ok()).ok_or_else(wrong)
    }

    fn read_toml(value: &DeValue<'_>) -> Result<T, String> {
        match value {
            DeValue::Integer(number) if number.radix() == 10 => Self::read(number.as_str()),
            DeValue::String(text) => Self::read(text),
            other => Err(Self::is_not(&found(other))),
        }
    }

    fn show(value: &T) -> Option<String> {
        let bytes = u64::from_or_max(*value);
        let whole = |unit: &&(&str, u64)| unit.1 > 1 && bytes > 0 && bytes.is_multiple_of(unit.1);
        Some(match UNITS.iter().take(3).find(whole) {
            Some((name, factor)) => format!("\"{} {name}\"", bytes / factor),
            None => bytes.to_string(),
        })
    }
}

/// A number of bytes of any width as `u64`.
pub(super) trait TryFromOrMax<T> {
    fn from_or_max(value: T) -> u64;
}

impl TryFromOrMax<usize> for u64 {
    fn from_or_max(value: usize) -> u64 {
        Self::try_from(value).unwrap_or(Self::MAX)
    }
}

impl TryFromOrMax<u32> for u64 {
    fn from_or_max(value: u32) -> u64 {
        value.into()
    }
}

/// A length of time.
pub(super) struct Time;

const TIMES: [(&str, u64); 6] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Kind for Time {
    type Value = Duration;
    const NAME: &'static str = "TIME";
    const WANTED: &'static str = "a time such as \"500ms\", \"30s\", \"10min\", \"1h\" or \"2d\"";
    const EXAMPLE: &'static str = "\"30s\"";

    fn read(text: &str) -> Result<Duration, String> {
        let wrong = || Self::is_not(&format!("`{text}`"));
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, unit) = text.split_at(digits);
        let count: u64 = count.parse().map_err(|_| wrong())?;
        let unit = unit.trim();
        if unit.is_empty() && count == 0 {
            return Ok(Duration::ZERO);
        }
        let (_, factor) = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        // A century keeps sums with the clock in their type.
        count
            .checked_mul(*factor)
            .filter(|time| *time <= 36_525 * 86_400_000)
            .map(Duration::from_millis)
            .ok_or_else(wrong)
    }

    fn read_toml(value: &DeValue<'_>) -> Result<Duration, String> {
        match value {
            DeValue::String(text) => Self::read(text),
            DeValue::Integer(number) if number.as_str() == "0" => Ok(Duration::ZERO),
            DeValue::Integer(number) => {
                Err(format!("{}; seconds are \"{number}s\"", Self::is_not(&format!("the integer {number}"))))
            }
            other => Err(Self::is_not(&found(other))),
        }
    }

    fn show(value: &Duration) -> Option<String> {
        let ms = u64::try_from(value.as_millis()).unwrap_or(u64::MAX);
        let whole = |unit: &&(&str, u64)| unit.0 != "m" && ms > 0 && ms.is_multiple_of(unit.1);
        Some(match TIMES.iter().find(whole) {
            Some((name, factor)) => format!("\"{}{name}\"", ms / factor),
            None => "\"0s\"".into(),
        })
    }
}

/// A length of time that is kept as milliseconds.
pub(super) struct Millis;

impl Kind for Millis {
    type Value = u64;
    const NAME: &'static str = Time::NAME;
    const WANTED: &'static str = Time::WANTED;
    const EXAMPLE: &'static str = Time::EXAMPLE;

    fn read(text: &str) -> Result<u64, String> {
        Time::read(text).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    fn read_toml(value: &DeValue<'_>) -> Result<u64, String> {
        Time::read_toml(value).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    fn show(value: &u64) -> Option<String> {
        Time::show(&Duration::from_millis(*value))
    }
}

/// Any text but none.
pub(super) struct Text<T>(PhantomData<T>);

impl<T: for<'t> From<&'t str> + AsRef<str>> Kind for Text<T> {
    type Value = T;
    const NAME: &'static str = "TEXT";
    const WANTED: &'static str = "a text in quotes";
    const EXAMPLE: &'static str = "\"name\"";

    fn read(text: &str) -> Result<T, String> {
        if text.is_empty() { Err("a text is wanted, and this one is empty".into()) } else { Ok(text.into()) }
    }

    fn show(value: &T) -> Option<String> {
        Some(quoted(value.as_ref()))
    }
}

/// A file's path. One in a file is seen from where the program runs.
pub(super) struct File;

impl Kind for File {
    type Value = PathBuf;
    const NAME: &'static str = "FILE";
    const WANTED: &'static str = "the path of a file, in quotes";
    const EXAMPLE: &'static str = "\"/etc/gateway/file\"";

    fn read(text: &str) -> Result<PathBuf, String> {
        if text.is_empty() { Err("a path is wanted, and this one is empty".into()) } else { Ok(text.into()) }
    }

    fn show(value: &PathBuf) -> Option<String> {
        Some(quoted(&value.to_string_lossy()))
    }
}

/// An address to listen on.
pub(super) struct Address;

impl Kind for Address {
    type Value = SocketAddr;
    const NAME: &'static str = "ADDR";
    const WANTED: &'static str = "an address and port such as \"0.0.0.0:7611\" or \"[::]:7611\"";
    const EXAMPLE: &'static str = "\"127.0.0.1:9000\"";

    fn read(text: &str) -> Result<SocketAddr, String> {
        text.parse().map_err(|_| Self::is_not(&format!("`{text}`")))
    }

    fn show(value: &SocketAddr) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// The address of a broker. What is wrong with one is said without its password.
pub(super) struct Url;

impl Kind for Url {
    type Value = MqttUrl;
    const NAME: &'static str = "URL";
    const WANTED: &'static str = "the address of a broker such as \"mqtt://broker.example:1883\"";
    const EXAMPLE: &'static str = "\"mqtt://broker.example:1883\"";

    fn read(text: &str) -> Result<MqttUrl, String> {
        text.parse::<MqttUrl>().map_err(|error| error.to_string())
    }

    fn show(value: &MqttUrl) -> Option<String> {
        Some(quoted(&value.to_string()))
    }
}

/// One of a few words.
pub(super) trait Words: Copy + PartialEq + 'static {
    const ALL: &'static [(&'static str, Self)];
    /// "`a`, `b` or `c`".
    const WANTED: &'static str;
    /// "a|b|c".
    const NAME: &'static str;
}

/// Gives the values of an enum their words.
macro_rules! words {
    ($type:ty, $wanted:literal, $name:literal, [$($word:literal = $value:ident),* $(,)?]) => {
        impl $crate::app::config::kind::Words for $type {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, <$type>::$value)),*];
            const WANTED: &'static str = $wanted;
            const NAME: &'static str = $name;
        }
    };
}
pub(super) use words;

/// One of the words of an enum.
pub(super) struct Word<T>(PhantomData<T>);

impl<T: Words> Kind for Word<T> {
    type Value = T;
    const NAME: &'static str = T::NAME;
    const WANTED: &'static str = T::WANTED;
    const EXAMPLE: &'static str = "\"\"";

    fn read(text: &str) -> Result<T, String> {
        let same = T::ALL.iter().find(|(word, _)| *word == text);
        same.map(|(_, value)| *value).ok_or_else(|| Self::is_not(&format!("`{text}`")))
    }

    fn show(value: &T) -> Option<String> {
        T::ALL.iter().find(|(_, known)| known == value).map(|(word, _)| quoted(word))
    }
}

/// What may be left out.
pub(super) struct Maybe<K>(PhantomData<K>);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;
    const NAME: &'static str = K::NAME;
    const WANTED: &'static str = K::WANTED;
    const EXAMPLE: &'static str = K::EXAMPLE;
    const FORM: Form = K::FORM;

    fn read(text: &str) -> Result<Self::Value, String> {
        K::read(text).map(Some)
    }

    fn read_toml(value: &DeValue<'_>) -> Result<Self::Value, String> {
        K::read_toml(value).map(Some)
    }

    fn show(value: &Self::Value) -> Option<String> {
        value.as_ref().and_then(K::show)
    }
}

/// A list of texts.
pub(super) struct List;

impl Kind for List {
    type Value = Vec<String>;
    const NAME: &'static str = "TEXT";
    const WANTED: &'static str = "a text, or a list of texts, in quotes";
    const EXAMPLE: &'static str = "[\"one\", \"two\"]";
    const FORM: Form = Form::Many;

    fn read(text: &str) -> Result<Vec<String>, String> {
        Self::read_all(&[text.to_owned()])
    }

    fn read_all(texts: &[String]) -> Result<Vec<String>, String> {
        match texts.iter().any(String::is_empty) {
            true => Err("a text is wanted, and this one is empty".into()),
            false => Ok(texts.to_vec()),
        }
    }

    fn read_toml(value: &DeValue<'_>) -> Result<Vec<String>, String> {
        match value {
            DeValue::Array(items) => {
                let text = |item: &DeValue<'_>| match item {
                    DeValue::String(text) => Ok(text.to_string()),
                    other => Err(Self::is_not(&found(other))),
                };
                let texts: Vec<String> =
                    items.iter().map(|item| text(item.get_ref())).collect::<Result<_, _>>()?;
                Self::read_all(&texts)
            }
            DeValue::String(text) => Self::read(text),
            other => Err(Self::is_not(&found(other))),
        }
    }

    fn show(value: &Vec<String>) -> Option<String> {
        let quoted: Vec<String> = value.iter().map(|text| quoted(text)).collect();
        (!quoted.is_empty()).then(|| format!("[{}]", quoted.join(", ")))
    }
}

/// A list of networks.
pub(super) struct Networks;

impl Kind for Networks {
    type Value = Vec<Network>;
    const NAME: &'static str = "NETWORK";
    const WANTED: &'static str = "a network such as \"10.0.0.0/8\", or a list of them";
    const EXAMPLE: &'static str = "[\"10.0.0.0/8\"]";
    const FORM: Form = Form::Many;

    fn read(text: &str) -> Result<Vec<Network>, String> {
        Self::read_all(&[text.to_owned()])
    }

    fn read_all(texts: &[String]) -> Result<Vec<Network>, String> {
        texts.iter().map(|text| text.parse().map_err(|error: NetworkError| error.to_string())).collect()
    }

    fn read_toml(value: &DeValue<'_>) -> Result<Vec<Network>, String> {
        if !matches!(value, DeValue::Array(_) | DeValue::String(_)) {
            return Err(Self::is_not(&found(value)));
        }
        Self::read_all(&List::read_toml(value)?)
    }

    fn show(value: &Vec<Network>) -> Option<String> {
        List::show(&value.iter().map(Network::to_string).collect())
    }
}

/// `NAME=VALUE` pairs; a stronger source adds to a weaker one.
pub(super) struct Pairs;

impl Kind for Pairs {
    type Value = BTreeMap<String, String>;
    const NAME: &'static str = "NAME=VALUE";
    const WANTED: &'static str = "a table of texts such as { name = \"value\" }";
    const EXAMPLE: &'static str = "{ name = \"value\" }";
    const FORM: Form = Form::Many;

    fn read(text: &str) -> Result<Self::Value, String> {
        match crate::app::param(text) {
            Ok(pair) => Ok([pair].into()),
            Err(wanted) => Err(format!("`{text}` names no parameter: {wanted}")),
        }
    }

    fn read_all(texts: &[String]) -> Result<Self::Value, String> {
        let mut all = BTreeMap::new();
        for text in texts {
            all.append(&mut Self::read(text)?);
        }
        Ok(all)
    }

    fn read_toml(value: &DeValue<'_>) -> Result<Self::Value, String> {
        let DeValue::Table(table) = value else { return Err(Self::is_not(&found(value))) };
        let mut all = BTreeMap::new();
        for (name, value) in table {
            let DeValue::String(text) = value.get_ref() else {
                return Err(format!(
                    "`{}`: {} is not a text in quotes",
                    name.get_ref(),
                    found(value.get_ref())
                ));
            };
            all.insert(name.get_ref().to_string(), text.to_string());
        }
        Ok(all)
    }

    fn show(value: &Self::Value) -> Option<String> {
        let pairs: Vec<String> =
            value.iter().map(|(name, value)| format!("{} = {}", quoted(name), quoted(value))).collect();
        (!pairs.is_empty()).then(|| format!("{{ {} }}", pairs.join(", ")))
    }

    fn put(place: &mut Self::Value, mut value: Self::Value) {
        place.append(&mut value);
    }
}
