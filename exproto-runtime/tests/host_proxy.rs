//! Listeners behind a load balancer, over real sockets on loopback.

#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(feature = "host")]

#[path = "line/mod.rs"]
mod line;
#[path = "memory/mod.rs"]
mod memory;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::host::{Host, HostError, Listener, Stopped};
use exproto_runtime::metrics::{Ended, Metrics, Shed};
use line::{Line, wire};
use memory::Memory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Ends a test that hangs; no test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(60);

const V1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.7 56789 443\r\n";
/// Version 2 with a TLV behind the addresses.
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x11\xC0\0\x02\x01\xC6\x33\x64\x07\xDD\xD5\x01\xBB\x01\0\x02h2";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

struct Running {
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    host: JoinHandle<Result<Stopped, HostError>>,
}

impl Running {
    fn start(set: impl FnOnce(Listener) -> Listener) -> Self {
        let listener = set(Listener::tcp(([127, 0, 0, 1], 0)).linger(Duration::ZERO));
        let host =
            Host::<Line<'static>>::builder().workers(1).listener(listener).bind(Memory::default()).unwrap();
        let address = host.addresses().next().unwrap().1;
        let metrics = host.metrics();
        let (stop, stopped) = oneshot::channel::<()>();
        let host = tokio::spawn(host.run(async {
            let _ = stopped.await;
        }));
        Self { address, metrics, stop, host }
    }

    /// Sends parts one after the other, and reads to the end.
    async fn talk(&self, parts: &[&[u8]]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        for part in parts {
            // The host may have turned it away in between.
            if stream.write_all(part).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let mut all = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("an end");
        String::from_utf8(all).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    async fn until(&self, what: &str, condition: impl Fn(&Metrics) -> bool) {
        let waiting = async {
            while !condition(&self.metrics) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain for {what}");
    }

    async fn stop(self) {
        drop(self.stop);
        tokio::time::timeout(PATIENCE, self.host).await.expect("the end").unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_device_is_who_the_balancer_says() {
    let host = Running::start(|listener| listener.balanced("127.0.0.0/8".parse().unwrap()));
    let lines = wire(&["from", "bye"]);
    for header in [V1, V2] {
        let all = [header, &lines].concat();
        let seen = "192.0.2.1:56789 198.51.100.7:443 good bye";
        assert_eq!(host.talk(&[&all]).await, seen);
        for cut in 1..header.len() {
            let (first, rest) = all.split_at(cut);
            assert_eq!(host.talk(&[first, rest]).await, seen, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(host.talk(&bytes).await, seen);
    }
    // The balancer looks whether we are there.
    let own = host.talk(&[&[LOCAL, &lines].concat()]).await;
    assert!(own.starts_with("127.0.0.1:") && own.ends_with(&format!("{} good bye", host.address)), "{own}");
    host.stop().await;
}

#[tokio::test]
async fn who_may_connect_is_asked_of_the_device() {
    let host = Running::start(|listener| {
        listener.balanced("127.0.0.1".parse().unwrap()).deny("192.0.2.0/24".parse().unwrap())
    });
    assert_eq!(host.talk(&[V1, &wire(&["bye"])]).await, "");
    host.until("the end", |metrics| metrics.ended(Ended::TurnedAway) == 1).await;
    assert_eq!(host.metrics.shed(Shed::Network), 1);
    assert_eq!(host.talk(&[LOCAL, &wire(&["bye"])]).await, "good bye");
    host.stop().await;

    let host =
        Running::start(|listener| listener.balanced("127.0.0.1".parse().unwrap()).connections_per_address(1));
    let mut first = TcpStream::connect(host.address).await.unwrap();
    first.write_all(&[V1, &wire(&["ping"])].concat()).await.unwrap();
    let mut pong = [0; 6];
    first.read_exact(&mut pong).await.unwrap();
    assert_eq!(host.talk(&[V2, &wire(&["bye"])]).await, "");
    assert_eq!(host.metrics.shed(Shed::Address), 1);
    assert_eq!(host.talk(&[LOCAL, &wire(&["bye"])]).await, "good bye");
    drop(first);
    host.until("the place", |metrics| metrics.open() == 0).await;
    assert_eq!(host.talk(&[V2, &wire(&["bye"])]).await, "good bye");
    host.stop().await;
}

#[tokio::test]
async fn who_is_no_balancer_is_turned_away() {
    let host = Running::start(|listener| listener.balanced("192.0.2.0/24".parse().unwrap()));
    assert_eq!(host.talk(&[V1, &wire(&["bye"])]).await, "");
    assert_eq!(host.metrics.shed(Shed::Network), 1);
    host.stop().await;

    // Without a balancer a header is bytes of the device like others.
    let host = Running::start(|listener| listener);
    assert_eq!(host.talk(&[V1, &wire(&["bye"])]).await, "good bye");
    host.stop().await;
}

#[tokio::test]
async fn without_a_header_nobody_is_served() {
    let host = Running::start(|listener| listener.balanced("127.0.0.1".parse().unwrap()));
    for (count, bytes) in [&wire(&["from", "bye"])[..], b"PROXY TCP9 ", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0C"]
        .into_iter()
        .enumerate()
    {
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut all = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("an end");
        assert_eq!(all, b"");
        host.until("the end", |metrics| metrics.ended(Ended::BadHeader) == count as u64 + 1).await;
    }
    host.stop().await;

    let host = Running::start(|listener| {
        listener.balanced("127.0.0.1".parse().unwrap()).handshake_timeout(Duration::from_millis(1))
    });
    assert_eq!(host.talk(&[&V2[..20]]).await, "");
    host.until("the end", |metrics| metrics.ended(Ended::NoHandshake) == 1).await;
    host.stop().await;
}
