//! A host in front of a broker in memory, and devices that talk to it over
//! real sockets.

#![allow(dead_code, unreachable_pub)]

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use exproto_runtime::host::{Host, HostBuilder, HostError, Listener, Stopped};
use exproto_runtime::metrics::{Counter, Metrics};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::line::{Line, wire};
use super::memory::Memory;

/// Ends a test that hangs; no test waits for it to pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub async fn patiently<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

pub async fn until(what: &str, condition: impl Fn() -> bool) {
    patiently(what, async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

pub struct Running {
    pub address: SocketAddr,
    pub broker: Memory,
    pub metrics: Arc<Metrics>,
    pub stop: Option<oneshot::Sender<()>>,
    pub host: JoinHandle<Result<Stopped, HostError>>,
}

impl Running {
    pub fn start(
        listener: Listener,
        set: impl FnOnce(HostBuilder<Line<'static>>) -> HostBuilder<Line<'static>>,
    ) -> Self {
        let broker = Memory::default();
        let builder = set(Host::<Line<'static>>::builder().workers(2).listener(listener));
        let host = builder.bind(broker.clone()).unwrap();
        let address = host.addresses().next().unwrap().1;
        let metrics = host.metrics();
        let (stop, stopped) = oneshot::channel::<()>();
        let host = tokio::spawn(host.run(async {
            let _ = stopped.await;
        }));
        Self { address, broker, metrics, stop: Some(stop), host }
    }

    pub async fn connect(&self) -> Device {
        self.connect_from([127, 0, 0, 1].into()).await
    }

    /// From another address of the loopback.
    pub async fn connect_from(&self, address: IpAddr) -> Device {
        // Small buffers, so that a socket is full soon.
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(address, 0)).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        Device { stream: BufReader::new(socket.connect(self.address).await.unwrap()), line: Vec::new() }
    }

    pub async fn log_in(&self, id: &str) -> Device {
        let mut device = self.connect().await;
        device.send(&[&format!("hello {id}")]).await;
        assert_eq!(device.line().await, "welcome");
        device
    }

    pub fn count(&self, counter: Counter) -> u64 {
        self.metrics.get(counter)
    }

    pub async fn stop(mut self) -> Stopped {
        drop(self.stop.take());
        patiently("the host to stop", self.host).await.unwrap().unwrap()
    }
}

pub fn listener() -> Listener {
    // The devices of these tests stay open after the end.
    Listener::tcp(([127, 0, 0, 1], 0)).linger(Duration::ZERO)
}

pub fn start() -> Running {
    Running::start(listener(), |host| host)
}

pub struct Device {
    pub stream: BufReader<TcpStream>,
    pub line: Vec<u8>,
}

impl Device {
    pub async fn send(&mut self, lines: &[&str]) {
        self.stream.write_all(&wire(lines)).await.unwrap();
    }

    /// Sends `lines` over and over until the socket is full; the bytes sent.
    pub async fn fill(&mut self, lines: &[u8]) -> usize {
        let (mut pushed, mut refused) = (0, 0);
        while refused < 100 {
            match self.stream.get_ref().try_write(&lines[pushed % lines.len()..]) {
                Ok(count) => {
                    pushed += count;
                    refused = 0;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    refused += 1;
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
            assert!(pushed < 64 << 20, "the host reads on");
        }
        pushed
    }

    /// The next line; "" at the end of the stream.
    pub async fn line(&mut self) -> String {
        self.line.clear();
        loop {
            let byte = match patiently("a line", self.stream.read_u8()).await {
                Ok(byte) => byte,
                Err(_) => return String::new(),
            };
            match byte {
                b'\n' if self.line.is_empty() => {}
                b'\n' => return String::from_utf8(self.line.clone()).unwrap(),
                byte => self.line.push(byte),
            }
        }
    }
}
