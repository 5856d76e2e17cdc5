//! Listeners with TLS, over real sockets on loopback.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::entry::Entry;
use super::line::{Line, wire};
use super::memory::Memory;
use super::{Host, HostError, Listener, Stopped};
use crate::metrics::{Counter, Ended, Metrics, Shed};
use crate::tls::ServerTls;
use crate::tls::made::{Authority, Folder};

/// Ends a test that hangs; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    patiently(what, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// A host whose listener asks for certificates of `authority`.
struct Running {
    authority: Authority,
    folder: Folder,
    address: SocketAddr,
    metrics: Arc<Metrics>,
    entry: Arc<Entry>,
    broker: Memory,
    stop: oneshot::Sender<()>,
    host: JoinHandle<Result<Stopped, HostError>>,
}

impl Running {
    fn start(name: &str, set: impl FnOnce(Listener) -> Listener) -> Self {
        Self::with(name, |tls, ca| tls.require_client(ca), set)
    }

    fn with(
        name: &str,
        clients: impl FnOnce(ServerTls, &Path) -> ServerTls,
        set: impl FnOnce(Listener) -> Listener,
    ) -> Self {
        let (folder, authority) = (Folder::new(name), Authority::new());
        let (pem, secret) = authority.issue("localhost");
        let tls = ServerTls::new(folder.write("a.crt", &pem), folder.write("a.key", &secret));
        let tls = clients(tls, &folder.write("ca.crt", &authority.pem));
        let broker = Memory::default();
        let listener = Listener::tls(([127, 0, 0, 1], 0), tls).linger(Duration::ZERO);
        let host =
            Host::<Line<'static>>::builder().workers(2).listener(set(listener)).bind(broker.clone()).unwrap();
        let address = host.addresses().next().unwrap().1;
        let metrics = host.metrics();
        let entry = host.front.listeners[0].entry.clone().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let host = tokio::spawn(host.run(async {
            let _ = stopped.await;
        }));
        Self { authority, folder, address, metrics, entry, broker, stop, host }
    }

    /// What a device with this certificate is set up with.
    fn config(&self, identity: Option<(&str, &str)>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some((pem, secret)) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(secret.as_bytes()).unwrap(),
                )
                .unwrap(),
        })
    }

    fn device_config(&self, name: &str) -> Arc<ClientConfig> {
        let (pem, secret) = self.authority.issue(name);
        self.config(Some((&pem, &secret)))
    }

    async fn connect(&self, config: Arc<ClientConfig>) -> std::io::Result<Device> {
        let stream = TcpStream::connect(self.address).await?;
        let stream = TlsConnector::from(config).connect(localhost(), stream).await?;
        Ok(Device(BufReader::new(stream)))
    }

    async fn device(&self, name: &str) -> Device {
        self.connect(self.device_config(name)).await.unwrap()
    }

    /// A device that is not let in, for the reason.
    async fn refused(&self, config: Arc<ClientConfig>, reason: Ended) {
        let before = self.metrics.ended(reason);
        // In TLS 1.3 a client takes itself to be connected before the server
        // has seen its certificate.
        if let Ok(mut device) = self.connect(config).await {
            assert_eq!(device.line().await, "");
        }
        until("the end", || self.metrics.ended(reason) == before + 1).await;
    }

    async fn stop(self) -> Stopped {
        drop(self.stop);
        patiently("the host to stop", self.host).await.unwrap().unwrap()
    }
}

fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

struct Device<S = TlsStream<TcpStream>>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Device<S> {
    async fn send(&mut self, lines: &[&str]) {
        self.0.write_all(&wire(lines)).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// The next line; "" at the end, however it came.
    async fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            match patiently("a line", self.0.read_line(&mut line)).await {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) if line == "\n" => {}
                Ok(_) => return line.trim_end().to_owned(),
            }
        }
    }
}

#[tokio::test]
async fn a_device_is_known_by_its_certificate() {
    let host = Running::start("known", |listener| listener);
    let mut device = host.device("490154203237518").await;
    device.send(&["hello 1", "who", "data 7"]).await;
    assert_eq!(device.line().await, "welcome");
    assert_eq!(device.line().await, "tls 490154203237518");
    assert_eq!(device.line().await, "stored 7");
    host.broker.subscribed("line/1/down").await;
    host.broker.deliver("line/1/down", "left");
    assert_eq!(device.line().await, "down left");
    assert_eq!(host.metrics.get(Counter::Handshakes), 1);

    // Told apart from a stream that somebody has cut.
    device.0.shutdown().await.unwrap();
    assert_eq!(device.line().await, "");
    until("the end", || host.metrics.ended(Ended::ByDevice) == 1).await;
    let cut = host.device("1").await;
    cut.0.into_inner().into_inner().0.shutdown().await.unwrap();
    until("the cut", || host.metrics.ended(Ended::Broken) == 1).await;
    assert_eq!(host.stop().await.open, 0);
}

#[tokio::test]
async fn our_end_is_told() {
    let host = Running::start("end", |listener| listener);
    let mut device = host.device("1").await;
    device.send(&["bye"]).await;
    assert_eq!(device.line().await, "good bye");
    let mut rest = Vec::new();
    // Would be an error without `close_notify`.
    assert_eq!(patiently("the end", device.0.read_to_end(&mut rest)).await.unwrap(), 0);
    until("the end", || host.metrics.ended(Ended::Done) == 1).await;
    host.stop().await;
}

#[tokio::test]
async fn who_has_no_good_certificate_is_not_let_in() {
    let host = Running::start("refused", |listener| listener);
    let mut other = host.device("1").await;
    host.refused(host.config(None), Ended::BadHandshake).await;

    let (pem, secret) = Authority::new().issue("1");
    host.refused(host.config(Some((&pem, &secret))), Ended::BadHandshake).await;

    let (pem, secret) = host.authority.issue_with("1", |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 12, 31);
    });
    host.refused(host.config(Some((&pem, &secret))), Ended::BadHandshake).await;

    // No TLS at all, all sorts of it.
    for bytes in
        [&b"\nhello 1\n"[..], &[0x16, 3, 1, 0xFF, 0xFF, 0, 0, 0], &[0x16, 3, 1, 0, 1, 0xFF], &[0; 40]]
    {
        let mut plain = TcpStream::connect(host.address).await.unwrap();
        plain.write_all(bytes).await.unwrap();
        plain.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = patiently("the end", plain.read_to_end(&mut answer)).await;
    }
    until("the ends", || host.metrics.ended(Ended::BadHandshake) == 3 + 4).await;
    other.send(&["ping"]).await;
    assert_eq!(other.line().await, "pong");
    assert_eq!(host.metrics.open(), 1);
    host.stop().await;
}

#[tokio::test]
async fn a_certificate_may_be_asked_for_and_not_be_needed() {
    let host = Running::with("asked", |tls, ca| tls.ask_client(ca), |listener| listener);
    let mut nobody = host.connect(host.config(None)).await.unwrap();
    nobody.send(&["who"]).await;
    assert_eq!(nobody.line().await, "tls");
    let mut known = host.device("7").await;
    known.send(&["who"]).await;
    assert_eq!(known.line().await, "tls 7");
    let (pem, secret) = Authority::new().issue("1");
    host.refused(host.config(Some((&pem, &secret))), Ended::BadHandshake).await;
    host.stop().await;
}

#[tokio::test]
async fn new_files_hold_for_new_connections() {
    let host = Running::start("reload", |listener| listener);
    let mut before = host.device("1").await;
    let shown = |device: &Device| device.0.get_ref().get_ref().1.peer_certificates().unwrap()[0].clone();
    let (pem, secret) = host.authority.issue("localhost");
    host.folder.write("a.key", &format!("{secret}\n\n"));
    assert!(host.entry.certificates.as_ref().unwrap().refresh().is_err());
    let half = host.device("2").await;
    assert_eq!(shown(&before), shown(&half));
    host.folder.write("a.crt", &format!("{pem}\n\n"));
    assert!(host.entry.certificates.as_ref().unwrap().refresh().unwrap());
    let after = host.device("3").await;
    assert_ne!(shown(&before), shown(&after));
    before.send(&["ping"]).await;
    assert_eq!(before.line().await, "pong");
    host.stop().await;
}

#[tokio::test]
async fn half_open_handshakes_are_few_and_end() {
    let host = Running::start("half", |listener| listener.handshakes(2));
    let mut first = TcpStream::connect(host.address).await.unwrap();
    let second = TcpStream::connect(host.address).await.unwrap();
    until("two of them", || host.metrics.open() == 2).await;
    let mut third = TcpStream::connect(host.address).await.unwrap();
    assert_eq!(patiently("the end", third.read(&mut [0; 1])).await.unwrap_or(0), 0);
    assert_eq!(host.metrics.shed(Shed::Handshakes), 1);
    // A place that is given up can be had again; who is let in needs none.
    drop(second);
    until("the place", || host.metrics.ended(Ended::BadHandshake) == 1).await;
    let mut devices = Vec::new();
    for name in ["1", "2", "3"] {
        let mut device = host.device(name).await;
        device.send(&["who"]).await;
        assert_eq!(device.line().await, format!("tls {name}"));
        devices.push(device);
    }
    // Shutting down does not wait for who has said nothing yet.
    let metrics = Arc::clone(&host.metrics);
    let stopping = tokio::spawn(host.stop());
    assert_eq!(patiently("the end", first.read(&mut [0; 1])).await.unwrap_or(0), 0);
    drop(devices);
    assert_eq!(patiently("the end", stopping).await.unwrap().cut_off, 0);
    assert_eq!(metrics.ended(Ended::Shutdown) + metrics.ended(Ended::Broken), 4);
}

#[tokio::test]
async fn a_handshake_has_its_time() {
    let host = Running::start("late", |listener| listener.handshake_timeout(Duration::from_millis(1)));
    let mut silent = TcpStream::connect(host.address).await.unwrap();
    assert_eq!(patiently("the end", silent.read(&mut [0; 1])).await.unwrap_or(0), 0);
    until("the count", || host.metrics.ended(Ended::NoHandshake) == 1).await;
    host.stop().await;
}

/// A device that sends each byte on its own.
#[tokio::test]
async fn bytes_may_be_cut_anywhere() {
    let host = Running::start("cut", |listener| listener);
    for (versions, name) in [(&rustls::version::TLS12, "12"), (&rustls::version::TLS13, "13")] {
        let (pem, secret) = host.authority.issue(name);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(host.authority.pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[versions])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(secret.as_bytes()).unwrap(),
            )
            .unwrap();
        let mut tls = ClientConnection::new(Arc::new(config), localhost()).unwrap();
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        std::io::Write::write_all(&mut tls.writer(), &wire(&["who", "ping", "bye"])).unwrap();
        let mut text = Vec::new();
        let mut received = [0; 1000];
        loop {
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out).unwrap();
            }
            for byte in out {
                stream.write_all(&[byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            let length = patiently("an answer", stream.read(&mut received)).await.unwrap();
            let mut rest = &received[..length];
            while !rest.is_empty() {
                tls.read_tls(&mut rest).unwrap();
                tls.process_new_packets().unwrap();
            }
            let mut reader = tls.reader();
            match std::io::Read::read_to_end(&mut reader, &mut text) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
        }
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, [&format!("tls {name}"), "pong", "good bye"]);
    }
    host.stop().await;
}

/// Records larger than what is read at once, many in one segment, and replies
/// that the socket does not take at once: nothing is lost, all is in order.
#[tokio::test]
async fn records_of_every_size_come_through_both_ways() {
    let host = Running::start("sizes", |listener| listener.chunk(64).unsent(256).send_buffer(16 << 10));
    let mut device = host.device("1").await;
    let mut lines = Vec::new();
    for count in (1..2000).step_by(7) {
        lines.extend(wire(&[&format!("flood {count}")]));
    }
    let (read, mut write) = tokio::io::split(device.0.into_inner());
    let sender = tokio::spawn(async move {
        // One record each, then as large as they may be.
        for line in lines.chunks(13) {
            write.write_all(line).await.unwrap();
            write.flush().await.unwrap();
        }
        write.write_all(&lines).await.unwrap();
        write.write_all(&wire(&["bye"])).await.unwrap();
        write.flush().await.unwrap();
        write
    });
    // So that replies have to wait for the socket.
    until("replies", || host.metrics.get(Counter::BytesOut) > 32_000).await;
    device = {
        let mut replies = BufReader::new(read).lines();
        for _ in 0..2 {
            for count in (1..2000).step_by(7) {
                let line = loop {
                    match patiently("a reply", replies.next_line()).await.unwrap().unwrap() {
                        empty if empty.is_empty() => {}
                        line => break line,
                    }
                };
                assert_eq!(line.len(), count);
            }
        }
        let write = patiently("the sender", sender).await.unwrap();
        Device(BufReader::new(replies.into_inner().into_inner().unsplit(write)))
    };
    drop(device);
    host.stop().await;
}
