//! The definition of all settings of `serve`. The file, the variables, the flags,
//! their help, `--print-default` and the manual are made from it.
//!
//! Each row is `KEY: KIND = FIELD, HELP, OPTION(..)..;` of the type that holds the
//! values. A new setting is a row here and, if its type has no such field yet, the
//! field.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::kind::{
    Address, Count, File, List, Maybe, Millis, Networks, Pairs, Size, Switch, Text, Time, Url, Word, words,
};
use super::table::settings;
use crate::app::log::LogFormat;
use crate::broker::{DeviceSettings, DeviceWill, EmbeddedSettings, Mode, MqttSettings, MqttUrl};
use crate::host::{Listener, Network};
use crate::session::{BeforeLogin, OnRefused, SessionSettings, TopicPolicy};
use crate::tls::ServerTls;

/// What each section is for, in the order in which they are printed.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("host", "The process as a whole."),
    ("admin", "What those see who watch over the program."),
    ("log", "What is logged, to standard error. How much, say -v and RUST_LOG."),
    (
        "listener",
        "A socket that devices connect to; as many `[[listener]]` tables as there are sockets. A table \
         `[listener.session]` has what differs from `[session]` there.",
    ),
    ("session", "How the conversation with a device goes."),
    ("broker", "The MQTT broker, if it is not the embedded one."),
    ("embedded", "The embedded MQTT broker, which is there unless `broker.url` is set."),
    #[cfg(feature = "grpc")]
    ("exproto", "An ExProto handler of EMQX instead of listeners and a broker."),
];

/// `[host]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostConfig {
    pub(crate) workers: Option<usize>,
    pub(crate) drain: Duration,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self { workers: None, drain: Duration::from_secs(10) }
    }
}

settings! {
    HostConfig as "host" {
        workers: Maybe<Count<usize, 1>> = workers,
            "Threads that devices are served on",
            flag("workers"), otherwise("one for each processor"), example("4");
        drain: Time = drain,
            "How long what is in flight may take to finish when the program is told to stop; then it is cut off",
            flag("drain");
    }
}

/// `[admin]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AdminConfig {
    pub(crate) address: Option<SocketAddr>,
}

settings! {
    AdminConfig as "admin" {
        address: Maybe<Address> = address,
            "Where /metrics, /healthz and /readyz are served, by HTTP; who reaches it sees the counters and can change nothing",
            flag("admin"), otherwise("nowhere"), example("\"127.0.0.1:9102\"");
    }
}

/// `[log]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogConfig {
    pub(crate) format: LogFormat,
}

words!(LogFormat, "\"text\" or \"json\"", "text|json", ["text" = Text, "json" = Json]);

settings! {
    LogConfig as "log" {
        format: Word<LogFormat> = format,
            "Lines for people, or one JSON object a line";
    }
}

/// `[[listener]]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenerConfig {
    pub(crate) name: Option<String>,
    pub(crate) address: SocketAddr,
    pub(crate) max_connections: Option<usize>,
    pub(crate) connections_per_address: Option<usize>,
    pub(crate) connections_per_second: u32,
    pub(crate) allow: Vec<Network>,
    pub(crate) deny: Vec<Network>,
    pub(crate) bytes_per_second: u32,
    pub(crate) frames_per_second: u32,
    pub(crate) buffer: Option<usize>,
    pub(crate) all_buffers: usize,
    pub(crate) backlog: u32,
    pub(crate) chunk: usize,
    pub(crate) unsent: usize,
    pub(crate) write_timeout: Duration,
    pub(crate) inbox: usize,
    pub(crate) drain: Duration,
    pub(crate) linger: Duration,
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) send_buffer: Option<usize>,
    pub(crate) balancers: Vec<Network>,
    pub(crate) tls: TlsConfig,
    /// `[listener.session]`, over `[session]`.
    pub(crate) session: SessionSettings,
}

impl ListenerConfig {
    pub(super) fn new(port: u16, session: SessionSettings) -> Self {
        Self {
            name: None,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            max_connections: None,
            connections_per_address: None,
            connections_per_second: 0,
            allow: Vec::new(),
            deny: Vec::new(),
            bytes_per_second: 0,
            frames_per_second: 0,
            buffer: None,
            all_buffers: 256 << 20,
            backlog: 1024,
            chunk: 4096,
            unsent: 16 << 10,
            write_timeout: Duration::from_secs(30),
            inbox: 64,
            drain: Duration::from_secs(5),
            linger: Duration::from_secs(1),
            receive_buffer: None,
            send_buffer: None,
            balancers: Vec::new(),
            tls: TlsConfig::default(),
            session,
        }
    }

    /// The listener, with room for so many connections if nothing is set.
    pub(crate) fn listener(&self, room: usize) -> Listener {
        let listener = match self.tls.files() {
            Ok(Some(files)) => Listener::tls(self.address, files),
            // What is wrong was said before.
            Ok(None) | Err(_) => Listener::tcp(self.address),
        };
        let mut listener = listener
            .handshake_timeout(self.tls.handshake_timeout)
            .handshakes(self.tls.handshakes)
            .max_connections(self.max_connections.unwrap_or(room))
            .connections_per_address(self.connections_per_address.unwrap_or(usize::MAX))
            .connections_per_second(self.connections_per_second)
            .bytes_per_second(self.bytes_per_second)
            .frames_per_second(self.frames_per_second)
            .buffer(self.buffer.unwrap_or(usize::MAX))
            .all_buffers(self.all_buffers)
            .backlog(self.backlog)
            .chunk(self.chunk)
            .unsent(self.unsent)
            .write_timeout(self.write_timeout)
            .inbox(self.inbox)
            .drain(self.drain)
            .linger(self.linger)
            .session(self.session.clone());
        if let Some(name) = &self.name {
            listener = listener.name(name);
        }
        listener = self.allow.iter().fold(listener, |listener, network| listener.allow(*network));
        listener = self.deny.iter().fold(listener, |listener, network| listener.deny(*network));
        listener = self.balancers.iter().fold(listener, |listener, network| listener.balanced(*network));
        if let Some(bytes) = self.receive_buffer {
            listener = listener.receive_buffer(bytes);
        }
        if let Some(bytes) = self.send_buffer {
            listener = listener.send_buffer(bytes);
        }
        listener
    }
}

/// The keys of TLS in `[[listener]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsConfig {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) clients: Option<PathBuf>,
    pub(crate) clients_optional: bool,
    pub(crate) handshake_timeout: Duration,
    pub(crate) handshakes: usize,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: None,
            key: None,
            clients: None,
            clients_optional: false,
            handshake_timeout: Duration::from_secs(10),
            handshakes: 1024,
        }
    }
}

impl TlsConfig {
    /// The files, none where there is no TLS.
    pub(crate) fn files(&self) -> Result<Option<ServerTls>, String> {
        let lacks = |has, lacks| Err(format!("`listener.{has}` needs `listener.{lacks}` too"));
        match (&self.certificate, &self.key, &self.clients) {
            (Some(certificate), Some(key), clients) => {
                let tls = ServerTls::new(certificate, key);
                Ok(Some(match clients {
                    None if self.clients_optional => return lacks("tls_clients_optional", "tls_clients"),
                    None => tls,
                    Some(authorities) if self.clients_optional => tls.ask_client(authorities),
                    Some(authorities) => tls.require_client(authorities),
                }))
            }
            (None, None, None) if self.clients_optional => lacks("tls_clients_optional", "tls_certificate"),
            (None, None, None) => Ok(None),
            (Some(_), None, _) => lacks("tls_certificate", "tls_key"),
            (None, Some(_), _) => lacks("tls_key", "tls_certificate"),
            (None, None, Some(_)) => lacks("tls_clients", "tls_certificate"),
        }
    }

    /// Says what is wrong with the files.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.files()? {
            None => Ok(()),
            Some(files) => files.check().map_err(|error| error.to_string()),
        }
    }
}

settings! {
    ListenerConfig as "listener" {
        address: Address = address,
            "Where devices connect; on the command line as often as needed, in place of the file's listeners, \
             each with the settings of the file's first",
            flag("listen"), otherwise("the protocol's usual port on this machine");
        name: Maybe<Text<String>> = name,
            "The name that routes, logs and counters know the listener by",
            otherwise("tcp or tls, tcp-2 and so on"), example("\"trucks\"");
        balancers: Networks = balancers,
            "Networks of load balancers, whose connections begin with a PROXY header; nobody else is let in",
            otherwise("devices connect themselves"), example("[\"10.0.0.0/24\"]");
        tls_certificate: Maybe<File> = tls.certificate,
            "The certificate that devices see, in PEM, with the chain to its authority; the listener speaks TLS",
            flag("tls-certificate"), otherwise("no TLS"), example("\"tls/server.crt\"");
        tls_key: Maybe<File> = tls.key,
            "The certificate's key, in PEM",
            flag("tls-key"), otherwise("no TLS"), example("\"tls/server.key\"");
        tls_clients: Maybe<File> = tls.clients,
            "Authorities, in PEM; a device needs a certificate that one of them has signed",
            flag("tls-clients"), otherwise("devices need no certificate"), example("\"tls/fleet-ca.crt\"");
        tls_clients_optional: Switch = tls.clients_optional,
            "Take devices without a certificate too";
        handshake_timeout: Time = tls.handshake_timeout,
            "The time that a connection has for the TLS handshake; then it is closed and counted";
        handshakes: Count<usize, 1> = tls.handshakes,
            "TLS handshakes at once; further connections are closed at once and counted";
        max_connections: Maybe<Count<usize>> = max_connections,
            "How many devices may be connected; further ones are closed at once and counted",
            flag("max-connections"), otherwise("what the limit of open files leaves room for"), example("50000");
        connections_per_address: Maybe<Count<usize, 1>> = connections_per_address,
            "How many devices of one IPv4 address, or one /64 of IPv6, may be connected; further ones are closed at once and counted",
            otherwise("no limit"), example("1000");
        connections_per_second: Count<u32> = connections_per_second,
            "How many devices may connect in a second; further ones are closed at once and counted; 0: no limit";
        allow: Networks = allow,
            "Networks whose devices may connect; others are closed at once and counted",
            flag("allow"), otherwise("all"), example("[\"10.0.0.0/8\", \"2001:db8::/32\"]");
        deny: Networks = deny,
            "Networks whose devices may not connect, whatever is allowed",
            flag("deny"), otherwise("none"), example("[\"10.9.0.0/16\"]");
        bytes_per_second: Count<u32> = bytes_per_second,
            "Bytes that a device may send in a second; one that sends faster is read later; 0: no limit";
        frames_per_second: Count<u32> = frames_per_second,
            "Frames that a device may send in a second; one that sends faster is read later; 0: no limit";
        buffer: Maybe<Size<usize>> = buffer,
            "Bytes that may be kept for one device; one that needs more is disconnected",
            otherwise("as much as its largest frame, segments and replies need"), example("\"64 KiB\"");
        all_buffers: Size<usize> = all_buffers,
            "Bytes that may be kept for all devices, besides 16 KiB of each; above it new ones are closed at once and the greedy are read later";
        backlog: Count<u32, 1> = backlog,
            "Connections the system keeps ready for us to take";
        chunk: Size<usize> = chunk,
            "Bytes read from a device at once, which is also what is kept while one of its frames waits for the broker";
        unsent: Size<usize> = unsent,
            "Bytes a device has not taken yet above which its socket is not read and messages for it wait";
        write_timeout: Time = write_timeout,
            "How long a device may take nothing of what was sent to it before it is disconnected";
        inbox: Count<usize, 1> = inbox,
            "Messages of the broker that may wait for a device; further ones are dropped and counted";
        drain: Time = drain,
            "How long what is in flight may take to finish when a connection ends by our doing";
        linger: Time = linger,
            "How long bytes still under way are waited for after the end, so that the last reply is not lost";
        receive_buffer: Maybe<Size<usize>> = receive_buffer,
            "The size of the system's receive buffer per connection",
            otherwise("the system's");
        send_buffer: Maybe<Size<usize>> = send_buffer,
            "The size of the system's send buffer per connection",
            otherwise("the system's");
    }
}

words!(BeforeLogin, "\"drop\" or \"close\"", "drop|close", ["drop" = Drop, "close" = Close]);
words!(OnRefused, "\"close\" or \"keep\"", "close|keep", ["close" = Close, "keep" = Keep]);
words!(TopicPolicy, "\"refuse\" or \"escape\"", "refuse|escape", ["refuse" = Refuse, "escape" = Escape]);

settings! {
    SessionSettings as "session" {
        accept_bad: Switch = accept_bad,
            "Accept frames with a wrong checksum or length, and count them, instead of refusing them",
            flag("accept-bad");
        params: Pairs = params,
            "Parameters that the protocol's functions and topics ask for",
            flag("param"), otherwise("none"), example("{ site = \"north\" }");
        profile: Maybe<Text<Box<str>>> = profile,
            "The profile whose routes hold instead of those without one",
            flag("profile"), value("NAME"), otherwise("none");
        max_bad_frames: Count<u32> = max_bad_frames,
            "Bad frames in a row that close the connection; 0: never";
        before_login: Word<BeforeLogin> = before_login,
            "What happens to frames of a device that has to log in first: they are dropped, or the connection is closed";
        on_refused: Word<OnRefused> = on_refused,
            "What happens to a device that the broker refuses, after its reply: it is disconnected, or may try again";
        topics: Word<TopicPolicy> = topics,
            "What happens to values with characters that mean something in a topic: the frame is refused, or they are percent-encoded";
        first_frame: Time = first_frame,
            "Time from the connection to the first whole frame; then it is closed; 0: no limit";
        idle: Time = idle,
            "Time without a byte from the device; then it is disconnected; 0: no limit";
        pause: Time = pause,
            "Silence after which a frame that only what follows would end is taken for whole; 0: never";
        deadline: Time = deadline,
            "Time that a frame may wait for the broker; then the connection is closed, so that the device sends it again; 0: no limit";
        lookup_timeout: Time = lookup_timeout,
            "Time that a frame may wait for a lookup of the gateway's; then it is refused; 0: no limit";
        stash: Size<usize> = stash,
            "Bytes that are kept although a frame before them waits; more close the connection";
        segmented_messages: Count<usize> = reassembly.messages,
            "Messages in segments that are put together at the same time; one more pushes the oldest out";
        segmented_bytes: Size<usize> = reassembly.bytes,
            "Bytes kept of messages in segments; more push the oldest out";
        segmented_timeout: Millis = reassembly.timeout,
            "Time after the last segment when a message is given up";
        missing_after: Time = missing_after,
            "Time without a segment after which the device is asked for the missing ones; 0: never";
        missing_tries: Count<u32> = missing_tries,
            "How often it is asked in a row without anything new coming";
        subscriptions: Count<usize> = subscriptions,
            "Filters that one connection may be subscribed to by routes and functions; one more is refused";
        answers: Count<usize> = answers,
            "Downlinks whose answers are waited for at the same time; one more gives up the oldest";
        answer_timeout: Time = answer_timeout,
            "Time to wait for the answer to a downlink; 0: as long as the connection lasts";
        answer_retries: Count<u32> = answer_retries,
            "How often a downlink without an answer is sent again";
        request_timeout: Time = request_timeout,
            "Where the gateway asks: time to wait for an answer; 0: as long as the connection lasts";
        request_retries: Count<u32> = request_retries,
            "Where the gateway asks: how often a request without an answer is sent again";
        request_gap: Time = request_gap,
            "Where the gateway asks: silence between an answer and the next request";
        request_queue: Count<usize> = request_queue,
            "Where the gateway asks: messages of the broker that wait for the device; further ones are dropped and counted";
    }
}

/// Who is a client of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clients {
    Shared,
    PerDevice,
}

words!(
    Clients,
    "\"shared\" or \"per-device\"",
    "shared|per-device",
    ["shared" = Shared, "per-device" = PerDevice]
);

/// `[broker]`
#[derive(Clone, Debug)]
pub(crate) struct BrokerConfig {
    pub(crate) url: Option<MqttUrl>,
    username: Option<String>,
    password_file: Option<PathBuf>,
    client_id: Option<String>,
    fallbacks: Vec<String>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
    tls_name: Option<String>,
    pub(crate) mode: Clients,
    devices: DeviceSettings,
    will_topic: Option<String>,
    /// All but the topic.
    will: DeviceWill,
    /// All but the address.
    settings: MqttSettings,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        let nowhere = MqttUrl::new("127.0.0.1", 1883);
        Self {
            url: None,
            username: None,
            password_file: None,
            client_id: None,
            fallbacks: Vec::new(),
            ca: None,
            cert: None,
            key: None,
            tls_name: None,
            mode: Clients::Shared,
            devices: DeviceSettings::default(),
            will_topic: None,
            will: DeviceWill::new("", "offline"),
            settings: MqttSettings::new(nowhere),
        }
    }
}

/// More is no password.
const LONGEST_PASSWORD: usize = 64 << 10;

impl BrokerConfig {
    /// The settings for a broker at this address, with what files hold of it.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or holds no password, without what it holds.
    pub(crate) fn settings(&self, url: MqttUrl) -> Result<MqttSettings, String> {
        let mut settings = self.settings.clone();
        settings.url = url;
        if let Some(id) = &self.client_id {
            settings.client_id.clone_from(id);
        }
        if self.username.is_some() || self.password_file.is_some() {
            let given = settings.url.username().map(str::to_owned);
            let Some(username) = self.username.clone().or(given) else {
                return Err("`broker.password_file` is set, but no user: set `broker.username`".into());
            };
            let password = match &self.password_file {
                None => settings.url.password().map(str::to_owned),
                Some(path) => Some(secret(path).map_err(|why| format!("`broker.password_file`: {why}"))?),
            };
            settings.url = settings.url.with_login(&username, password.as_deref());
            settings.password_file.clone_from(&self.password_file);
        }
        for other in &self.fallbacks {
            let mut other: MqttUrl = other.parse().map_err(|error| format!("`broker.fallbacks`: {error}"))?;
            if other.version() != settings.url.version() {
                let url = &settings.url;
                return Err(format!(
                    "`broker.fallbacks`: {other} differs from {url} in its version of MQTT: give all the same"
                ));
            }
            if let (None, Some(username)) = (other.username(), settings.url.username()) {
                other = other.with_login(username, settings.url.password());
            }
            settings.fallbacks.push(other);
        }
        #[cfg(feature = "tls")]
        {
            settings.tls = self.tls()?;
        }
        if self.mode == Clients::PerDevice {
            let mut devices = self.devices.clone();
            devices.will = self.will_topic.clone().map(|topic| DeviceWill { topic, ..self.will.clone() });
            settings.mode = Mode::PerDevice(devices);
        }
        Ok(settings)
    }

    #[cfg(feature = "tls")]
    fn tls(&self) -> Result<crate::tls::ClientTls, String> {
        use crate::tls::ClientTls;
        let mut tls = self.ca.as_ref().map_or_else(ClientTls::system, ClientTls::new);
        tls = match (&self.cert, &self.key) {
            (Some(chain), Some(key)) => tls.identity(chain, key),
            (None, None) => tls,
            (Some(_), None) => return Err("`broker.cert` is set without `broker.key`".into()),
            (None, Some(_)) => return Err("`broker.key` is set without `broker.cert`".into()),
        };
        Ok(match &self.tls_name {
            Some(name) => tls.name(name),
            None => tls,
        })
    }
}

/// The first line of a file.
fn secret(path: &std::path::Path) -> Result<String, String> {
    use std::io::Read;
    let name = path.display();
    let file = std::fs::File::open(path).map_err(|error| format!("{name}: {error}"))?;
    let mut text = String::new();
    let limit = LONGEST_PASSWORD as u64 + 1;
    match file.take(limit).read_to_string(&mut text) {
        Err(error) => Err(format!("{name}: {error}")),
        Ok(bytes) if bytes > LONGEST_PASSWORD => Err(format!("{name} is too long for a password")),
        Ok(_) => match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(line.to_owned()),
            _ => Err(format!("the first line of {name} is empty")),
        },
    }
}

settings! {
    BrokerConfig as "broker" {
        url: Maybe<Url> = url,
            "An MQTT broker of your own instead of the embedded one: mqtt[s]://[USER[:PASSWORD]@]HOST[:PORT][?version=3.1.1]",
            flag("broker"), otherwise("the embedded broker");
        fallbacks: List = fallbacks,
            "Where else to go when it is out of reach, in this order and round again",
            flag("fallback"), value("URL"), otherwise("none"), example("[\"mqtt://node-2.example\", \"mqtt://node-3.example\"]");
        one_cluster: Switch = settings.one_cluster,
            "These are nodes of one cluster, each of which can go on with a session that began at another";
        username: Maybe<Text<String>> = username,
            "As whom to log in, instead of the user of the address; also where `fallbacks` name nobody",
            otherwise("the user of the address");
        password_file: Maybe<File> = password_file,
            "The file with the password in its first line, read for each connection",
            otherwise("the password of the address"), example("\"/run/secrets/broker\"");
        ca: Maybe<File> = ca,
            "The authorities of which one has signed the certificate of a broker with mqtts://, PEM. Read again \
             when it has changed, like the next two",
            otherwise("those that this machine trusts");
        cert: Maybe<File> = cert,
            "Our certificate for a broker with mqtts:// that asks for one, PEM",
            otherwise("none");
        key: Maybe<File> = key,
            "The key of our certificate, PEM",
            otherwise("none");
        tls_name: Maybe<Text<String>> = tls_name,
            "The name in the certificate of a broker with mqtts://",
            otherwise("the host of the address"), example("\"broker.example\"");
        mode: Word<Clients> = mode,
            "Who is a client of the broker: the gateway, with few connections for all devices, or each device, \
             with a connection and a session of its own",
            flag("broker-mode");
        device_clean_start: Switch = devices.clean_start,
            "Per device: begin with a new session each time, so that nothing waits for a device that is away";
        device_session_expiry: Time = devices.session_expiry,
            "Per device: how long the broker keeps the session of one that is away, and messages for it";
        device_keep_alive: Time = devices.keep_alive,
            "Per device: the MQTT keep alive, 1 s to 65535 s";
        device_in_flight: Count<u16, 1> = devices.in_flight,
            "Per device: publishes that may wait for their acknowledgement";
        device_queue: Count<usize, 1> = devices.queue,
            "Per device: requests that may wait to be sent";
        will_topic: Maybe<Text<String>> = will_topic,
            "Per device: where the broker publishes that a device is gone without a good-bye; {client_id} stands \
             for its client id",
            otherwise("nowhere"), example("\"devices/{client_id}/state\"");
        will_payload: Text<String> = will.payload,
            "Per device: what is published there; {client_id} stands for its client id";
        will_qos: Count<u8> = will.qos,
            "Per device: with which QoS, 0 to 2";
        will_retain: Switch = will.retain,
            "Per device: whether the broker keeps it for later subscribers";
        will_delay: Time = will.delay,
            "Per device: how long the broker waits with it for the device to come back, in whole seconds";
        client_id: Maybe<Text<String>> = client_id,
            "The client id; with more than one connection, -0, -1, .. is added",
            otherwise("a random one"), example("\"gateway-1\"");
        connections: Count<usize, 1> = settings.connections,
            "MQTT connections that the devices share, at most 64";
        in_flight: Count<u16, 1> = settings.in_flight,
            "Publishes per connection that may wait for their acknowledgement";
        queue: Count<usize, 1> = settings.queue,
            "Requests per connection that may wait to be sent; then devices wait";
        logins: Count<usize, 1> = settings.logins,
            "Logins that may be under way at the same time";
        login_timeout: Time = settings.login_timeout,
            "How long a login may take";
        keep_alive: Time = settings.keep_alive,
            "The MQTT keep alive, 1 s to 65535 s";
        connect_timeout: Time = settings.connect_timeout,
            "How long reaching the broker may take, with its answer";
        reconnect_min: Time = settings.reconnect_min,
            "The first wait before connecting again; each further one is twice as long";
        reconnect_max: Time = settings.reconnect_max,
            "The longest wait before connecting again";
        session_expiry: Time = settings.session_expiry,
            "How long the broker keeps subscriptions and messages while we are away";
        max_packet_size: Size<u32> = settings.max_packet_size,
            "The largest packet we take from the broker, 1 KiB to 256 MiB";
    }
}

/// `[embedded]`
#[derive(Clone, Debug, Default)]
pub(crate) struct EmbeddedConfig {
    pub(crate) open: bool,
    pub(crate) settings: EmbeddedSettings,
}

settings! {
    EmbeddedConfig as "embedded" {
        address: Address = settings.bind,
            "Where the embedded MQTT broker listens",
            flag("mqtt");
        open: Switch = open,
            "Let everybody who reaches it use the embedded broker, which asks for no password, on an address that others can reach",
            flag("open-mqtt");
        threads: Count<usize, 1> = settings.threads,
            "Threads it works on";
        max_packet_size: Size<u32> = settings.max_packet_size,
            "The largest packet it takes, at least 1 KiB";
        max_connections: Count<usize, 1> = settings.max_connections,
            "Clients that may be connected";
        max_in_flight: Count<u16, 1> = settings.max_in_flight,
            "QoS 1 and 2 messages per client on their way to acknowledgement";
        max_queue: Count<usize, 1> = settings.max_queue,
            "Messages that wait for a client that is slow or away; further ones are dropped";
        max_retained: Count<usize> = settings.max_retained,
            "Topics with a retained message; further ones retain nothing";
    }
}

#[cfg(feature = "grpc")]
pub(crate) use grpc::ExProtoConfig;

#[cfg(feature = "grpc")]
mod grpc {
    use super::*;
    use crate::exproto::{ExProtoSettings, UnknownConnection};

    /// `[exproto]`
    #[derive(Clone, Debug)]
    pub(crate) struct ExProtoConfig {
        pub(crate) address: Option<SocketAddr>,
        pub(crate) adapter: Vec<String>,
        pub(crate) cert: Option<PathBuf>,
        pub(crate) key: Option<PathBuf>,
        pub(crate) client_ca: Option<PathBuf>,
        pub(crate) adapter_ca: Option<PathBuf>,
        pub(crate) adapter_cert: Option<PathBuf>,
        pub(crate) adapter_key: Option<PathBuf>,
        pub(crate) settings: ExProtoSettings,
    }

    impl Default for ExProtoConfig {
        fn default() -> Self {
            Self {
                address: None,
                adapter: Vec::new(),
                cert: None,
                key: None,
                client_ca: None,
                adapter_ca: None,
                adapter_cert: None,
                adapter_key: None,
                settings: ExProtoSettings::new(""),
            }
        }
    }

    words!(
        UnknownConnection,
        "\"close\", \"adopt\" or \"resume\"",
        "close|adopt|resume",
        ["close" = Close, "adopt" = Adopt, "resume" = Resume]
    );

    settings! {
        ExProtoConfig as "exproto" {
            address: Maybe<Address> = address,
                "Be an EMQX ExProto handler at this address, instead of listening for devices",
                flag("exproto"), otherwise("listen for devices"), example("\"127.0.0.1:9001\"");
            adapter: List = adapter,
                "Where EMQX serves its ConnectionAdapter: http://HOST:PORT; of a cluster one for each node, \
                 with the node's name: emqx@HOST=http://HOST:PORT",
                flag("adapter"), value("[NODE=]URL"), otherwise("none"), example("[\"http://127.0.0.1:9100\"]");
            unknown: Word<UnknownConnection> = settings.unknown,
                "What happens to devices that were connected to EMQX before this program was started: they are \
                 closed and connect anew, go on as not logged in, or go on as the program before has left them in \
                 `memory`",
                flag("unknown");
            memory: Maybe<File> = settings.memory,
                "The file in which connections are left for `unknown = \"resume\"`",
                flag("memory"), otherwise("none"), example("\"/var/lib/gateway/connections\"");
            cert: Maybe<File> = cert,
                "Serve EMQX with TLS: the certificate and its chain, PEM. Read again when it changes, like all of \
                 these files",
                flag("exproto-cert"), otherwise("no TLS");
            key: Maybe<File> = key,
                "The key of the certificate, PEM",
                flag("exproto-key"), otherwise("none");
            client_ca: Maybe<File> = client_ca,
                "Serve only EMQX nodes with a certificate of this authority, PEM",
                flag("exproto-client-ca"), otherwise("any");
            adapter_ca: Maybe<File> = adapter_ca,
                "The authority that has signed the certificate of an adapter with an https address, PEM",
                flag("adapter-ca"), otherwise("none");
            adapter_cert: Maybe<File> = adapter_cert,
                "Our certificate for the adapter, PEM",
                flag("adapter-cert"), otherwise("none");
            adapter_key: Maybe<File> = adapter_key,
                "The key of our certificate for the adapter, PEM",
                flag("adapter-key"), otherwise("none");
            proto_ver: Text<String> = settings.proto_ver,
                "The protocol version that EMQX shows for the devices";
            keepalive: Maybe<Time> = settings.keepalive,
                "The silence after which EMQX itself closes a connection, in whole seconds",
                otherwise("for UDP the session's idle time");
            max_calls: Count<usize, 1> = settings.max_calls,
                "Calls to EMQX under way at once; further ones wait";
            concurrent_publishes: Count<usize, 1> = settings.concurrent_publishes,
                "Publishes of one device under way at once; with more than one EMQX may bring them out of their order";
            adapter_patience: Time = settings.adapter_patience,
                "How long a call is tried again while no connection to EMQX can be made";
            max_connections: Count<usize> = settings.max_connections,
                "Connections at the same time; a further one is closed";
            probe: Time = settings.probe,
                "The time without an event after which EMQX is asked whether it still has a connection; 0: never";
            max_message: Size<usize> = settings.max_message,
                "The largest message that EMQX may send";
            handover: Time = settings.handover,
                "How long a shutdown waits for a moment in which no event is under way, before EMQX is told to go";
            drain: Time = settings.drain,
                "How long a shutdown waits for calls in flight";
        }
    }
}
