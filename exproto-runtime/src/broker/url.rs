//! Addresses of MQTT brokers: `mqtt[s]://[user[:password]@]host[:port][?version=3.1.1]`.

use std::fmt;
use std::str::FromStr;

/// The port of MQTT over TCP.
const TCP_PORT: u16 = 1883;

/// The port of MQTT over TLS.
const TLS_PORT: u16 = 8883;

/// Which MQTT is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MqttVersion {
    /// MQTT 5.
    #[default]
    V5,
    /// MQTT 3.1.1. It has no reasons for refused publishes, no expiry and no
    /// properties, and where filters of several devices overlap, a message may
    /// come to a device more than once.
    V3,
}

/// Where a broker listens, what it speaks, and as whom to log in there.
///
/// | | |
/// |---|---|
/// | `mqtt://` | TCP, port 1883 unless another is given |
/// | `mqtts://` | TLS, port 8883 unless another is given (feature `tls`) |
/// | `?version=5` | MQTT 5, the default |
/// | `?version=3.1.1` | MQTT 3.1.1; so does `?version=4`, its number on the wire |
///
/// What has a meaning in an address stands as `%` and two hexadecimal digits in
/// user name and password.
///
/// ```
/// use exproto_runtime::broker::MqttUrl;
///
/// let url: MqttUrl = "mqtt://gateway:s3cret@broker.example:1884".parse()?;
/// assert_eq!((url.host(), url.port()), ("broker.example", 1884));
/// assert_eq!(url.to_string(), "mqtt://gateway:***@broker.example:1884");
/// # Ok::<(), exproto_runtime::broker::UrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MqttUrl {
    host: Box<str>,
    port: u16,
    username: Option<Box<str>>,
    password: Option<Box<str>>,
    tls: bool,
    version: MqttVersion,
}

/// Why a text is not the address of a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError {
    url: Box<str>,
    why: Box<str>,
}

impl MqttUrl {
    /// The address of a broker that wants no login.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.into(), port, username: None, password: None, tls: false, version: MqttVersion::V5 }
    }

    /// The same address, with another login there.
    ///
    /// ```
    /// use exproto_runtime::broker::MqttUrl;
    ///
    /// let url = MqttUrl::new("broker.example", 1883).with_login("gateway", Some("s3cret"));
    /// assert_eq!(url.to_string(), "mqtt://gateway:***@broker.example:1883");
    /// ```
    #[must_use]
    pub fn with_login(mut self, username: &str, password: Option<&str>) -> Self {
        self.username = Some(username.into());
        self.password = password.map(Into::into);
        self
    }

    /// The host name or address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; 1883 if none was given, with TLS 8883.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The user name, if one was given.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The password, if one was given.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Whether the bytes go through TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Which MQTT is spoken.
    #[must_use]
    pub fn version(&self) -> MqttVersion {
        self.version
    }

    /// The same broker, with this version of MQTT.
    ///
    /// ```
    /// use exproto_runtime::broker::{MqttUrl, MqttVersion};
    ///
    /// let url = MqttUrl::new("broker.example", 1883).with_version(MqttVersion::V3);
    /// assert_eq!(url.to_string(), "mqtt://broker.example:1883?version=3.1.1");
    /// ```
    #[must_use]
    pub fn with_version(mut self, version: MqttVersion) -> Self {
        self.version = version;
        self
    }
}

impl From<std::net::SocketAddr> for MqttUrl {
    fn from(address: std::net::SocketAddr) -> Self {
        Self::new(&address.ip().to_string(), address.port())
    }
}

impl FromStr for MqttUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        // What is shown of a bad address must not hold a password.
        let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
        let fail = |why: &str| UrlError { url: shown.into(), why: why.into() };

        let (tls, rest) = match url.split_once("://") {
            Some(("mqtt" | "tcp", rest)) => (false, rest),
            Some(("mqtts" | "ssl" | "tls", _)) if cfg!(not(feature = "tls")) => {
                return Err(fail("TLS is not built in; it takes the feature `tls` of exproto-runtime"));
            }
            Some(("mqtts" | "ssl" | "tls", rest)) => (true, rest),
            Some(("ws" | "wss", _)) => {
                return Err(fail("MQTT over WebSocket is not supported; use `mqtt://` or `mqtts://`"));
            }
            Some(_) => return Err(fail("the scheme has to be `mqtt://` or `mqtts://`")),
            None => return Err(fail("the scheme is missing; write `mqtt://host:port`")),
        };
        let (rest, version) = match rest.split_once('?') {
            None => (rest, MqttVersion::V5),
            Some((rest, "version=5")) => (rest, MqttVersion::V5),
            Some((rest, "version=3.1.1" | "version=4")) => (rest, MqttVersion::V3),
            Some(_) => return Err(fail("only `version=5` or `version=3.1.1` may follow the `?`")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '#']) {
            return Err(fail("nothing but `?version=..` may follow the port"));
        }
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, rest),
        };
        let (username, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            None => (None, None),
            Some((user, password)) => {
                let decode = |text| percent_decode(text).ok_or_else(|| fail("bad `%` escape in the login"));
                let password = if password.is_empty() { None } else { Some(decode(password)?) };
                (Some(decode(user)?), password)
            }
        };
        let (host, port) =
            split_port(address).ok_or_else(|| fail("an IPv6 address has to stand in `[` and `]`"))?;
        if host.is_empty() {
            return Err(fail("the host is missing"));
        }
        let port = match port {
            None if tls => TLS_PORT,
            None => TCP_PORT,
            Some(port) => match port.parse() {
                Ok(0) | Err(_) => return Err(fail("the port has to be a number from 1 to 65535")),
                Ok(port) => port,
            },
        };
        Ok(Self { host: host.into(), port, username, password, tls, version })
    }
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(address: &str) -> Option<(&str, Option<&str>)> {
    if let Some(inner) = address.strip_prefix('[') {
        let (host, rest) = inner.split_once(']')?;
        return match rest.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => rest.is_empty().then_some((host, None)),
        };
    }
    match address.split_once(':') {
        Some((_, port)) if port.contains(':') => None,
        Some((host, port)) => Some((host, Some(port))),
        None => Some((address, None)),
    }
}

fn percent_decode(text: &str) -> Option<Box<str>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            decoded.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok().map(String::into_boxed_str)
}

impl fmt::Display for MqttUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.tls { "mqtts://" } else { "mqtt://" })?;
        if let Some(username) = &self.username {
            f.write_str(username)?;
            f.write_str(if self.password.is_some() { ":***@" } else { "@" })?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        match self.version {
            MqttVersion::V5 => Ok(()),
            MqttVersion::V3 => f.write_str("?version=3.1.1"),
        }
    }
}

impl fmt::Debug for MqttUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not the address of a broker: {}", self.url, self.why)
    }
}

impl std::error::Error for UrlError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_all_parts() {
        let url: MqttUrl = "mqtt://a%40b:p%3aw@h:99/".parse().unwrap();
        assert_eq!(
            (url.host(), url.port(), url.username(), url.password()),
            ("h", 99, Some("a@b"), Some("p:w"))
        );
        let url: MqttUrl = "mqtt://127.0.0.1".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.username()), ("127.0.0.1", 1883, None));
        let url: MqttUrl = "mqtt://[::1]:7".parse().unwrap();
        assert_eq!((url.host(), url.port()), ("::1", 7));
        assert_eq!(url.to_string(), "mqtt://[::1]:7");
        assert_eq!(url.to_string().parse::<MqttUrl>().unwrap(), url);
        for version in ["4", "3.1.1"] {
            let url: MqttUrl = format!("mqtt://u@h/?version={version}").parse().unwrap();
            assert_eq!((url.version(), url.is_tls()), (MqttVersion::V3, false));
            assert_eq!(url.to_string(), "mqtt://u@h:1883?version=3.1.1");
            assert_eq!(url.to_string().parse::<MqttUrl>().unwrap(), url);
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_has_a_port_of_its_own() {
        let url: MqttUrl = "mqtts://h".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.is_tls(), url.version()), ("h", 8883, true, MqttVersion::V5));
        assert_eq!(url.to_string(), "mqtts://h:8883");
        let url: MqttUrl = "ssl://h:1?version=4".parse().unwrap();
        assert_eq!(url.to_string(), "mqtts://h:1?version=3.1.1");
        assert_eq!(url.to_string().parse::<MqttUrl>().unwrap(), url);
    }

    #[test]
    fn says_what_is_wrong_and_keeps_the_password_to_itself() {
        for (text, part) in [
            ("ws://h", "WebSocket"),
            ("http://h", "scheme"),
            ("h:1883", "scheme is missing"),
            ("mqtt://", "host is missing"),
            ("mqtt://u:secret@:1", "host is missing"),
            ("mqtt://u:secret@h:0", "port"),
            ("mqtt://h:65536", "port"),
            ("mqtt://::1:5", "IPv6"),
            ("mqtt://h/x", "follow"),
            ("mqtt://u:secret@h?version=3", "3.1.1"),
            ("mqtt://u%4:secret@h", "escape"),
        ] {
            let error = text.parse::<MqttUrl>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let debug = format!("{:?}", "mqtt://u:secret@h".parse::<MqttUrl>().unwrap());
        assert!(!debug.contains("secret"), "{debug}");
    }
}
